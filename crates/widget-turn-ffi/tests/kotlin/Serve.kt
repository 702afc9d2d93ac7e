// The code of docs/kotlin.md is put before this. It drives a layer on the JVM, with stand-ins for what the app has.

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.consumeAsFlow
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield

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

/** The next text for the page with this in it. */
suspend fun Webview.find(part: String): String {
    while (true) toPage.receive().let { if (part in it) return it }
}

suspend fun TurnLayer.find(part: String): String {
    while (true) (recv() ?: throw AssertionError("the layer runs")).let { if (part in it) return it }
}

/** Plays a widget of a layer without an inner host, up to its watch. */
suspend fun TurnLayer.watch() {
    send(request("content_loaded"))
    send(answer(find("\"capabilities\""), """{"capabilities":["m.turn_servers"]}"""))
    send(answer(find("notify_capabilities"), "{}"))
    send(request("watch_turn_servers"))
}

/** Stops it when the test has ended, however that ends. */
suspend fun TurnFeed.during(test: suspend (TurnFeed) -> Unit) = use {
    try {
        test(this)
    } finally {
        withContext(NonCancellable) { stop() }
    }
}

val widget = TurnWidget("w", "https://widget.example/board", "@alice:example.org")

/** A layer that is stopped when the test has ended. */
suspend fun <T> TurnFeed.layer(permission: TurnPermission, test: suspend (TurnLayer) -> T): T =
    TurnLayer(this, widget, permission).use { layer ->
        try {
            test(layer)
        } finally {
            withContext(NonCancellable) { layer.stop() }
        }
    }

suspend fun the_page_serves_a_widget(feed: TurnFeed) = coroutineScope {
    val (webview, handle) = Webview() to WidgetDriverHandle()
    val questions = Channel<String>(Channel.UNLIMITED)
    val permission = Permission { questions.trySend(it).isSuccess }
    val serving = launch { serve(webview, feed, widget, permission, handle) }
    webview.fromPage.send("\uD800")
    webview.fromPage.send(request("org.example.echo"))
    handle.says.send(answer(handle.hears.receive(), "{}"))
    webview.find("org.example.echo")
    handle.says.send("""{"api":"toWidget","widgetId":"w","requestId":"1","action":"capabilities","data":{}}""")
    webview.fromPage.send(answer(webview.find("\"capabilities\""), """{"capabilities":["m.turn_servers"]}"""))
    check("turn" !in handle.hears.receive(), "the host does not hear of TURN")
    val notice = """"action":"notify_capabilities","data":{"requested":[],"approved":[]}}"""
    handle.says.send("""{"api":"toWidget","widgetId":"w","requestId":"2",$notice""")
    webview.fromPage.send(answer(webview.find("notify_capabilities"), "{}"))
    check("https://widget.example" in questions.receive(), "the person is asked")
    webview.fromPage.send(request("watch_turn_servers"))
    check("hush" in webview.find("update_turn_servers"), "the widget gets the credentials")

    feed.states().use { states ->
        while (true) {
            val state = states.next() ?: throw AssertionError("the feed runs")
            check("hush" !in state.toString(), "a state shows no password")
            if (state.watching == 1u && state.supply is TurnSupply.Ready) break
        }
    }
    webview.fromPage.close()
    serving.join()
}

suspend fun the_page_notices_whoever_ends(feed: TurnFeed) {
    val denying = Permission { false }
    val handle = WidgetDriverHandle()
    handle.says.close()
    serve(Webview(), feed, widget, denying, handle)

    val deaf = WidgetDriverHandle()
    deaf.hears.close()
    serve(Webview().apply { fromPage.send(request("org.example.echo")) }, feed, widget, denying, deaf)

    val gone = Webview()
    gone.toPage.close(IllegalStateException("the page is gone"))
    val echoing = WidgetDriverHandle().apply { says.send(request("org.example.echo").replace("fromWidget", "toWidget")) }
    val thrown = runCatching { serve(gone, feed, widget, denying, echoing) }.exceptionOrNull()
    check(thrown?.message == "the page is gone", "what the page throws is thrown: $thrown")
}

suspend fun what_is_thrown_in_a_decision_denies(feed: TurnFeed) {
    val throwing = object : TurnPermission {
        override suspend fun decide(request: TurnPermissionRequest): Boolean = throw IllegalStateException("no window")
    }
    for (permission in listOf(throwing, Permission { TODO("an Error, and no Exception") })) {
        feed.layer(permission) { layer ->
            layer.watch()
            check("Missing capability" in layer.find("watch_turn_servers"), "what is thrown denies")
        }
    }
}

suspend fun stop_ends_a_recv_and_waits_for_a_fetch(other: TurnFeed) = coroutineScope {
    val (began, ended) = CompletableDeferred<Unit>() to CompletableDeferred<Unit>()
    val source = object : TurnSource {
        override suspend fun fetch(): TurnServerResponse = try {
            began.complete(Unit)
            awaitCancellation()
        } finally {
            withContext(NonCancellable) { repeat(1000) { yield() } }
            ended.complete(Unit)
        }
    }
    TurnFeed(source).during { feed ->
        feed.layer(Permission { true }) { layer ->
            layer.watch()
            began.await()
            val waiting = launch { while (layer.recv() != null) Unit }
            feed.stop()
            check(ended.isCompleted, "stop waits for what it cancels")
            feed.stop()
            waiting.join()
            check(!layer.send(request("content_loaded")), "a layer ends with its feed")
            layer.states().use { states ->
                while (states.next() != null) Unit
                check(states.next() == null, "the end is the end")
            }
        }
    }
    other.layer(Permission { true }) { layer -> check(layer.send(request("content_loaded")), "the other feed runs") }
}

fun main() = runBlocking {
    val server = homeserver("syt")
    val source = Source(Client(Session("http://127.0.0.1:${server.address.port}/", "syt")))
    val tests = listOf<suspend (TurnFeed) -> Unit>(
        ::the_page_serves_a_widget,
        ::the_page_notices_whoever_ends,
        ::what_is_thrown_in_a_decision_denies,
        ::stop_ends_a_recv_and_waits_for_a_fetch,
    )
    try {
        for (test in tests) withTimeout(60_000) { TurnFeed(source).during(test) }
    } finally {
        server.stop(0)
    }
    println("kotlin: ${tests.size} passed, 0 failed")
}
