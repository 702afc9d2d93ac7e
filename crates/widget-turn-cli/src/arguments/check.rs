//! The command line of `check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Login, lifetime};

/// Says whether TURN servers work, and what to do if they don't.
///
/// Tries each TURN URI on each address of its host: name, connection, TLS, STUN, an allocation, datagrams through two relays
/// and back, refresh, deletion. The URIs are those of a homeserver, or given.
#[derive(Args)]
#[command(after_help = CHECK_EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["uris", "homeserver", "user"]))]
#[command(group = clap::ArgGroup::new("with").required(true).multiple(true)
    .args(["password_file", "secret_file", "token_file", "user"]))]
#[command(group = clap::ArgGroup::new("who").args(["username", "user"]))]
#[command(group = clap::ArgGroup::new("account").multiple(true).args(["token_file", "user"]))]
#[command(group = clap::ArgGroup::new("server").multiple(true).args(["homeserver", "user"]))]
pub(crate) struct Check {
    /// The TURN servers to try, such as turn:turn.example.org:3478?transport=udp
    #[arg(value_name = "URI")]
    pub(crate) uris: Vec<String>,

    /// Ask this homeserver for TURN servers: a server name, such as example.org, or the URL of its client-server API
    #[arg(
        long,
        value_name = "NAME",
        requires = "account",
        conflicts_with = "uris"
    )]
    pub(crate) homeserver: Option<String>,

    /// Ask as this user, such as @alice:example.org, logged in as by `host`: the session is kept, and may be in use by `host`
    #[arg(long, value_name = "ID", conflicts_with = "uris")]
    pub(crate) user: Option<String>,

    /// The access token of an account there, in a file; without --user nothing is kept
    #[arg(long, value_name = "FILE", requires = "server", conflicts_with_all = ["uris", "password_file", "secret_file"])]
    pub(crate) token_file: Option<PathBuf>,

    /// Where sessions are kept
    #[arg(long, value_name = "DIR", requires = "user")]
    pub(crate) data: Option<PathBuf>,

    /// The TURN user name
    #[arg(long, value_name = "NAME", requires = "uris", conflicts_with = "user")]
    pub(crate) username: Option<String>,

    /// The TURN password, or with --user the account's, in a file
    #[arg(
        long,
        value_name = "FILE",
        requires = "who",
        conflicts_with = "secret_file"
    )]
    pub(crate) password_file: Option<PathBuf>,

    /// Make credentials from the secret shared with the TURN servers (coturn's `static-auth-secret`), in a file
    #[arg(long, value_name = "FILE", requires = "uris")]
    pub(crate) secret_file: Option<PathBuf>,

    /// How long credentials live that are made from a secret
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = lifetime, requires = "secret_file",
        conflicts_with_all = ["password_file", "token_file", "user"])]
    pub(crate) ttl: Duration,

    /// How long one step may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = step_limit)]
    pub(crate) timeout: Duration,

    /// How many datagrams go through the relays
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) datagrams: u32,

    /// Try all URIs at a time, not one after the other: more relays at once than the user's quota may allow
    #[arg(long)]
    pub(crate) parallel: bool,

    /// Wait until the credentials have expired, and say what the servers refuse then
    #[arg(long)]
    pub(crate) expect_expiry: bool,

    /// Check again and again, this often, until Ctrl-C: a line a round, and what came of the last ones
    #[arg(long, value_name = "TIME", value_parser = interval, conflicts_with = "expect_expiry")]
    pub(crate) watch: Option<Duration>,

    /// Write metrics to this file after each round, for the textfile collector of Prometheus' node_exporter
    #[arg(long, value_name = "FILE")]
    pub(crate) prometheus_textfile: Option<PathBuf>,

    /// Hide user names, host names and addresses in all that is printed, for pasting it into an issue; nothing is logged
    #[arg(long)]
    pub(crate) redact: bool,

    /// Print JSON, by docs/check.schema.json; with --watch one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Check {
    /// How to log in, where a user is named.
    pub(crate) fn login(&self) -> Login {
        Login {
            homeserver: self.homeserver.clone(),
            user: self.user.clone(),
            password_file: self.password_file.clone(),
            token_file: self.token_file.clone(),
            data: self.data.clone(),
            limit: Some(self.timeout),
        }
    }
}

const CHECK_EXAMPLES: &str = "\
Exit codes:
  0  every TURN URI that could be tested relays, and nothing failed
  1  something relays, and something failed: another URI, one of several addresses, a STUN server, a refresh, a deletion
  2  no TURN URI relays, or the command line was wrong (then nothing is on standard output)
  3  the homeserver could not be asked, or refused
  4  all was tried, but the metrics or the report could not be written
  130  ended by Ctrl-C, SIGTERM or SIGHUP; with --watch the code of the last whole round
  141  ended because nobody reads standard output any more, as in `check --watch 10m | head`

Examples:
  widget-turn check --homeserver example.org --user @alice:example.org            asks for the password once
  widget-turn check --homeserver example.org --token-file token.txt
  widget-turn check 'turn:turn.example.org:3478?transport=udp' 'turns:turn.example.org:5349' --secret-file secret.txt
  widget-turn check turn:turn.example.org --username alice --password-file password.txt
  widget-turn check --homeserver example.org --token-file token.txt --redact      for an issue
  widget-turn check turn:turn.example.org --secret-file secret.txt --ttl 10s --expect-expiry
  widget-turn check --homeserver example.org --token-file token.txt --watch 10m --prometheus-textfile turn.prom

No password, token or secret is ever printed. Nothing is left behind: allocations are deleted, after Ctrl-C, SIGTERM or SIGHUP too; one
that follows half a second later or more ends at once.
Certificates are verified by this machine's roots; SSL_CERT_FILE names others.
More in docs/check.md.";

fn step_limit(text: &str) -> Result<Duration, String> {
    let expected = "expected a time from 100ms to 1m, such as 5s";
    let limit = humantime::parse_duration(text).map_err(|_| expected.to_owned())?;
    if (Duration::from_millis(100)..=Duration::from_secs(60)).contains(&limit) {
        Ok(limit)
    } else {
        Err(expected.to_owned())
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let expected = "expected a time from 1s to 24h, such as 30s, 10m or 1h";
    let every = humantime::parse_duration(text).map_err(|_| expected.to_owned())?;
    if (Duration::from_secs(1)..=Duration::from_secs(24 * 3600)).contains(&every) {
        Ok(every)
    } else {
        Err(expected.to_owned())
    }
}
