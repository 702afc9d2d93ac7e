//! What is remembered, and what becomes of it.

use super::scene::{READ, SEND, Scene, TURN, TURN_STABLE, names, nobody};
use crate::page::{Decision, ToPage};

#[tokio::test]
async fn what_was_granted_for_always_is_not_asked_for_again() {
    let scene = Scene::room(nobody()).await;
    let mut tab = scene.tab();
    tab.announce(&[SEND, TURN]).await;
    let question = tab.question().await;
    let chosen = vec![SEND.to_owned(), TURN.to_owned()];
    tab.decide(question.id, Decision::AllowAlways(chosen)).await;
    assert_eq!(tab.notified().await.len(), 2);
    tab.close().await;
    let granted: Vec<_> = scene.grants.list().unwrap();
    let granted: Vec<_> = granted.iter().map(|grant| &*grant.capability).collect();
    assert_eq!(granted, [SEND, TURN_STABLE]);

    // By the other name of TURN, too.
    let mut again = scene.tab();
    again.announce(&[SEND, TURN_STABLE]).await;
    assert_eq!(again.notified().await.len(), 2);

    // Only what is new is asked for, and what the widget has is said.
    let mut more = scene.tab();
    more.announce(&[READ, SEND]).await;
    let question = more.question().await;
    assert_eq!(names(&question.capabilities), [READ]);
    assert_eq!(names(&question.held), [SEND]);
    more.decide(question.id, Decision::Deny).await;
    assert_eq!(more.notified().await, [SEND]);

    for grant in scene.grants.list().unwrap() {
        scene.grants.revoke(&grant).unwrap();
    }
    let mut revoked = scene.tab();
    revoked.announce(&[SEND]).await;
    assert_eq!(names(&revoked.question().await.capabilities), [SEND]);
}

#[tokio::test]
async fn an_always_that_cannot_be_written_is_told_and_holds_once() {
    let scene = Scene::handshake();
    // A folder in its place.
    std::fs::create_dir(scene.folder.0.join("grants.json")).unwrap();
    let mut tab = scene.tab();
    tab.announce(&[TURN]).await;
    let trouble = |told| match told {
        ToPage::Trouble { message } => Some(message),
        _ => None,
    };
    let message = tab.next(trouble).await;
    assert!(
        message.contains("is not known") && message.contains("grants.json"),
        "{message}"
    );
    let question = tab.question().await;
    let turn = vec![TURN.to_owned()];
    tab.decide(question.id, Decision::AllowAlways(turn)).await;
    let message = tab.next(trouble).await;
    assert!(
        message.contains("this once only") && message.contains("grants.json"),
        "{message}"
    );
    assert_eq!(tab.notified().await, [TURN]);
}
