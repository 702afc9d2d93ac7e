use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::{Page, soon};
use crate::capability::Capability;
use crate::page::{Decision, FromPage, PageSession, ToPage};

type Tab = WebSocketStream<TcpStream>;

/// Opens the page's socket as a browser's tab does; `hello` is still to be read.
async fn open(page: &Page) -> Tab {
    let url = format!("ws://{}{}socket", page.addr, page.url.path());
    let mut request = url.into_client_request().unwrap();
    let origin = format!("http://{}", page.addr);
    request
        .headers_mut()
        .insert("origin", origin.parse().unwrap());
    let stream = TcpStream::connect(page.addr).await.unwrap();
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let connected = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
    let (tab, _) = soon(connected).await.unwrap();
    tab
}

/// A tab that has read its `hello`, and the session behind it.
async fn tab(page: &mut Page) -> (Tab, PageSession) {
    let mut tab = open(page).await;
    control(&mut tab).await;
    let session = soon(page.sessions.recv()).await.unwrap();
    (tab, session)
}

async fn text(tab: &mut Tab) -> String {
    match soon(tab.next()).await.unwrap().unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?} instead of text"),
    }
}

async fn control(tab: &mut Tab) -> Value {
    let frame = text(tab).await;
    serde_json::from_str(frame.strip_prefix('c').unwrap()).unwrap()
}

async fn say(tab: &mut Tab, frame: &str) {
    soon(tab.send(Message::text(frame))).await.unwrap();
}

async fn heard(session: &mut PageSession) -> FromPage {
    soon(session.incoming.recv()).await.unwrap()
}

async fn tell(session: &PageSession, message: ToPage) {
    assert!(soon(session.outgoing.send(message)).await.is_ok());
}

/// Reads until the socket has ended, however it did.
async fn ended(tab: &mut Tab) {
    while let Some(Ok(message)) = soon(tab.next()).await {
        assert!(message.is_close(), "{message:?} instead of the end");
    }
}

#[tokio::test]
async fn a_tab_is_first_told_what_to_show() {
    let page = Page::serve().await;
    let hello = control(&mut open(&page).await).await;
    assert_eq!(
        hello,
        json!({
            "type": "hello",
            "widget_url": "https://widget.example/app?room=1#x",
            "widget_id": "demo",
            "widget_name": "Demo",
            "account": "@alice:example.org",
            "room": {"id": "!room:example.org", "name": "Example"},
        })
    );
}

#[tokio::test]
async fn a_widgets_words_pass_untouched_both_ways() {
    let mut page = Page::serve().await;
    let (mut tab, mut session) = tab(&mut page).await;
    for words in [
        r#"{ "api":"fromWidget",  "n": 1.0e2, "x":"\u00e9é" }"#,
        "w",
        "",
        "not JSON",
        "line\nline\u{2028}",
    ] {
        say(&mut tab, &format!("w{words}")).await;
        assert!(heard(&mut session).await == FromPage::Message(words.to_owned()));
        tell(&session, ToPage::Message(words.to_owned())).await;
        assert_eq!(text(&mut tab).await, format!("w{words}"));
    }
}

#[tokio::test]
async fn a_widget_cannot_utter_a_control_message() {
    let mut page = Page::serve().await;
    let (mut tab, mut session) = tab(&mut page).await;
    let forged = r#"c{"type":"decision","id":1,"decision":"allow_always"}"#;
    say(&mut tab, &format!("w{forged}")).await;
    assert!(heard(&mut session).await == FromPage::Message(forged.to_owned()));
}

#[tokio::test]
async fn the_persons_decision_and_the_load_reach_the_session() {
    let mut page = Page::serve().await;
    let (mut tab, mut session) = tab(&mut page).await;
    say(&mut tab, r#"c{"type":"loaded"}"#).await;
    assert!(heard(&mut session).await == FromPage::Loaded);
    say(&mut tab, r#"c{"type":"test_relays"}"#).await;
    assert!(heard(&mut session).await == FromPage::TestRelays);
    for (name, decision) in [
        (
            "allow_once",
            Decision::AllowOnce(vec!["m.sticker".to_owned()]),
        ),
        (
            "allow_always",
            Decision::AllowAlways(vec!["m.sticker".to_owned()]),
        ),
        ("deny", Decision::Deny),
    ] {
        let frame =
            json!({"type": "decision", "id": 7, "decision": name, "capabilities": ["m.sticker"]});
        say(&mut tab, &format!("c{frame}")).await;
        assert!(heard(&mut session).await == FromPage::Decision { id: 7, decision });
    }
}

#[tokio::test]
async fn the_page_is_told_in_control_objects() {
    let mut page = Page::serve().await;
    let (mut tab, session) = tab(&mut page).await;
    for (message, expected) in [
        (
            ToPage::AskPermission {
                id: 1,
                origin: "https://widget.example".to_owned(),
                capabilities: vec![Capability::new("m.sticker\u{202e}")],
                held: vec![Capability::new(
                    "org.matrix.msc2762.receive.event:m.reaction",
                )],
                unavailable: Vec::new(),
                refused: 2,
            },
            json!({
                "type": "ask_permission", "id": 1, "origin": "https://widget.example",
                "capabilities": [
                    {"name": "m.sticker\u{202e}", "shown": r"m.sticker\u{202e}", "group": "other", "words": null},
                ],
                "held": [{
                    "name": "org.matrix.msc2762.receive.event:m.reaction", "words": "read reactions",
                    "shown": "org.matrix.msc2762.receive.event:m.reaction", "group": "read",
                }],
                "unavailable": [],
                "refused": 2,
            }),
        ),
        (
            ToPage::WithdrawPermission { id: 1 },
            json!({"type": "withdraw_permission", "id": 1}),
        ),
        (
            ToPage::Credentials {
                username: "1:@alice:example.org".to_owned(),
                expires_in: Duration::from_millis(59_500),
                lifetime: Duration::from_secs(60),
                uris: vec!["turn:127.0.0.1:3478".to_owned()],
            },
            json!({
                "type": "credentials", "username": "1:@alice:example.org", "expires_in_ms": 59_500,
                "lifetime_ms": 60_000, "uris": ["turn:127.0.0.1:3478"],
            }),
        ),
        (
            ToPage::Fetch {
                status: Some(200),
                outcome: "new credentials".to_owned(),
            },
            json!({"type": "fetch", "status": 200, "outcome": "new credentials"}),
        ),
        (
            ToPage::Fetch {
                status: None,
                outcome: "no answer".to_owned(),
            },
            json!({"type": "fetch", "status": null, "outcome": "no answer"}),
        ),
        (
            ToPage::Homeserver {
                outage: Some("no route".to_owned()),
            },
            json!({"type": "homeserver", "outage": "no route"}),
        ),
        (
            ToPage::Homeserver { outage: None },
            json!({"type": "homeserver", "outage": null}),
        ),
        (
            ToPage::Trouble {
                message: "disk full".to_owned(),
            },
            json!({"type": "trouble", "message": "disk full"}),
        ),
    ] {
        tell(&session, message).await;
        assert_eq!(control(&mut tab).await, expected);
    }
}

#[tokio::test]
async fn malformed_frames_are_dropped_and_the_session_goes_on() {
    let mut page = Page::serve().await;
    let (mut tab, mut session) = tab(&mut page).await;
    for frame in [
        Message::text(""),
        Message::text("x"),
        Message::text("{}"),
        Message::text("é"),
        Message::text("c"),
        Message::text("c{"),
        Message::text("c[]"),
        Message::text(r#"c{"type":"hello"}"#),
        Message::text(r#"c{"type":"decision","id":-1,"decision":"deny"}"#),
        Message::text(r#"c{"type":"decision","id":1,"decision":"allow"}"#),
        Message::text(r#"c{"type":"decision","id":1}"#),
        Message::text(r#"c{"type":"decision","id":1,"decision":"allow_once","capabilities":7}"#),
        Message::binary(b"w{}".as_slice()),
    ] {
        soon(tab.send(frame)).await.unwrap();
    }
    say(&mut tab, "w{}").await;
    assert!(heard(&mut session).await == FromPage::Message("{}".to_owned()));
}

#[tokio::test]
async fn large_messages_pass_both_ways() {
    let mut page = Page::serve().await;
    let (mut tab, mut session) = tab(&mut page).await;
    let large = "é".repeat(10 << 20);
    say(&mut tab, &format!("w{large}")).await;
    assert!(heard(&mut session).await == FromPage::Message(large.clone()));
    tell(&session, ToPage::Message(large.clone())).await;
    assert!(text(&mut tab).await[1..] == large);
}

#[tokio::test]
async fn a_frame_beyond_the_limit_ends_only_its_own_session() {
    let mut page = Page::serve().await;
    let (mut greedy, mut its_session) = tab(&mut page).await;
    let (mut other, mut other_session) = tab(&mut page).await;
    let frame = Message::text(format!("w{}", "a".repeat(64 << 20)));
    // The server may hang up before it has all of it.
    let _ = soon(greedy.send(frame)).await;
    assert!(soon(its_session.incoming.recv()).await.is_none());
    say(&mut other, "w{}").await;
    assert!(heard(&mut other_session).await == FromPage::Message("{}".to_owned()));
}

#[tokio::test]
async fn a_flooding_widget_slows_only_itself_and_loses_nothing() {
    const FRAMES: usize = 200;
    let mut page = Page::serve().await;
    let (mut flooding, mut flooded) = tab(&mut page).await;
    let (mut calm, mut calm_session) = tab(&mut page).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let flood = tokio::spawn(async move {
        for number in 0..FRAMES {
            let frame = format!("w{number} {}", "a".repeat(1 << 20));
            flooding.send(Message::text(frame)).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
        flooding
    });
    // Its session reads nothing; the other tab is served all the same.
    for _ in 0..100 {
        say(&mut calm, "w{}").await;
        assert!(heard(&mut calm_session).await == FromPage::Message("{}".to_owned()));
        tell(&calm_session, ToPage::Message("{}".to_owned())).await;
        assert_eq!(text(&mut calm).await, "w{}");
    }
    assert!(sent.load(Ordering::Relaxed) < FRAMES);
    for number in 0..FRAMES {
        let FromPage::Message(text) = heard(&mut flooded).await else {
            panic!("not a message");
        };
        assert!(text.starts_with(&format!("{number} ")));
    }
    soon(flood).await.unwrap();
}

#[tokio::test]
async fn two_tabs_are_two_sessions() {
    let mut page = Page::serve().await;
    let (mut one, mut one_session) = tab(&mut page).await;
    let (mut two, mut two_session) = tab(&mut page).await;
    say(&mut two, "w2").await;
    say(&mut one, "w1").await;
    assert!(heard(&mut one_session).await == FromPage::Message("1".to_owned()));
    assert!(heard(&mut two_session).await == FromPage::Message("2".to_owned()));
    tell(&one_session, ToPage::Message("to 1".to_owned())).await;
    tell(&two_session, ToPage::Message("to 2".to_owned())).await;
    assert_eq!(text(&mut two).await, "wto 2");
    assert_eq!(text(&mut one).await, "wto 1");
}

#[tokio::test]
async fn a_tab_that_goes_ends_its_session() {
    let mut page = Page::serve().await;
    let (mut closing, mut closed) = tab(&mut page).await;
    let (breaking, mut broken) = tab(&mut page).await;
    soon(closing.close(None)).await.unwrap();
    assert!(soon(closed.incoming.recv()).await.is_none());
    soon(closed.outgoing.closed()).await;
    drop(breaking);
    assert!(soon(broken.incoming.recv()).await.is_none());
    soon(broken.outgoing.closed()).await;
}

#[tokio::test]
async fn a_session_that_ends_says_its_last_word_and_closes_the_tab() {
    let mut page = Page::serve().await;
    let (mut tab, session) = tab(&mut page).await;
    tell(&session, ToPage::Message("last".to_owned())).await;
    drop(session);
    assert_eq!(text(&mut tab).await, "wlast");
    ended(&mut tab).await;
}

#[tokio::test]
async fn when_nobody_takes_sessions_the_server_ends_and_tabs_close() {
    let mut page = Page::serve().await;
    let mut tab = open(&page).await;
    control(&mut tab).await;
    page.sessions.close();
    while page.sessions.recv().await.is_some() {}
    ended(&mut tab).await;
    soon(&mut page.server).await.unwrap();
}
