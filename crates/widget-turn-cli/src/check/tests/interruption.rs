use std::sync::{Arc, Mutex};

use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, CREATE_PERMISSION, REFRESH};

use super::servers::{Server, challenging, granted, key};
use super::*;

/// A server that grants two relays and then says nothing to who asks for a permission; the methods of signed requests.
async fn stuck() -> (Server, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let answer = challenging(move |request| {
        let deletes = request
            .attribute::<Lifetime>()
            .is_ok_and(|it| it.seconds() == 0);
        log.lock().unwrap().push(match request.method() {
            ALLOCATE => "allocate".to_owned(),
            CREATE_PERMISSION => "permission".to_owned(),
            REFRESH if deletes => "delete".to_owned(),
            other => other.to_string(),
        });
        if request.has_method(CREATE_PERMISSION) {
            return Vec::new();
        }
        granted(request, "127.0.0.1:49160".parse().unwrap(), Some(&key()))
    });
    (Server::udp(answer).await, seen)
}

#[tokio::test]
async fn after_ctrl_c_what_was_allocated_is_deleted_and_the_report_is_shown() {
    let (server, seen) = stuck().await;
    let (interrupt, interrupted) = channel(false);
    let mut settings = settings(&[server.uri("udp"), server.uri("udp")], GENEROUS);
    settings.interrupted = interrupted;
    let round = settings.round();
    let ctrl_c = async {
        let asked = |seen: &Vec<String>| seen.iter().any(|method| method == "permission");
        while !asked(&seen.lock().unwrap()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        interrupt.send(true).unwrap();
    };
    let (report, ()) = tokio::join!(round, ctrl_c);
    assert!(report.interrupted);
    let seen = seen.lock().unwrap();
    let count = |method: &str| seen.iter().filter(|it| *it == method).count();
    assert_eq!((count("allocate"), count("delete")), (2, 2), "{seen:?}");
    assert_snapshot("interrupted", &report);
}

#[tokio::test]
async fn a_second_ctrl_c_right_after_the_first_leaves_nothing_behind() {
    let (server, seen) = stuck().await;
    let (interrupt, interrupted) = channel(false);
    let mut settings = settings(&[server.uri("udp")], GENEROUS);
    settings.interrupted = interrupted;
    let (tell, signals) = tokio::sync::mpsc::channel(2);
    let twice = async {
        let asked = |seen: &Vec<String>| seen.iter().any(|method| method == "permission");
        while !asked(&seen.lock().unwrap()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tell.send(()).await.unwrap();
        tell.send(()).await.unwrap();
    };
    let insisted = crate::check::interruption::insisted(signals, &interrupt);
    let report = tokio::select! {
        (report, ()) = async { tokio::join!(settings.round(), twice) } => report,
        _ = insisted => panic!("the program would have ended"),
    };
    assert!(report.interrupted);
    let seen = seen.lock().unwrap();
    let count = |method: &str| seen.iter().filter(|it| *it == method).count();
    assert_eq!((count("allocate"), count("delete")), (2, 2), "{seen:?}");
}

#[tokio::test]
async fn after_a_fault_what_was_allocated_is_deleted() {
    let (server, seen) = stuck().await;
    let report = check(&[server.uri("udp")], SHORT).await;
    assert_eq!(report.exit_code, 2);
    let seen = seen.lock().unwrap();
    let count = |method: &str| seen.iter().filter(|it| *it == method).count();
    assert_eq!((count("allocate"), count("delete")), (3, 3), "{seen:?}");
}
