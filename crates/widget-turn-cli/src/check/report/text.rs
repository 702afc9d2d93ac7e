//! A report for people: a table that fits 100 columns, the steps of what did not go well, a grade.

mod expiry;

use std::fmt::Write as _;

use super::grade::SOME_FAIL;
use super::{AddressReport, Outcome, Report, ServerReport, Step, StepName};
use crate::check::lint::span;
use crate::terminal::{cut, escaped, width as width_of};

/// No line is longer, in columns.
pub(crate) const WIDTH: usize = 100;
/// The narrowest and the widest column of addresses: what is longer is cut, and stands whole in the steps.
const ADDRESS: std::ops::RangeInclusive<usize> = 15..=38;
/// What is shown of one text, in columns.
const MAX_TEXT: usize = 300;
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
    report.each_text(&mut |text| *text = cut(&escaped(text), MAX_TEXT));
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
    let indent = "             ";
    wrapped(out, "Homeserver   ", indent, &homeserver.name);
    if let Some(base) = homeserver
        .base_url
        .as_ref()
        .filter(|base| base.trim_end_matches('/') != homeserver.name.trim_end_matches('/'))
    {
        wrapped(out, indent, indent, base);
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
    let indent = "             ";
    let line = format!("{}{expiry}", credentials.username);
    wrapped(out, "Credentials  ", indent, &line);
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
    let longest = addresses.map(|it| width_of(&bare(it))).max().unwrap_or(0);
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
        let _ = writeln!(out, "{}", cut(&server.uri, WIDTH));
        if server.addresses.is_empty() {
            let _ = writeln!(out, "  {}", server.outcome.shown());
        }
        for address in &server.addresses {
            let shown = cut(&bare(address), width);
            let _ = write!(out, "  {shown:width$}");
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
        let _ = writeln!(out, "\n{}", cut(&server.uri, WIDTH));
        branches(out, &server.steps);
    }
    for address in &server.addresses {
        if matches!(address.outcome, Outcome::Ok | Outcome::Info) {
            continue;
        }
        let at = format!(" at {}", cut(&address.address, WIDTH / 2));
        let uri = cut(&server.uri, WIDTH - width_of(&at));
        let _ = writeln!(out, "\n{uri}{at}");
        if let Some(from) = &address.alternate_of {
            wrapped(out, "", "", &format!("where {from} sent the client"));
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
    let count = report.count();
    let found = match (count.tested, count.skipped) {
        (0, 0) => "there is no TURN URI, and STUN relays nothing".to_owned(),
        (0, _) => "no TURN URI could be tested".to_owned(),
        (tested, _) if tested == count.relaying && report.exit_code == SOME_FAIL => {
            format!(
                "{}, but something failed, see above",
                count.shown(" TURN URIs")
            )
        }
        _ => count.shown(" TURN URIs"),
    };
    let better = report.next_grade;
    let better = better.map_or_else(String::new, |next| format!("; for a better one, {next}"));
    let line = format!("Grade: {}: {found}{better}", report.grade.shown());
    wrapped(out, "", "       ", &line);
}

/// A text, broken at blanks; a word that fits on no line is broken, too.
fn wrapped(out: &mut String, first: &str, next: &str, text: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && width_of(&line) + 1 + width_of(word) > WIDTH {
            let _ = writeln!(out, "{line}");
            line = next.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        empty = false;
        let mut used = width_of(&line);
        for character in word.chars() {
            let more = width_of(character.encode_utf8(&mut [0; 4]));
            if used + more > WIDTH {
                let _ = writeln!(out, "{line}");
                line = next.to_owned();
                used = width_of(&line);
            }
            line.push(character);
            used += more;
        }
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
    fn no_line_is_too_long_whatever_servers_send() {
        for long in ["x", "漢"].map(|it| it.repeat(2000)) {
            let mut address = AddressReport::new(
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:34780"
                    .parse()
                    .unwrap(),
            );
            address.outcome = Outcome::Warning;
            address.alternate_of = Some(long.clone());
            let step = Step::seen(StepName::Allocate, Outcome::Failed, &long);
            address.steps = vec![step.advise(&long)];
            let mut report = Report::begun(0);
            report.homeserver = Some(crate::check::report::HomeserverReport {
                name: long.clone(),
                base_url: Some(format!("{long}/")),
                steps: address.steps.clone(),
                ..Default::default()
            });
            report.credentials = Some(crate::check::report::CredentialsReport {
                username: long.clone(),
                expires_at: None,
                expires_in_seconds: Some(5),
                steps: Vec::new(),
            });
            report.servers = vec![ServerReport {
                uri: long.clone(),
                transport: None,
                port: None,
                outcome: Outcome::Failed,
                steps: address.steps.clone(),
                addresses: vec![address],
            }];
            report.conclude();
            let text = render(&report);
            for line in text.lines() {
                assert!(width_of(line) <= WIDTH, "{line}");
            }
            // Cut, and not only broken.
            assert!(text.len() < 20_000, "{text}");
        }
    }

    #[test]
    fn times_have_the_digits_that_matter() {
        assert_eq!(time(0.4), "0.4 ms");
        assert_eq!(time(31.46), "31 ms");
    }
}
