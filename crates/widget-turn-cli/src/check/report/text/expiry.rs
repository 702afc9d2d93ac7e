//! What servers do when credentials have expired, each verdict once.

use std::fmt::Write as _;

use super::{Outcome, Report, Step, StepName, wrapped};
use crate::check::report::expiry::{CheckedOn, ExpiryReport};

const INDENT: &str = "             ";
const DEEPER: &str = "                 ";

pub(super) fn section(out: &mut String, report: &Report) {
    let mut observed = Vec::new();
    for server in &report.servers {
        for address in &server.addresses {
            if let Some(expiry) = &address.expiry {
                observed.push((format!("{} at {}", server.uri, address.address), expiry));
            }
        }
    }
    let mut title = "\nExpiry       ";
    let mut told: Vec<CheckedOn> = Vec::new();
    for (_, first) in &observed {
        let verdict = first.checked_on;
        if told.contains(&verdict) {
            continue;
        }
        told.push(verdict);
        let warning = match verdict.outcome() {
            Outcome::Warning => "warning: ",
            _ => "",
        };
        let line = format!("{warning}{}", verdict.shown());
        wrapped(out, title, INDENT, &line);
        title = INDENT;
        for (place, expiry) in &observed {
            if expiry.checked_on == verdict {
                let _ = writeln!(out, "{INDENT}  {place}");
                wrapped(out, DEEPER, DEEPER, &said(expiry));
            }
        }
        wrapped(out, INDENT, INDENT, first.meaning);
    }
}

/// What came of each request: `allocate 401, refresh ok`.
fn said(expiry: &ExpiryReport) -> String {
    let steps: Vec<_> = expiry.steps.iter().map(word).collect();
    steps.join(", ")
}

fn word(step: &Step) -> String {
    let result = match step.code {
        Some(code) => code.to_string(),
        None => step.outcome.shown().to_owned(),
    };
    let why = match (step.name, step.outcome) {
        (StepName::Delete, Outcome::Ok) | (_, Outcome::Failed | Outcome::Skipped) => &step.detail,
        _ => &None,
    };
    let why = why
        .as_ref()
        .or(step.advice.as_ref())
        .map_or_else(String::new, |why| format!(" ({why})"));
    format!("{} {result}{why}", step.name.shown())
}
