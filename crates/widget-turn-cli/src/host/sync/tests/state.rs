//! What is asked of a sliding sync, and what a widget is told of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use matrix_sdk::ruma::{RoomId, room_id};
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::{Value, json};
use widget_turn_matrix_sdk::LiveState;
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::event::Reporter;
use crate::host::sync::Syncing;
use crate::host::sync::required_state::SMALL;

const SLIDING_SYNC: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

fn room() -> &'static RoomId {
    room_id!("!room:example.org")
}

/// A homeserver with one room of so many members.
#[derive(Clone)]
struct SlidingSync {
    members: Option<u64>,
    /// The next answer is that the connection is not known.
    forgets: Arc<AtomicBool>,
}

impl Respond for SlidingSync {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        if self.forgets.swap(false, Ordering::Relaxed) {
            let error = json!({ "errcode": "M_UNKNOWN_POS", "error": "Unknown position" });
            return ResponseTemplate::new(400).set_body_json(error);
        }
        let joined = json!({
            "type": "m.room.member", "state_key": "@example:localhost", "sender": "@example:localhost",
            "event_id": "$joined", "origin_server_ts": 1, "content": { "membership": "join" },
        });
        let mut seen = json!({ "initial": true, "required_state": [joined] });
        if let Some(members) = self.members {
            seen["joined_count"] = members.into();
        }
        ResponseTemplate::new(200)
            .set_body_json(json!({ "pos": "1", "rooms": { room().as_str(): seen } }))
            .set_delay(Duration::from_millis(10))
    }
}

struct Scene {
    server: MatrixMockServer,
    homeserver: SlidingSync,
    syncing: Syncing,
}

impl Scene {
    async fn new(members: Option<u64>) -> Self {
        let server = MatrixMockServer::new().await;
        let homeserver = SlidingSync {
            members,
            forgets: Arc::default(),
        };
        server
            .mock_versions()
            .with_simplified_sliding_sync()
            .ok()
            .mount()
            .await;
        Mock::given(method("POST"))
            .and(path(SLIDING_SYNC))
            .respond_with(homeserver.clone())
            .mount(server.server())
            .await;
        let client = server.client_builder().no_server_versions().build().await;
        let reporter = Arc::new(Reporter::to_nobody());
        let syncing = Syncing::start(&client, Some(room()), reporter).await;
        Self {
            server,
            homeserver,
            syncing: syncing.unwrap(),
        }
    }

    async fn live_state(&mut self) -> LiveState {
        let (found, live_state) = self
            .syncing
            .room(room(), Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(found.room_id(), room());
        live_state
    }

    /// The state that was asked for, by each request.
    async fn asked(&self) -> Vec<Value> {
        let requests = self.server.server().received_requests().await.unwrap();
        let syncs = requests.iter().filter(|it| it.url.path() == SLIDING_SYNC);
        let bodies = syncs.map(|sync| serde_json::from_slice::<Value>(&sync.body).unwrap());
        bodies
            .map(|body| body["room_subscriptions"][room().as_str()]["required_state"].clone())
            .collect()
    }
}

#[tokio::test]
async fn a_small_room_has_all_its_state_brought_and_its_widgets_wait_for_nothing() {
    let mut scene = Scene::new(Some(SMALL)).await;
    assert_eq!(scene.live_state().await, LiveState::FromSync);
    let asked = scene.asked().await;
    assert_ne!(asked[0], json!([["*", "*"]]), "its size is not known yet");
    assert_eq!(asked[1], json!([["*", "*"]]));
}

#[tokio::test]
async fn of_a_large_room_and_one_that_is_not_counted_widgets_ask_for_what_they_may_see() {
    for members in [Some(SMALL + 1), None] {
        let mut scene = Scene::new(members).await;
        assert_eq!(scene.live_state().await, LiveState::Subscribe);
        scene.syncing.next().await.unwrap();
        scene.syncing.next().await.unwrap();
        let asked = scene.asked().await;
        assert!(!asked.contains(&json!([["*", "*"]])), "{members:?}");
    }
}

#[tokio::test]
async fn the_room_is_asked_for_again_when_the_homeserver_has_forgotten_the_sync() {
    for (members, state) in [(SMALL, 1), (SMALL + 1, 16)] {
        let mut scene = Scene::new(Some(members)).await;
        scene.live_state().await;
        scene.homeserver.forgets.store(true, Ordering::Relaxed);
        while scene.homeserver.forgets.load(Ordering::Relaxed) {
            scene.syncing.next().await.unwrap();
        }
        scene.syncing.next().await.unwrap();
        scene.syncing.next().await.unwrap();
        let asked = scene.asked().await;
        let last = asked.last().and_then(Value::as_array).unwrap();
        assert_eq!(last.len(), state, "{last:?}");
    }
}
