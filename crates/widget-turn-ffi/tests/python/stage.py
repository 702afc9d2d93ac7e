"""What the tests stand on: a homeserver, a person, a host and a widget, each as small as it can be."""

import asyncio
import contextlib
import json
import pathlib
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import widget_turn as turn

FOLDER = pathlib.Path(__file__).parent
TURN = "town.robin.msc3846.turn_servers"
ACCOUNT = "@alice:example.org"
TOKEN = "syt_hush"
# Longer than anything may take on a busy machine: only a failure waits for it.
PATIENCE = 60


def within(awaitable):
    return asyncio.wait_for(awaitable, PATIENCE)


class Homeserver:
    """Mints other credentials each time, on loopback. `answers` are given first: (status, headers, body)."""

    def __init__(self):
        self.asked = 0
        self.answers = []
        homeserver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = homeserver.answer(self.path, self.headers["Authorization"])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, authorization):
        if path != "/_matrix/client/v3/voip/turnServer" or authorization != f"Bearer {TOKEN}":
            return 401, {}, {"errcode": "M_UNKNOWN_TOKEN", "error": "who are you?"}
        self.asked += 1
        if self.answers:
            return self.answers.pop(0)
        uris = ["turn:turn.example.org?transport=udp"]
        return 200, {}, {"username": f"u{self.asked}", "password": "hush", "uris": uris, "ttl": 3600}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Source(turn.TurnSource):
    """Calls a function each time, which answers, throws or takes its time."""

    def __init__(self, fetch):
        self.calls = 0
        self.fetch_once = fetch

    async def fetch(self):
        self.calls += 1
        return await self.fetch_once()


async def credentials():
    body = {"username": "u", "password": "hush", "uris": ["turn:turn.example.org"], "ttl": 3600}
    return turn.TurnServerResponse(200, json.dumps(body).encode())


def a_widget(**fields):
    return turn.TurnWidget(**{"id": "w", "url": "https://widget.example/board?id=1", "account": ACCOUNT, **fields})


class Person(turn.TurnPermission):
    """Answers as told: True, False, an exception, or a future."""

    def __init__(self, answer=True):
        self.answer = answer
        self.requests = []

    async def decide(self, request):
        self.requests.append(request)
        if isinstance(self.answer, BaseException):
            raise self.answer
        if isinstance(self.answer, asyncio.Future):
            return await self.answer
        return self.answer


class Host(turn.InnerHost):
    """The handshake of a host that knows nothing of TURN, and an echo: what matrix-sdk's driver would be."""

    def __init__(self, widget_id="w"):
        self.widget_id = widget_id
        self.said = asyncio.Queue()
        self.heard = []
        self.approved = None

    async def recv(self):
        return await self.said.get()

    async def send(self, text):
        message = json.loads(text)
        self.heard.append(message)
        answer = getattr(self, f"on_{message['action']}", self.echo)(message)
        if answer is not None:
            await self.said.put(json.dumps({**message, "response": answer}))
        return True

    def on_supported_api_versions(self, _):
        return {"supported_versions": ["0.0.2", "org.matrix.msc2871"]}

    def on_content_loaded(self, _):
        self.ask("capabilities", {})
        return {}

    def on_capabilities(self, message):
        wanted = message["response"]["capabilities"]
        self.approved = wanted
        self.ask("notify_capabilities", {"requested": wanted, "approved": wanted})

    def on_notify_capabilities(self, _):
        return None

    def echo(self, message):
        return {"echo": message["data"]}

    def ask(self, action, data):
        head = {"api": "toWidget", "widgetId": self.widget_id, "requestId": f"host-{action}"}
        self.said.put_nowait(json.dumps({**head, "action": action, "data": data}))


class Webview:
    """As the pages of the documentation have it. Its page is npm's WidgetApi in node, over a pipe."""

    @classmethod
    async def open(cls, *capabilities):
        self = cls()
        self.reports = asyncio.Queue()
        self.process = await asyncio.create_subprocess_exec(
            "node", str(FOLDER / "widget.mjs"), "w", *capabilities,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def post(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        await self.process.stdin.drain()

    async def posted(self):
        async for line in self.process.stdout:
            message = json.loads(line)
            if "report" in message:
                self.reports.put_nowait(message)
            else:
                yield line.decode()

    async def report(self, kind):
        report = await within(self.reports.get())
        assert report["report"] == kind, report
        return report

    async def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class Test(unittest.IsolatedAsyncioTestCase):
    """Ends everything that a test has made, the youngest first."""

    async def asyncSetUp(self):
        # It is a debugging loop, which notices calls from a wrong thread, and would print what a busy machine is slow at.
        asyncio.get_running_loop().slow_callback_duration = PATIENCE
        turn.use_event_loop()

    def feed(self, source):
        feed = turn.TurnFeed(source)
        self.addAsyncCleanup(feed.stop)
        return feed

    def layer(self, feed, person, host=None, **widget):
        layer = turn.TurnLayer(feed, a_widget(**widget), person, host)
        self.addAsyncCleanup(layer.stop)
        return layer

    async def webview(self, *capabilities):
        webview = await Webview.open(*capabilities)
        self.addAsyncCleanup(webview.close)
        return webview

    async def widget(self, layer, *capabilities):
        """A webview whose page speaks with the layer."""
        webview = await self.webview(*capabilities)

        async def to_page():
            while (text := await layer.recv()) is not None:
                await webview.post(text)

        async def from_page():
            async for text in webview.posted():
                await layer.send(text)

        for way in (to_page(), from_page()):
            self.addCleanup(asyncio.create_task(way).cancel)
        return webview

    async def until(self, states, wanted):
        """The next state that is as wanted."""
        while (state := await within(states.next())) is not None:
            if wanted(state):
                return state
        self.fail("it has ended")


def request(action, data=None, request_id="1"):
    head = {"api": "fromWidget", "widgetId": "w", "requestId": request_id, "action": action}
    return json.dumps({**head, "data": data or {}})


async def find(layer, part):
    """The next message for the widget with this in it."""
    while (text := await within(layer.recv())) is not None:
        if part in text:
            return json.loads(text)
    raise AssertionError(f"the layer ended without {part}")


async def watch(layer):
    """Plays a widget up to the reply to its watch."""
    await layer.send(request("content_loaded"))
    question = await find(layer, '"capabilities"')
    await layer.send(json.dumps({**question, "response": {"capabilities": [TURN]}}))
    notice = await find(layer, '"notify_capabilities"')
    await layer.send(json.dumps({**notice, "response": {}}))
    await layer.send(request("watch_turn_servers", request_id="watch"))
    return await find(layer, '"watch"')
