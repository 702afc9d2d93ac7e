//! What a homeserver's answer means: servers to try, one of the forms of "no TURN", or a refusal.

use serde_json::Value;
use widget_turn_proto::{ApiError, Fetched, MAX_RESPONSE, NoTurn, Secret};

use super::http::Answer;
use crate::check::lint::span;
use crate::check::report::{HomeserverReport, Outcome, Step, StepName};
use crate::check::round::Supply;

/// More URIs of one homeserver are not tried.
const MAX_URIS: usize = 16;

/// In seconds.
const YEAR: u64 = 365 * 86_400;

/// What an answer means, and what there is to try.
pub(super) fn understood(
    fetched: &Fetched,
    json: &Value,
    answer: &Answer,
    report: &mut HomeserverReport,
) -> (Step, Option<Supply>) {
    let status = report.status.unwrap_or(0);
    let step = |outcome, detail: String| Step::seen(StepName::TurnServer, outcome, detail);
    match fetched {
        Fetched::Credentials { .. } | Fetched::NoTurn(NoTurn::NoUsableUri) => {
            let supply = supply(json);
            let count = supply.uris.len();
            let ttl = report
                .ttl
                .as_ref()
                .map_or_else(String::new, |ttl| match ttl {
                    Value::String(text) => format!(", ttl {text}"),
                    ttl => format!(", ttl {ttl} s"),
                });
            (
                step(Outcome::Ok, format!("{status}, {count} TURN URIs{ttl}")),
                Some(supply),
            )
        }
        Fetched::NoTurn(reason) => {
            let (form, advice) = no_turn(*reason);
            report.no_turn = Some(form);
            (
                step(Outcome::Failed, format!("{status}, {reason}")).advise(advice),
                None,
            )
        }
        Fetched::Forbidden(error) => {
            report.errcode.clone_from(&error.errcode);
            let advice = match error.errcode.as_deref() {
                Some("M_GUEST_ACCESS_FORBIDDEN") => {
                    "The account is a guest: take another, or let guests have TURN (Synapse: turn_allow_guests)."
                }
                _ => {
                    "The homeserver refuses TURN to this account: take another, or look at its settings."
                }
            };
            (step(Outcome::Failed, said(error)).advise(advice), None)
        }
        Fetched::Unauthorized(error) => {
            report.errcode.clone_from(&error.errcode);
            let advice =
                "The access token is not, or no longer, good: log in and take the new one.";
            (step(Outcome::Failed, said(error)).advise(advice), None)
        }
        Fetched::Failed(failure) => {
            let Some(error) = &failure.response else {
                return (step(Outcome::Failed, status.to_string()), None);
            };
            report.errcode.clone_from(&error.errcode);
            if (200..300).contains(&status) {
                let detail = format!("{status}, but {}", no_object(answer));
                let advice = "What answers is no homeserver, perhaps a proxy or a web page: give the URL of the client-server \
                              API, or correct what stands before it.";
                return (step(Outcome::Failed, detail).advise(advice), None);
            }
            let detail = match (&answer.location, status) {
                (Some(location), 300..=399) => format!("{} to {location}", said(error)),
                _ => said(error),
            };
            let advice = match status {
                429 => match report.retry_after_seconds {
                    Some(YEAR..) => "It asks for a pause of more than a year, which nobody keeps: look at its settings.".to_owned(),
                    Some(wait) => format!("Wait {} and try again.", span(wait)),
                    None if answer.has_unreadable_wait || json.get("retry_after_ms").is_some() => {
                        "The wait that it asks for cannot be read. Wait a minute and try again.".to_owned()
                    }
                    None => "Wait a minute and try again.".to_owned(),
                },
                500.. => "The homeserver, or the proxy before it, failed: look at their logs.".to_owned(),
                300..=399 => {
                    "The token is not sent on to another address: give the URL of the client-server API.".to_owned()
                }
                _ => "What answers is no homeserver, perhaps a proxy: give the URL of the client-server API.".to_owned(),
            };
            (step(Outcome::Failed, detail).advise(advice), None)
        }
        _ => (step(Outcome::Failed, status.to_string()), None),
    }
}

/// Why a body is not the JSON object that it should be. Its words are not shown: there may be a password among them.
fn no_object(answer: &Answer) -> String {
    let kind = answer.content_type.as_ref();
    let kind = kind.map_or_else(String::new, |kind| format!(" ({kind})"));
    if answer.body.len() > MAX_RESPONSE {
        return format!(
            "the answer is longer than {} KiB{kind}",
            MAX_RESPONSE / 1024
        );
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        _ if answer.body.is_empty() => "the answer is empty".to_owned(),
        Ok(json) => format!("the answer is {}, not an object", noun(&json)),
        Err(error) => format!(
            "the answer is no JSON{kind}, from line {}, column {} on",
            error.line(),
            error.column()
        ),
    }
}

/// What a value is, in JSON's words.
fn noun(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn said(error: &ApiError) -> String {
    let parts = [
        Some(error.status.to_string()),
        error.errcode.clone(),
        error.error.clone(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The name of a form of "no TURN", and what to do.
fn no_turn(reason: NoTurn) -> (&'static str, &'static str) {
    match reason {
        NoTurn::EmptyObject => (
            "empty_object",
            "No TURN is set up, or its lifetime is 0 (Synapse: turn_uris and turn_shared_secret, turn_user_lifetime).",
        ),
        NoTurn::NoUris => (
            "no_uris",
            "Give the homeserver the URIs of TURN servers (Synapse: turn_uris).",
        ),
        NoTurn::NoCredentials => (
            "no_credentials",
            "Give the homeserver a shared secret, or a user name and password (Synapse: turn_shared_secret).",
        ),
        NoTurn::UsernameTooLong => (
            "username_too_long",
            "Browsers throw beyond 509 bytes: take a shorter TURN user name.",
        ),
        NoTurn::NotFound => (
            "not_found",
            "No TURN is set up (conduwuit and its kin: turn_uris and turn_secret), or the homeserver has no such \
             endpoint.",
        ),
        _ => ("other", "Look at the homeserver's TURN settings."),
    }
}

/// What the answer holds, the URIs that browsers refuse included: they are reported.
fn supply(json: &Value) -> Supply {
    let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
    let uris = match json.get("uris") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    Supply {
        uris: uris
            .into_iter()
            .take(MAX_URIS)
            .map(|uri| uri.trim().to_owned())
            .collect(),
        username: text("username").to_owned(),
        password: Secret::new(text("password")),
        ttl: json.get("ttl").and_then(Value::as_u64),
    }
}

/// What is wrong with the form of an answer that can be used.
pub(super) fn lint_form(json: &Value) -> Vec<Step> {
    let step = |detail: String, advice: &str| {
        Step::seen(StepName::TurnServer, Outcome::Warning, detail).advise(advice)
    };
    let mut steps = Vec::new();
    match json.get("ttl") {
        None => steps.push(step("there is no ttl".to_owned(), "Clients guess: update the homeserver.")),
        Some(ttl) => match ttl.as_u64() {
            Some(0) => steps.push(step(
                "the ttl is 0".to_owned(),
                "Clients take the credentials for expired: let them live for an hour (Synapse: turn_user_lifetime).",
            )),
            Some(seconds @ 1..60) => steps.push(step(
                format!("the ttl is {seconds} s"),
                "Calls outlive it before they are set up: let credentials live for an hour (Synapse: \
                 turn_user_lifetime).",
            )),
            Some(_) => {}
            None => steps.push(step(
                "the ttl is no whole number".to_owned(),
                "Strict clients refuse the whole answer: update the homeserver.",
            )),
        },
    }
    if json.get("uris").is_some_and(Value::is_string) {
        steps.push(step(
            "uris is a text, not a list".to_owned(),
            "Strict clients refuse the whole answer: make it a list (Synapse: turn_uris).",
        ));
    }
    steps
}

/// What is of another type than it should be, whether or not the rest can be used.
pub(super) fn lint_members(json: &Value) -> Vec<Step> {
    let step = |detail: String, advice: &str| {
        Step::seen(StepName::TurnServer, Outcome::Warning, detail).advise(advice)
    };
    let mut steps = Vec::new();
    for name in ["username", "password"] {
        if let Some(value) = json.get(name).filter(|value| !value.is_string()) {
            let detail = format!("{name} is {}, not a text", noun(value));
            steps.push(step(
                detail,
                "Strict clients refuse the whole answer: update the homeserver.",
            ));
        }
    }
    match json.get("uris") {
        None | Some(Value::String(_)) => {}
        Some(Value::Array(list)) => {
            let bad = list
                .iter()
                .enumerate()
                .find(|(_, entry)| !entry.is_string());
            if let Some((index, entry)) = bad {
                let count = list.iter().filter(|entry| !entry.is_string()).count();
                let such = match count {
                    1 => String::new(),
                    _ => format!(" ({count} such entries)"),
                };
                let detail = format!(
                    "entry {} of uris is {}, not a text{such}",
                    index + 1,
                    noun(entry)
                );
                steps.push(step(
                    detail,
                    "Strict clients refuse the whole answer: correct the list (Synapse: turn_uris).",
                ));
            }
            if list.len() > MAX_URIS {
                let detail = format!("{} TURN URIs, of which {MAX_URIS} are tried", list.len());
                steps.push(step(
                    detail,
                    "Browsers try them all for every call: name fewer.",
                ));
            }
        }
        Some(other) => steps.push(step(
            format!("uris is {}, not a list", noun(other)),
            "Clients refuse the whole answer: make it a list (Synapse: turn_uris).",
        )),
    }
    steps
}
