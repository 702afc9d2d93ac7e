//! When the homeserver is down, and when all clients restart. In milliseconds.

use std::ops::Range;

pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(crate) struct Timeline {
    pub(crate) ttl: u64,
    /// Clients have started, out of step, before this. What is shown begins here.
    pub(crate) warm: u64,
    pub(crate) end: u64,
    outages: Vec<Range<u64>>,
    /// From when on all clients restart within a minute.
    pub(crate) restart: Option<u64>,
}

impl Timeline {
    /// A third without trouble, then an hour's outage, at the beginning of the last third a restart of all clients.
    pub(crate) fn with_trouble(days: u64, ttl: u64) -> Self {
        let mut timeline = Self::quiet(days, ttl);
        let third = (timeline.end - timeline.warm) / 3;
        let outage = timeline.warm + third;
        timeline.outages.push(outage..outage + HOUR);
        timeline.restart = Some(outage + third);
        timeline
    }

    /// An outage of so long once a day. Not whole hours apart: clients that ask every hour would get out of its way.
    pub(crate) fn with_short_outages(days: u64, ttl: u64, length: u64) -> Self {
        let mut timeline = Self::quiet(days, ttl);
        for day in 0..days {
            let moment = day.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (DAY - length);
            let begins = timeline.warm + day * DAY + moment;
            timeline.outages.push(begins..begins + length);
        }
        timeline
    }

    fn quiet(days: u64, ttl: u64) -> Self {
        let warm = 4 * ttl.max(HOUR);
        Self {
            ttl,
            warm,
            end: warm + days * DAY,
            outages: Vec::new(),
            restart: None,
        }
    }

    pub(crate) fn is_up(&self, at: u64) -> bool {
        let next = self.outages.partition_point(|outage| outage.end <= at);
        !self
            .outages
            .get(next)
            .is_some_and(|outage| outage.contains(&at))
    }

    /// How long all is well at the beginning.
    pub(crate) fn outage_begins(&self) -> u64 {
        self.outages
            .first()
            .map_or(self.end, |outage| outage.start)
            .saturating_sub(self.warm)
    }

    /// What is told apart: steady, the first outage, what follows it, the minute of the restart, what follows that.
    pub(crate) fn windows(&self) -> [Window; 5] {
        let outage = self.outages.first().cloned().unwrap_or(self.end..self.end);
        let restart = self.restart.unwrap_or(self.end);
        [
            self.warm..outage.start,
            outage.clone(),
            outage.end..restart,
            restart..restart + MINUTE,
            restart + MINUTE..self.end,
        ]
    }

    /// Whether a moment is before the first outage, before the restart, or after both.
    pub(crate) fn part(&self, at: u64) -> usize {
        let outage = self.outages.first().map_or(self.end, |outage| outage.start);
        usize::from(at >= outage) + usize::from(self.restart.is_some_and(|restart| at >= restart))
    }
}

/// A span of time.
pub(crate) type Window = Range<u64>;
