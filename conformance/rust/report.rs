//! One line of JSON for each script, for whoever makes a table of it.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Value, json};

use super::player::Failure;

/// What came of a script.
pub(crate) enum Outcome {
    Played(Result<(), Failure>),
    /// Why the host was not played it.
    Unseen(&'static str),
}

/// Appends the outcomes to the file that `CONFORMANCE_RESULTS` names, if it does.
pub(crate) fn report(host: &str, outcomes: &[(String, Outcome)]) {
    let Some(path) = std::env::var_os("CONFORMANCE_RESULTS") else {
        return;
    };
    let mut lines = String::new();
    for (script, outcome) in outcomes {
        let mut line = match outcome {
            Outcome::Played(Ok(())) => json!({ "outcome": "pass" }),
            Outcome::Played(Err(failure)) => {
                json!({ "outcome": "fail", "step": failure.step, "why": failure.why })
            }
            Outcome::Unseen(why) => json!({ "outcome": "unseen", "why": why }),
        };
        line["host"] = Value::from(host);
        line["script"] = Value::from(&**script);
        lines.push_str(&format!("{line}\n"));
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
    written.expect("CONFORMANCE_RESULTS names a file that can be written");
}

/// Those that failed, one a line.
pub(crate) fn failures(outcomes: &[(String, Outcome)]) -> String {
    let failed = |(script, outcome): &(String, Outcome)| match outcome {
        Outcome::Played(Err(Failure { step, why })) => {
            Some(format!("{script}: step {step}: {why}\n"))
        }
        _ => None,
    };
    outcomes.iter().filter_map(failed).collect()
}
