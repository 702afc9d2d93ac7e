//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use matrix_sdk::ruma::OwnedRoomOrAliasId;
use url::Url;

use crate::host::widget::Named;

const EXIT_CODES: &str = "\
Exit codes:
  0  ended by Ctrl-C, or done
  1  something could not be started or done; the message says what to do
  2  the command line was wrong

Environment:
  NO_COLOR          no colours
  WIDGET_TURN_LOG   what to log to standard error, such as `debug` or `widget_turn=trace` (default: warn)";

/// TURN for Matrix widgets (MSC3846): gives widgets TURN credentials that are valid now.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Demo(Demo),
    Host(Box<Host>),
    Check(Box<Check>),
    Grants(Grants),
    Logout(Logout),
    Completions(Completions),
}

/// Shows a widget that gets TURN credentials and keeps them, on this machine alone.
///
/// Starts a homeserver's TURN endpoint, a TURN server that checks what the endpoint mints, and a page with a widget in
/// it, all on loopback; the page asks for permission and shows every message between host and widget.
#[derive(Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct Demo {
    /// How long the credentials live: short, so that refreshes are seen
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = lifetime)]
    pub(crate) ttl: Duration,

    /// Where the page listens; the demo's own widget takes the port after it. Port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7846")]
    pub(crate) listen: SocketAddr,

    /// Show this widget instead of the demo's own
    #[arg(long, value_name = "URL", value_parser = widget_url)]
    pub(crate) widget: Option<Url>,

    /// Grant TURN to pages of this origin without asking; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) trust_origin: Vec<String>,

    /// Hand out these TURN servers instead of starting one; may be given several times
    #[arg(long, value_name = "URI", requires = "turn_secret_file", value_parser = turn_uri)]
    pub(crate) turn_uri: Vec<String>,

    /// The secret shared with the TURN server (coturn's `static-auth-secret`), in a file; random by default
    #[arg(long, value_name = "FILE")]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// Where grants for always are remembered
    #[arg(long, value_name = "FILE")]
    pub(crate) grants: Option<PathBuf>,

    /// Do not open a browser
    #[arg(long)]
    pub(crate) no_open: bool,

    /// Print one JSON object a line for each event
    #[arg(long)]
    pub(crate) json: bool,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  widget-turn demo
  widget-turn demo --ttl 10s                          see a refresh every few seconds
  widget-turn demo --widget https://widget.example/   another widget
  widget-turn demo --no-open --json                   for a script
  widget-turn demo --turn-uri 'turn:127.0.0.1:3478?transport=udp' --turn-secret-file secret.txt
                                                      your own coturn (use-auth-secret)";

/// Shows any widget in a room of your account, on any homeserver.
///
/// Logs in once and keeps the session, syncs with the homeserver, and opens a page with the widget in it, on this machine only;
/// the page asks you what the widget may do and shows every message between host and widget.
#[derive(Args)]
#[command(after_help = HOST_HELP)]
pub(crate) struct Host {
    #[command(flatten)]
    pub(crate) login: Login,

    /// The room, by id or alias; without it, your rooms are listed
    #[arg(long, value_name = "ROOM", value_parser = room)]
    pub(crate) room: Option<OwnedRoomOrAliasId>,

    /// The widget: the URL of its page, in which templates such as $matrix_user_id are filled in, or the id of one in the
    /// room's state; without it, the room's widgets are listed
    #[arg(long, value_name = "URL|ID", value_parser = Named::read)]
    pub(crate) widget: Option<Named>,

    /// Where the page listens. Port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7846")]
    pub(crate) listen: SocketAddr,

    /// Grant all that they ask for to pages of this origin, without asking you; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) trust_origin: Vec<String>,

    /// What the widget is told that your client looks like
    #[arg(long, value_name = "THEME", default_value = "light")]
    pub(crate) theme: String,

    /// What the widget is told that your client speaks
    #[arg(long, value_name = "TAG", default_value = "en")]
    pub(crate) language: String,

    /// Where grants for always are remembered
    #[arg(long, value_name = "FILE")]
    pub(crate) grants: Option<PathBuf>,

    /// Do not open a browser
    #[arg(long)]
    pub(crate) no_open: bool,

    /// Print one JSON object a line for each event; list instead of asking
    #[arg(long)]
    pub(crate) json: bool,
}

const HOST_HELP: &str = "\
Environment:
  WIDGET_TURN_ACCESS_TOKEN   an access token, as by --token-file

What works, for a widget that was granted it:
  timeline and state events, sent and received; state as it changes; to-device messages, encrypted where the room is;
  delayed events (MSC4140); read_events; OpenID tokens; download_file; TURN servers (MSC3846)
What does not work yet, and is answered with an error:
  read_relations (MSC3869), user directory search (MSC3973), upload_file and get_media_config, navigation (MSC2931),
  stickers, modal widgets, events of other rooms (MSC2762's timeline capability), asking for more than TURN later on

Examples:
  widget-turn host --user @alice:example.org                      choose room and widget; asks for the password once
  widget-turn host --user @alice:example.org --room '#room:example.org' --widget 'https://widget.example/?u=$matrix_user_id'
  widget-turn host --homeserver http://localhost:8008 --user @alice:localhost --password-file password.txt \\
    --room '!id:localhost' --widget http://localhost:8080/ --trust-origin http://localhost:8080 --no-open --json
  widget-turn logout --user @alice:example.org                    ends the session and wipes what is kept of it

The session is kept in the folder widget-turn of your data, or in that given by --data, for you only. One process at a time
uses it.";

/// An account, and how to log in to it.
#[derive(Args)]
pub(crate) struct Login {
    /// The homeserver: a server name, such as example.org, or the URL of its client-server API; by default that of the user
    #[arg(long, value_name = "NAME")]
    pub(crate) homeserver: Option<String>,

    /// The user, such as @alice:example.org; by default the one whose session is kept
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,

    /// The password, in a file; asked for on the terminal if no session is kept
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    pub(crate) password_file: Option<PathBuf>,

    /// An access token, in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Where sessions are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Ends a session that `host` keeps, and wipes what is kept of it.
///
/// The homeserver is told to forget it, also where its token was given by a file; if it cannot be reached, that is said, and
/// the rest is done.
#[derive(Args)]
#[command(after_help = "Example:\n  widget-turn logout --user @alice:example.org")]
pub(crate) struct Logout {
    /// The user; by default the one whose session is kept
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,

    /// Where sessions are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Says whether TURN servers work, and what to do if they don't.
///
/// Tries each TURN URI on each address of its host: name, connection, TLS, STUN, an allocation, datagrams through two relays
/// and back, refresh, deletion. The URIs are those of a homeserver, or given.
#[derive(Args)]
#[command(after_help = CHECK_EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["uris", "homeserver"]))]
#[command(group = clap::ArgGroup::new("with").args(["password_file", "secret_file", "token_file"]).required(true))]
pub(crate) struct Check {
    /// The TURN servers to try, such as turn:turn.example.org:3478?transport=udp
    #[arg(value_name = "URI")]
    pub(crate) uris: Vec<String>,

    /// Ask this homeserver for TURN servers: a server name, such as example.org, or the URL of its client-server API
    #[arg(long, value_name = "NAME", requires = "token_file")]
    pub(crate) homeserver: Option<String>,

    /// The access token of an account there, in a file
    #[arg(long, value_name = "FILE", requires = "homeserver")]
    pub(crate) token_file: Option<PathBuf>,

    /// The TURN user name
    #[arg(long, value_name = "NAME", requires = "uris")]
    pub(crate) username: Option<String>,

    /// The TURN password, in a file
    #[arg(long, value_name = "FILE", requires_all = ["username", "uris"])]
    pub(crate) password_file: Option<PathBuf>,

    /// Make credentials from the secret shared with the TURN servers (coturn's `static-auth-secret`), in a file
    #[arg(long, value_name = "FILE", requires = "uris")]
    pub(crate) secret_file: Option<PathBuf>,

    /// How long credentials live that are made from a secret
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = lifetime, requires = "secret_file")]
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

    /// Hide user names, host names and addresses, for pasting the report into an issue
    #[arg(long)]
    pub(crate) redact: bool,

    /// Print JSON, by docs/check.schema.json; with --watch one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_EXAMPLES: &str = "\
Exit codes:
  0  all TURN URIs relay
  1  some relay, some fail
  2  none relays, or the command line was wrong (then nothing is on standard output)
  3  the homeserver could not be asked, or refused

Examples:
  widget-turn check --homeserver example.org --token-file token.txt
  widget-turn check 'turn:turn.example.org:3478?transport=udp' 'turns:turn.example.org:5349' --secret-file secret.txt
  widget-turn check turn:turn.example.org --username alice --password-file password.txt
  widget-turn check --homeserver example.org --token-file token.txt --redact      for an issue
  widget-turn check turn:turn.example.org --secret-file secret.txt --ttl 10s --expect-expiry
  widget-turn check --homeserver example.org --token-file token.txt --watch 10m --prometheus-textfile turn.prom

No password, token or secret is ever printed. Nothing is left behind: allocations are deleted, after Ctrl-C too.
Certificates are verified by this machine's roots; SSL_CERT_FILE names others.
Ctrl-C or SIGTERM: 130, or with --watch the code of the last whole round. More in docs/check.md.";

/// Lists what was granted for always, or takes it back.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  widget-turn grants\n  widget-turn grants --revoke https://widget.example"
)]
pub(crate) struct Grants {
    /// Take back all that was granted to this origin
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) revoke: Option<String>,

    /// Where grants are remembered
    #[arg(long, value_name = "FILE")]
    pub(crate) grants: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints a completion script for a shell.
#[derive(Args)]
#[command(
    after_help = "Example:\n  widget-turn completions bash > ~/.local/share/bash-completion/completions/widget-turn"
)]
pub(crate) struct Completions {
    pub(crate) shell: clap_complete::Shell,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let expected = "expected a time from 1s to 24h, such as 10s, 5m or 1h";
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if digits {
        format!("{text}s")
    } else {
        text.to_owned()
    };
    let ttl = humantime::parse_duration(&text).map_err(|_| expected.to_owned())?;
    // What a homeserver mints expires at a whole second.
    let whole = ttl.subsec_nanos() == 0 && (1..=24 * 3600).contains(&ttl.as_secs());
    if whole {
        Ok(ttl)
    } else {
        Err(expected.to_owned())
    }
}

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

fn widget_url(text: &str) -> Result<Url, String> {
    let expected = "expected the URL of a page, such as https://widget.example/index.html";
    let url = Url::parse(text).map_err(|_| expected.to_owned())?;
    let page = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    if page {
        Ok(url)
    } else {
        Err(expected.to_owned())
    }
}

fn room(text: &str) -> Result<OwnedRoomOrAliasId, String> {
    OwnedRoomOrAliasId::try_from(text).map_err(|_| {
        "expected the id of a room, such as !abc:example.org, or an alias, such as #room:example.org"
            .to_owned()
    })
}

fn turn_uri(text: &str) -> Result<String, String> {
    match widget_turn_proto::check_uri(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Arguments, lifetime, turn_uri, widget_url};
    use clap::CommandFactory;
    use std::time::Duration;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn lifetimes_are_whole_seconds_up_to_a_day() {
        for (text, seconds) in [
            ("60s", 60),
            ("10", 10),
            ("5m", 300),
            ("1h", 3600),
            ("24h", 86_400),
            ("1s", 1),
        ] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "0",
            "0s",
            "1ms",
            "1500ms",
            "25h",
            "-1s",
            "",
            "x",
            "99999999999999999999",
            "1e3",
        ] {
            assert!(
                lifetime(text).is_err_and(|error| error.contains("expected a time")),
                "{text}"
            );
        }
    }

    #[test]
    fn urls_and_uris_are_checked_before_anything_starts() {
        assert!(widget_url("http://127.0.0.1:8080/w?x=1").is_ok());
        for text in [
            "",
            "widget.example",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://u:p@example.org/",
        ] {
            assert!(widget_url(text).is_err(), "{text}");
        }
        assert!(turn_uri("turn:127.0.0.1:3478?transport=udp").is_ok());
        assert!(turn_uri("http://127.0.0.1").is_err());
    }
}
