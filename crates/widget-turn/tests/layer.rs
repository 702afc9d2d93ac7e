//! The running layer, on tokio's paused clock.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};
use widget_turn::{
    Answer, Ask, FeedConfig, Fetched, InnerHost, Inquiry, LayerConfig, PermissionPolicy,
    PermissionRequest, Secret, TrustedOrigins, TurnFeed, TurnLayer, TurnServer, TurnSource,
    VerdictFuture,
};

const TURN: &str = "town.robin.msc3846.turn_servers";

/// Gives other credentials each time, after a while.
#[derive(Clone, Default)]
struct Minting {
    latency: Duration,
    asked: Arc<AtomicUsize>,
}

impl TurnSource for Minting {
    async fn fetch(&self) -> Fetched {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(self.latency).await;
        let uris = ["turn:turn.example.com".to_owned()];
        Fetched::Credentials {
            server: TurnServer::new(uris, format!("u{number}"), Secret::new("p")).unwrap(),
            ttl: Duration::from_secs(3600),
        }
    }
}

fn config() -> LayerConfig {
    LayerConfig::new(
        "w",
        "https://widget.example/".parse().unwrap(),
        "@alice:example.org",
    )
}

fn trusted() -> impl PermissionPolicy {
    TrustedOrigins::new(["https://widget.example"]).unwrap()
}

fn feed() -> TurnFeed {
    TurnFeed::new(Minting::default(), FeedConfig::default())
}

fn request(id: &str, action: &str) -> String {
    format!(
        r#"{{"api":"fromWidget","widgetId":"w","requestId":"{id}","action":"{action}","data":{{}}}}"#
    )
}

fn answer(request: &str, response: &str) -> String {
    format!(
        r#"{},"response":{response}}}"#,
        request.strip_suffix('}').unwrap()
    )
}

async fn next(layer: &mut TurnLayer) -> String {
    let text = timeout(Duration::from_secs(60), layer.recv()).await;
    text.expect("something comes").expect("the layer runs")
}

/// The next message for the widget that has this in it.
async fn find(layer: &mut TurnLayer, part: &str) -> String {
    loop {
        let text = next(layer).await;
        if text.contains(part) {
            return text;
        }
    }
}

/// Takes the widget through the handshake up to the notification, which it gives back.
async fn shake_hands(layer: &mut TurnLayer) -> String {
    layer.send(request("1", "content_loaded")).await;
    let question = find(layer, r#""action":"capabilities""#).await;
    layer
        .send(answer(
            &question,
            &format!(r#"{{"capabilities":["{TURN}"]}}"#),
        ))
        .await;
    find(layer, "notify_capabilities").await
}

async fn watch(layer: &mut TurnLayer) -> String {
    shake_hands(layer).await;
    layer.send(request("2", "watch_turn_servers")).await;
    let reply = next(layer).await;
    assert!(
        reply.ends_with(r#""response":{}}"#),
        "W2: the answer first: {reply}"
    );
    let update = next(layer).await;
    layer.send(answer(&update, "{}")).await;
    update
}

#[tokio::test(start_paused = true)]
async fn a_widget_gets_credentials_and_fresh_ones_before_they_expire() {
    let feed = feed();
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
    let first = watch(&mut layer).await;
    assert!(first.contains(r#""username":"u1""#));
    let got = Instant::now();
    for n in 2..10 {
        let update = layer.recv().await.unwrap();
        assert!(update.contains(&format!(r#""username":"u{n}""#)));
        assert!(got.elapsed() < Duration::from_secs(3600) * (n - 1));
        layer.send(answer(&update, "{}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn c7_credentials_are_on_their_way_as_soon_as_the_widget_is_granted_them() {
    let source = Minting {
        latency: Duration::from_millis(50),
        ..Minting::default()
    };
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
    shake_hands(&mut layer).await;
    sleep(Duration::from_millis(60)).await;
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);

    layer.send(request("2", "watch_turn_servers")).await;
    let asked = Instant::now();
    find(&mut layer, "update_turn_servers").await;
    assert_eq!(asked.elapsed(), Duration::ZERO, "they were there");
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn c7_nothing_is_fetched_for_a_widget_that_is_denied() {
    let source = Minting::default();
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let nobody = TrustedOrigins::new(["https://other.example"]).unwrap();
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, nobody, config());
    shake_hands(&mut layer).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(source.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn h4_a_person_may_take_half_an_hour_and_the_rest_is_answered_meanwhile() {
    let (to_person, mut person) = mpsc::channel(1);
    let mut layer = TurnLayer::spawn(
        InnerHost::handshake(),
        &feed(),
        Ask::new(to_person),
        config(),
    );
    layer.send(request("1", "content_loaded")).await;
    let question = find(&mut layer, r#""action":"capabilities""#).await;
    layer
        .send(answer(
            &question,
            &format!(r#"{{"capabilities":["{TURN}"]}}"#),
        ))
        .await;
    let inquiry: Inquiry = person.recv().await.unwrap();
    assert_eq!(
        inquiry.request().origin.to_string(),
        "https://widget.example"
    );

    sleep(Duration::from_secs(1800)).await;
    layer.send(request("2", "supported_api_versions")).await;
    assert!(next(&mut layer).await.contains("town.robin.msc3846"));

    inquiry.answer(Answer::Once);
    let notify = next(&mut layer).await;
    assert!(
        notify.contains(&format!(r#""approved":["{TURN}"]"#)),
        "{notify}"
    );
}

#[tokio::test(start_paused = true)]
async fn p1_a_policy_that_panics_grants_nothing_and_the_widget_is_told() {
    struct Broken;
    impl PermissionPolicy for Broken {
        fn decide<'a>(&'a self, _: &'a PermissionRequest) -> VerdictFuture<'a> {
            panic!("it is broken")
        }
    }
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed(), Broken, config());
    let told = shake_hands(&mut layer).await;
    assert!(told.contains(r#""approved":[]"#), "{told}");
}

#[tokio::test(start_paused = true)]
async fn h6_a_reload_withdraws_the_question_and_the_new_page_is_asked_about_anew() {
    let (to_person, mut person) = mpsc::channel(1);
    let mut layer = TurnLayer::spawn(
        InnerHost::handshake(),
        &feed(),
        Ask::new(to_person),
        config(),
    );
    let mut inquiries = Vec::new();
    for _ in 0..2 {
        layer.page_loaded().await;
        let question = find(&mut layer, r#""action":"capabilities""#).await;
        layer
            .send(answer(
                &question,
                &format!(r#"{{"capabilities":["{TURN}"]}}"#),
            ))
            .await;
        inquiries.push(person.recv().await.unwrap());
    }
    timeout(Duration::from_secs(1), inquiries[0].withdrawn())
        .await
        .expect("the first is void");
    inquiries.pop().unwrap().answer(Answer::Once);
    assert!(
        find(&mut layer, "notify_capabilities")
            .await
            .contains(&format!(r#""approved":["{TURN}"]"#))
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_missed_the_question_at_its_load_event_is_asked_again_a_second_after_it_announced_itself()
 {
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed(), trusted(), config());
    layer.page_loaded().await;
    assert!(
        next(&mut layer)
            .await
            .contains(r#""action":"capabilities""#)
    );
    layer.send(request("1", "content_loaded")).await;
    assert!(next(&mut layer).await.contains("content_loaded"));
    let announced = Instant::now();
    assert!(
        next(&mut layer)
            .await
            .contains(r#""action":"capabilities""#)
    );
    assert_eq!(announced.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn w1_a_watch_is_answered_in_two_seconds_however_slow_the_homeserver_is() {
    let source = Minting {
        latency: Duration::from_secs(9),
        ..Minting::default()
    };
    let feed = TurnFeed::new(source, FeedConfig::default());
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
    shake_hands(&mut layer).await;
    layer.send(request("2", "watch_turn_servers")).await;
    let asked = Instant::now();
    assert!(next(&mut layer).await.ends_with(r#""response":{}}"#));
    assert!(
        asked.elapsed() <= Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert!(next(&mut layer).await.contains("update_turn_servers"));
    assert!(asked.elapsed() >= Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn an_inner_host_gets_and_says_what_is_not_the_layers() {
    let (host, mut end) = InnerHost::channels();
    let mut layer = TurnLayer::spawn(host, &feed(), trusted(), config());
    let said = r#"{ "api":"fromWidget", "widgetId":"w","requestId":"9","action":"send_event","data":{"n":1.50} }"#;
    layer.send(said.to_owned()).await;
    assert_eq!(end.recv().await.as_deref(), Some(said));
    let reply = answer(&request("9", "send_event"), r#"{"event_id":"$1"}"#);
    end.send(reply.clone()).await;
    assert_eq!(next(&mut layer).await, reply);
    drop(end);
    assert_eq!(layer.recv().await, None, "the layer ends with its host");
}

#[tokio::test(start_paused = true)]
async fn what_an_inner_host_said_before_it_ended_reaches_a_widget_that_is_slow() {
    let (host, end) = InnerHost::channels();
    let mut layer = TurnLayer::spawn(host, &feed(), trusted(), config());
    let said = |n: usize| answer(&request(&n.to_string(), "send_event"), "{}");
    for n in 0..150 {
        assert!(end.send(said(n)).await);
    }
    drop(end);
    for n in 0..150 {
        assert_eq!(next(&mut layer).await, said(n));
    }
    assert_eq!(layer.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_an_inner_host_does_not_hear_any_more_does_not_hide_what_it_said() {
    let said = answer(&request("1", "send_event"), "{}");
    for _ in 0..100 {
        let (host, end) = InnerHost::channels();
        let mut layer = TurnLayer::spawn(host, &feed(), trusted(), config());
        let (sender, receiver) = end.split();
        assert!(sender.send(said.clone()).await);
        drop(receiver);
        assert!(layer.send(request("2", "send_event")).await);
        assert_eq!(next(&mut layer).await, said);
        assert_eq!(layer.recv().await, None, "either half ends the layer");
    }
}

#[tokio::test(start_paused = true)]
async fn an_inner_host_that_takes_nothing_holds_up_neither_watch_nor_unwatch() {
    let (host, end) = InnerHost::channels();
    let mut layer = TurnLayer::spawn(host, &feed(), trusted(), config());
    for n in 0..500 {
        layer.send(request(&n.to_string(), "send_event")).await;
    }
    layer.send(request("last", "unwatch_turn_servers")).await;
    assert!(next(&mut layer).await.contains(r#""requestId":"last""#));
    drop(end);
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_without_receiving_does_not_wait_for_ever_and_loses_nothing() {
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed(), trusted(), config());
    for n in 0..10_000 {
        assert!(
            layer
                .send(request(&n.to_string(), "unwatch_turn_servers"))
                .await
        );
    }
    for n in 0..10_000 {
        let reply = next(&mut layer).await;
        assert!(
            reply.contains(&format!(r#""requestId":"{n}""#)),
            "reply {n} is {reply}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c9_a_widget_that_does_not_read_is_not_listened_to() {
    let layer = TurnLayer::spawn(InnerHost::handshake(), &feed(), trusted(), config());
    let (sender, mut receiver) = layer.split();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    tokio::spawn(async move {
        for n in 0..20_000 {
            sender
                .send(request(&n.to_string(), "unwatch_turn_servers"))
                .await;
            count.fetch_add(1, Ordering::SeqCst);
        }
        std::future::pending::<()>().await;
    });
    sleep(Duration::from_secs(60)).await;
    let waiting = sent.load(Ordering::SeqCst);
    assert!(
        waiting < 500,
        "{waiting} messages are held for a widget that reads none"
    );
    for _ in 0..20_000 {
        assert!(receiver.recv().await.is_some());
    }
    assert_eq!(sent.load(Ordering::SeqCst), 20_000);
}

#[tokio::test(start_paused = true)]
async fn dropping_any_end_ends_the_task_and_the_watch() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let feed = feed();
    let before = tasks();
    // Whatever runs on the same thread has run after a moment of paused time.
    let settle = || sleep(Duration::from_millis(1));

    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
    watch(&mut layer).await;
    assert_eq!(tasks(), before + 1);
    drop(layer);
    settle().await;
    assert_eq!(tasks(), before, "the whole");

    for keep_sender in [true, false] {
        let layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
        let (sender, receiver) = layer.split();
        let kept: Box<dyn std::any::Any> = if keep_sender {
            drop(receiver);
            Box::new(sender)
        } else {
            drop(sender);
            Box::new(receiver)
        };
        settle().await;
        assert_eq!(tasks(), before, "sender kept: {keep_sender}");
        drop(kept);
    }

    let (to_person, mut person) = mpsc::channel(1);
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Ask::new(to_person), config());
    layer.page_loaded().await;
    let question = next(&mut layer).await;
    layer
        .send(answer(
            &question,
            &format!(r#"{{"capabilities":["{TURN}"]}}"#),
        ))
        .await;
    let inquiry = person.recv().await.unwrap();
    drop(layer);
    timeout(Duration::from_secs(1), inquiry.withdrawn())
        .await
        .expect("nobody waits for the answer");
    assert_eq!(tasks(), before, "with a question open");

    drop(feed);
    settle().await;
    assert_eq!(tasks(), before - 1, "the feed's own");
}

#[tokio::test(start_paused = true)]
async fn c1_two_thousand_widgets_cost_one_request_a_lifetime_and_all_are_told() {
    let source = Minting::default();
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let told = Arc::new(AtomicUsize::new(0));
    let all = Arc::new(Notify::new());
    for _ in 0..2_000 {
        let (feed, told, all) = (feed.clone(), told.clone(), all.clone());
        tokio::spawn(async move {
            let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, trusted(), config());
            watch(&mut layer).await;
            while let Some(update) = layer.recv().await {
                layer.send(answer(&update, "{}")).await;
                if told.fetch_add(1, Ordering::SeqCst) + 1 == 6_000 {
                    all.notify_one();
                }
            }
        });
    }
    all.notified().await;
    assert_eq!(
        source.asked.load(Ordering::SeqCst),
        4,
        "the first and three refreshes"
    );
}
