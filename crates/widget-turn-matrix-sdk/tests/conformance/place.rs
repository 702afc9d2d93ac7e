//! An account in a room, and one widget in it, on tokio's paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use matrix_sdk::Room;
use matrix_sdk::ruma::room_id;
use matrix_sdk::test_utils::mocks::MatrixMockServer;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use widget_turn::{Failure, FeedConfig, Fetched, TurnFeed, TurnSource, read_response};

use crate::account;
use crate::drivers::Driver;
use crate::log::Log;
use crate::player::Host;
use crate::script::{Answer, Grant, Need, Script};

/// After this a request to the homeserver is given up, as what fetches must.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);

/// The paused clock goes on only when every task waits: after this all that waits for nothing has run.
const REST: Duration = Duration::from_millis(1);

pub(crate) struct Place {
    runtime: Runtime,
    pub(crate) room: Room,
    pub(crate) grant: watch::Sender<Grant>,
    homeserver: Homeserver,
    /// Serves the room; TURN has a homeserver of its own here, for a request on a socket does not wait for a paused clock.
    _server: MatrixMockServer,
}

impl Place {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (server, room) = runtime.block_on(async {
            let server = MatrixMockServer::new().await;
            let client = account::client(&server).await;
            let room = server
                .sync_joined_room(&client, room_id!("!room:example.org"))
                .await;
            server.mock_room_state_encryption().plain().mount().await;
            tokio::time::pause();
            (server, room)
        });
        Self {
            runtime,
            room,
            grant: watch::Sender::new(Grant::Names(Vec::new())),
            homeserver: Homeserver::default(),
            _server: server,
        }
    }

    pub(crate) fn feed(&self) -> TurnFeed {
        TurnFeed::new(self.homeserver.clone(), FeedConfig::default())
    }
}

/// What the homeserver answers to the question for TURN servers.
#[derive(Clone)]
struct Homeserver {
    answer: watch::Sender<Answer>,
    asked: Arc<AtomicUsize>,
}

impl Default for Homeserver {
    fn default() -> Self {
        Self {
            answer: watch::Sender::new(Answer::Silent),
            asked: Arc::default(),
        }
    }
}

impl TurnSource for Homeserver {
    async fn fetch(&self) -> Fetched {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer = self.answer.subscribe();
        let answered = answer.wait_for(|answer| !matches!(answer, Answer::Silent));
        match timeout(FETCH_PATIENCE, answered)
            .await
            .as_ref()
            .map(|answer| answer.as_deref())
        {
            Ok(Ok(Answer::Http { status, body })) => {
                let text = match body {
                    Value::String(text) => text.clone(),
                    body => body.to_string(),
                };
                read_response(*status, None, text.as_bytes())
            }
            _ => Fetched::Failed(Failure::default()),
        }
    }
}

/// One script's widget.
pub(crate) struct Scene<'a> {
    place: &'a Place,
    /// `None` once it is closed.
    driver: Option<Driver>,
    began: Instant,
    log: Option<Log>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        place: &'a Place,
        script: &Script,
        start: impl Fn(&Place, &Script) -> Driver,
    ) -> Self {
        place.grant.send_replace(Grant::Names(Vec::new()));
        place.homeserver.answer.send_replace(Answer::Silent);
        let log = script.needs.contains(&Need::Log).then(Log::new);
        let (driver, began) = place
            .runtime
            .block_on(async { (start(place, script), Instant::now()) });
        let scene = Self {
            place,
            driver: Some(driver),
            began,
            log,
        };
        scene.rest();
        scene
    }

    fn rest(&self) {
        self.place.runtime.block_on(async { sleep(REST).await });
    }

    fn driver(&self) -> &Driver {
        self.driver
            .as_ref()
            .expect("no script goes on with a closed widget")
    }
}

impl Host for Scene<'_> {
    fn hand_in(&mut self, text: &str) {
        self.place
            .runtime
            .block_on(self.driver().send(text.to_owned()));
        self.rest();
    }

    fn page_loads(&mut self) {
        self.place.runtime.block_on(self.driver().page_loaded());
        self.rest();
    }

    fn page_closes(&mut self) {
        self.driver = None;
        self.rest();
    }

    fn grant(&mut self, grant: &Grant) {
        self.place.grant.send_replace(grant.clone());
        self.rest();
    }

    fn source(&mut self, answer: &Answer) {
        self.place.homeserver.answer.send_replace(answer.clone());
        self.rest();
    }

    fn asked(&self) -> usize {
        self.place.homeserver.asked.load(Ordering::Relaxed)
    }

    fn log(&self) -> String {
        self.log.as_ref().expect("the script needs it").text()
    }

    fn next(&mut self, within: Duration) -> Option<String> {
        let within = within.max(REST);
        let driver = &mut self.driver;
        self.place.runtime.block_on(async {
            match driver {
                Some(driver) => timeout(within, driver.recv())
                    .await
                    .ok()
                    .map(|text| text.expect("it runs")),
                None => {
                    sleep(within).await;
                    None
                }
            }
        })
    }

    fn now(&self) -> Duration {
        let now = self.place.runtime.block_on(async { Instant::now() });
        now - self.began
    }
}
