//! The room's state, as a widget hears of it while it changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use widget_turn_matrix_sdk::LiveState;
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::log::Log;
use crate::pages::ended;
use crate::scene::{Place, ROOM, SEND, TURN, raw, state};

pub(crate) const CALL: &str = "org.matrix.msc2762.receive.state_event:org.example.call";
const CALL_OF_ALICE: &str =
    "org.matrix.msc2762.receive.state_event:org.example.call#@alice:example.org";
const MEMBER: &str = "org.matrix.msc2762.receive.state_event:m.room.member";

const SLIDING_SYNC: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
const MISSED: &str = "the widget was not told of changed state (org.example.call)";

fn call(number: u32) -> Value {
    state("org.example.call", "", number)
}

/// The numbers of the state events in an `update_state`.
pub(crate) fn numbers(update: &Value) -> Vec<u64> {
    let events = update["state"].as_array().unwrap().iter();
    events
        .map(|event| event["content"]["number"].as_u64().unwrap())
        .collect()
}

/// A sliding sync whose answers the test gives. Without any, it tells that nothing happened, again and again.
#[derive(Clone, Default)]
pub(crate) struct SlidingSync(Arc<Mutex<VecDeque<ResponseTemplate>>>);

impl SlidingSync {
    async fn mount(server: &MatrixMockServer) -> Self {
        let answers = Self::default();
        Mock::given(method("POST"))
            .and(path(SLIDING_SYNC))
            .respond_with(answers.clone())
            .mount(server.server())
            .await;
        answers
    }

    /// The next answer brings this state.
    pub(crate) fn bring(&self, required_state: &[Value]) {
        let body =
            json!({ "pos": "1", "rooms": { ROOM.as_str(): { "required_state": required_state } } });
        self.answer(ResponseTemplate::new(200).set_body_json(body));
    }

    fn answer(&self, answer: ResponseTemplate) {
        self.0.lock().unwrap().push_back(answer);
    }
}

impl Respond for SlidingSync {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let answer = self.0.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| {
            let nothing = json!({ "pos": "1" });
            let delay = Duration::from_millis(20);
            ResponseTemplate::new(200)
                .set_body_json(nothing)
                .set_delay(delay)
        })
    }
}

/// A place whose homeserver has a sliding sync.
pub(crate) async fn with_sliding_sync() -> (Place, SlidingSync) {
    let place = Place::new().await;
    let versions = place.server.mock_versions();
    versions.with_simplified_sliding_sync().ok().mount().await;
    let sliding_sync = SlidingSync::mount(&place.server).await;
    (place, sliding_sync)
}

/// The bodies of the requests that have a room subscription, and their positions.
async fn asked(place: &Place) -> Vec<(Option<String>, Value)> {
    let requests = place.server.server().received_requests().await.unwrap();
    let requests = requests
        .iter()
        .filter(|request| request.url.path() == SLIDING_SYNC);
    requests
        .map(|request| {
            let mut query = request.url.query_pairs();
            let pos = query.find(|(name, _)| name == "pos");
            let pos = pos.map(|(_, value)| value.into_owned());
            (pos, request.body_json().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_subscription_brings_the_state_that_there_is_and_its_changes() {
    let (place, sliding_sync) = with_sliding_sync().await;
    sliding_sync.bring(&[call(1)]);
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.negotiate(&[SEND, CALL]).await;
    assert_eq!(numbers(&widget.take("update_state").await), [1]);
    sliding_sync.bring(&[call(2)]);
    assert_eq!(numbers(&widget.take("update_state").await), [2]);

    // A state event in the timeline of the client's own sync is not made into anything.
    place.sync_timeline([call(3), call(4)]).await;
    assert_eq!(widget.take("send_event").await["content"]["number"], 3);
    assert_eq!(widget.take("send_event").await["content"]["number"], 4);
}

#[tokio::test]
async fn it_asks_for_the_room_and_for_what_was_granted_alone() {
    let (place, sliding_sync) = with_sliding_sync().await;
    sliding_sync.bring(&[call(1)]);
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.negotiate(&[CALL_OF_ALICE, SEND, MEMBER, TURN]).await;
    widget.take("update_state").await;
    let (pos, body) = asked(&place).await.remove(0);
    assert_eq!(pos, None);
    let name = body["conn_id"].as_str().unwrap();
    assert!(name.starts_with("widget-"), "{name}");
    let subscription = json!({
        "required_state": [["org.example.call", "@alice:example.org"], ["m.room.member", "*"]],
        "timeline_limit": 0,
    });
    assert_eq!(
        body,
        json!({ "conn_id": name, "room_subscriptions": { ROOM.as_str(): subscription } })
    );
}

#[tokio::test]
async fn it_ends_with_the_page_and_with_the_driver() {
    let (place, sliding_sync) = with_sliding_sync().await;
    let before = Handle::current().metrics().num_alive_tasks();
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.negotiate(&[CALL]).await;
    widget.take("update_state").await;
    let serving = Handle::current().metrics().num_alive_tasks();
    for number in 0..3 {
        sliding_sync.bring(&[call(number)]);
        widget.negotiate(&[CALL]).await;
        widget.take("update_state").await;
    }
    // A page that may read no state has none.
    widget.negotiate(&[SEND]).await;
    ended(serving - 1).await;
    drop(widget);
    ended(before).await;
    let names = asked(&place).await.into_iter();
    let mut names: Vec<_> = names
        .map(|(_, body)| body["conn_id"].as_str().unwrap().to_owned())
        .collect();
    names.dedup();
    assert_eq!(names.len(), 1, "one name for one widget: {names:?}");
}

#[tokio::test]
async fn a_homeserver_that_does_not_answer_keeps_the_widget_waiting_for_a_second_and_no_more() {
    let log = Log::new();
    let (place, sliding_sync) = with_sliding_sync().await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    sliding_sync.answer(never);
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.announce(&[CALL]).await;
    // Everything else goes on.
    widget.heard().await;
    widget.notified().await;
    assert_eq!(numbers(&widget.take("update_state").await), [0_u64; 0]);
    log.has("the homeserver is slow").await;
}

#[tokio::test]
async fn a_failure_does_not_keep_it_waiting_and_passes() {
    let (place, sliding_sync) = with_sliding_sync().await;
    let expired = json!({ "errcode": "M_UNKNOWN_POS", "error": "expired" });
    sliding_sync.answer(ResponseTemplate::new(400).set_body_json(expired.clone()));
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.negotiate(&[CALL]).await;
    assert_eq!(numbers(&widget.take("update_state").await), [0_u64; 0]);
    sliding_sync.bring(&[call(1)]);
    assert_eq!(numbers(&widget.take("update_state").await), [1]);
    // In the midst of it, too: the room is subscribed to anew.
    sliding_sync.answer(ResponseTemplate::new(400).set_body_json(expired));
    sliding_sync.bring(&[call(2)]);
    assert_eq!(numbers(&widget.take("update_state").await), [2]);
    for (_, body) in asked(&place).await {
        assert!(
            body["room_subscriptions"][ROOM.as_str()].is_object(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn the_homeserver_is_asked_whether_it_has_sliding_sync() {
    // Kept, or the next one would have the address, at which the widget before may still be asking.
    let mut places = Vec::new();
    for (has, knows) in [(true, true), (true, false), (false, true), (false, false)] {
        let log = Log::new();
        let server = MatrixMockServer::new().await;
        server.mock_room_state_encryption().plain().mount().await;
        let versions = server.mock_versions();
        let versions = versions.with_feature("org.matrix.simplified_msc3575", has);
        versions.ok().mount().await;
        // A client may have been built with what it is to know of the homeserver.
        let client = if knows {
            server.client_builder()
        } else {
            server.client_builder().no_server_versions()
        };
        let client = client.build().await;
        let sliding_sync = SlidingSync::mount(&server).await;
        let place = Place::of(server, client).await;
        sliding_sync.bring(&[call(1)]);

        let mut widget = place.widget_with(LiveState::Subscribe);
        widget.negotiate(&[CALL]).await;
        let first = widget.take("update_state").await;
        assert_eq!(asked(&place).await.is_empty(), !has);
        if has {
            assert_eq!(numbers(&first), [1]);
        } else {
            log.has("no sliding sync: the widget's state comes from events")
                .await;
            place.sync_timeline([call(2)]).await;
            assert_eq!(numbers(&widget.take("update_state").await), [2]);
            assert_eq!(widget.take("send_event").await["content"]["number"], 2);
        }
        places.push(place);
    }
}

#[tokio::test]
async fn state_events_become_an_update_each_before_they_come_themselves() {
    let place = Place::new().await;
    let mut widget = place.widget_with(LiveState::FromEvents);
    widget.negotiate(&[CALL_OF_ALICE, SEND]).await;
    assert_eq!(numbers(&widget.take("update_state").await), [0_u64; 0]);
    let of_alice = |number| state("org.example.call", "@alice:example.org", number);
    // Of bob's and of the topic it may know nothing.
    let of_bob = state("org.example.call", "@bob:example.org", 9);
    let topic = state("m.room.topic", "", 9);
    place
        .sync_timeline([of_bob, of_alice(1), topic, of_alice(2)])
        .await;
    for number in [1, 2] {
        let update = widget.take("update_state").await;
        let event = widget.take("send_event").await;
        assert_eq!(update, json!({ "state": [event] }));
        assert_eq!(event["content"]["number"], number);
        assert_eq!(event["room_id"], ROOM.as_str());
    }
}

#[tokio::test]
async fn nothing_overtakes_the_notification() {
    for live_state in [LiveState::FromSync, LiveState::FromEvents] {
        let place = Place::with_turn().await;
        let (mut widget, mut person) = place.widget_of_a_person_with(live_state);
        widget.announce(&[CALL, TURN]).await;
        let (request, answer) = person.recv().await.unwrap();
        place.sync_timeline([call(1)]).await;
        place.sync_timeline([call(2)]).await;
        widget.heard().await;
        answer.send(request.capabilities).unwrap();
        assert_eq!(widget.notified().await["approved"], json!([CALL, TURN]));
        assert_eq!(numbers(&widget.take("update_state").await), [2]);
        widget.heard().await;
    }
}

#[tokio::test]
async fn where_changes_of_state_come_as_events_alone_the_log_says_so_once() {
    let log = Log::new();
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[CALL, MEMBER]).await;
    widget.take("update_state").await;
    for number in 1..4 {
        place.sync_timeline([call(number)]).await;
        widget.take("send_event").await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        log.has(MISSED).await;
    }
    assert_eq!(log.text().matches(MISSED).count(), 1, "{}", log.text());
    assert_eq!(log.text().lines().count(), 1, "{}", log.text());
}

#[tokio::test]
async fn where_they_come_as_state_too_the_log_says_nothing() {
    let log = Log::new();
    let place = Place::new().await;
    let mut widget = place.widget();
    widget.negotiate(&[CALL]).await;
    widget.take("update_state").await;
    for number in 1..4 {
        place
            .sync(|builder| {
                let room = matrix_sdk_test::JoinedRoomBuilder::new(&ROOM)
                    .use_state_after()
                    .add_state_event(raw::<matrix_sdk::ruma::events::AnySyncStateEvent>(call(
                        number,
                    )))
                    .add_timeline_event(raw::<matrix_sdk::ruma::events::AnySyncTimelineEvent>(
                        call(number),
                    ));
                builder.add_joined_room(room);
            })
            .await;
        // In either order.
        for _ in 0..2 {
            let request = widget.hear().await;
            widget.answer(&request, &json!({})).await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        widget.heard().await;
    }
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_homeserver_that_only_says_that_it_has_sliding_sync_stops_nothing() {
    let place = Place::new().await;
    let versions = place.server.mock_versions();
    versions.with_simplified_sliding_sync().ok().mount().await;
    let mut widget = place.widget_with(LiveState::Subscribe);
    widget.negotiate(&[CALL]).await;
    widget.take("update_state").await;
}
