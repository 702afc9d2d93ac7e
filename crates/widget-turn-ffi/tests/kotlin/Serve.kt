// The code of docs/kotlin.md is put before this. It drives a layer on the JVM, with stand-ins for what the app has.

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.consumeAsFlow
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

class Session(val homeserverUrl: String, val accessToken: String)

class Client(private val session: Session) {
    fun session() = session
}

class WidgetDriverHandle {
    val says = Channel<String>(Channel.UNLIMITED)
    val hears = Channel<String>(Channel.UNLIMITED)

    suspend fun recv(): String? = says.receiveCatching().getOrNull()

    suspend fun send(msg: String): Boolean = hears.trySend(msg).isSuccess
}

class Webview {
    val toPage = Channel<String>(Channel.UNLIMITED)
    val fromPage = Channel<String>(Channel.UNLIMITED)

    suspend fun post(text: String) = toPage.send(text)

    fun posted(): Flow<String> = fromPage.consumeAsFlow()
}

/** The homeserver, on loopback. */
fun homeserver(token: String): com.sun.net.httpserver.HttpServer {
    val server = com.sun.net.httpserver.HttpServer.create(java.net.InetSocketAddress("127.0.0.1", 0), 0)
    server.createContext("/_matrix/client/v3/voip/turnServer") { exchange ->
        val known = exchange.requestHeaders.getFirst("Authorization") == "Bearer $token"
        val body = if (known) {
            """{"username":"u","password":"hush","uris":["turn:turn.example.org"],"ttl":3600}"""
        } else {
            """{"errcode":"M_UNKNOWN_TOKEN"}"""
        }
        exchange.sendResponseHeaders(if (known) 200 else 401, body.length.toLong())
        exchange.responseBody.use { it.write(body.toByteArray()) }
    }
    server.start()
    return server
}

fun request(action: String) =
    """{"api":"fromWidget","widgetId":"w","requestId":"$action","action":"$action","data":{}}"""

fun answer(request: String, response: String) = request.dropLast(1) + ""","response":$response}"""

fun check(holds: Boolean, what: String) = if (holds) Unit else throw AssertionError(what)

fun main() = runBlocking {
    withTimeout(60_000) {
        val server = homeserver("syt")
        val client = Client(Session("http://127.0.0.1:${server.address.port}/", "syt"))
        val feed = TurnFeed(Source(client))
        val widget = TurnWidget("w", "https://widget.example/board", "@alice:example.org", null)

        // What the page's code serves, up to a widget's update.
        val (webview, handle) = Webview() to WidgetDriverHandle()
        val questions = Channel<String>(Channel.UNLIMITED)
        val permission = Permission { questions.trySend(it).isSuccess }
        val serving = launch { serve(webview, feed, widget, permission, handle) }
        suspend fun find(part: String): String {
            while (true) webview.toPage.receive().let { if (part in it) return it }
        }
        webview.fromPage.send(request("org.example.echo"))
        handle.says.send(answer(handle.hears.receive(), "{}"))
        find("org.example.echo")
        handle.says.send("""{"api":"toWidget","widgetId":"w","requestId":"1","action":"capabilities","data":{}}""")
        webview.fromPage.send(answer(find("\"capabilities\""), """{"capabilities":["m.turn_servers"]}"""))
        check("turn" !in handle.hears.receive(), "the host does not hear of TURN")
        val notice = """"action":"notify_capabilities","data":{"requested":[],"approved":[]}}"""
        handle.says.send("""{"api":"toWidget","widgetId":"w","requestId":"2",$notice""")
        webview.fromPage.send(answer(find("notify_capabilities"), "{}"))
        check("https://widget.example" in questions.receive(), "the person is asked")
        webview.fromPage.send(request("watch_turn_servers"))
        check("hush" in find("update_turn_servers"), "the widget gets the credentials")

        feed.states().use { states ->
            while (true) {
                val state = states.next() ?: throw AssertionError("the feed runs")
                check("hush" !in state.toString(), "a state shows no password")
                if (state.watching == 1u && state.supply is TurnSupply.Ready) break
            }
        }
        webview.fromPage.close()
        serving.join()

        // What is thrown in a decision denies, and stop ends a recv and a fetch.
        val failing = object : TurnPermission {
            override suspend fun decide(request: TurnPermissionRequest): Boolean = throw IllegalStateException("no window")
        }
        TurnLayer(feed, widget, failing).use { layer ->
            layer.send(request("content_loaded"))
            suspend fun next(part: String): String {
                while (true) (layer.recv() ?: throw AssertionError("the layer runs")).let { if (part in it) return it }
            }
            layer.send(answer(next("\"capabilities\""), """{"capabilities":["m.turn_servers"]}"""))
            layer.send(answer(next("notify_capabilities"), "{}"))
            layer.send(request("watch_turn_servers"))
            check("Missing capability" in next("watch_turn_servers"), "what is thrown denies")
        }
        val (began, cancelled) = CompletableDeferred<Unit>() to CompletableDeferred<Unit>()
        val hanging = TurnFeed(object : TurnSource {
            override suspend fun fetch(): TurnServerResponse = try {
                began.complete(Unit)
                kotlinx.coroutines.awaitCancellation()
            } finally {
                cancelled.complete(Unit)
            }
        })
        val layer = TurnLayer(hanging, widget, Permission { true })
        layer.send(request("content_loaded"))
        val question = layer.recv()?.takeIf { "\"capabilities\"" in it } ?: layer.recv()!!
        layer.send(answer(question, """{"capabilities":["m.turn_servers"]}"""))
        layer.send(answer(layer.recv()!!, "{}"))
        layer.send(request("watch_turn_servers"))
        began.await()
        val waiting = launch { while (layer.recv() != null) Unit }
        hanging.stop()
        hanging.stop()
        cancelled.await()
        waiting.join()
        check(!layer.send(request("content_loaded")), "a layer ends with its feed")
        layer.close()
        hanging.close()

        feed.stop()
        feed.close()
        server.stop(0)
    }
    println("kotlin: 1 passed, 0 failed")
}
