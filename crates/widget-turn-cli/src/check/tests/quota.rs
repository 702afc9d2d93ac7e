//! A 486 that is about relays of a moment ago.

use std::sync::Mutex;

use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, CREATE_PERMISSION};

use super::servers::{Server, challenging, error, granted, key};
use super::*;

/// A server that refuses relays with 486 as often as the number says, and counts how often it was asked for one. No peer is
/// permitted, so that nothing needs to be relayed.
async fn tight(refusals: u32) -> (Server, Arc<Mutex<(u32, u32)>>) {
    let state = Arc::new(Mutex::new((refusals, 0)));
    let shared = state.clone();
    let answer = challenging(move |request| {
        let (refusals, asked) = &mut *shared.lock().unwrap();
        if request.has_method(CREATE_PERMISSION) {
            return error(request, 403, "Forbidden");
        }
        if request.has_method(ALLOCATE) {
            *asked += 1;
            if *refusals > 0 {
                *refusals -= 1;
                return error(request, 486, "Allocation Quota Reached");
            }
        }
        let deletes = request
            .attribute::<Lifetime>()
            .is_ok_and(|it| it.seconds() == 0);
        assert!(!deletes || *asked > 0, "there is something to delete");
        granted(request, "127.0.0.1:49160".parse().unwrap(), Some(&key()))
    });
    (Server::udp(answer).await, state)
}

#[tokio::test]
async fn a_quota_that_comes_down_after_an_earlier_check_is_waited_for_and_told() {
    let (server, _) = tight(1).await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    assert_eq!(report.exit_code, 0);
    let steps = &report.servers[0].addresses[0].steps;
    let waited: Vec<_> = steps.iter().filter_map(|step| step.waited_ms).collect();
    assert!(
        matches!(waited[..], [waited] if waited >= SHORT.as_secs_f64() * 1000.0),
        "apart from how long the server took: {waited:?}"
    );
    schema::assert_valid(&report);
    assert_snapshot("quota-second-try", &report);
}

#[tokio::test]
async fn a_quota_that_does_not_come_down_is_waited_for_once() {
    let (server, state) = tight(100).await;
    let report = check(&[server.uri("udp"), server.uri("udp")], GENEROUS).await;
    assert_eq!(report.exit_code, 2);
    assert_eq!(
        state.lock().unwrap().1,
        3,
        "twice by the first, once by the second"
    );
}

#[tokio::test]
async fn what_the_round_before_has_deleted_is_no_fault_of_the_next() {
    let (server, state) = tight(0).await;
    let mut settings = settings(&[server.uri("udp")], GENEROUS);
    settings.quota = Quota::new(GENEROUS);
    assert_eq!(settings.round().await.exit_code, 0);
    state.lock().unwrap().0 = 3;
    let report = settings.round().await;
    assert_eq!(report.exit_code, 0);
    let steps = &report.servers[0].addresses[0].steps;
    let allocate = steps
        .iter()
        .find(|step| step.name == StepName::Allocate)
        .unwrap();
    assert_eq!(allocate.outcome, Outcome::Ok);
}
