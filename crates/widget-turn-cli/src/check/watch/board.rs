//! What people see of the rounds: a line each, the whole report where something changed, and the history.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::history::History;
use crate::check::report::text::{WIDTH, render, time};
use crate::check::report::{Outcome, Report};
use crate::terminal::{columns_of_stdout, cut, escaped};

/// What stands on the screen. On a terminal the history below the last round is drawn anew each time; elsewhere it comes
/// at the end.
pub(crate) struct Board {
    history: History,
    on_terminal: bool,
    /// Lines of history below the last round.
    drawn: usize,
    /// What worked in the round before.
    before: Option<Vec<Seen>>,
}

impl Board {
    pub(crate) fn new(on_terminal: bool) -> Self {
        Self {
            history: History::default(),
            on_terminal,
            drawn: 0,
            before: None,
        }
    }

    /// What to print after a round.
    pub(crate) fn round(&mut self, report: &Report) -> String {
        let mut out = String::new();
        if self.drawn > 0 {
            let _ = write!(out, "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
        if report.interrupted {
            return out;
        }
        self.history.add(report);
        let now = summary(report);
        if self.before.as_ref() != Some(&now) {
            let _ = writeln!(out, "{}", render(report));
        }
        self.before = Some(now);
        let _ = writeln!(out, "{}", line(report));
        if self.on_terminal {
            let columns = columns_of_stdout().max(1);
            let lines = self.history.lines();
            self.drawn = lines.len();
            for line in lines {
                // A line that the terminal breaks would count twice.
                let _ = writeln!(out, "{}", cut(&line, columns - 1));
            }
        }
        out
    }

    /// What to print at the end.
    pub(crate) fn end(&self) -> String {
        let mut out = String::new();
        if self.drawn == 0 && self.before.is_some() {
            out.push('\n');
            for line in self.history.lines() {
                let _ = writeln!(out, "{}", cut(&line, WIDTH));
            }
        }
        out
    }
}

/// The homeserver, a URI, or one of its addresses; what came of it; whether it relays.
type Seen = (String, Outcome, bool);

/// What is compared with the round before. Name servers give addresses in any order.
fn summary(report: &Report) -> Vec<Seen> {
    let steps = report.homeserver.iter().flat_map(|it| &it.steps);
    let homeserver = Outcome::worst(steps.map(|step| step.outcome));
    let mut all = vec![(String::new(), homeserver, false)];
    for server in &report.servers {
        all.push((server.uri.clone(), server.outcome, server.relays()));
        let addresses = server.addresses.iter();
        all.extend(addresses.map(|address| {
            let place = format!("{} at {}", server.uri, address.address);
            (place, address.outcome, address.relays)
        }));
    }
    all.sort();
    all
}

/// `2026-11-23T19:02:29Z  great      3 of 3 relay, slowest 1.2 ms`.
fn line(report: &Report) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(report.checked_at));
    let at = at.map_or_else(String::new, |at| {
        humantime::format_rfc3339_seconds(at).to_string()
    });
    let grade = report.grade.shown();
    let found = if report.servers.is_empty() {
        let mut steps = report.homeserver.iter().flat_map(|it| &it.steps);
        let failed = steps.rfind(|step| step.outcome == Outcome::Failed);
        let why = failed.and_then(|step| step.detail.clone());
        escaped(&why.unwrap_or_else(|| "there is no TURN server to try".to_owned()))
    } else {
        let slowest = report.servers.iter().filter_map(|it| it.slowest_ms());
        let slowest = slowest.reduce(f64::max).map(time);
        let slowest = slowest.map_or_else(String::new, |ms| format!(", slowest {ms}"));
        format!("{}{slowest}", report.count().shown(""))
    };
    let line = format!("{at}  {grade:<9}  {found}");
    cut(&line, WIDTH)
}
