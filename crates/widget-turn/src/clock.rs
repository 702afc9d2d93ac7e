//! A clock that counts the time the machine sleeps (rule C4).

use std::time::Duration;

use widget_turn_proto::Timestamp;

use crate::runtime::{Instant, SystemTime};

/// The wall clock must run ahead by this much to count as sleep: less is a clock being set right.
const NOTICED: Duration = Duration::from_secs(5);

/// The monotonic clock, which stops in suspend on Linux and in browsers, plus what the wall clock ran ahead of it.
///
/// A wall clock that is set forward counts as sleep: it costs an early refresh, whereas the opposite mistake would cost
/// expired credentials. One that is set back changes nothing.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    slept: Duration,
    last: (Instant, SystemTime),
    wall: fn() -> SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self::with_wall(SystemTime::now)
    }

    pub(crate) fn with_wall(wall: fn() -> SystemTime) -> Self {
        let now = Instant::now();
        Self {
            origin: now,
            slept: Duration::ZERO,
            last: (now, wall()),
            wall,
        }
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        let (now, wall) = (Instant::now(), (self.wall)());
        let awake = now - self.last.0;
        let passed = wall.duration_since(self.last.1).unwrap_or_default();
        if passed > awake + NOTICED {
            self.slept += passed - awake;
        }
        self.last = (now, wall);
        Timestamp::new(now - self.origin + self.slept)
    }

    /// How long a timer must run to be awake at `moment`, if the machine does not sleep until then.
    pub(crate) fn until(&mut self, moment: Timestamp) -> Duration {
        moment - self.now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, SystemTime};

    use super::Clock;

    #[tokio::test(start_paused = true)]
    async fn c4_sleep_counts_and_a_clock_set_back_does_not() {
        static WALL: AtomicU64 = AtomicU64::new(1_000_000);
        let wall = || SystemTime::UNIX_EPOCH + Duration::from_secs(WALL.load(Ordering::Relaxed));
        let mut clock = Clock::with_wall(wall);
        let at = |clock: &mut Clock| clock.now().since_origin().as_secs();

        tokio::time::advance(Duration::from_secs(10)).await;
        WALL.fetch_add(10, Ordering::Relaxed);
        assert_eq!(at(&mut clock), 10, "both clocks ran");

        WALL.fetch_add(3600, Ordering::Relaxed);
        assert_eq!(at(&mut clock), 3610, "the machine slept for an hour");

        WALL.fetch_sub(7200, Ordering::Relaxed);
        assert_eq!(at(&mut clock), 3610, "the wall clock was set back");

        WALL.fetch_add(60, Ordering::Relaxed);
        assert_eq!(
            at(&mut clock),
            3670,
            "sleep after that is noticed all the same"
        );
    }
}
