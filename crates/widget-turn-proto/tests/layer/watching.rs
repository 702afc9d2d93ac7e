//! W1 to W6: watch and unwatch.

use serde_json::json;
use widget_turn_proto::{Output, Supply, Unavailable};

use crate::harness::{Scene, UNWATCH, WATCH, forbidden, no_turn, parsed, ready, reply, request};

#[test]
fn w1_each_request_gets_one_reply_whatever_the_homeserver_does() {
    let supplies = [
        None,
        Some(Supply::Pending),
        Some(Supply::Outage),
        Some(ready("a")),
        Some(forbidden()),
        Some(no_turn()),
    ];
    for supply in supplies {
        let mut scene = Scene::granted();
        scene.supply = supply.clone();
        for id in ["1", "2", "3"] {
            scene.widget(&request(id, WATCH));
        }
        scene.run(3_000);
        scene.run(60_000);
        for late in [
            Supply::Outage,
            ready("b"),
            forbidden(),
            ready("b"),
            no_turn(),
        ] {
            scene.supply(late);
            scene.run(15_000);
        }
        scene.widget(&request("4", UNWATCH));
        let replies = scene.heard_by_widget();
        for id in ["1", "2", "3", "4"] {
            let count = replies
                .iter()
                .map(|text| parsed(text))
                .filter(|value| value["requestId"] == id && value.get("response").is_some())
                .count();
            assert_eq!(count, 1, "{id} with {supply:?}");
        }
    }
}

#[test]
fn w1_a_clock_that_was_not_looked_at_for_long_answers_when_it_is() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.forget();
    // The machine slept; what wakes it is a message and no timer.
    scene.now = scene.now + std::time::Duration::from_secs(3_600);
    scene.widget(&request("2", "get_openid"));
    assert_eq!(
        scene.story(),
        [">widget watch_turn_servers#1 {}", ">host get_openid#2"]
    );
}

#[test]
fn w2_the_answer_comes_before_the_update_as_a_message_of_its_own() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", WATCH));
    scene.supply(ready("a"));
    assert_eq!(
        scene.story(),
        [
            "watch",
            ">widget watch_turn_servers#1 {}",
            ">widget watch_turn_servers#2 {}",
            r#">widget update_turn_servers "a""#,
        ]
    );
}

#[test]
fn w3_without_a_result_the_answer_comes_after_two_seconds_and_the_update_when_there_is_one() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.run(1_999);
    assert_eq!(scene.story(), ["watch"]);
    scene.run(1);
    assert_eq!(scene.story(), [">widget watch_turn_servers#1 {}"]);
    scene.supply(Supply::Pending);
    scene.run(60_000);
    assert_eq!(scene.story(), [""; 0]);
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

#[test]
fn w3_what_may_pass_is_no_error() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.supply(Supply::Outage);
    assert_eq!(scene.story(), ["watch", ">widget watch_turn_servers#1 {}"]);
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

#[test]
fn w3_what_lasts_is_an_error_and_ends_the_watch() {
    let cases = [
        (no_turn(), "the homeserver answered with an empty object"),
        (Supply::Unavailable(Unavailable::SignedOut), "signed out"),
        (forbidden(), "the homeserver refuses them (403 M_FORBIDDEN)"),
    ];
    for (supply, text) in cases {
        let mut scene = Scene::granted();
        scene.widget(&request("1", WATCH));
        scene.widget(&request("2", WATCH));
        scene.supply(supply);
        let error = format!(r#""TURN servers not available: {text}""#);
        assert_eq!(
            scene.story(),
            [
                "watch",
                "unwatch",
                &format!(">widget watch_turn_servers#1 {error}"),
                &format!(">widget watch_turn_servers#2 {error}"),
            ]
        );
        scene.supply(ready("a"));
        assert_eq!(scene.story(), [""; 0], "it was refused: it does not watch");
        scene.widget(&request("3", WATCH));
        assert_eq!(scene.story().len(), 3, "it may ask again all the same");
    }
}

#[test]
fn w3_a_lasting_cause_that_comes_after_the_answer_ends_nothing() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.run(2_000);
    scene.forget();
    scene.supply(forbidden());
    assert_eq!(scene.story(), [""; 0]);
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

#[test]
fn w4_the_error_has_the_shape_that_clients_read_and_no_secrets() {
    let mut scene = Scene::granted();
    scene.supply = Some(forbidden());
    scene.widget(&request("1", WATCH));
    let told = scene.heard_by_widget();
    assert_eq!(
        parsed(&told[0])["response"],
        json!({ "error": {
            "message": "TURN servers not available: the homeserver refuses them (403 M_FORBIDDEN)",
            "matrix_api_error": {
                "http_status": 403,
                "http_headers": { "retry-after": "7" },
                "url": "/_matrix/client/v3/voip/turnServer",
                "response": { "errcode": "M_FORBIDDEN", "error": "Not for you" },
            },
        } })
    );
    let mut scene = Scene::granted();
    scene.supply = Some(no_turn());
    scene.widget(&request("1", WATCH));
    let error = parsed(&scene.heard_by_widget()[0])["response"]["error"].clone();
    assert_eq!(
        error.as_object().map(serde_json::Map::len),
        Some(1),
        "no homeserver refused"
    );
}

#[test]
fn w5_watching_while_watching_has_no_effect() {
    let mut scene = Scene::watching("a");
    for id in ["2", "3"] {
        scene.widget(&request(id, WATCH));
    }
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            ">widget watch_turn_servers#3 {}"
        ]
    );
    scene.widget(&request("4", UNWATCH));
    assert_eq!(
        scene.story(),
        ["unwatch", ">widget unwatch_turn_servers#4 {}"],
        "one ends them all"
    );
}

#[test]
fn w5_a_second_watch_sends_again_what_did_not_arrive() {
    let mut scene = Scene::granted();
    scene.supply = Some(ready("a"));
    scene.widget(&request("1", WATCH));
    scene.run(10_000);
    scene.forget();
    scene.widget(&request("2", WATCH));
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            r#">widget update_turn_servers "a""#
        ]
    );
}

#[test]
fn w5_two_watches_at_once_make_one_watch() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.run(1_500);
    scene.widget(&request("2", WATCH));
    // It joins the first one, whose time it shares.
    scene.run(500);
    assert_eq!(
        scene.story(),
        [
            "watch",
            ">widget watch_turn_servers#1 {}",
            ">widget watch_turn_servers#2 {}"
        ]
    );
    scene.supply(ready("a"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "a""#]);
}

#[test]
fn w5_two_watches_of_the_same_id_are_two_requests() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.widget(&request("1", WATCH));
    scene.run(2_000);
    assert_eq!(scene.heard_by_widget().len(), 2);
}

#[test]
fn w6_unwatch_is_answered_at_once_in_every_state() {
    let mut scene = Scene::scripted();
    scene.widget(&request("u", UNWATCH));
    assert_eq!(scene.story(), [">widget unwatch_turn_servers#u {}"]);
    let mut scene = Scene::granted();
    scene.widget(&request("u", UNWATCH));
    assert_eq!(scene.story(), [">widget unwatch_turn_servers#u {}"]);
    scene.widget(&request("1", WATCH));
    scene.forget();
    scene.widget(&request("u", UNWATCH));
    assert_eq!(
        scene.story(),
        [
            "unwatch",
            ">widget watch_turn_servers#1 {}",
            ">widget unwatch_turn_servers#u {}"
        ]
    );
    let mut scene = Scene::watching("a");
    scene.widget(&request("u", UNWATCH));
    scene.widget(&request("u2", UNWATCH));
    assert_eq!(
        scene.story(),
        [
            "unwatch",
            ">widget unwatch_turn_servers#u {}",
            ">widget unwatch_turn_servers#u2 {}"
        ]
    );
}

#[test]
fn w6_no_update_after_the_answer_to_unwatch_even_one_that_was_being_fetched() {
    let mut scene = Scene::granted();
    scene.widget(&request("1", WATCH));
    scene.widget(&request("2", UNWATCH));
    scene.forget();
    scene.supply(ready("a"));
    scene.run(60_000);
    assert_eq!(scene.story(), [""; 0]);
}

#[test]
fn w6_nor_one_that_waited_for_an_answer_to_the_one_before() {
    for answered in [true, false] {
        let mut scene = Scene::granted();
        scene.supply = Some(ready("a"));
        scene.widget(&request("1", WATCH));
        let update = scene.update().expect("update");
        scene.supply(ready("b"));
        scene.widget(&request("2", UNWATCH));
        scene.forget();
        if answered {
            scene.widget(&reply(&update, &json!({})));
        }
        scene.run(60_000);
        assert_eq!(scene.story(), [""; 0]);
    }
}

#[test]
fn w6_a_new_watch_after_the_end_of_one_is_served_anew() {
    let mut scene = Scene::watching("a");
    scene.widget(&request("2", UNWATCH));
    scene.forget();
    scene.widget(&request("3", WATCH));
    assert_eq!(
        scene.story(),
        [
            "watch",
            ">widget watch_turn_servers#3 {}",
            r#">widget update_turn_servers "a""#
        ]
    );
}

#[test]
fn w5_a_watch_while_the_account_is_refused_asks_again() {
    let mut scene = Scene::watching("a");
    scene.supply(forbidden());
    scene.supply = None;
    scene.forget();
    for id in ["2", "3"] {
        scene.widget(&request(id, WATCH));
    }
    assert_eq!(
        scene.story(),
        [
            ">widget watch_turn_servers#2 {}",
            "unwatch",
            "watch",
            // Not known to be refused any more.
            ">widget watch_turn_servers#3 {}",
        ]
    );
    scene.supply(ready("b"));
    assert_eq!(scene.story(), [r#">widget update_turn_servers "b""#]);
}

#[test]
fn w6_a_new_watch_does_not_see_what_the_old_one_was_supplied_with() {
    let mut scene = Scene::watching("a");
    scene.widget(&request("2", UNWATCH));
    scene.supply = None;
    scene.widget(&request("3", WATCH));
    scene.run(60_000);
    assert!(!scene.news().iter().any(is_update));
}

fn is_update(output: &Output) -> bool {
    matches!(output, Output::ToWidget(text) if text.contains(r#""toWidget""#))
}
