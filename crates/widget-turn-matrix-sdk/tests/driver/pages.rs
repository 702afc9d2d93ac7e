//! Pages come and go, and leave nothing behind.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;

use crate::scene::{Place, SEND, TURN, parsed, request};

#[tokio::test]
async fn h6_a_second_content_loaded_is_a_new_page_that_works() {
    let place = Place::with_turn().await;
    let mut widget = place.widget();
    for _ in 0..3 {
        assert_eq!(widget.negotiate(&[SEND, TURN]).await, json!([SEND, TURN]));
        assert_eq!(
            widget.ask("w", "watch_turn_servers", &json!({})).await,
            json!({})
        );
        assert_eq!(widget.updated().await["username"], "u");
    }
    assert_eq!(crate::account::asked(&place.server).await, 1, "rule C1");
}

#[tokio::test]
async fn h6_so_is_one_that_the_client_tells_of() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.driver.page_loaded().await;
    widget.negotiate(&[SEND]).await;
    widget.driver.page_loaded().await;
    let refused = widget.ask("1", "watch_turn_servers", &json!({})).await;
    assert_eq!(refused["error"]["message"], "Missing capability");
    // Of the new page, which was loaded and now speaks: the same page.
    assert_eq!(widget.negotiate(&[SEND, TURN]).await, json!([SEND, TURN]));
}

#[tokio::test]
async fn h6_a_reload_takes_the_question_off_the_screen_and_asks_anew() {
    let place = Place::new().await;
    let (mut widget, mut person) = place.widget_of_a_person();
    widget.announce(&[SEND, TURN]).await;
    let (_, mut old) = person.recv().await.unwrap();
    widget.announce(&[SEND]).await;
    old.closed().await;
    let (request, answer) = person.recv().await.unwrap();
    assert_eq!(request.capabilities, [SEND]);
    answer.send(request.capabilities).unwrap();
    assert_eq!(widget.notified().await["approved"], json!([SEND]));
}

#[tokio::test]
async fn an_answer_of_the_page_before_is_not_taken_for_the_new_ones() {
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.ask("1", "content_loaded", &json!({})).await;
    let old = widget.expect("capabilities").await;
    widget.ask("2", "content_loaded", &json!({})).await;
    let new = widget.expect("capabilities").await;
    widget
        .answer(&old, &json!({ "capabilities": [TURN] }))
        .await;
    widget
        .answer(&new, &json!({ "capabilities": [SEND] }))
        .await;
    assert_eq!(widget.notified().await["requested"], json!([SEND]));
}

#[tokio::test]
async fn a_page_that_may_have_missed_the_question_is_asked_again() {
    let place = Place::new().await;
    let mut widget = place.widget_where(false, |request| async { request.capabilities });
    widget.driver.page_loaded().await;
    widget.expect("capabilities").await;
    // It did not listen yet.
    widget.ask("1", "content_loaded", &json!({})).await;
    tokio::time::pause();
    let question = widget.expect("capabilities").await;
    tokio::time::resume();
    widget
        .answer(&question, &json!({ "capabilities": [SEND] }))
        .await;
    assert_eq!(widget.notified().await["approved"], json!([SEND]));
}

/// Waits until there are no more tasks than so many.
pub(crate) async fn ended(tasks: usize) {
    let end = async {
        while Handle::current().metrics().num_alive_tasks() > tasks {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), end).await;
    let left = Handle::current().metrics().num_alive_tasks();
    assert!(ended.is_ok(), "{left} tasks, and there were {tasks}");
}

#[tokio::test]
async fn dropping_it_ends_all_that_it_started() {
    let place = Place::with_turn().await;
    let before = Handle::current().metrics().num_alive_tasks();

    let mut widget = place.widget();
    widget
        .negotiate(&[
            SEND,
            "org.matrix.msc2762.receive.event:m.room.message",
            TURN,
        ])
        .await;
    widget.ask("w", "watch_turn_servers", &json!({})).await;
    widget.updated().await;
    assert!(Handle::current().metrics().num_alive_tasks() > before);
    drop(widget);
    ended(before).await;

    // While a person decides.
    let (mut widget, mut person) = place.widget_of_a_person();
    widget.announce(&[SEND, TURN]).await;
    let (_, mut answer) = person.recv().await.unwrap();
    drop(widget);
    answer.closed().await;
    ended(before).await;

    // One half of it.
    let (sender, receiver) = place.widget().driver.split();
    drop(receiver);
    ended(before).await;
    assert!(!sender.page_loaded().await);
    let (sender, mut receiver) = place.widget().driver.split();
    drop(sender);
    assert_eq!(receiver.recv().await, None);
    ended(before).await;
}

#[tokio::test]
async fn a_reload_ends_the_driver_of_the_page_before() {
    let place = Place::new().await;
    let mut widget = place.widget();
    let wanted = ["org.matrix.msc2762.receive.event:m.room.message"];
    widget.negotiate(&wanted).await;
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..5 {
        widget.negotiate(&wanted).await;
    }
    ended(before).await;
}

#[tokio::test]
async fn h7_nonsense_is_dropped_and_stops_nothing() {
    let place = Place::new().await;
    let mut widget = place.widget();
    for nonsense in [
        "",
        "null",
        "[]",
        "{}",
        "\u{1F600}",
        "{\"api\":\"fromWidget\"",
    ] {
        assert!(widget.driver.send(nonsense.to_owned()).await);
    }
    let other = request("1", "content_loaded", &json!({})).replace("\"w\"", "\"other\"");
    for _ in 0..2 {
        widget.driver.send(other.clone()).await;
    }
    let no_id = r#"{"api":"fromWidget","widgetId":"w","action":"content_loaded","data":{}}"#;
    widget.driver.send(no_id.to_owned()).await;
    // A page without an id began: the question has been asked, and this page is the next.
    let question = widget.expect("capabilities").await;
    assert_eq!(parsed(&question)["widgetId"], "w");
    assert_eq!(widget.negotiate(&[SEND]).await, json!([SEND]));
}
