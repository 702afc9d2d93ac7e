//! The requests of all accounts, counted by the second.

use std::thread;

use crate::policy::{Policy, server};
use crate::timeline::{MINUTE, SECOND, Timeline, Window};

/// A homeserver answers after so many milliseconds, evenly spread. It makes the credentials half-way.
const LATENCY: (u64, u64) = (50, 500);

pub(crate) struct Load {
    /// Requests in each second.
    seconds: Vec<u32>,
    /// Milliseconds of expired credentials of all widgets, by where in the timeline they expired.
    pub(crate) expired: [u64; 3],
}

pub(crate) fn simulate(policy: Policy, timeline: &Timeline, accounts: u64) -> Load {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let share = accounts.div_ceil(threads);
    let parts: Vec<Load> = thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                let of_it = part * share..((part + 1) * share).min(accounts);
                scope.spawn(move || of_accounts(policy, timeline, of_it))
            })
            .collect();
        let joined = parts.into_iter().map(|part| part.join());
        joined
            .map(|part| part.expect("accounts do not panic"))
            .collect()
    });
    let mut sum = Load::new(timeline);
    for part in parts {
        for (sum, more) in sum.seconds.iter_mut().zip(part.seconds) {
            *sum += more;
        }
        for (sum, more) in sum.expired.iter_mut().zip(part.expired) {
            *sum += more;
        }
    }
    sum
}

fn of_accounts(policy: Policy, timeline: &Timeline, accounts: std::ops::Range<u64>) -> Load {
    let server = server();
    let mut load = Load::new(timeline);
    for account in accounts {
        let mut luck = Luck(account.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
        // At any moment of the period, so that the clients are out of step.
        let begin = luck.below(policy.period(timeline.ttl));
        let restart = timeline.restart.map(|at| at + luck.below(MINUTE));
        let sessions = [
            begin..restart.unwrap_or(timeline.end),
            restart.unwrap_or(timeline.end)..timeline.end,
        ];
        for session in sessions {
            let (mut expires, seed) = (None::<u64>, luck.next());
            let mut chance = Luck(luck.next());
            policy.live(
                session.start,
                session.end,
                timeline.ttl,
                seed,
                &server,
                |sent| {
                    load.count(timeline, sent);
                    let took = LATENCY.0 + chance.below(LATENCY.1 - LATENCY.0);
                    let came = timeline.is_up(sent);
                    if came {
                        load.expired_from(timeline, expires, sent + took);
                        expires = Some(sent + took / 2 + timeline.ttl);
                    }
                    (sent + took, came)
                },
            );
            load.expired_from(timeline, expires, session.end);
        }
    }
    load
}

impl Load {
    fn new(timeline: &Timeline) -> Self {
        let seconds = (timeline.end - timeline.warm).div_ceil(SECOND);
        Self {
            seconds: vec![0; seconds as usize],
            expired: [0; 3],
        }
    }

    fn count(&mut self, timeline: &Timeline, at: u64) {
        if at >= timeline.warm {
            if let Some(second) = self
                .seconds
                .get_mut(((at - timeline.warm) / SECOND) as usize)
            {
                *second += 1;
            }
        }
    }

    /// Credentials that expired at a moment were replaced at another, `until`.
    fn expired_from(&mut self, timeline: &Timeline, expired: Option<u64>, until: u64) {
        if let Some(from) = expired.map(|from| from.max(timeline.warm)) {
            self.expired[timeline.part(from)] += until.saturating_sub(from);
        }
    }

    /// Requests per second in the mean, and the most in one second.
    pub(crate) fn mean_and_peak(&self, timeline: &Timeline, window: &Window) -> (f64, u32) {
        let at = |time: u64| (time.saturating_sub(timeline.warm) / SECOND) as usize;
        let end = at(window.end).min(self.seconds.len());
        mean_and_peak(&self.seconds[at(window.start).min(end)..end])
    }

    /// Requests in each second.
    pub(crate) fn seconds(&self) -> &[u32] {
        &self.seconds
    }
}

pub(crate) fn mean_and_peak(seconds: &[u32]) -> (f64, u32) {
    let sum: u64 = seconds.iter().map(|count| u64::from(*count)).sum();
    let peak = seconds.iter().copied().max().unwrap_or_default();
    (sum as f64 / seconds.len().max(1) as f64, peak)
}

/// SplitMix64.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
