"""What is left behind: nothing."""

import asyncio
import contextlib
import gc
import json
import os
import pathlib
import time
import unittest

import widget_turn as turn
from widget_turn._binding import widget_turn as binding
from stage import PATIENCE, Host, Person, Source, Test, a_widget, credentials, find, request, watch, within

MESSAGES = 10_000


def resident():
    """In KiB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


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
        before, objects = resident(), len(gc.get_objects())
        await self.exchange(layer, MESSAGES)
        gc.collect()
        grown, more = resident() - before, len(gc.get_objects()) - objects
        print(f"{MESSAGES} messages and their replies: {grown} KiB more resident, {more} more objects")
        # A leak of 100 bytes a message and reply would be 2,000 KiB.
        self.assertLess(grown, 1500)
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
