//! A homeserver that has its moods, and answers in bytes.

use std::time::Duration;

use serde_json::json;
use widget_turn_proto::{Failure, Fetched, read_response};

use crate::random::Random;
use crate::watchman::PASSWORD;

/// A request that is answered at all is answered by then, while the homeserver is well.
pub(crate) const LATENCY: Duration = Duration::from_secs(10);
/// A driver gives a request up after this.
pub(crate) const FETCH_PATIENCE: Duration = Duration::from_secs(30);

/// What a homeserver is like for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    Up,
    /// 5xx, no connection, answers that never come, are late or are none.
    Down,
    /// 429 with this `Retry-After`, in the header, in the body or unsaid.
    Limited(Duration),
    /// `{}`, 404, empty strings.
    NoTurn,
    Forbidden,
    /// The access token ran out.
    Unauthorized,
}

pub(crate) struct Homeserver {
    pub(crate) mood: Mood,
    /// Refuses nobody for what lasts, and gives no lifetime of seconds.
    kind: bool,
    /// `false`: static credentials, the same for ever, whatever their lifetime says.
    rotates: bool,
    ttl: Duration,
    minted: u64,
}

/// What will come of a request.
pub(crate) struct Answer {
    pub(crate) after: Duration,
    pub(crate) fetched: Fetched,
    /// The user name and the lifetime, if it is credentials.
    pub(crate) credentials: Option<(String, Duration)>,
    /// A true answer that comes after the driver gave up, so long after that.
    pub(crate) late: Option<Duration>,
}

impl Homeserver {
    pub(crate) fn new(random: &mut Random, kind: bool) -> Self {
        Self {
            mood: Mood::Up,
            kind,
            rotates: random.below(4) > 0,
            ttl: lifetime(random, kind),
            minted: 0,
        }
    }

    /// The next mood, and how long it lasts. Most last about as long as what matters for these lifetimes.
    pub(crate) fn turn(&mut self, random: &mut Random) -> Duration {
        let most = self.ttl.as_secs_f64();
        if random.below(8) == 0 {
            self.ttl = lifetime(random, self.kind);
        }
        let (mood, longest) = match random.below(if self.kind { 17 } else { 20 }) {
            0..9 => (Mood::Up, 1.5 * most),
            9..14 => (Mood::Down, most),
            14..17 => (Mood::Limited(random.log_span(0.1, 300.0)), most / 2.0),
            17 => (Mood::NoTurn, most),
            18 => (Mood::Forbidden, most),
            _ => (Mood::Unauthorized, most),
        };
        self.mood = mood;
        random.log_span(0.5, longest.max(1.0))
    }

    pub(crate) fn is_up(&self) -> bool {
        self.mood == Mood::Up
    }

    pub(crate) fn answer(&mut self, random: &mut Random) -> Answer {
        let after = match random.below(3) {
            0 => random.span(0.0, LATENCY.as_secs_f64()),
            _ => random.log_span(0.001, LATENCY.as_secs_f64()),
        };
        let mut answer = Answer {
            after,
            fetched: Fetched::Failed(Failure::default()),
            credentials: None,
            late: None,
        };
        answer.fetched = match self.mood {
            Mood::Up => {
                self.minted += u64::from(self.rotates);
                let name = format!("u{}", self.minted);
                let body = json!({
                    "uris": ["turn:turn.example.com:3478?transport=udp"],
                    "username": name,
                    "password": PASSWORD,
                    "ttl": self.ttl.as_secs_f64(),
                });
                answer.credentials = Some((name, self.ttl));
                read_response(200, None, body.to_string().as_bytes())
            }
            Mood::Down => match random.below(8) {
                0..2 => {
                    answer.after = FETCH_PATIENCE;
                    answer.late = Some(random.log_span(0.001, 100.0));
                    answer.fetched
                }
                2 => answer.fetched,
                3 => read_response(200, None, b"<html>welcome to the hotel</html>"),
                4 => read_response(503, Some(random.log_span(0.1, 5000.0)), b""),
                _ => read_response(502, None, b"<html>bad gateway</html>"),
            },
            Mood::Limited(wait) => {
                let ms = u64::try_from(wait.as_millis()).expect("minutes");
                let told = json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": ms });
                match random.below(3) {
                    0 => read_response(429, Some(wait), b"slow down"),
                    1 => read_response(429, None, told.to_string().as_bytes()),
                    _ => read_response(429, None, br#"{"errcode":"M_LIMIT_EXCEEDED"}"#),
                }
            }
            Mood::NoTurn => match random.below(3) {
                0 => read_response(200, None, b"{}"),
                1 => read_response(404, None, br#"{"errcode":"M_NOT_FOUND"}"#),
                _ => read_response(
                    200,
                    None,
                    br#"{"username":"","password":"","uris":[],"ttl":86400}"#,
                ),
            },
            Mood::Forbidden => read_response(403, None, br#"{"errcode":"M_FORBIDDEN"}"#),
            Mood::Unauthorized => read_response(401, None, br#"{"errcode":"M_UNKNOWN_TOKEN"}"#),
        };
        answer
    }
}

fn lifetime(random: &mut Random, kind: bool) -> Duration {
    match random.below(8) {
        0 if !kind => random.log_span(1.0, 60.0),
        1 => Duration::from_secs(300),
        2..4 => Duration::from_secs(3600),
        _ => random.log_span(60.0, 86_400.0),
    }
}
