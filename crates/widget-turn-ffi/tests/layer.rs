//! The objects that the other languages get, used from Rust: the app's side is what a binding would make of it.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use widget_turn_ffi::{
    InnerHost, TurnCallbackError, TurnFeed, TurnLayer, TurnLayerState, TurnPermission,
    TurnPermissionRequest, TurnServerResponse, TurnSetUpError, TurnSource, TurnSupply, TurnWidget,
};

/// Longer than anything may take on a busy machine: only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it comes")
}

fn failed(reason: &str) -> TurnCallbackError {
    TurnCallbackError::Failed {
        reason: reason.to_owned(),
    }
}

/// Answers, fails, or never comes back.
#[derive(Default)]
enum Homeserver {
    #[default]
    Answers,
    Fails,
    Hangs,
}

#[derive(Default)]
struct Source {
    homeserver: Homeserver,
    calls: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl TurnSource for Source {
    async fn fetch(&self) -> Result<Arc<TurnServerResponse>, TurnCallbackError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.homeserver {
            Homeserver::Answers => {
                let body =
                    br#"{"username":"u","password":"hush","uris":["turn:t.example.org"],"ttl":60}"#;
                Ok(TurnServerResponse::new(200, body.to_vec(), None, None))
            }
            Homeserver::Fails => Err(failed("unplugged")),
            Homeserver::Hangs => std::future::pending().await,
        }
    }
}

/// Says yes, no, nothing, or fails.
struct Person(Option<Result<bool, ()>>);

#[async_trait::async_trait]
impl TurnPermission for Person {
    async fn decide(&self, request: TurnPermissionRequest) -> Result<bool, TurnCallbackError> {
        assert_eq!(request.origin, "https://widget.example");
        match self.0 {
            Some(answer) => answer.map_err(|()| failed("no window")),
            None => std::future::pending().await,
        }
    }
}

const YES: Person = Person(Some(Ok(true)));

/// Gives the test what it hears, and says what the test says.
struct Host {
    heard: mpsc::UnboundedSender<String>,
    says: Mutex<mpsc::UnboundedReceiver<String>>,
}

#[async_trait::async_trait]
impl InnerHost for Host {
    async fn recv(&self) -> Result<Option<String>, TurnCallbackError> {
        Ok(self.says.lock().await.recv().await)
    }

    async fn send(&self, text: String) -> Result<bool, TurnCallbackError> {
        Ok(self.heard.send(text).is_ok())
    }
}

fn widget() -> TurnWidget {
    TurnWidget {
        id: "w".to_owned(),
        url: "https://widget.example/board".to_owned(),
        account: "@alice:example.org".to_owned(),
        room: None,
    }
}

fn layer(source: Source, person: Person) -> (Arc<TurnFeed>, Arc<TurnLayer>) {
    let feed = TurnFeed::new(Arc::new(source)).unwrap();
    let layer = TurnLayer::new(feed.clone(), widget(), Arc::new(person), None).unwrap();
    (feed, layer)
}

fn request(action: &str) -> String {
    json!({"api":"fromWidget","widgetId":"w","requestId":action,"action":action,"data":{}})
        .to_string()
}

/// The next message for the widget with this action.
async fn find(layer: &TurnLayer, action: &str) -> Value {
    loop {
        let text = within(layer.recv()).await.expect("the layer runs");
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["action"] == action {
            return message;
        }
    }
}

async fn answer(layer: &TurnLayer, mut message: Value, response: Value) {
    message["response"] = response;
    assert!(within(layer.send(message.to_string())).await);
}

/// Plays a widget up to its watch, and gives the reply to it.
async fn watch(layer: &TurnLayer) -> Value {
    assert!(within(layer.send(request("content_loaded"))).await);
    let question = find(layer, "capabilities").await;
    answer(layer, question, json!({"capabilities":["m.turn_servers"]})).await;
    let notice = find(layer, "notify_capabilities").await;
    answer(layer, notice, json!({})).await;
    assert!(within(layer.send(request("watch_turn_servers"))).await);
    find(layer, "watch_turn_servers").await["response"].clone()
}

#[tokio::test]
async fn a_widget_gets_what_the_app_has_fetched() {
    let (feed, layer) = layer(Source::default(), YES);
    assert_eq!(watch(&layer).await, json!({}));
    let update = find(&layer, "update_turn_servers").await;
    assert_eq!(update["data"]["password"], "hush");

    let states = feed.states();
    let state = loop {
        let state = within(states.next()).await.expect("the feed runs");
        if state.watching == 1 && state.supply != TurnSupply::Pending {
            break state;
        }
    };
    assert!(
        matches!(&state.supply, TurnSupply::Ready { uris, .. } if uris == &["turn:t.example.org"]),
        "{state:?}"
    );
    assert!(!format!("{state:?} {feed:?} {layer:?}").contains("hush"));
    let at_once = within(layer.states().next()).await;
    assert_eq!(at_once, Some(TurnLayerState::Watching));
}

#[tokio::test]
async fn a_decision_that_fails_denies() {
    let (_feed, layer) = layer(Source::default(), Person(Some(Err(()))));
    let reply = watch(&layer).await;
    assert_eq!(reply["error"]["message"], "Missing capability");
    let at_once = within(layer.states().next()).await;
    assert_eq!(at_once, Some(TurnLayerState::Denied));
}

#[tokio::test]
async fn a_fetch_that_fails_is_no_error_for_the_widget_and_a_problem_for_the_app() {
    let (feed, layer) = layer(
        Source {
            homeserver: Homeserver::Fails,
            ..Source::default()
        },
        YES,
    );
    assert_eq!(watch(&layer).await, json!({}));
    let states = feed.states();
    loop {
        let state = within(states.next()).await.expect("the feed runs");
        if let Some(problem) = state.problem {
            assert_eq!(problem, "the homeserver could not be asked: unplugged");
            break;
        }
    }
}

#[tokio::test]
async fn what_is_not_the_layers_goes_to_the_inner_host_and_back() {
    let feed = TurnFeed::new(Arc::new(Source::default())).unwrap();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let (say, says) = mpsc::unbounded_channel();
    let says = Mutex::new(says);
    let host = Arc::new(Host { heard, says });
    let layer = TurnLayer::new(feed, widget(), Arc::new(YES), Some(host)).unwrap();

    let text = request("org.example.echo");
    assert!(within(layer.send(text.clone())).await);
    assert_eq!(within(hears.recv()).await, Some(text));
    let text =
        r#"{"api":"toWidget","widgetId":"w","requestId":"1","action":"org.example","data":{}}"#;
    say.send(text.to_owned()).unwrap();
    assert_eq!(within(layer.recv()).await.as_deref(), Some(text));

    drop(say);
    assert_eq!(
        within(layer.recv()).await,
        None,
        "it ends with its inner host"
    );
}

#[tokio::test]
async fn after_stop_nothing_comes_and_nothing_is_called() {
    let source = Source {
        homeserver: Homeserver::Hangs,
        ..Source::default()
    };
    let calls = source.calls.clone();
    let (feed, layer) = layer(source, YES);
    assert_eq!(
        watch(&layer).await,
        json!({}),
        "after 2 s without credentials"
    );
    let (feed_states, layer_states) = (feed.states(), layer.states());
    for _ in 0..2 {
        within(feed.stop()).await;
        within(layer.stop()).await;
    }
    assert_eq!(within(layer.recv()).await, None);
    assert!(!within(layer.send(request("content_loaded"))).await);
    assert!(!within(layer.page_loaded()).await);
    for _ in 0..2 {
        assert_eq!(within(feed_states.next()).await, None);
        assert_eq!(within(layer_states.next()).await, None);
        assert_eq!(within(feed.states().next()).await, None);
    }
    feed.wake();
    feed.sign_out();
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    let late = TurnLayer::new(feed, widget(), Arc::new(YES), None).unwrap();
    assert_eq!(within(late.recv()).await, None);
}

#[tokio::test]
async fn a_layer_may_be_stopped_while_a_person_thinks_and_the_feed_goes_on() {
    let (feed, first) = layer(Source::default(), Person(None));
    within(first.send(request("content_loaded"))).await;
    let question = find(&first, "capabilities").await;
    answer(&first, question, json!({"capabilities":["m.turn_servers"]})).await;
    let states = first.states();
    while within(states.next()).await != Some(TurnLayerState::Asking) {}
    within(first.stop()).await;
    assert_eq!(within(first.recv()).await, None);

    let second = TurnLayer::new(feed, widget(), Arc::new(YES), None).unwrap();
    assert_eq!(watch(&second).await, json!({}));
}

/// What comes of a widget that is as `change` makes it.
fn set_up(change: impl FnOnce(&mut TurnWidget)) -> Result<Arc<TurnLayer>, TurnSetUpError> {
    let feed = TurnFeed::new(Arc::new(Source::default())).unwrap();
    let mut widget = widget();
    change(&mut widget);
    TurnLayer::new(feed, widget, Arc::new(YES), None)
}

#[tokio::test]
async fn a_widget_that_is_none_is_refused_with_what_was_expected() {
    let refused = set_up(|widget| widget.url = "widget.example".to_owned()).unwrap_err();
    assert!(matches!(refused, TurnSetUpError::InvalidUrl { .. }));
    let refused = set_up(|widget| widget.id.clear()).unwrap_err();
    assert!(matches!(refused, TurnSetUpError::InvalidId { .. }));
    assert_eq!(
        refused.to_string(),
        "the widget's id: expected the id that the widget's messages carry, got none"
    );
    for account in ["", "alice", "alice:example.org", "@alice", "@alice:"] {
        let refused = set_up(|widget| widget.account = account.to_owned()).unwrap_err();
        assert!(matches!(refused, TurnSetUpError::InvalidAccount { .. }));
        assert_eq!(
            refused.to_string(),
            "the widget's account: expected a Matrix user id, as in `@alice:example.org`"
        );
    }
}

#[tokio::test]
async fn widgets_and_accounts_as_they_are_out_there_are_taken() {
    for id in [" ", "https://widget.example/$matrix_user_id", "ö"] {
        set_up(|widget| widget.id = id.to_owned()).unwrap();
    }
    for account in [
        "@Alice Smith+1/ö:example.org:8448",
        "@:example.org",
        "@a:[::1]",
    ] {
        set_up(|widget| widget.account = account.to_owned()).unwrap();
    }
}
