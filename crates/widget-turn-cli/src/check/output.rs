//! What a check prints. All of it goes through here: whatever came from elsewhere is escaped, and redacted if that was asked
//! for.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::redaction::Redaction;
use super::report::Report;
use crate::arguments;
use crate::secrets::Secrets;
use crate::terminal::{Progress, escaped, escaped_json};

/// What was found could not be written where it should have been.
pub(crate) const NOT_WRITTEN: u8 = 4;
/// As a shell says it of a program that wrote into a pipe that nobody reads.
const BROKEN_PIPE: u8 = 141;

pub(crate) struct Output {
    secrets: Secrets,
    redaction: Option<Arc<Mutex<Redaction>>>,
}

impl Output {
    pub(crate) fn new(arguments: &arguments::Check) -> Self {
        let redaction = arguments
            .redact
            .then(|| Arc::new(Mutex::new(Redaction::of(arguments))));
        Self {
            secrets: Secrets::default(),
            redaction,
        }
    }

    /// What is never printed.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// As this command line wants it.
    #[cfg(test)]
    pub(super) fn parsed(arguments: &[&str]) -> Self {
        use crate::arguments::{Arguments, Command};
        let all = ["widget-turn", "check"].iter().chain(arguments);
        match clap::Parser::try_parse_from(all).map(|all: Arguments| all.command) {
            Ok(Command::Check(arguments)) => Self::new(&arguments),
            _ => unreachable!(),
        }
    }

    /// Shows what is being tried.
    pub(crate) fn progress(&self) -> Progress {
        let (secrets, redaction) = (self.secrets.clone(), self.redaction.clone());
        match Progress::on_a_terminal() {
            Progress::OnTerminal => {
                Progress::Through(Arc::new(move |text| masked(text, &secrets, &redaction)))
            }
            progress => progress,
        }
    }

    /// The report as it may be shown.
    pub(crate) fn shown(&self, mut report: Report) -> Report {
        if let Some(redaction) = &self.redaction {
            locked(redaction, |it| it.redact(&mut report));
        }
        report
    }

    /// Prints what a report that may be [`shown`](Self::shown) has been rendered to.
    ///
    /// # Errors
    ///
    /// The exit code of a command that nobody reads any more.
    pub(crate) fn print(&self, text: &str) -> Result<(), u8> {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| match error.kind() {
            // Whoever read has read enough.
            ErrorKind::BrokenPipe => BROKEN_PIPE,
            _ => {
                self.complain(&format!("cannot write to standard output: {error}"));
                NOT_WRITTEN
            }
        })
    }

    /// Says on standard error what went wrong.
    pub(crate) fn complain(&self, what: &impl Display) {
        // Nobody is left to be told of a failure here.
        let _ = writeln!(std::io::stderr(), "widget-turn: {}", self.complaint(what));
    }

    fn complaint(&self, what: &impl Display) -> String {
        let what = masked(&what.to_string(), &self.secrets, &self.redaction);
        let lines: Vec<_> = what.lines().map(escaped).collect();
        lines.join("\n")
    }
}

fn masked(text: &str, secrets: &Secrets, redaction: &Option<Arc<Mutex<Redaction>>>) -> String {
    let text = secrets.mask(text);
    match redaction {
        Some(redaction) => locked(redaction, |it| it.mask(&text)),
        None => text,
    }
}

fn locked<T>(redaction: &Mutex<Redaction>, f: impl FnOnce(&mut Redaction) -> T) -> T {
    f(&mut redaction.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The report by `docs/check.schema.json`, for people and machines.
pub(crate) fn json_pretty(report: &Report) -> String {
    written(serde_json::to_string_pretty(report))
}

/// The same, in one line.
pub(crate) fn json_line(report: &Report) -> String {
    written(serde_json::to_string(report))
}

fn written(json: serde_json::Result<String>) -> String {
    let json = json.expect("a report has no map with keys that are no strings");
    escaped_json(&json) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_redacted_and_escaped_as_the_report_is() {
        let arguments = ["--homeserver", "box", "--user", "@alice:example.org"];
        let error = "@Alice:example.org at https://box/x and 192.0.2.1: \u{9b}31m BOX\nnext";
        let plain = Output::parsed(&arguments).complaint(&error);
        assert_eq!(
            plain,
            "@Alice:example.org at https://box/x and 192.0.2.1: \\u{9b}31m BOX\nnext"
        );
        let redacted = Output::parsed(&[&arguments[..], &["--redact"]].concat()).complaint(&error);
        assert_eq!(
            redacted,
            "user-1 at https://host-2/x and address-1: \\u{9b}31m host-2\nnext"
        );
    }

    #[test]
    fn a_secret_in_an_error_is_not_printed() {
        let output = Output::parsed(&["turn:box", "--secret-file", "x"]);
        output
            .secrets()
            .add(&widget_turn_proto::Secret::new("hunter2"));
        assert_eq!(output.complaint(&"no hunter2 here"), "no *** here");
    }

    #[test]
    fn the_line_of_progress_is_redacted() {
        let output = Output::parsed(&["turn:box", "--secret-file", "x", "--redact"]);
        let redaction = output.redaction.unwrap();
        let mask = |text: &str| locked(&redaction, |it| it.mask(text));
        assert_eq!(mask("turn:BOX?transport=udp"), "turn:host-1?transport=udp");
    }
}
