//! Whole rounds against servers on loopback. What is reported is compared with a snapshot, but for times and ports.

mod expiry;
mod faults;
mod homeservers;
mod interruption;
mod quota;
mod redacted;
mod schema;
mod secure;
mod servers;
mod well;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch::channel;
use tokio::task::AbortHandle;

use super::*;
use crate::credentials::UnixClock;
use crate::demo::turn_server::TurnServer;
use report::{HomeserverReport, Outcome, Rtt, StepName};

const REALM: &str = "demo.localhost";
const SECRET: &str = "a-secret-for-tests";
/// Expires in the year 2100.
const USERNAME: &str = "4102444800:@alice:example.org";
/// For steps that are expected to time out.
const SHORT: Duration = Duration::from_millis(300);
/// For steps that are not.
const GENEROUS: Duration = Duration::from_secs(60);

/// The demo's TURN server, until the test ends.
struct Embedded {
    address: SocketAddr,
    task: AbortHandle,
}

impl Embedded {
    async fn start(address: &str) -> Self {
        let address = address.parse().unwrap();
        let secret = SharedSecret::from_text(SECRET);
        Self::serving(TurnServer::bind(address, REALM, secret).await.unwrap())
    }

    fn serving(server: TurnServer) -> Self {
        Self {
            address: server.local_addr(),
            task: tokio::spawn(server.run()).abort_handle(),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn settings(uris: &[String], limit: Duration) -> Settings {
    let password = SharedSecret::from_text(SECRET).password_of(USERNAME);
    Settings {
        source: Source::Given {
            uris: uris.to_vec(),
            username: USERNAME.to_owned(),
            password: Secret::new(password.as_str()),
        },
        tls: Err("no roots in this test".to_owned()),
        limit,
        datagrams: 3,
        parallel: false,
        expect_expiry: false,
        clock: system_clock(),
        quota: Quota::new(SHORT),
        progress: Progress::Hidden,
        secrets: Secrets::default(),
        interrupted: channel(false).1,
    }
}

async fn check(uris: &[String], limit: Duration) -> Report {
    settings(uris, limit).round().await
}

/// Compares the text of a report with `snapshots/name.txt`; `UPDATE_SNAPSHOTS=1` writes it anew.
fn assert_snapshot(name: &str, report: &Report) {
    let text = without_ports(&report::text::render(&timeless(report)));
    assert!(!text.contains(SECRET) && !text.contains('\u{1b}'), "{text}");
    let long = text.lines().find(|line| line.chars().count() > 100);
    assert_eq!(long, None, "a line of more than 100 columns");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/check/tests/snapshots");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

/// With the same times whenever and wherever it was made.
fn timeless(report: &Report) -> Report {
    let mut report = report.clone();
    report.checked_at = 0;
    report.ms = 1.0;
    if let Some(credentials) = &mut report.credentials {
        credentials.expires_in_seconds = credentials
            .expires_in_seconds
            .map(|left| 600 * left.signum());
    }
    let mut steps: Vec<_> = Vec::new();
    if let Some(homeserver) = &mut report.homeserver {
        steps.extend(&mut homeserver.steps);
    }
    for server in &mut report.servers {
        steps.extend(&mut server.steps);
        for address in &mut server.addresses {
            steps.extend(&mut address.steps);
            steps.extend(address.expiry.iter_mut().flat_map(|it| &mut it.steps));
            if let Some(rtt) = address
                .round_trip
                .as_mut()
                .and_then(|it| it.rtt_ms.as_mut())
            {
                let was = format!("{} ms", rtt.median);
                for step in steps.iter_mut() {
                    if let Some(detail) = &mut step.detail {
                        *detail = detail.replace(&was, "1 ms");
                    }
                }
                *rtt = Rtt {
                    min: 1.0,
                    median: 1.0,
                    max: 1.0,
                };
            }
        }
    }
    for step in steps {
        step.ms = step.ms.map(|_| 1.0);
        if let Some(detail) = &mut step.detail {
            *detail = replace_number(detail, "has ", " days left", "N");
        }
    }
    report
}

/// With `PORT` for each port of five digits.
fn without_ports(text: &str) -> String {
    let text = replace_number(text, ":", "", "PORT");
    replace_number(&text, "port ", "", "PORT")
}

/// Replaces numbers of five digits or more between two texts.
fn replace_number(text: &str, before: &str, after: &str, replacement: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        replaced.push_str(head);
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        rest = tail;
        if digits >= 5 && tail[digits..].starts_with(after) {
            replaced.push_str(replacement);
            rest = &tail[digits..];
        }
    }
    replaced + rest
}
