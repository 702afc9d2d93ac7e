//! What clients do to keep their credentials fresh.

use std::time::Duration;

use widget_turn_proto::{
    Failure, FetchToken, Fetched, RefreshConfig, RefreshOutput, Refresher, Secret, Timestamp,
    TurnServer,
};

use crate::timeline::{MINUTE, SECOND};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Policy {
    WidgetTurn,
    /// matrix-js-sdk: every 10 minutes from the start on it asks if the credentials live for no more than 10 minutes.
    JsSdk,
    /// hydrogen-web: asks when they expire. If that fails without an answer, it waits for as long again.
    Hydrogen,
    /// nheko: asks when ten ninths of the lifetime have passed, of an hour at least. If that fails, every 5 s.
    Nheko,
}

impl Policy {
    pub(crate) const ALL: [Self; 4] = [Self::WidgetTurn, Self::JsSdk, Self::Hydrogen, Self::Nheko];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WidgetTurn => "widget-turn",
            Self::JsSdk => "matrix-js-sdk",
            Self::Hydrogen => "hydrogen",
            Self::Nheko => "nheko",
        }
    }

    /// How often it asks if all is well, in milliseconds: by the margin of rule C2 and the mean of its jitter for our own.
    pub(crate) fn period(self, ttl: u64) -> u64 {
        match self {
            Self::WidgetTurn => {
                let margin = (ttl / 5).clamp(MINUTE, 60 * MINUTE).min(ttl / 2);
                (ttl - margin * 5 / 4).max(30 * SECOND)
            }
            Self::JsSdk => (ttl / (10 * MINUTE)).max(1) * 10 * MINUTE,
            Self::Hydrogen => ttl,
            Self::Nheko => ttl.max(60 * MINUTE) * 10 / 9,
        }
    }

    /// Lives from `start` to `end`, in milliseconds. `ask` sends a request at a moment and says when it is over, and
    /// whether credentials came.
    pub(crate) fn live(
        self,
        start: u64,
        end: u64,
        ttl: u64,
        seed: u64,
        server: &TurnServer,
        mut ask: impl FnMut(u64) -> (u64, bool),
    ) {
        match self {
            Self::WidgetTurn => refresh(start, end, ttl, seed, server, ask),
            Self::JsSdk => {
                let mut good_until = 0;
                for tick in (start..end).step_by((10 * MINUTE) as usize) {
                    if good_until <= tick + 10 * MINUTE {
                        if let (answered, true) = ask(tick) {
                            good_until = answered + ttl;
                        }
                    }
                }
            }
            Self::Hydrogen => {
                let mut now = start;
                let mut wait = 5 * MINUTE;
                while now < end {
                    let (answered, came) = ask(now);
                    if came {
                        wait = ttl;
                    }
                    now = answered + wait;
                }
            }
            Self::Nheko => {
                let mut now = start;
                while now < end {
                    let (answered, came) = ask(now);
                    now = answered
                        + if came {
                            ttl.max(60 * MINUTE) * 10 / 9
                        } else {
                            5 * SECOND
                        };
                }
            }
        }
    }
}

/// The machine itself, driven by its own deadlines.
fn refresh(
    start: u64,
    end: u64,
    ttl: u64,
    seed: u64,
    server: &TurnServer,
    mut ask: impl FnMut(u64) -> (u64, bool),
) {
    let config = RefreshConfig {
        seed,
        ..RefreshConfig::default()
    };
    let mut refresher = Refresher::new(config);
    let mut pending: Option<(Timestamp, FetchToken, Fetched)> = None;
    let mut now = Timestamp::new(Duration::from_millis(start));
    let end = Timestamp::new(Duration::from_millis(end));
    refresher.handle_watch(now);
    loop {
        while let Some(output) = refresher.poll_output() {
            if let RefreshOutput::Fetch(token) = output {
                let (answered, came) = ask(milliseconds(now));
                let fetched = if came {
                    Fetched::Credentials {
                        server: server.clone(),
                        ttl: Duration::from_millis(ttl),
                    }
                } else {
                    Fetched::Failed(Failure::default())
                };
                let answered = Timestamp::new(Duration::from_millis(answered));
                pending = Some((answered.max(now), token, fetched));
            }
        }
        let answered = pending.as_ref().map(|(answered, ..)| *answered);
        let Some(next) = refresher.poll_timeout().into_iter().chain(answered).min() else {
            return;
        };
        if next >= end {
            return;
        }
        now = next;
        match pending.take_if(|(answered, ..)| *answered <= now) {
            Some((_, token, fetched)) => refresher.handle_fetched(now, &token, fetched),
            None => refresher.handle_timeout(now),
        }
    }
}

/// Credentials for all: what they are makes no difference here.
pub(crate) fn server() -> TurnServer {
    let uris = ["turn:turn.example.com:3478?transport=udp".to_owned()];
    TurnServer::new(
        uris,
        "1443779631:@user:example.com",
        Secret::new("JlKfBy1QwLrO"),
    )
    .expect("a URI and credentials that browsers take")
}

fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.since_origin().as_millis()).expect("some years")
}
