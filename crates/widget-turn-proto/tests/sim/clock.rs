//! A machine that sleeps, and whose wall clock is set.

use std::time::Duration;

use widget_turn_proto::Timestamp;

/// What a feed's driver reads is off by no more than this where the wall clock agrees with the monotonic one.
const NOTICED: Duration = Duration::from_secs(5);
/// The wall clock starts this far from its own zero, so that it can be set back.
const WALL_START: Duration = Duration::from_secs(1_000_000_000);

/// The clocks of a machine. Layers and timers go by `awake`, which stops in suspend; homeservers by [`Self::elapsed`].
pub(crate) struct Machine {
    pub(crate) awake: Timestamp,
    slept: Duration,
    wall: Duration,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            awake: Timestamp::ZERO,
            slept: Duration::ZERO,
            wall: WALL_START,
        }
    }

    pub(crate) fn run_to(&mut self, then: Timestamp) {
        self.wall += then - self.awake;
        self.awake = self.awake.max(then);
    }

    pub(crate) fn sleep(&mut self, span: Duration) {
        self.wall += span;
        self.slept += span;
    }

    pub(crate) fn set_wall(&mut self, forth: bool, by: Duration) {
        self.wall = if forth {
            self.wall + by
        } else {
            self.wall.saturating_sub(by)
        };
    }

    /// What has really passed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.awake.since_origin() + self.slept
    }
}

/// Rule C4, as a driver keeps it: the monotonic clock plus what the wall clock ran ahead of it between two readings.
pub(crate) struct FeedClock {
    ahead: Duration,
    last: (Timestamp, Duration),
}

impl FeedClock {
    pub(crate) fn new(machine: &Machine) -> Self {
        Self {
            ahead: Duration::ZERO,
            last: (machine.awake, machine.wall),
        }
    }

    pub(crate) fn read(&mut self, machine: &Machine) -> Timestamp {
        let now = self.peek(machine);
        self.ahead = now - machine.awake;
        self.last = (machine.awake, machine.wall);
        now
    }

    /// What it would read. Only readings themselves tell sleep from a clock that is set.
    pub(crate) fn peek(&self, machine: &Machine) -> Timestamp {
        let awake = machine.awake - self.last.0;
        let passed = machine.wall.saturating_sub(self.last.1);
        let slept = if passed > awake + NOTICED {
            passed - awake
        } else {
            Duration::ZERO
        };
        machine.awake + self.ahead + slept
    }
}
