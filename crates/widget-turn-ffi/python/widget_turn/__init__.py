"""TURN credentials for Matrix widgets (MSC3846), beside matrix-sdk's own bindings."""

import asyncio as _asyncio
import functools as _functools

from ._binding.widget_turn import *  # noqa: F403
from ._binding import widget_turn as _generated


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

    Call it before anything else. The layer has a thread of its own, which has no event loop.
    """
    _generated.uniffi_set_event_loop(_Loop(loop or _asyncio.get_running_loop()))


def _told(method, read):
    """The app's method, of which Rust hears in any case: the generated binding tells it nothing of what the app cancels."""

    @_functools.wraps(method)
    async def told(*arguments):
        try:
            return read(await method(*arguments))
        except _asyncio.CancelledError:
            # By Rust, that does not wait any more? Python tells from 3.11 on.
            if getattr(_asyncio.current_task(), "cancelling", lambda: 1)():
                raise
            raise RuntimeError(f"{method.__qualname__} was cancelled") from None

    return told


def _guard(interface, **methods):
    """Has the methods of an app's classes told, and what they return read."""

    def init_subclass(cls, **options):
        super(interface, cls).__init_subclass__(**options)
        for name, read in methods.items():
            if name in vars(cls):
                setattr(cls, name, _told(vars(cls)[name], read))

    interface.__init_subclass__ = classmethod(init_subclass)


def _as_it_is(given):
    return given


_guard(_generated.TurnSource, fetch=_as_it_is)
# Rule P1: what is not True, such as a coroutine that nobody awaited, grants nothing.
_guard(_generated.TurnPermission, decide=lambda given: given is True)
_guard(_generated.InnerHost, recv=_as_it_is, send=_as_it_is)
