//! C3: one who watches holds valid credentials whenever the homeserver could be reached long enough in the margin.
//!
//! How long is long enough follows from the schedule. Let `a` be the moment from which on the homeserver can be reached,
//! the machine is awake and has noticed it, somebody watches and a refresh is due; `expiry` when the credentials in hand
//! end; `latency` the longest time that a request takes now, and `stuck` the longest that one took which was sent before
//! `a` and fails. After a failure at `f` the next try comes before half of what is left has passed,
//! `f + (expiry - f) / 2`, and within `cap + 1 s`. It must then be answered. So credentials are there within
//!
//! - `(expiry - a + stuck) / 2 + latency` where that ends before the expiry,
//! - `stuck + 1 s + cap + latency` in any case, with or without credentials in hand,
//!
//! and `Retry-After`, where the homeserver asked for it, counts as not to be reached. An account that was refused, or told
//! that there is no TURN, is not to be reached until it is asked again (rule C6).

use std::time::Duration;

use widget_turn_proto::Timestamp;

use crate::homeserver::{FETCH_PATIENCE, LATENCY};

const SECOND: Duration = Duration::from_secs(1);

/// When the last credentials were asked for, and how long they live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) sent: Timestamp,
    pub(crate) ttl: Duration,
}

impl Held {
    pub(crate) fn expiry(self) -> Timestamp {
        self.sent + self.ttl
    }

    fn margin(self) -> Duration {
        let fifth = self.ttl / 5;
        fifth
            .clamp(Duration::from_secs(60), Duration::from_secs(3600))
            .min(self.ttl / 2)
    }

    /// Rule C2: no refresh is sent before this.
    pub(crate) fn earliest(self) -> Timestamp {
        let early = self.margin() * 3 / 2;
        (self.sent + self.ttl.saturating_sub(early)).max(self.sent + Duration::from_secs(30))
    }

    /// Rule C2: a refresh is due by this.
    pub(crate) fn due(self) -> Timestamp {
        (self.sent + (self.ttl - self.margin())).max(self.sent + Duration::from_secs(30))
    }
}

/// By when credentials must have come, if all stays as it is: the homeserver could be reached since `reachable`.
pub(crate) fn deadline(reachable: Timestamp, held: Option<Held>) -> Timestamp {
    let stuck = FETCH_PATIENCE;
    let longest = Duration::from_secs(600);
    let cap = held.map_or(longest, |held| {
        (held.ttl / 6).clamp(Duration::from_secs(60), longest)
    });
    let in_any_case = stuck + SECOND + cap + LATENCY;
    let Some(held) = held else {
        return reachable + in_any_case;
    };
    let a = reachable.max(held.due());
    let before_expiry = ((held.expiry() - a + stuck) / 2).max(stuck + SECOND) + LATENCY;
    if a + before_expiry < held.expiry() {
        a + before_expiry.min(in_any_case)
    } else {
        a + in_any_case
    }
}
