//! A tab, played by the test, in front of each kind of host.

mod grants;
mod room;
mod scene;

use serde_json::{Value, json};

use crate::page::{Decision, ToPage};
use scene::{READ, SEND, Scene, TURN, TURN_STABLE, names};

#[tokio::test]
async fn without_a_room_turn_can_be_granted_and_the_rest_is_shown_as_missing() {
    let scene = Scene::handshake();
    let mut tab = scene.tab();
    tab.announce(&[READ, TURN, TURN_STABLE, "io.element.requires_client"])
        .await;
    let question = tab.question().await;
    assert_eq!(names(&question.capabilities), [TURN]);
    assert_eq!(names(&question.unavailable), [READ]);
    assert_eq!(names(&question.held), ["io.element.requires_client"]);

    tab.decide(question.id, Decision::AllowOnce(vec![TURN.to_owned()]))
        .await;
    let approved = tab.notified().await;
    assert!(
        approved.contains(&TURN.to_owned()) && approved.contains(&TURN_STABLE.to_owned()),
        "{approved:?}"
    );
    assert!(!approved.contains(&READ.to_owned()));
}

#[tokio::test]
async fn what_is_denied_is_not_granted() {
    for decision in [
        Decision::Deny,
        Decision::AllowOnce(Vec::new()),
        Decision::AllowAlways(Vec::new()),
        // What was not asked for, or is not there.
        Decision::AllowAlways(vec![SEND.to_owned(), READ.to_owned()]),
    ] {
        let scene = Scene::handshake();
        let mut tab = scene.tab();
        tab.announce(&[READ, TURN]).await;
        let question = tab.question().await;
        tab.decide(question.id, decision).await;
        assert!(tab.notified().await.is_empty());
        assert_eq!(scene.grants.list().unwrap(), []);
    }
}

#[tokio::test]
async fn an_answer_to_another_question_counts_for_nothing() {
    let scene = Scene::handshake();
    let mut tab = scene.tab();
    tab.announce(&[TURN]).await;
    let question = tab.question().await;
    let yes = Decision::AllowOnce(vec![TURN.to_owned()]);
    tab.decide(question.id + 1, yes).await;
    tab.decide(question.id, Decision::Deny).await;
    assert!(tab.notified().await.is_empty());
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_withdraws_its_question_and_is_asked_about_again() {
    let scene = Scene::handshake();
    let mut tab = scene.tab();
    tab.announce(&[TURN]).await;
    let first = tab.question().await;
    tab.say("fromWidget", "again", "content_loaded", json!({}))
        .await;
    // The two come in either order.
    let (mut withdrawn, mut asked) = (None, None);
    let asked = tab
        .next(|told| {
            match told {
                ToPage::WithdrawPermission { id } => withdrawn = Some(id),
                ToPage::Message(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["action"] == "capabilities" {
                        asked = Some(message);
                    }
                }
                _ => {}
            }
            asked.clone().filter(|_| withdrawn.is_some())
        })
        .await;
    assert_eq!(withdrawn, Some(first.id));
    tab.answer(asked, json!({ "capabilities": [TURN] })).await;
    assert_ne!(tab.question().await.id, first.id);
}

#[tokio::test]
async fn a_flood_of_names_is_cut_to_what_a_person_can_be_asked_about() {
    let scene = Scene::handshake();
    let mut tab = scene.tab();
    let long = "x".repeat(2000);
    let mut wanted: Vec<_> = (0..1500).map(|n| format!("org.example.{n}")).collect();
    wanted.extend([long, wanted[0].clone(), wanted[1].clone()]);
    let mut asked: Vec<_> = wanted.iter().map(String::as_str).collect();
    asked.insert(0, TURN);
    tab.announce(&asked).await;
    let question = tab.question().await;
    // TURN is asked about whatever stands around it.
    assert_eq!(names(&question.capabilities), [TURN]);
    assert_eq!(question.unavailable.len(), 999);
    assert_eq!(question.refused, 502);
}

#[tokio::test]
async fn the_page_is_told_of_an_outage_also_one_that_began_before() {
    let scene = Scene::handshake();
    let outage = |told| match told {
        ToPage::Homeserver { outage } => Some(outage),
        _ => None,
    };
    scene.outage.send_replace(Some("no route".to_owned()));
    let mut tab = scene.tab();
    assert_eq!(tab.next(outage).await.as_deref(), Some("no route"));
    scene.outage.send_replace(None);
    assert_eq!(tab.next(outage).await, None);
}

#[tokio::test]
async fn a_widget_that_says_much_is_answered_each_time_and_hears_of_no_other_question() {
    let scene = Scene::handshake();
    let mut tab = scene.tab();
    tab.announce(&[]).await;
    assert!(tab.notified().await.is_empty());
    // Ten times what may be under way.
    for number in 0..40 {
        let filler = json!({ "text": "a".repeat(1 << 20) });
        tab.say("fromWidget", &number.to_string(), "unknown", filler)
            .await;
        let answered = tab
            .next(|told| match told {
                ToPage::Message(text) => Some(text),
                _ => None,
            })
            .await;
        let answered: Value = serde_json::from_str(&answered).unwrap();
        assert_eq!(answered["requestId"], number.to_string());
    }
}
