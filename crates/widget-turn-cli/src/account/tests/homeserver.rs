//! A homeserver with one user, who may log in, and with rooms that never change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const ALICE: &str = "@alice:example.org";
pub(crate) const PASSWORD: &str = " pass word ";
/// How long a sync waits for news, which never come.
const POLL: Duration = Duration::from_millis(200);
const SLIDING: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

pub(crate) struct Homeserver {
    pub(crate) server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// What each token is: user and device.
    pub(crate) tokens: BTreeMap<String, (String, String)>,
    /// Tokens that a refresh token stands for.
    pub(crate) expired: Vec<String>,
    pub(crate) logins: u32,
    /// Answers to `POST /login` in place of its own.
    pub(crate) login_answer: Option<(u16, Value)>,
    pub(crate) ways: Vec<&'static str>,
    /// The state of each room that Alice is in.
    pub(crate) rooms: BTreeMap<String, Vec<Value>>,
    /// What sliding sync answers, if there is one.
    pub(crate) sliding: Option<u16>,
    /// Says that Alice is in the rooms, and sends nothing of them.
    pub(crate) withholds: bool,
    /// Each sync brings a message of another device.
    pub(crate) has_messages: bool,
    /// The signing key that Alice's device GIVEN has, if it encrypts.
    pub(crate) signing_key: Option<String>,
    /// Answers 502 to all.
    pub(crate) is_down: bool,
}

impl Homeserver {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            ways: vec!["m.login.password", "m.login.sso"],
            sliding: Some(200),
            ..State::default()
        }));
        let server = MockServer::start().await;
        let answering = state.clone();
        Mock::given(any())
            .respond_with(move |request: &Request| {
                let (status, body) = answering.lock().unwrap().answer(request);
                let answer = ResponseTemplate::new(status).set_body_json(body);
                match waits(request) {
                    true => answer.set_delay(POLL),
                    false => answer,
                }
            })
            .mount(&server)
            .await;
        Self { server, state }
    }

    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap())
    }

    /// How often a path was asked for, by its end.
    pub(crate) async fn asked(&self, path: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        let requests = requests.iter();
        requests
            .filter(|request| request.url.path().ends_with(path))
            .count()
    }

    /// Alice is in a room with these state events: type, key and content.
    pub(crate) fn add_room(&self, id: &str, events: &[(&str, &str, Value)]) {
        let content = json!({ "membership": "join" });
        let own = ("m.room.member", ALICE, content);
        let create = ("m.room.create", "", json!({ "room_version": "10" }));
        let events = [own, create].into_iter().chain(events.iter().cloned());
        let events = events.enumerate().map(|(number, (kind, key, content))| {
            json!({
                "type": kind, "state_key": key, "content": content, "sender": ALICE,
                "event_id": format!("${number}-{id}"), "origin_server_ts": 1,
            })
        });
        let events = events.collect();
        self.with(|state| state.rooms.insert(id.to_owned(), events));
    }
}

fn param(request: &Request, name: &str) -> Option<String> {
    let mut pairs = request.url.query_pairs();
    pairs
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// Whether it is a sync that goes on from another one.
fn waits(request: &Request) -> bool {
    let timeout = param(request, "timeout");
    request.url.path().ends_with("/sync")
        && timeout.is_some_and(|timeout| timeout != "0")
        && (param(request, "since").is_some() || param(request, "pos").is_some())
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path = request.url.path();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let token = request.headers.get("authorization");
        let token = token.and_then(|token| token.to_str().unwrap().strip_prefix("Bearer "));
        if self.is_down {
            return (502, json!({}));
        }
        if path == "/_matrix/client/versions" {
            let features = json!({ "org.matrix.simplified_msc3575": self.sliding.is_some() });
            return (
                200,
                json!({ "versions": ["v1.1", "v1.13"], "unstable_features": features }),
            );
        }
        if path == "/_matrix/client/v3/login" {
            return match request.method.as_str() {
                "GET" => {
                    let ways = self.ways.iter().map(|way| json!({ "type": way }));
                    (200, json!({ "flows": ways.collect::<Vec<_>>() }))
                }
                _ => self.login(&body),
            };
        }
        if path == "/_matrix/client/v3/refresh" {
            if self.tokens.is_empty() {
                return (
                    401,
                    json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "who?" }),
                );
            }
            let access = format!("refreshed-{}", self.expired.len());
            let who = (ALICE.to_owned(), "DEVICE1".to_owned());
            self.tokens.insert(access.clone(), who);
            return (
                200,
                json!({ "access_token": access, "refresh_token": "next-refresh" }),
            );
        }
        if let Some(alias) = path.strip_prefix("/_matrix/client/v3/directory/room/%23") {
            return match alias {
                "nowhere:example.org" => (404, json!({ "errcode": "M_NOT_FOUND", "error": "no" })),
                name => (200, json!({ "room_id": format!("!{name}"), "servers": [] })),
            };
        }
        let Some(token) = token else {
            return (
                401,
                json!({ "errcode": "M_MISSING_TOKEN", "error": "none" }),
            );
        };
        if self.expired.iter().any(|expired| expired == token) {
            return (
                401,
                json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired", "soft_logout": true }),
            );
        }
        let Some((user, device)) = self.tokens.get(token).cloned() else {
            return (
                401,
                json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "who?" }),
            );
        };
        match path {
            "/_matrix/client/v3/account/whoami" if device.is_empty() => {
                (200, json!({ "user_id": user }))
            }
            "/_matrix/client/v3/account/whoami" => {
                (200, json!({ "user_id": user, "device_id": device }))
            }
            "/_matrix/client/v3/logout" => {
                self.tokens.remove(token);
                (200, json!({}))
            }
            "/_matrix/client/v3/joined_rooms" => {
                let rooms: Vec<_> = self.rooms.keys().collect();
                (200, json!({ "joined_rooms": rooms }))
            }
            "/_matrix/client/v3/keys/query" => (200, self.device_keys()),
            "/_matrix/client/v3/sync" => self.sync(request),
            SLIDING => self.sliding_sync(request, &body),
            _ => (404, json!({ "errcode": "M_NOT_FOUND", "error": path })),
        }
    }

    fn device_keys(&self) -> Value {
        let devices = self.signing_key.as_ref().map(|key| {
            let keys = json!({ "curve25519:GIVEN": key, "ed25519:GIVEN": key });
            json!({ "GIVEN": { "user_id": ALICE, "device_id": "GIVEN", "algorithms": [], "keys": keys, "signatures": {} } })
        });
        json!({ "device_keys": { ALICE: devices.unwrap_or_else(|| json!({})) } })
    }

    fn messages(&self) -> Vec<Value> {
        let content = json!({ "call_id": "1" });
        let message = json!({ "type": "m.call.hangup", "sender": ALICE, "content": content });
        vec![message; self.has_messages.into()]
    }

    fn sync(&self, request: &Request) -> (u16, Value) {
        if param(request, "since").is_some() || self.withholds {
            // The SDK passes over an answer that it has had.
            let since = param(request, "since").and_then(|since| since.parse::<u64>().ok());
            let next_batch = (since.unwrap_or_default() + 1).to_string();
            let messages = json!({ "events": self.messages() });
            return (
                200,
                json!({ "next_batch": next_batch, "to_device": messages }),
            );
        }
        let rooms = self.rooms.iter().map(|(id, events)| {
            let room = json!({ "state": { "events": events }, "timeline": { "events": [] } });
            (id.clone(), room)
        });
        let joined: BTreeMap<_, _> = rooms.collect();
        (
            200,
            json!({ "next_batch": "1", "rooms": { "join": joined } }),
        )
    }

    fn sliding_sync(&self, request: &Request, body: &Value) -> (u16, Value) {
        match self.sliding {
            Some(200) => {}
            Some(status) => {
                let error = json!({ "errcode": "M_GUEST_ACCESS_FORBIDDEN", "error": "no guests" });
                return (status, error);
            }
            None => {
                return (
                    404,
                    json!({ "errcode": "M_UNRECOGNIZED", "error": "what?" }),
                );
            }
        }
        let lists = body["lists"].as_object().into_iter().flatten();
        let lists: BTreeMap<_, _> = lists
            .map(|(name, _)| (name.clone(), json!({ "count": self.rooms.len() })))
            .collect();
        let subscribed = |id: &String| body["room_subscriptions"].get(id).is_some();
        let rooms = self.rooms.iter().filter(|(id, _)| {
            !self.withholds
                && param(request, "pos").is_none()
                && (!lists.is_empty() || subscribed(id))
        });
        let rooms: BTreeMap<_, _> = rooms
            .map(|(id, events)| {
                let room = json!({ "initial": true, "required_state": events, "timeline": [] });
                (id.clone(), room)
            })
            .collect();
        let messages = json!({ "next_batch": "1", "events": self.messages() });
        let extensions = json!({ "to_device": messages });
        let answer =
            json!({ "pos": "1", "lists": lists, "rooms": rooms, "extensions": extensions });
        (200, answer)
    }

    fn login(&mut self, body: &Value) -> (u16, Value) {
        if let Some(answer) = &self.login_answer {
            return answer.clone();
        }
        let good = match body["type"].as_str() {
            Some("m.login.password") => {
                body["password"] == PASSWORD && body["identifier"]["user"] == ALICE
            }
            Some("m.login.token") => body["token"] == "one-time",
            _ => false,
        };
        if !good {
            let error =
                json!({ "errcode": "M_FORBIDDEN", "error": "Invalid username or password canary" });
            return (403, error);
        }
        self.logins += 1;
        let (token, device) = (
            format!("syt_{}", self.logins),
            format!("DEVICE{}", self.logins),
        );
        let who = (ALICE.to_owned(), device.clone());
        self.tokens.insert(token.clone(), who);
        let mut answer = json!({ "user_id": ALICE, "access_token": token, "device_id": device });
        if body["refresh_token"] == true {
            answer["refresh_token"] = json!("first-refresh");
        }
        (200, answer)
    }
}
