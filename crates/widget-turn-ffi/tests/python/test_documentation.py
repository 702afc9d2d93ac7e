"""The code of docs/python.md, at work."""

import asyncio
import json
import pathlib
import re
import types
import unittest

from stage import (
    ACCOUNT, TOKEN, TURN, Homeserver, Host, Person, Source, Test, a_widget, credentials, request, watch, within,
)

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"


def page():
    """What the code of the documentation defines, and how it is used."""
    application, use = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    code = {}
    exec(compile(application, str(PAGE), "exec"), code)
    indented = "".join(f"    {line}\n" for line in use.splitlines())
    exec(compile(f"async def use(client, webview, ask, handle):\n{indented}", str(PAGE), "exec"), code)
    return code


class Documentation(Test):
    class Webview:
        """One without a page: the test says what that posts."""

        def __init__(self):
            self.said = asyncio.Queue()
            self.heard = asyncio.Queue()

        async def post(self, text):
            await self.heard.put(text)

        async def posted(self):
            while (text := await self.said.get()) is not None:
                yield text

    def serving(self, webview, handle):
        async def ask(_):
            return True

        return asyncio.create_task(page()["serve"](webview, self.feed(Source(credentials)), a_widget(), ask, handle))

    async def test_it_serves_a_widget_of_npm(self):
        homeserver = Homeserver()
        self.addCleanup(homeserver.close)
        session = types.SimpleNamespace(homeserver_url=homeserver.url, access_token=TOKEN)
        client = types.SimpleNamespace(session=lambda: session)
        questions = []

        async def ask(question):
            questions.append(question)
            return True

        webview, handle = await self.webview("org.example.board"), Host()
        running = asyncio.create_task(page()["use"](client, webview, ask, handle))
        self.assertEqual((await webview.report("ready"))["granted"], [TURN, "org.example.board"])
        update = await webview.report("update")
        self.assertEqual(update["server"]["username"], "u1")
        self.assertEqual(update["server"]["password"], "hush")
        self.assertEqual(update["server"]["uris"], ["turn:turn.example.org?transport=udp"])
        self.assertEqual(questions, [f"May https://widget.example use the TURN servers of {ACCOUNT}?"])
        # The host behind the layer heard nothing of it.
        self.assertEqual(handle.approved, ["org.example.board"])
        self.assertNotIn("watch_turn_servers", [message["action"] for message in handle.heard])
        await webview.close()
        await within(running)
        self.assertEqual(homeserver.asked, 1)

    async def test_no_connection_is_a_problem_in_words(self):
        homeserver = Homeserver()
        homeserver.close()
        session = types.SimpleNamespace(homeserver_url=homeserver.url, access_token=TOKEN)
        client = types.SimpleNamespace(session=lambda: session)
        feed = self.feed(page()["Source"](client))
        watching = asyncio.create_task(watch(self.layer(feed, Person())))
        state = await self.until(feed.states(), lambda state: state.problem)
        self.assertRegex(state.problem, r"^the homeserver could not be asked: \[Errno \d+\] Connection refused$")
        await within(watching)

    async def test_what_is_not_unicode_is_dropped_and_it_goes_on(self):
        webview = self.Webview()
        serving = self.serving(webview, Host())
        with self.assertLogs("widget_turn", "WARNING") as logged:
            await webview.said.put(request("org.example.echo").replace("echo", "\ud800hush"))
            await webview.said.put(request("org.example.echo", request_id="after"))
            self.assertEqual(json.loads(await within(webview.heard.get()))["requestId"], "after")
        self.assertNotIn("hush", str(logged.output))
        await webview.said.put(None)
        await within(serving)

    async def test_a_page_that_takes_nothing_more_is_noticed(self):
        class Gone(self.Webview):
            async def post(self, text):
                raise ConnectionError("the page is gone")

        webview = Gone()
        serving = self.serving(webview, Host())
        await webview.said.put(request("org.example.echo"))
        with self.assertRaisesRegex(ConnectionError, "the page is gone"):
            await within(serving)

    async def test_a_driver_that_ends_ends_it(self):
        webview, handle = self.Webview(), Host()
        serving = self.serving(webview, handle)
        await handle.said.put(None)
        await within(serving)

    async def test_a_driver_that_takes_nothing_more_ends_it(self):
        class Full(Host):
            async def send(self, text):
                return False

        webview = self.Webview()
        serving = self.serving(webview, Full())
        await webview.said.put(request("org.example.echo"))
        await within(serving)


if __name__ == "__main__":
    unittest.main()
