//! `widget-turn check`: whether TURN servers work, and what to do if they don't.
//!
//! [`homeserver`] asks for servers and credentials, [`probe`] tries each server through [`client`], [`lint`] looks at what needs
//! no trying, [`fault`] has the sentence for whatever went wrong, [`report`] shows it, and all that is printed
//! goes through [`output`].

mod client;
mod expiry;
mod fault;
mod homeserver;
mod interruption;
mod lint;
mod output;
mod probe;
mod quota;
mod redaction;
mod report;
mod round;
mod round_trip;
mod target;
mod textfile;
mod tls;
mod watch;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use widget_turn_proto::{Secret, TurnServer};

use crate::account::{self, AccountError};
use crate::arguments;
use crate::credentials::{SharedSecret, system_clock};
use crate::secrets::Secrets;
use crate::terminal::Progress;
use homeserver::Homeserver;
use interruption::{INTERRUPTED, interruptions};
use output::{NOT_WRITTEN, Output};
use quota::Quota;
use report::Report;
use report::grade::{NO_HOMESERVER, NONE_WORKS};
use round::{Settings, Source};
use tls::Tls;
use watch::Board;

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
    #[error("cannot write {path}: {source}")]
    Textfile {
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
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("interrupted")]
    Interrupted,
}

/// Runs to its end; the exit code is the command's.
pub(crate) async fn run(arguments: arguments::Check) -> ExitCode {
    let output = Output::new(&arguments);
    let progress = output.progress();
    let interrupted = interruptions(progress.clone());
    let secrets = output.secrets().clone();
    let source = match source(&arguments, &progress, interrupted.clone(), &secrets).await {
        Ok(source) => source,
        Err(error) => {
            progress.clear();
            output.complain(&error);
            return match error {
                CheckError::Interrupted => INTERRUPTED.into(),
                CheckError::Account(_) => NO_HOMESERVER.into(),
                _ => NONE_WORKS.into(),
            };
        }
    };
    let settings = Settings {
        source,
        tls: Tls::of_this_machine().map_err(|error| error.to_string()),
        limit: arguments.timeout,
        datagrams: arguments.datagrams,
        parallel: arguments.parallel,
        expect_expiry: arguments.expect_expiry,
        clock: system_clock(),
        quota: Quota::new(quota::LAG),
        interrupted,
        progress,
        secrets,
    };
    let exit_code = match arguments.watch {
        None => settings.once(&arguments, &output).await,
        Some(every) => settings.again_and_again(every, &arguments, &output).await,
    };
    exit_code.into()
}

/// Tries TURN servers as the command does, until somebody interrupts; the report by `docs/check.schema.json`.
pub(crate) async fn relays(server: &TurnServer, interrupted: Receiver<bool>) -> serde_json::Value {
    let settings = Settings {
        source: Source::Given {
            uris: server.uris().to_vec(),
            username: server.username().to_owned(),
            password: server.password().clone(),
        },
        tls: Tls::of_this_machine().map_err(|error| error.to_string()),
        limit: Duration::from_secs(5),
        datagrams: 10,
        parallel: false,
        expect_expiry: false,
        clock: system_clock(),
        quota: Quota::new(quota::LAG),
        progress: Progress::Hidden,
        secrets: Secrets::default(),
        interrupted,
    };
    let report = serde_json::to_value(settings.round().await);
    report.expect("a report has no map with keys that are no strings")
}

/// Looks whether metrics can be written, before hours have passed.
fn textfile(arguments: &arguments::Check) -> Result<(), CheckError> {
    let Some(path) = &arguments.prometheus_textfile else {
        return Ok(());
    };
    textfile::try_out(path).map_err(|source| CheckError::Textfile {
        path: path.clone(),
        source,
    })
}

async fn source(
    arguments: &arguments::Check,
    progress: &Progress,
    mut interrupted: Receiver<bool>,
    secrets: &Secrets,
) -> Result<Source, CheckError> {
    textfile(arguments)?;
    if arguments.user.is_some() {
        let login = arguments.login();
        let account = tokio::select! {
            account = account::log_in(&login, true, progress) => account,
            Ok(_) = interrupted.wait_for(|interrupted| *interrupted) => {
                return Err(CheckError::Interrupted);
            }
        };
        let homeserver = match account {
            // By `host`, say. Its token is enough.
            Err(AccountError::InUse(_)) if login.token_file.is_none() => {
                Homeserver::borrowed(account::borrow(&login)?)
            }
            account => Homeserver::of(account?),
        };
        return Ok(Source::Homeserver(homeserver));
    }
    if let (Some(name), Some(path)) = (&arguments.homeserver, &arguments.token_file) {
        let token = read_secret(path, "an access token")?;
        return Ok(Source::Homeserver(Homeserver::new(name, token)?));
    }
    let user = arguments.username.as_deref();
    if let Some(path) = &arguments.secret_file {
        let secret = read_secret(path, "the text of `static-auth-secret`")?;
        secrets.add(&secret);
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
    /// One round and its report; the exit code.
    async fn once(&self, arguments: &arguments::Check, output: &Output) -> u8 {
        let (report, kept) = self.shown_round(arguments, output).await;
        let printed = output.print(&if arguments.json {
            output::json_pretty(&report)
        } else {
            report::text::render(&report)
        });
        match (printed, kept) {
            (Err(unread), _) => unread,
            _ if report.interrupted => INTERRUPTED,
            (Ok(()), Err(unwritten)) => unwritten,
            (Ok(()), Ok(())) => report.exit_code,
        }
    }

    /// Rounds until somebody interrupts; the exit code.
    async fn again_and_again(
        &self,
        every: Duration,
        arguments: &arguments::Check,
        output: &Output,
    ) -> u8 {
        let mut board = Board::new(std::io::stdout().is_terminal());
        let round = async || {
            // Metrics that are not written get old, which is seen there; the next may be.
            let (report, _) = self.shown_round(arguments, output).await;
            let text = if arguments.json {
                output::json_line(&report)
            } else {
                board.round(&report)
            };
            output.print(&text).map(|()| report)
        };
        let exit_code = watch::repeat(every, self.interrupted.clone(), round).await;
        if !arguments.json {
            // Somebody who has gone does not miss it.
            let _ = output.print(&board.end());
        }
        exit_code.unwrap_or(INTERRUPTED)
    }

    /// A round, as it may be shown, and whether its metrics are in their file, or else the exit code.
    async fn shown_round(
        &self,
        arguments: &arguments::Check,
        output: &Output,
    ) -> (Report, Result<(), u8>) {
        let report = output.shown(self.round().await);
        self.progress.clear();
        let path = arguments.prometheus_textfile.as_deref();
        let Some(path) = path.filter(|_| !report.interrupted) else {
            return (report, Ok(()));
        };
        let metrics = report::prometheus::render(&report);
        let written = textfile::replace(path, &metrics).map_err(|error| {
            output.complain(&format!("cannot write {}: {error}", path.display()));
            NOT_WRITTEN
        });
        (report, written)
    }
}

#[cfg(test)]
mod tests;
