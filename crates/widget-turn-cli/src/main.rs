//! The command `widget-turn`.

mod account;
mod arguments;
mod browser;
mod capability;
mod check;
mod credentials;
mod demo;
mod event;
mod grants;
mod host;
mod logout;
mod observed;
mod page;
mod secret_file;
mod secrets;
mod session;
mod shutdown;
mod stun;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use arguments::{Arguments, Command};

/// Each answer of a homeserver that is no success is an error to the SDK's log, each first request for a relay, which nobody can
/// sign, one to stun-proto's, and each message that is no STUN a warning to stun-types': to people, the command tells of those
/// that matter.
const LOG: &str = "warn,rustls_platform_verifier=off,matrix_sdk::http_client=off,matrix_sdk_crypto::backups=error,stun_proto=off,\
                   stun_types=error";

/// These log what they send or sign with, credentials and all, to whoever wants everything.
const QUIET: [&str; 2] = ["tungstenite=info", "stun_types=info"];

fn main() -> ExitCode {
    if let Some(exit_code) = browser::open_here() {
        return exit_code;
    }
    let arguments = Arguments::parse();
    // Logs have names in them.
    if !matches!(&arguments.command, Command::Check(check) if check.redact) {
        log();
    }
    shutdown::run(run(arguments.command)).unwrap_or_else(|error| failed(&error))
}

async fn run(command: Command) -> ExitCode {
    let exit_code = match command {
        // It ends by Ctrl-C in its own way.
        Command::Check(arguments) => check::run(*arguments).await,
        command => {
            // Before anything else is done, so that Ctrl-C has one meaning from the start.
            let mut signals = match shutdown::Signals::new() {
                Ok(signals) => signals,
                Err(error) => return failed(&error),
            };
            let done = tokio::select! {
                biased;
                interrupted = signals.next() => interrupted.map(|()| ExitCode::SUCCESS).map_err(Into::into),
                done = carry_out(command) => done,
            };
            done.unwrap_or_else(|error| failed(&*error))
        }
    };
    if shutdown::is_awaited() {
        eprintln!(
            "widget-turn: ending the log-in or the test of relays that is under way, so that nothing is left behind; Ctrl-C \
             again ends at once"
        );
        let again = async {
            // So soon after the first it is the same one.
            tokio::time::sleep(shutdown::SAME).await;
            shutdown::Signals::new()?.next().await
        };
        tokio::select! {
            () = shutdown::finished() => {}
            _ = again => {}
        }
    }
    exit_code
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    // Words of a homeserver may be in it.
    let error = error.to_string();
    let lines: Vec<_> = error.lines().map(terminal::escaped).collect();
    eprintln!("widget-turn: {}", lines.join("\n"));
    ExitCode::FAILURE
}

async fn carry_out(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Command::Demo(arguments) => {
            let path = grants::path(arguments.grants.as_deref())?;
            demo::run(arguments, path).await?;
        }
        Command::Host(arguments) => {
            let path = grants::path(arguments.grants.as_deref())?;
            host::run(*arguments, path).await?;
        }
        Command::Logout(arguments) => return Ok(logout::run(&arguments).await?),
        Command::Check(_) => unreachable!("taken above"),
        Command::Grants(arguments) => grants::run(&arguments)?,
        Command::Completions(arguments) => {
            let mut command = Arguments::command();
            clap_complete::generate(
                arguments.shell,
                &mut command,
                "widget-turn",
                &mut std::io::stdout(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Standard error, so that `--json` stays whole.
fn log() {
    // Whoever meets a bad certificate reports it itself.
    let mut filter =
        EnvFilter::try_from_env("WIDGET_TURN_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let level = filter.max_level_hint();
    if level.is_none_or(|level| level > LevelFilter::INFO) {
        for quiet in QUIET {
            filter = filter.add_directive(quiet.parse().expect("it is a directive"));
        }
    }
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .init();
}
