"""The end of the interpreter: what is left over neither holds it up nor takes it down."""

import os
import subprocess
import sys
import unittest

from stage import FOLDER, PATIENCE

APP = """
import asyncio, sys
import widget_turn as turn
from stage import Host, Person, Source, a_widget, credentials, watch

kept = []

async def main():
    turn.use_event_loop()
    for _ in range(5):
        feed = turn.TurnFeed(Source(credentials))
        layer = turn.TurnLayer(feed, a_widget(), Person(), Host())
        kept.extend([feed, layer])
        await watch(layer)
    {end}

asyncio.run(main())
sys.exit(3)
"""
WITHOUT_A_THREAD = """
import asyncio, sys
import widget_turn as turn
from stage import Source, credentials

async def main():
    turn.use_event_loop()
    try:
        turn.TurnFeed(Source(credentials))
    except turn.TurnSetUpError.NoThread:
        sys.exit(3)

asyncio.run(main())
"""
STOP = "for it in reversed(kept): await it.stop()"


class Exit(unittest.TestCase):
    def ends(self, end, times, app=APP, environment=None):
        for _ in range(times):
            command = [sys.executable, "-c", app.replace("{end}", end)]
            ended = subprocess.run(
                command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=PATIENCE
            )
            self.assertEqual((ended.returncode, ended.stderr), (3, ""))

    def test_a_program_that_has_stopped_all_ends_as_it_says(self):
        self.ends(STOP, 5)

    def test_a_program_that_has_stopped_nothing_ends_as_it_says(self):
        self.ends("sys.exit(3)", 5)

    def test_a_program_that_has_freed_all_ends_as_it_says(self):
        self.ends("kept.clear()", 5)

    def test_a_program_that_ends_before_its_threads_have_begun_ends_as_it_says(self):
        self.ends("kept.extend(turn.TurnFeed(Source(credentials)) for _ in range(30))", 10)

    def test_a_feed_without_a_thread_is_refused(self):
        # A stack as large as no machine has.
        self.ends("", 1, WITHOUT_A_THREAD, {**os.environ, "RUST_MIN_STACK": str(1 << 46)})
