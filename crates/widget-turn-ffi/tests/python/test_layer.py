"""A widget of npm's and Python's own code, through the Rust layer."""

import asyncio
import contextlib
import io
import json
import unittest
import unittest.mock

import widget_turn as turn
from stage import ACCOUNT, TURN, Host, Person, Source, Test, credentials, find, request, watch, within


async def never():
    await asyncio.get_running_loop().create_future()


def error_of(reply):
    return reply["response"]["error"]["message"]


class Layer(Test):
    async def test_without_an_inner_host_the_layer_answers_the_handshake(self):
        feed = self.feed(Source(credentials))
        person = Person()
        widget = await self.widget(self.layer(feed, person, room="!room:example.org"))
        self.assertEqual((await widget.report("ready"))["granted"], [TURN])
        self.assertEqual((await widget.report("update"))["server"]["username"], "u")
        [asked] = person.requests
        self.assertEqual((asked.origin, asked.account), ("https://widget.example", ACCOUNT))
        self.assertEqual((asked.room, asked.capabilities), ("!room:example.org", [TURN]))

    async def test_two_widgets_cost_one_fetch(self):
        source = Source(credentials)
        feed = self.feed(source)
        for _ in range(2):
            widget = await self.widget(self.layer(feed, Person(), Host()))
            await widget.report("ready")
            await widget.report("update")
        self.assertEqual(source.calls, 1)
        state = await self.until(feed.states(), lambda state: state.watching == 2)
        self.assertTrue(state.supply.is_READY())
        self.assertEqual(state.supply.uris, ["turn:turn.example.org"])

    async def test_what_is_denied_is_missing(self):
        layer = self.layer(self.feed(Source(credentials)), Person(False), Host())
        widget = await self.widget(layer, "org.example.board")
        self.assertEqual((await widget.report("ready"))["granted"], ["org.example.board"])
        self.assertEqual((await widget.report("error"))["message"], "Missing capability")
        self.assertEqual(await within(layer.states().next()), turn.TurnLayerState.DENIED)

    async def test_an_exception_in_the_decision_denies(self):
        class Wordless(Exception):
            def __repr__(self):
                raise RuntimeError("no words")

        class NoException(BaseException):
            pass

        failed = turn.TurnCallbackError.Failed("no window")
        for error in (failed, RuntimeError("no window"), RuntimeError("\ud800"), Wordless(), NoException()):
            layer = self.layer(self.feed(Source(credentials)), Person(error), Host())
            with contextlib.redirect_stderr(io.StringIO()):
                widget = await self.widget(layer)
                self.assertEqual((await widget.report("ready"))["granted"], [])
            self.assertEqual((await widget.report("error"))["message"], "Missing capability")

    async def test_an_exception_denies_also_where_there_is_no_place_to_print_it(self):
        class Closed(io.StringIO):
            def write(self, _):
                raise BrokenPipeError

        layer = self.layer(self.feed(Source(credentials)), Person(RuntimeError("no window")))
        with contextlib.redirect_stderr(Closed()):
            self.assertEqual(error_of(await within(watch(layer))), "Missing capability")

    async def test_an_exception_about_a_body_shows_nothing_of_it(self):
        async def fetch():
            body = json.dumps({"username": "ö", "password": "hush"}, ensure_ascii=False).encode()
            body.decode("ascii")

        feed = self.feed(Source(fetch))
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            await watch(self.layer(feed, Person()))
        state = await self.until(feed.states(), lambda state: state.problem)
        self.assertIn("UnicodeDecodeError", state.problem)
        self.assertNotIn("hush", state.problem + printed.getvalue())

    async def test_what_is_not_true_grants_nothing(self):
        for answer in ("no", object(), 1, never()):
            layer = self.layer(self.feed(Source(credentials)), Person(answer))
            self.assertEqual(error_of(await watch(layer)), "Missing capability")
            if asyncio.iscoroutine(answer):
                answer.close()

    async def test_what_is_not_true_grants_nothing_wherever_the_app_has_it_from(self):
        class Truthy:
            async def decide(self, request):
                return object()

        class Both(Truthy, turn.TurnPermission):
            pass

        self.assertEqual(error_of(await watch(self.layer(self.feed(Source(credentials)), Both()))), "Missing capability")

    async def test_a_decision_that_the_app_cancels_denies(self):
        person = Person(asyncio.get_running_loop().create_future())
        layer = self.layer(self.feed(Source(credentials)), person)
        watching = asyncio.create_task(watch(layer))
        await self.until(layer.states(), lambda state: state == turn.TurnLayerState.ASKING)
        person.answer.cancel()
        self.assertEqual(error_of(await within(watching)), "Missing capability")

    async def test_a_person_may_think_while_the_widget_is_answered(self):
        person = Person(asyncio.get_running_loop().create_future())
        layer = self.layer(self.feed(Source(credentials)), person)
        states = layer.states()
        self.assertEqual(await within(states.next()), turn.TurnLayerState.NOT_ASKED)
        watching = asyncio.create_task(watch(layer))
        await self.until(states, lambda state: state == turn.TurnLayerState.ASKING)
        person.answer.set_result(True)
        self.assertEqual((await within(watching))["response"], {})
        await self.until(states, lambda state: state == turn.TurnLayerState.WATCHING)
        await layer.send(request("unwatch_turn_servers", request_id="unwatch"))
        await self.until(states, lambda state: state == turn.TurnLayerState.GRANTED)
        await layer.stop()
        while await within(states.next()) is not None:
            pass
        self.assertIsNone(await within(states.next()))

    async def test_an_exception_in_a_fetch_is_tried_again(self):
        fails = [turn.TurnCallbackError.Failed("the aeroplane has no network"), OSError("unplugged")]

        async def fetch():
            if fails:
                raise fails.pop(0)
            return await credentials()

        source = Source(fetch)
        feed = self.feed(source)
        states = feed.states()
        layer = self.layer(feed, Person())
        # What may pass is no error for the widget.
        self.assertEqual((await watch(layer))["response"], {})
        state = await self.until(states, lambda state: state.problem)
        self.assertEqual(state.problem, "the homeserver could not be asked: the aeroplane has no network")
        self.assertTrue(state.supply.is_OUTAGE())
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            feed.wake()
            state = await self.until(states, lambda state: "aeroplane" not in state.problem)
        self.assertIn("unplugged", state.problem)
        self.assertIn("unplugged", printed.getvalue())
        feed.wake()
        update = await find(layer, "update_turn_servers")
        self.assertEqual(update["data"]["username"], "u")
        self.assertEqual(source.calls, 3)
        state = await self.until(states, lambda state: state.supply.is_READY())
        self.assertIsNone(state.problem)

    async def test_what_lasts_is_an_error_for_the_widget(self):
        async def fetch():
            return turn.TurnServerResponse(403, b'{"errcode":"M_FORBIDDEN","error":"guests have none"}')

        feed = self.feed(Source(fetch))
        reply = await watch(self.layer(feed, Person()))
        error = reply["response"]["error"]["matrix_api_error"]
        self.assertEqual((error["http_status"], error["response"]["errcode"]), (403, "M_FORBIDDEN"))
        state = await self.until(feed.states(), lambda state: state.supply.is_UNAVAILABLE())
        self.assertIn("403 M_FORBIDDEN", state.supply.reason)

    async def test_signed_out_is_unavailable_and_asks_no_more(self):
        source = Source(credentials)
        feed = self.feed(source)
        layer = self.layer(feed, Person())
        await watch(layer)
        await find(layer, "update_turn_servers")
        feed.sign_out()
        await self.until(feed.states(), lambda state: state.supply.is_UNAVAILABLE())
        feed.wake()
        self.assertEqual(source.calls, 1)

    async def test_a_recv_that_is_cancelled_loses_nothing(self):
        layer = self.layer(self.feed(Source(credentials)), Person())
        for number in range(50):
            waiting = asyncio.create_task(layer.recv())
            await asyncio.sleep(0)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            await layer.send(request("supported_api_versions", request_id=f"r{number}"))
            self.assertEqual(json.loads(await within(layer.recv()))["requestId"], f"r{number}")

    async def test_messages_pass_both_ways_untouched(self):
        host = Host()
        layer = self.layer(self.feed(Source(credentials)), Person(), host)
        await layer.send(request("org.example.echo", {"ö": "\u2028"}))
        self.assertEqual(json.loads(await within(layer.recv()))["response"], {"echo": {"ö": "\u2028"}})
        text = ' { "api":"toWidget", "widgetId":"w","requestId":"7" ,"action":"org.example", "data":{} } '
        await host.said.put(text)
        self.assertEqual(await within(layer.recv()), text)

    async def test_a_widget_that_is_none_is_refused(self):
        with self.assertRaises(turn.TurnSetUpError.InvalidUrl) as refused:
            self.layer(self.feed(Source(credentials)), Person(), url="widget.example")
        self.assertIn("expected one as in `https://example.org`", refused.exception.reason)
        with self.assertRaises(turn.TurnSetUpError.InvalidId):
            self.layer(self.feed(Source(credentials)), Person(), id="")
        with self.assertRaises(turn.TurnSetUpError.InvalidAccount) as refused:
            self.layer(self.feed(Source(credentials)), Person(), account="alice")
        self.assertIn("expected a Matrix user id", refused.exception.reason)

    async def test_a_status_that_is_none_is_a_problem(self):
        async def fetch():
            return turn.TurnServerResponse(0, b"")

        feed = self.feed(Source(fetch))
        self.assertEqual((await watch(self.layer(feed, Person())))["response"], {})
        state = await self.until(feed.states(), lambda state: state.problem)
        self.assertIn("the app gave 0 as the HTTP status", state.problem)

    async def test_nothing_shows_the_password(self):
        response = await credentials()
        error = turn.TurnSetUpError.InvalidUrl("not a URL")
        feed = self.feed(Source(credentials))
        layer = self.layer(feed, Person())
        await watch(layer)
        state = await self.until(feed.states(), lambda state: state.supply.is_READY())
        for thing in (response, error, feed, layer, state, vars(response)):
            self.assertNotIn("hush", f"{thing} {thing!r}")


class Loops(Test):
    async def test_any_loop_may_await_and_the_apps_functions_run_on_theirs(self):
        ran_on = []

        class Person(turn.TurnPermission):
            async def decide(self, request):
                ran_on.append(asyncio.get_running_loop())
                return True

        layer = self.layer(self.feed(Source(credentials)), Person())
        reply = await within(asyncio.to_thread(asyncio.run, watch(layer)))
        self.assertEqual(reply["response"], {})
        self.assertEqual(ran_on, [asyncio.get_running_loop()])

    async def test_without_a_loop_for_the_apps_functions_no_feed_is_made(self):
        closed = asyncio.new_event_loop()
        closed.close()
        turn.use_event_loop(closed)
        with self.assertRaisesRegex(RuntimeError, "use_event_loop"):
            turn.TurnFeed(Source(credentials))
        with unittest.mock.patch.object(turn, "_app_loop", None), self.assertRaisesRegex(RuntimeError, "use_event_loop"):
            turn.TurnFeed(Source(credentials))


class End(Test):
    async def ended(self, layer):
        self.assertIsNone(await within(layer.recv()))
        self.assertFalse(await within(layer.send(request("content_loaded"))))
        self.assertFalse(await within(layer.page_loaded()))

    async def test_stop_ends_a_recv_that_waits(self):
        layer = self.layer(self.feed(Source(credentials)), Person(), Host())
        waiting = asyncio.create_task(layer.recv())
        await asyncio.sleep(0)
        await within(layer.stop())
        self.assertIsNone(await within(waiting))
        await self.ended(layer)
        await within(layer.stop())

    async def test_what_waits_when_it_is_stopped_is_not_given(self):
        layer = self.layer(self.feed(Source(credentials)), Person())
        for _ in range(3):
            await layer.send(request("supported_api_versions"))
        await within(layer.stop())
        await self.ended(layer)

    async def test_stop_during_a_fetch_cancels_it(self):
        began, cancelled = asyncio.Event(), asyncio.Event()

        async def fetch():
            began.set()
            try:
                await never()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        source = Source(fetch)
        feed = self.feed(source)
        layer = self.layer(feed, Person())
        watching = asyncio.create_task(watch(layer))
        await within(began.wait())
        states = feed.states()
        await within(feed.stop())
        await within(cancelled.wait())
        with self.assertRaises(AssertionError):
            await within(watching)
        await self.ended(layer)
        feed.wake()
        feed.sign_out()
        self.assertIsNone(await within(states.next()))
        await within(feed.stop())
        self.assertEqual(source.calls, 1)

    async def test_a_stop_that_is_cancelled_ends_the_feed_all_the_same(self):
        async def fetch():
            await feed.stop()

        # It cancels who called it.
        feed = self.feed(Source(fetch))
        layer = self.layer(feed, Person())
        with self.assertRaises(AssertionError):
            await within(watch(layer))
        await self.ended(layer)
        states = feed.states()
        self.assertIsNone(await within(states.next()))

    async def test_a_layer_has_ended_while_its_feed_waits_for_what_it_cancels(self):
        began, goes_on = asyncio.Event(), asyncio.Event()

        async def fetch():
            began.set()
            try:
                await never()
            finally:
                await goes_on.wait()

        feed = self.feed(Source(fetch))
        layer = self.layer(feed, Person())
        watching = asyncio.create_task(watch(layer))
        await within(began.wait())
        stopping = asyncio.create_task(feed.stop())
        with self.assertRaises(AssertionError):
            await within(watching)
        self.assertFalse(stopping.done())
        await self.ended(layer)
        goes_on.set()
        await within(stopping)

    async def test_stop_waits_for_what_it_cancels(self):
        ended = []

        async def slowly(function):
            began.set()
            try:
                await never()
            finally:
                for _ in range(1000):
                    await asyncio.sleep(0)
                ended.append(function)

        class Slow(Host):
            async def recv(self):
                await slowly("recv")

        began = asyncio.Event()
        layer = self.layer(self.feed(Source(credentials)), Person(), Slow())
        await within(began.wait())
        await within(layer.stop())
        self.assertEqual(ended, ["recv"])

        began = asyncio.Event()
        feed = self.feed(Source(lambda: slowly("fetch")))
        layer = self.layer(feed, Person())
        watching = asyncio.create_task(watch(layer))
        await within(began.wait())
        await within(feed.stop())
        self.assertEqual(ended, ["recv", "fetch"])
        with self.assertRaises(AssertionError):
            await within(watching)

    async def test_stop_withdraws_the_question(self):
        answer = asyncio.get_running_loop().create_future()
        person = Person(answer)
        layer = self.layer(self.feed(Source(credentials)), person, Host())
        watching = asyncio.create_task(watch(layer))
        states = layer.states()
        await self.until(states, lambda state: state == turn.TurnLayerState.ASKING)
        await within(layer.stop())
        with contextlib.suppress(asyncio.CancelledError):
            await within(answer)
        self.assertTrue(answer.cancelled())
        watching.cancel()

    async def test_stop_cancels_the_recv_of_the_inner_host(self):
        cancelled = asyncio.Event()

        class Waiting(Host):
            async def recv(self):
                try:
                    await never()
                except asyncio.CancelledError:
                    cancelled.set()
                    raise

        layer = self.layer(self.feed(Source(credentials)), Person(), Waiting())
        await asyncio.sleep(0)
        await within(layer.stop())
        await self.ended(layer)

    async def test_a_layer_ends_with_its_inner_host(self):
        class Ending(Host):
            async def recv(self):
                text = await super().recv()
                if text is Exception:
                    raise RuntimeError("broken")
                if text is asyncio.CancelledError:
                    raise text
                return text

        for end in (None, Exception, asyncio.CancelledError):
            host = Ending()
            layer = self.layer(self.feed(Source(credentials)), Person(), host)
            await host.said.put('{"api":"toWidget","widgetId":"w","requestId":"1","action":"last","data":{}}')
            await host.said.put(end)
            with contextlib.redirect_stderr(io.StringIO()):
                # What it said before is still told.
                self.assertIn("last", await within(layer.recv()))
                await self.ended(layer)

    async def test_a_layer_ends_when_its_inner_host_takes_nothing_more(self):
        class Full(Host):
            async def send(self, text):
                return False

        layer = self.layer(self.feed(Source(credentials)), Person(), Full())
        await layer.send(request("org.example.echo"))
        self.assertIsNone(await within(layer.recv()))

    async def test_a_layer_on_a_stopped_feed_has_ended(self):
        feed = self.feed(Source(credentials))
        await feed.stop()
        await self.ended(self.layer(feed, Person(), Host()))


if __name__ == "__main__":
    unittest.main()
