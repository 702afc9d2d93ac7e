"""What is left behind: nothing."""

import asyncio
import contextlib
import ctypes
import gc
import json
import pathlib
import time
import unittest

import widget_turn as turn
from widget_turn._binding import widget_turn as binding
from stage import PATIENCE, Host, Person, Source, Test, a_widget, credentials, find, request, watch, within

MESSAGES = 10_000


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks".split()]
    _fields_ += [("fordblks", ctypes.c_size_t), ("keepcost", ctypes.c_size_t)]


def allocated():
    """All of Rust's, and what is large of Python's, in KiB. Resident memory would not do: a leak begins where there is room."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return (info.uordblks + info.hblkhd) // 1024


def threads():
    names = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        # One may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            names.append((task / "comm").read_text().strip())
    return names.count("widget-turn")


def held():
    """What the binding holds for the Rust side."""
    maps = [binding._UniffiContinuationHandleMap, binding._UNIFFI_FOREIGN_FUTURE_HANDLE_MAP]
    maps += [
        getattr(binding, name)._handle_map
        for name in dir(binding)
        if hasattr(getattr(binding, name), "_handle_map")
    ]
    return sum(len(map._map) for map in maps)


async def becomes(what, look):
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        gc.collect()
        await asyncio.sleep(0.01)


class Leaks(Test):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        # A debugging loop keeps much, and is slow.
        asyncio.get_running_loop().set_debug(False)

    async def exchange(self, layer, count):
        for number in range(count):
            await layer.send(request("org.example.echo", {"number": number}, f"r{number}"))
            reply = json.loads(await layer.recv())
            assert reply["response"] == {"echo": {"number": number}}, reply

    async def test_ten_thousand_messages_leave_nothing_behind(self):
        class Forgetful(Host):
            async def send(self, text):
                sent = await super().send(text)
                self.heard.clear()
                return sent

        layer = self.layer(self.feed(Source(credentials)), Person(), Forgetful())
        await self.exchange(layer, MESSAGES // 4)
        gc.collect()
        before, objects = allocated(), len(gc.get_objects())
        await self.exchange(layer, MESSAGES)
        gc.collect()
        grown, more = allocated() - before, len(gc.get_objects()) - objects
        print(f"{MESSAGES} messages and their replies: {grown} KiB more allocated, {more} more objects")
        # A leak of 100 bytes a message and reply would be 2,000 KiB.
        self.assertLess(grown, 500)
        self.assertLess(more, 500)

    async def test_layers_and_feeds_that_are_stopped_leave_nothing_behind(self):
        await becomes("clean before", lambda: held() == 0 and threads() == 0)
        for _ in range(50):
            feed = turn.TurnFeed(Source(credentials))
            layers = [turn.TurnLayer(feed, a_widget(), Person(), host) for host in (None, Host())]
            await watch(layers[0])
            await find(layers[0], "update_turn_servers")
            await within(layers[1].stop())
            await within(feed.stop())
        del feed, layers
        await becomes("no thread", lambda: threads() == 0)
        await becomes("no handle", lambda: held() == 0)

    async def test_layers_and_feeds_that_are_only_forgotten_end_too(self):
        source = Source(credentials)
        feed = turn.TurnFeed(source)
        layer = turn.TurnLayer(feed, a_widget(), Person(), Host())
        del feed
        gc.collect()
        # The layer keeps its feed.
        await layer.send(request("org.example.echo"))
        await within(layer.recv())
        self.assertEqual(threads(), 1)
        del layer
        await becomes("no thread", lambda: threads() == 0)
        await becomes("no handle", lambda: held() == 0)


if __name__ == "__main__":
    unittest.main()
