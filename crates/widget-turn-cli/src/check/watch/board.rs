//! What people see of the rounds: a line each, the whole report where something changed, and the history.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::history::History;
use crate::check::report::text::{render, time};
use crate::check::report::{Outcome, Report};
use crate::terminal::escaped;

/// What stands on the screen. On a terminal the history below the last round is drawn anew each time; elsewhere it comes
/// at the end.
pub(crate) struct Board {
    history: History,
    on_terminal: bool,
    /// Lines of history below the last round.
    drawn: usize,
    /// What worked in the round before.
    before: Option<Vec<(String, Outcome)>>,
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
            let lines = self.history.lines();
            self.drawn = lines.len();
            for line in lines {
                // A line that the terminal breaks would count twice.
                let line: String = line.chars().take(79).collect();
                let _ = writeln!(out, "{line}");
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
                let _ = writeln!(out, "{line}");
            }
        }
        out
    }
}

/// What is compared with the round before.
fn summary(report: &Report) -> Vec<(String, Outcome)> {
    let steps = report.homeserver.iter().flat_map(|it| &it.steps);
    let homeserver = Outcome::worst(steps.map(|step| step.outcome));
    let servers = report.servers.iter();
    std::iter::once((String::new(), homeserver))
        .chain(servers.map(|server| (server.uri.clone(), server.outcome)))
        .collect()
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
        let (relaying, all) = report.relaying();
        let slowest = report.servers.iter().filter_map(|it| it.slowest_ms());
        let slowest = slowest.reduce(f64::max).map(time);
        let slowest = slowest.map_or_else(String::new, |ms| format!(", slowest {ms}"));
        format!("{relaying} of {all} relay{slowest}")
    };
    let line = format!("{at}  {grade:<9}  {found}");
    line.chars().take(100).collect()
}
