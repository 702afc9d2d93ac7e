//! `widget-turn check`: whether TURN servers work, and what to do if they don't.
//!
//! [`homeserver`] asks for servers and credentials, [`probe`] tries each server through [`client`], [`lint`] looks at what needs
//! no trying, [`fault`] has the sentence for whatever went wrong, [`report`] shows it.

mod client;
mod fault;
mod homeserver;
mod lint;
mod probe;
mod report;
mod round_trip;
mod target;
mod tls;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;
use widget_turn_proto::Secret;

use crate::arguments;
use crate::demo::credentials::{SharedSecret, expiry_of};
use crate::terminal::Progress;
use homeserver::Homeserver;
use probe::{Probe, unix_now};
use report::grade::{Grade, NONE_WORKS};
use report::{CredentialsReport, HomeserverReport, Report, ServerReport, VERSION, milliseconds};
use tls::Tls;

/// As a shell says it of a program that ended by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The longest user name that a STUN message holds, in bytes.
const MAX_USERNAME: usize = 513;

/// Why nothing is checked.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    #[error("cannot read {path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is empty: expected {expected}")]
    Empty {
        path: PathBuf,
        expected: &'static str,
    },
    #[error("expected a user name of 1 to 513 bytes, got {0}")]
    Username(usize),
    #[error(transparent)]
    Homeserver(#[from] homeserver::HomeserverError),
}

/// Where servers and credentials come from, anew each round.
enum Source {
    Given {
        uris: Vec<String>,
        username: String,
        password: Secret,
    },
    Minted {
        uris: Vec<String>,
        secret: SharedSecret,
        user: String,
        ttl: Duration,
    },
    Homeserver(Homeserver),
}

/// Servers, and credentials for them.
struct Supply {
    uris: Vec<String>,
    username: String,
    password: Secret,
    /// In seconds, where a homeserver named one.
    ttl: Option<u64>,
}

/// What every round has in common.
struct Settings {
    source: Source,
    tls: Result<Tls, String>,
    limit: Duration,
    datagrams: u32,
    parallel: bool,
    progress: Progress,
    interrupted: watch::Receiver<bool>,
}

/// Runs to its end; the exit code is the command's.
pub(crate) async fn run(arguments: arguments::Check) -> ExitCode {
    let source = match source(&arguments) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("widget-turn: {error}");
            return NONE_WORKS.into();
        }
    };
    let progress = Progress::on_a_terminal();
    let settings = Settings {
        source,
        tls: Tls::of_this_machine().map_err(|error| error.to_string()),
        limit: arguments.timeout,
        datagrams: arguments.datagrams,
        parallel: arguments.parallel,
        progress,
        interrupted: interruptions(progress),
    };
    let mut report = settings.round().await;
    progress.clear();
    if arguments.redact {
        report.redact();
    }
    print(&report, arguments.json);
    if report.interrupted {
        return INTERRUPTED.into();
    }
    report.exit_code.into()
}

fn print(report: &Report, json: bool) {
    let text = if json {
        let text = serde_json::to_string_pretty(report);
        text.expect("a report has no map with keys that are no strings") + "\n"
    } else {
        report::text::render(report)
    };
    // Whoever reads may have read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Turns true at the first Ctrl-C. The second ends the program, whatever it leaves behind.
fn interruptions(progress: Progress) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if sender.send_replace(true) {
                progress.clear();
                std::process::exit(INTERRUPTED.into());
            }
        }
        // Without signals nobody interrupts.
        sender.closed().await;
    });
    receiver
}

fn source(arguments: &arguments::Check) -> Result<Source, CheckError> {
    if let (Some(name), Some(path)) = (&arguments.homeserver, &arguments.token_file) {
        let token = read_secret(path, "an access token")?;
        return Ok(Source::Homeserver(Homeserver::new(name, token)?));
    }
    let user = arguments.username.as_deref();
    if let Some(path) = &arguments.secret_file {
        let secret = read_secret(path, "the text of `static-auth-secret`")?;
        let user = user.unwrap_or("widget-turn-check");
        // With room for the expiry before it.
        check_username(user, MAX_USERNAME - 21)?;
        return Ok(Source::Minted {
            uris: arguments.uris.clone(),
            secret: SharedSecret::from_text(secret.expose()),
            user: user.to_owned(),
            ttl: arguments.ttl,
        });
    }
    let user = user.unwrap_or_default();
    check_username(user, MAX_USERNAME)?;
    let password = match &arguments.password_file {
        Some(path) => read_secret(path, "a TURN password")?,
        None => Secret::new(""),
    };
    Ok(Source::Given {
        uris: arguments.uris.clone(),
        username: user.to_owned(),
        password,
    })
}

fn check_username(name: &str, longest: usize) -> Result<(), CheckError> {
    if (1..=longest).contains(&name.len()) {
        Ok(())
    } else {
        Err(CheckError::Username(name.len()))
    }
}

fn read_secret(path: &Path, expected: &'static str) -> Result<Secret, CheckError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(source) => {
            return Err(CheckError::File {
                path: path.to_owned(),
                source,
            });
        }
    };
    match text.trim() {
        "" => Err(CheckError::Empty {
            path: path.to_owned(),
            expected,
        }),
        secret => Ok(Secret::new(secret)),
    }
}

impl Settings {
    /// Asks, tries and reports once.
    async fn round(&self) -> Report {
        let started = Instant::now();
        let checked_at = unix_now();
        let (homeserver, supply) = self.supply().await;
        let mut report = Report {
            version: VERSION,
            checked_at,
            ms: 0.0,
            homeserver,
            credentials: None,
            servers: Vec::new(),
            grade: Grade::Fail,
            next_grade: None,
            interrupted: false,
            exit_code: NONE_WORKS,
        };
        if let Some(supply) = supply {
            report.credentials = Some(credentials(&supply, checked_at));
            report.servers = self.servers(supply).await;
        }
        report.interrupted = *self.interrupted.borrow();
        report.ms = milliseconds(started.elapsed());
        report.conclude();
        report
    }

    async fn supply(&self) -> (Option<HomeserverReport>, Option<Supply>) {
        match &self.source {
            Source::Given {
                uris,
                username,
                password,
            } => {
                let supply = Supply {
                    uris: uris.clone(),
                    username: username.clone(),
                    password: password.clone(),
                    ttl: None,
                };
                (None, Some(supply))
            }
            Source::Minted {
                uris,
                secret,
                user,
                ttl,
            } => {
                let minted = secret.mint(unix_now().saturating_add(ttl.as_secs()), user);
                let supply = Supply {
                    uris: uris.clone(),
                    username: minted.username,
                    password: Secret::new(minted.password.as_str()),
                    ttl: None,
                };
                (None, Some(supply))
            }
            Source::Homeserver(homeserver) => {
                self.progress.show(homeserver.name(), "turnServer");
                let mut interrupted = self.interrupted.clone();
                tokio::select! {
                    (report, supply) = homeserver.ask(self.limit) => (Some(report), supply),
                    Ok(_) = interrupted.wait_for(|interrupted| *interrupted) => {
                        (Some(homeserver.unasked()), None)
                    }
                }
            }
        }
    }

    async fn servers(&self, supply: Supply) -> Vec<ServerReport> {
        let probe = Probe {
            username: supply.username,
            password: supply.password,
            limit: self.limit,
            datagrams: self.datagrams,
            tls: self.tls.clone(),
            interrupted: self.interrupted.clone(),
            progress: self.progress,
            deleted: Arc::default(),
        };
        if self.parallel {
            return join_all(supply.uris.iter().map(|uri| probe.server(uri))).await;
        }
        let mut servers = Vec::new();
        for uri in &supply.uris {
            servers.push(probe.server(uri).await);
        }
        servers
    }
}

fn credentials(supply: &Supply, now: u64) -> CredentialsReport {
    let expires_at = expiry_of(&supply.username);
    CredentialsReport {
        username: supply.username.clone(),
        expires_at,
        expires_in_seconds: expires_at.map(|expiry| lint::seconds_between(now, expiry)),
        steps: lint::credentials(&supply.username, supply.password.expose(), now, supply.ttl),
    }
}

#[cfg(test)]
mod tests;
