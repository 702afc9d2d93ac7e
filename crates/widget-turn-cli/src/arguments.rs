//! The command line.

mod check;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use matrix_sdk::ruma::OwnedRoomOrAliasId;
use url::Url;

use crate::host::widget::Named;

pub(crate) use check::Check;

const EXIT_CODES: &str = "\
Exit codes:
  0  ended by Ctrl-C, SIGTERM or SIGHUP, or done
  1  something could not be started or done; the message says what to do
  2  the command line was wrong
  3  logout: nothing is kept here any more, but the homeserver could not be told
`check` has its own.

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

    /// How long it may take to find the homeserver, where not so long as its log-in does.
    #[arg(skip)]
    pub(crate) limit: Option<Duration>,
}

/// Ends a session that `host` keeps, and wipes what is kept of it.
///
/// The homeserver is told to forget it, also where its token was given by a file; if it cannot be reached, that is said, and
/// the rest is done.
#[derive(Args)]
#[command(after_help = LOGOUT_HELP)]
pub(crate) struct Logout {
    /// The user; by default the one whose session is kept
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,

    /// Where sessions are kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

const LOGOUT_HELP: &str = "\
Exit codes:
  0  the homeserver has ended the session, and nothing of it is kept
  1  there is no such session, or it cannot be wiped
  2  the command line was wrong
  3  nothing of it is kept, but the homeserver could not be told: it may still list the device

Example:
  widget-turn logout --user @alice:example.org";

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
