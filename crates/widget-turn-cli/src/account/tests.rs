//! Accounts on a small homeserver of the tests' own, on loopback.

mod discovery;
mod sessions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::account::{Account, AccountError};
use crate::arguments::{Login, Logout};
use crate::terminal::Progress;

const ALICE: &str = "@alice:example.org";
const PASSWORD: &str = " pass word ";

/// A homeserver with one user, who may log in.
struct Homeserver {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What each token is: user and device.
    tokens: BTreeMap<String, (String, String)>,
    /// Tokens that a refresh token stands for.
    expired: Vec<String>,
    logins: u32,
    /// Answers to `POST /login` in place of its own.
    login_answer: Option<(u16, Value)>,
    ways: Vec<&'static str>,
}

impl Homeserver {
    async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            ways: vec!["m.login.password", "m.login.sso"],
            ..State::default()
        }));
        let server = MockServer::start().await;
        let answering = state.clone();
        Mock::given(any())
            .respond_with(move |request: &Request| {
                let (status, body) = answering.lock().unwrap().answer(request);
                ResponseTemplate::new(status).set_body_json(body)
            })
            .mount(&server)
            .await;
        Self { server, state }
    }

    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap())
    }

    /// How often a path was asked for.
    async fn asked(&self, path: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        let requests = requests.iter();
        requests
            .filter(|request| request.url.path().ends_with(path))
            .count()
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let path = request.url.path();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let token = request.headers.get("authorization");
        let token = token.and_then(|token| token.to_str().unwrap().strip_prefix("Bearer "));
        if path == "/_matrix/client/versions" {
            return (200, json!({ "versions": ["v1.1", "v1.13"] }));
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
            _ => (404, json!({ "errcode": "M_UNRECOGNIZED", "error": path })),
        }
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
                json!({ "errcode": "M_FORBIDDEN", "error": "Invalid username or password" });
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

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("widget-turn-account-{:x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Alice's, as it is kept.
    fn account(&self) -> PathBuf {
        self.0.join("accounts").join("%40alice%3Aexample.org")
    }

    fn session(&self) -> Value {
        let text = std::fs::read_to_string(self.account().join("session.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn login(&self, homeserver: &Homeserver) -> Login {
        Login {
            homeserver: Some(homeserver.server.uri()),
            user: Some(ALICE.to_owned()),
            password_file: None,
            token_file: None,
            data: Some(self.0.clone()),
        }
    }

    fn by_password(&self, homeserver: &Homeserver) -> Login {
        Login {
            password_file: Some(self.file("password", &format!("{PASSWORD}\n"))),
            ..self.login(homeserver)
        }
    }

    fn by_token(&self, homeserver: &Homeserver, token: &str) -> Login {
        Login {
            token_file: Some(self.file("token", &format!("{token}\n"))),
            ..self.login(homeserver)
        }
    }

    async fn log_out(&self, user: Option<&str>) -> Result<super::LoggedOut, AccountError> {
        super::log_out(&Logout {
            user: user.map(str::to_owned),
            data: Some(self.0.clone()),
        })
        .await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn log_in(login: &Login) -> Result<Account, AccountError> {
    super::log_in(login, false, &Progress::Hidden).await
}

/// Why it failed, in the words that the person reads.
async fn refused(login: &Login) -> String {
    match log_in(login).await {
        Ok(account) => panic!("{} is logged in", account.user()),
        Err(error) => error.to_string(),
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}
