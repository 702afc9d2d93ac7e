//! A report for people: a table that fits 100 columns, the steps of what did not go well, a grade.

mod expiry;

use std::fmt::Write as _;

use super::{AddressReport, Outcome, Report, ServerReport, Step, StepName};
use crate::check::lint::span;
use crate::terminal::escaped;

/// No line is longer, in characters, but for a URI that is.
const WIDTH: usize = 100;
/// The narrowest and the widest column of addresses; the widest IPv6 address has 39 characters.
const ADDRESS: std::ops::RangeInclusive<usize> = 15..=39;
const COLUMNS: [(StepName, &str); 5] = [
    (StepName::Connect, "connect"),
    (StepName::Tls, "tls"),
    (StepName::Binding, "binding"),
    (StepName::Allocate, "allocate"),
    (StepName::RoundTrip, "relay"),
];

/// The whole report. Whatever came from the network is escaped.
pub(crate) fn render(report: &Report) -> String {
    let mut report = report.clone();
    report.each_text(&mut |text| *text = escaped(text));
    let mut out = String::new();
    homeserver(&mut out, &report);
    credentials(&mut out, &report);
    if !report.servers.is_empty() {
        table(&mut out, &report);
        for server in &report.servers {
            tree(&mut out, server);
        }
        expiry::section(&mut out, &report);
    }
    conclusion(&mut out, &report);
    let lines = out.lines();
    lines.fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

fn homeserver(out: &mut String, report: &Report) {
    let Some(homeserver) = &report.homeserver else {
        return;
    };
    let _ = writeln!(out, "Homeserver   {}", homeserver.name);
    if let Some(base) = homeserver
        .base_url
        .as_ref()
        .filter(|base| base.trim_end_matches('/') != homeserver.name.trim_end_matches('/'))
    {
        let _ = writeln!(out, "             {base}");
    }
    steps(out, &homeserver.steps);
}

fn credentials(out: &mut String, report: &Report) {
    let Some(credentials) = &report.credentials else {
        return;
    };
    let expiry = match credentials.expires_in_seconds {
        Some(left) if left >= 0 => format!(", expire in {}", span(left.unsigned_abs())),
        Some(left) => format!(", expired {} ago", span(left.unsigned_abs())),
        None => String::new(),
    };
    let _ = writeln!(out, "Credentials  {}{expiry}", credentials.username);
    steps(out, &credentials.steps);
}

/// The steps that say something, each with what to do below it.
fn steps(out: &mut String, steps: &[Step]) {
    let indent = "             ";
    for step in steps {
        let detail = step.detail.as_deref().unwrap_or_default();
        let time = step
            .ms
            .map_or_else(String::new, |ms| format!(" ({})", time(ms)));
        let line = format!("{}: {detail}{time}", step.outcome.shown());
        wrapped(out, indent, indent, &line);
        if let Some(advice) = &step.advice {
            wrapped(out, indent, indent, advice);
        }
    }
}

fn table(out: &mut String, report: &Report) {
    let addresses = report.servers.iter().flat_map(|server| &server.addresses);
    let longest = addresses
        .map(|it| bare(it).chars().count())
        .max()
        .unwrap_or(0);
    let width = longest.clamp(*ADDRESS.start(), *ADDRESS.end());
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "{:indent$}", "", indent = width + 2);
    for (_, title) in COLUMNS {
        let _ = write!(out, "{title:>9}");
    }
    let _ = writeln!(out, "  loss");
    for server in &report.servers {
        let _ = writeln!(out, "{}", server.uri);
        if server.addresses.is_empty() {
            let _ = writeln!(out, "  {}", server.outcome.shown());
        }
        for address in &server.addresses {
            let _ = write!(out, "  {:width$}", bare(address));
            for (name, _) in COLUMNS {
                let _ = write!(out, "{:>9}", cell(address, name));
            }
            let loss = address
                .round_trip
                .map_or_else(|| "–".to_owned(), |it| format!("{:.0}%", it.loss_percent));
            let _ = writeln!(out, "  {loss:>4}  {}", address.outcome.shown());
        }
    }
}

/// The address without its port, which is in the URI above it unless the server named another.
fn bare(address: &AddressReport) -> String {
    if address.alternate_of.is_some() {
        return address.address.clone();
    }
    let host = address
        .address
        .rsplit_once(':')
        .map_or("", |(host, _)| host);
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

fn cell(address: &AddressReport, name: StepName) -> String {
    let Some(step) = address.steps.iter().find(|step| step.name == name) else {
        return "–".to_owned();
    };
    match (step.outcome, step.code) {
        (Outcome::Failed | Outcome::Warning, Some(code)) => code.to_string(),
        (Outcome::Failed, None) => "failed".to_owned(),
        (Outcome::Skipped, _) => "–".to_owned(),
        (..) if name == StepName::RoundTrip => {
            let rtt = address.round_trip.and_then(|it| it.rtt_ms);
            rtt.map_or_else(|| "–".to_owned(), |rtt| time(rtt.median))
        }
        (..) => step.ms.map_or_else(|| "–".to_owned(), time),
    }
}

pub(crate) fn time(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// All steps of each address of a server that did not go well, and what is to be said of its URI.
fn tree(out: &mut String, server: &ServerReport) {
    let notable = |step: &Step| step.outcome != Outcome::Ok && step.outcome != Outcome::Info;
    if server.steps.iter().any(notable) {
        let _ = writeln!(out, "\n{}", server.uri);
        branches(out, &server.steps);
    }
    for address in &server.addresses {
        if matches!(address.outcome, Outcome::Ok | Outcome::Info) {
            continue;
        }
        let _ = writeln!(out, "\n{} at {}", server.uri, address.address);
        if let Some(from) = &address.alternate_of {
            let _ = writeln!(out, "where {from} sent the client");
        }
        branches(out, &address.steps);
    }
}

fn branches(out: &mut String, steps: &[Step]) {
    for (number, step) in steps.iter().enumerate() {
        let last = number + 1 == steps.len();
        let (branch, stem) = if last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        let time = step.ms.map_or_else(String::new, time);
        let head = format!(
            "{branch} {:<12} {:<8} {time:>8}  ",
            step.name.shown(),
            step.outcome.shown()
        );
        let below = format!("{stem} {:30}  ", "");
        wrapped(
            out,
            &head,
            &below,
            step.detail.as_deref().unwrap_or_default(),
        );
        if let Some(advice) = &step.advice {
            wrapped(out, &below, &below, advice);
        }
    }
}

fn conclusion(out: &mut String, report: &Report) {
    if !out.is_empty() {
        out.push('\n');
    }
    if report.interrupted {
        let _ = writeln!(
            out,
            "Interrupted: not everything was tried. What was allocated has been deleted."
        );
        return;
    }
    if report.servers.is_empty() {
        let _ = writeln!(
            out,
            "Grade: {}: there is no TURN server to try",
            report.grade.shown()
        );
        return;
    }
    let (count, all) = report.relaying();
    let line = format!(
        "Grade: {}: {count} of {all} TURN URIs relay{}",
        report.grade.shown(),
        report
            .next_grade
            .map_or_else(String::new, |next| format!("; for a better one, {next}"))
    );
    wrapped(out, "", "       ", &line);
}

/// A text, broken at blanks; a word that does not fit stands on a line of its own.
fn wrapped(out: &mut String, first: &str, next: &str, text: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = next.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        let mut out = String::new();
        wrapped(&mut out, "- ", "  ", &"word ".repeat(40));
        assert!(out.lines().count() > 1);
        assert!(
            out.lines().all(|line| line.chars().count() <= WIDTH),
            "{out}"
        );
        assert!(out.lines().skip(1).all(|line| line.starts_with("  word")));
    }

    #[test]
    fn times_have_the_digits_that_matter() {
        assert_eq!(time(0.4), "0.4 ms");
        assert_eq!(time(31.46), "31 ms");
    }
}
