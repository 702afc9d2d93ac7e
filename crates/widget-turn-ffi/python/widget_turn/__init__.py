"""TURN credentials for Matrix widgets (MSC3846), beside matrix-sdk's own bindings."""

import asyncio as _asyncio
import atexit as _atexit
import contextlib as _contextlib
import functools as _functools
import logging as _logging
import traceback as _traceback

from ._binding.widget_turn import *  # noqa: F403
from ._binding import widget_turn as _generated

_log = _logging.getLogger(__name__)
_app_loop = None


class _Loop:
    """An event loop that may be spoken to from any thread: UniFFI's binding cancels with `call_soon`, from threads that
    are not the loop's."""

    def __init__(self, loop):
        self._loop = loop

    def __getattr__(self, name):
        return getattr(self._loop, name)

    def call_soon_threadsafe(self, *arguments, **options):
        # What is left over when the app has ended has nobody to be told to.
        if not self._loop.is_closed():
            return self._loop.call_soon_threadsafe(*arguments, **options)

    call_soon = call_soon_threadsafe


def use_event_loop(loop=None):
    """The event loop that the app's `fetch`, `decide`, `recv` and `send` run on: the running one, if none is given.

    Call it before a feed is made: the layer calls from a thread of its own, which has no event loop. It is one for all
    feeds; if another one is given, later calls run there.
    """
    global _app_loop
    _app_loop = _Loop(loop or _asyncio.get_running_loop())


# What follows takes the place of functions of the generated binding, whose version is pinned.


def _event_loop():
    """Whoever awaits has one; the layer's thread has the app's."""
    try:
        return _Loop(_asyncio.get_running_loop())
    except RuntimeError:
        return _app_loop


def _call_of_the_app(make_call, *rest):
    """The generated one tells Rust nothing of what was cancelled. But Rust waits for the end: in `stop()`, or for a decision
    that the app has cancelled itself."""

    async def told():
        try:
            return await make_call()
        except _asyncio.CancelledError:
            raise _generated.TurnCallbackError.Failed("the call was cancelled") from None
        except (_generated.TurnCallbackError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            # The generated one knows only what is an Exception, and has words that can cross. Not all have a place to print.
            with _contextlib.suppress(Exception):
                _traceback.print_exception(error)
            # Not its `repr`: that of a UnicodeError has all that it is about, as a body with a password.
            words = "".join(_traceback.format_exception_only(error))
            raise _generated.TurnCallbackError.Failed(words.encode(errors="replace").decode()) from None

    _generated_call(told, *rest)


def _make_feed(self, *arguments, **named):
    if _app_loop is None or _app_loop.is_closed():
        raise RuntimeError("call widget_turn.use_event_loop() first, on the event loop that is to run the app's code")
    _generated_make_feed(self, *arguments, **named)


async def _send(self, text):
    try:
        if isinstance(text, str):
            text.encode()
    except UnicodeEncodeError:
        # Rule H7: a lone surrogate, which JavaScript's strings may have, is dropped like all that is not JSON.
        _log.warning("dropped a message of a widget's: it is not Unicode")
        return True
    return await _generated_send(self, text)


_generated_call = _generated._uniffi_trait_interface_call_async_with_error
_generated_make_feed = _generated.TurnFeed.__init__
_generated_send = _generated.TurnLayer.send
_generated._uniffi_get_event_loop = _event_loop
_generated._uniffi_trait_interface_call_async_with_error = _call_of_the_app
_generated.TurnFeed.__init__ = _functools.wraps(_generated_make_feed)(_make_feed)
_generated.TurnLayer.send = _functools.wraps(_generated_send)(_send)
# Rule P1: what is not True, such as a coroutine that nobody awaited, grants nothing.
_generated._UniffiFfiConverterBoolean.lower = staticmethod(lambda value: int(value is True))
# The interpreter takes the process down when a thread that it does not know speaks to it after its end.
_atexit.register(_generated.end_turn_feeds)
