//! What came of each URI in the last rounds.

use std::collections::VecDeque;

use crate::check::report::text::time;
use crate::check::report::{Outcome, Report, ServerReport};
use crate::terminal::escaped;

/// How many rounds are shown.
const ROUNDS: usize = 30;
/// More URIs than any homeserver's list has; others than these are forgotten first.
const MAX_ROWS: usize = 64;

/// One URI in the last rounds.
struct Row {
    uri: String,
    /// A mark for each round, the newest last.
    marks: VecDeque<char>,
    well: u64,
    rounds: u64,
    worst_ms: Option<f64>,
}

/// All URIs that were seen.
#[derive(Default)]
pub(super) struct History(Vec<Row>);

impl History {
    /// Adds what a round found. A URI that is not in it gets a blank.
    pub(super) fn add(&mut self, report: &Report) {
        for server in &report.servers {
            if self.0.iter().all(|row| row.uri != server.uri) {
                if self.0.len() == MAX_ROWS {
                    self.0.remove(0);
                }
                self.0.push(Row {
                    uri: server.uri.clone(),
                    marks: VecDeque::new(),
                    well: 0,
                    rounds: 0,
                    worst_ms: None,
                });
            }
        }
        for row in &mut self.0 {
            let server = report.servers.iter().find(|server| server.uri == row.uri);
            row.add(server);
        }
    }

    /// A line for each URI: its marks, how often it was well, the slowest datagram.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().map(Row::line).collect()
    }
}

impl Row {
    fn add(&mut self, server: Option<&ServerReport>) {
        let relays = server.is_some_and(ServerReport::relays);
        let mark = match server.map(|server| server.outcome) {
            Some(Outcome::Ok) => '+',
            Some(Outcome::Warning) => '!',
            // On another of its addresses, say.
            Some(Outcome::Failed) if relays => '!',
            Some(Outcome::Failed) => 'x',
            Some(Outcome::Skipped | Outcome::Info) => '-',
            None => ' ',
        };
        if self.marks.len() == ROUNDS {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
        self.rounds += u64::from(server.is_some());
        self.well += u64::from(matches!(mark, '+' | '!'));
        let slowest = server.and_then(ServerReport::slowest_ms);
        self.worst_ms = self.worst_ms.into_iter().chain(slowest).reduce(f64::max);
    }

    fn line(&self) -> String {
        let marks: String = self.marks.iter().collect();
        let count = format!("{} of {}", self.well, self.rounds);
        let worst = self.worst_ms.map_or_else(|| "–".to_owned(), time);
        let uri = escaped(&self.uri);
        format!("  {marks:<ROUNDS$}  {count:>12}  {worst:>9}  {uri}")
    }
}
