//! Asks a homeserver for TURN servers, and tells what it said: every form of an answer and of none.

mod answer;
mod http;

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::{sleep, timeout};
use url::Url;
use widget_turn_proto::{Fetched, Secret, read_response};

use super::lint::span;
use super::report::{HomeserverReport, Outcome, Step, StepName};
use super::round::Supply;
use crate::account::{Account, Borrowed};
use crate::secrets::Secrets;
use answer::{lint_form, lint_members, understood};
use http::{get, is_loopback};

const PATH: &str = "/_matrix/client/v3/voip/turnServer";
const WELL_KNOWN: &str = "/.well-known/matrix/client";
/// How much is shown of a lifetime that is no number, in characters.
const MAX_TTL: usize = 40;
/// How often a session is read that another process may renew.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How far the clocks may be apart, in seconds.
const MAX_SKEW: i64 = 10;

/// Why there is no homeserver to ask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HomeserverError {
    #[error(
        "expected the name of a homeserver, such as example.org, or its URL with https: (http: on loopback only)"
    )]
    Name,
    #[error(
        "the access token holds a blank or a character beyond ASCII: expected it as the homeserver gave it out"
    )]
    Token,
}

/// A homeserver, and an account there. No `Debug`: holds the access token.
pub(crate) struct Homeserver {
    name: String,
    /// Where to look for the base URL, or the base URL itself.
    place: Place,
    access: Access,
}

/// What lets in.
enum Access {
    Token(Secret),
    /// Whose token may be replaced by another at any time.
    Account(Box<Account>),
    /// The same, by another process.
    Borrowed(Borrowed),
}

enum Place {
    Name(Url),
    Base(Url),
}

impl Homeserver {
    /// `name` is a server name, whose base URL is looked up, or a base URL.
    ///
    /// # Errors
    ///
    /// For what is neither, and for a token that cannot be sent.
    pub(crate) fn new(name: &str, token: Secret) -> Result<Self, HomeserverError> {
        let place = if name.contains("://") {
            Place::Base(base_url(name).ok_or(HomeserverError::Name)?)
        } else {
            let origin = base_url(&format!("https://{name}")).ok_or(HomeserverError::Name)?;
            if origin.path() != "/" {
                return Err(HomeserverError::Name);
            }
            Place::Name(origin)
        };
        let sendable = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if !sendable {
            return Err(HomeserverError::Token);
        }
        Ok(Self {
            name: name.to_owned(),
            place,
            access: Access::Token(token),
        })
    }

    /// Of an account that is logged in.
    pub(crate) fn of(account: Account) -> Self {
        let base = account.client().homeserver();
        Self {
            name: base.to_string(),
            place: Place::Base(base),
            access: Access::Account(Box::new(account)),
        }
    }

    /// By a session that another process uses.
    pub(crate) fn borrowed(session: Borrowed) -> Self {
        Self {
            name: session.base_url().to_string(),
            place: Place::Base(session.base_url().clone()),
            access: Access::Borrowed(session),
        }
    }

    async fn token(&self, limit: Duration) -> Secret {
        match &self.access {
            Access::Token(token) => token.clone(),
            Access::Account(account) => {
                // The SDK renews a token that has run out. Whatever else is wrong is seen by what follows.
                let _ = timeout(limit, account.client().whoami()).await;
                Secret::new(account.client().access_token().unwrap_or_default())
            }
            Access::Borrowed(session) => session.token().unwrap_or_else(|| Secret::new("")),
        }
    }

    /// Another token than this one, if the process that the session belongs to renews it in time.
    async fn renewed(&self, token: &Secret, limit: Duration) -> Option<Secret> {
        let Access::Borrowed(session) = &self.access else {
            return None;
        };
        let renewed = async {
            loop {
                let now = session.token()?;
                if now.expose() != token.expose() {
                    return Some(now);
                }
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(limit, renewed).await.ok().flatten()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A report of a homeserver that was not asked.
    pub(crate) fn unasked(&self) -> HomeserverReport {
        HomeserverReport {
            name: self.name.clone(),
            ..HomeserverReport::default()
        }
    }

    /// Asks. Each request takes `limit` at most, and 64 KiB of an answer are read.
    pub(crate) async fn ask(
        &self,
        limit: Duration,
        secrets: &Secrets,
    ) -> (HomeserverReport, Option<Supply>) {
        let mut report = self.unasked();
        let base = match &self.place {
            Place::Base(base) => base.clone(),
            Place::Name(origin) => match discover(origin, limit).await {
                (step, Some(base)) => {
                    report.steps.push(step);
                    base
                }
                (step, None) => {
                    report.steps.push(step);
                    return (report, None);
                }
            },
        };
        report.base_url = Some(base.to_string());
        let supply = self.turn_server(&base, limit, secrets, &mut report).await;
        (report, supply)
    }

    async fn turn_server(
        &self,
        base: &Url,
        limit: Duration,
        secrets: &Secrets,
        report: &mut HomeserverReport,
    ) -> Option<Supply> {
        let started = Instant::now();
        let path = format!("{}{PATH}", base.path().trim_end_matches('/'));
        let mut url = base.clone();
        url.set_path(&path);
        let token = self.token(limit).await;
        secrets.add(&token);
        let mut answer = get(url.clone(), Some(&token), limit).await;
        if matches!(&answer, Ok(answer) if answer.status == 401)
            && let Some(token) = self.renewed(&token, limit).await
        {
            secrets.add(&token);
            answer = get(url, Some(&token), limit).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => {
                let step = Step::seen(StepName::TurnServer, Outcome::Failed, why).advise(
                    "Look whether the homeserver runs and can be reached from this machine; with a wrong address, \
                     give the URL of its client-server API.",
                );
                report.steps.push(step.took(started.elapsed()));
                return None;
            }
        };
        report.status = Some(answer.status);
        report.retry_after_seconds = answer.retry_after.map(|wait| wait.as_secs());
        let fetched = read_response(answer.status, answer.retry_after, &answer.body);
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // A time that has passed is none to wait for.
        let is_wait = json["retry_after_ms"].as_f64().is_some_and(|it| it >= 0.0);
        if let Fetched::Failed(failure) = &fetched
            && report.retry_after_seconds.is_none()
            && is_wait
        {
            let wait = failure
                .retry_after
                .map(|wait| wait.as_secs_f64().ceil() as u64);
            report.retry_after_seconds = wait;
        }
        report.ttl = json.get("ttl").and_then(named_ttl);
        let (step, supply) = understood(&fetched, &json, &answer, report);
        report.steps.push(step.took(started.elapsed()));
        if supply.is_some() {
            report.steps.extend(lint_form(&json));
        }
        if (200..300).contains(&answer.status) {
            report.steps.extend(lint_members(&json));
        }
        if let Some(skew) = answer.clock_skew {
            report.clock_skew_seconds = Some(skew);
            if skew.abs() > MAX_SKEW {
                let ahead = if skew > 0 { "ahead of" } else { "behind" };
                let detail = format!(
                    "the homeserver's clock is {} {ahead} this machine's",
                    span(skew.unsigned_abs())
                );
                let step = Step::seen(StepName::Clock, Outcome::Warning, detail);
                report.steps.push(step.advise(
                    "Credentials expire by the homeserver's clock and are refused by the TURN server's: set all \
                     clocks by NTP.",
                ));
            }
        }
        supply
    }
}

/// A ttl as a report may have it.
fn named_ttl(ttl: &Value) -> Option<Value> {
    match ttl {
        Value::Number(_) => Some(ttl.clone()),
        Value::String(text) => Some(text.chars().take(MAX_TTL).collect::<String>().into()),
        _ => None,
    }
}

/// The URL of a client-server API. `None` for what cannot be one, and for one that the token must not go to.
fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.host().is_some();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (plain && safe).then_some(url)
}

/// The base URL by `/.well-known/matrix/client`; the server name itself where there is none (Matrix 1.19, "Server
/// Discovery").
async fn discover(origin: &Url, limit: Duration) -> (Step, Option<Url>) {
    let started = Instant::now();
    let step = |outcome, detail: String| {
        Step::seen(StepName::Discovery, outcome, detail).took(started.elapsed())
    };
    let mut url = origin.clone();
    url.set_path(WELL_KNOWN);
    let advice = "Correct /.well-known/matrix/client on the web server, or give the URL of the client-server API.";
    let answer = match get(url, None, limit).await {
        Ok(answer) => answer,
        Err(why) => {
            let detail = format!("no /.well-known/matrix/client: {why}");
            let advice = "Look whether the name is right and its web server runs, or give the URL of the client-server \
                          API.";
            return (step(Outcome::Failed, detail).advise(advice), None);
        }
    };
    if answer.status == 404 {
        let detail = "no /.well-known/matrix/client: the name itself is asked".to_owned();
        return (step(Outcome::Ok, detail), Some(origin.clone()));
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let named = json
        .pointer("/m.homeserver/base_url")
        .and_then(Value::as_str);
    match (answer.status, named.map(base_url)) {
        (200, Some(Some(base))) => (
            step(
                Outcome::Ok,
                "/.well-known/matrix/client names the server".to_owned(),
            ),
            Some(base),
        ),
        (200, Some(None)) => {
            let detail = "/.well-known/matrix/client names no https: URL".to_owned();
            (step(Outcome::Failed, detail).advise(advice), None)
        }
        (200, None) => {
            let detail = "/.well-known/matrix/client has no m.homeserver.base_url".to_owned();
            (step(Outcome::Failed, detail).advise(advice), None)
        }
        (status, _) => {
            let detail = format!("/.well-known/matrix/client answered {status}");
            (step(Outcome::Failed, detail).advise(advice), None)
        }
    }
}

#[cfg(test)]
mod tests;
