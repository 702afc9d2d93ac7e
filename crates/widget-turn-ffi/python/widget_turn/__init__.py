"""TURN credentials for Matrix widgets (MSC3846), beside matrix-sdk's own bindings."""

import asyncio as _asyncio

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
