//! How long a 486 may be about relays that are gone already.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long a user's quota may count an allocation that has been deleted: coturn 4.6 takes a second over UDP.
pub(crate) const LAG: Duration = Duration::from_secs(3);

/// What is known of a user's quota, over all rounds.
#[derive(Clone)]
pub(crate) struct Quota {
    pub(crate) lag: Duration,
    /// When this process last deleted an allocation.
    deleted: Arc<Mutex<Option<Instant>>>,
    /// Whether a 486 of this round has been waited out that this process is not the cause of.
    waited: Arc<Mutex<bool>>,
}

impl Quota {
    pub(crate) fn new(lag: Duration) -> Self {
        Self {
            lag,
            deleted: Arc::default(),
            waited: Arc::default(),
        }
    }

    pub(crate) fn begin_round(&self) {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    pub(crate) fn note_deletion(&self) {
        *self.deleted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the quota may still count what was deleted.
    pub(crate) fn has_just_deleted(&self) -> bool {
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted.is_some_and(|at| at.elapsed() < self.lag)
    }

    /// Whether a 486 is the first of this round: an earlier check, or a call that has just ended, may be its cause.
    pub(crate) fn is_first_refusal(&self) -> bool {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut waited, true)
    }
}
