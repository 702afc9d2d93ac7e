//! What the command tells of what happens: for people, or as JSON lines.

mod lines;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use widget_turn::TurnCapability;

use lines::Lines;

use crate::terminal::{escaped, escaped_json};

/// Something that happened. No secret is in any.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// Everything listens.
    Listening {
        /// The page.
        url: String,
        /// The widget that it shows.
        widget: String,
        /// The id of the room that the widget is in.
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<String>,
        /// The Matrix user that it acts for.
        #[serde(skip_serializing_if = "Option::is_none")]
        account: Option<String>,
        /// The TURN servers that are handed out, as far as they are known.
        turn: Vec<String>,
    },
    /// The rooms that the account is in.
    Rooms { rooms: Vec<RoomRow> },
    /// The widgets in the state of the room.
    Widgets { widgets: Vec<WidgetRow> },
    /// The homeserver was lost, or is back.
    Sync {
        state: Link,
        /// Why it was lost.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person was asked, or has answered.
    Permission {
        session: u64,
        origin: String,
        decision: Permission,
        /// What it is about, by the names that the widget used: what was granted, or all that was asked for.
        capabilities: Vec<String>,
    },
    /// The widget began to watch.
    Watch { session: u64 },
    /// The homeserver was asked for credentials.
    Fetch {
        status: Option<u16>,
        outcome: String,
        /// How long the credentials last, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u64>,
    },
    /// The widget was sent credentials.
    Update {
        session: u64,
        uris: usize,
        /// How long they last from now, in seconds.
        expires_in: f64,
    },
    /// The widget no longer watches.
    Unwatch { session: u64 },
    /// A tab was opened or closed.
    Session { session: u64, open: bool },
    /// Something went wrong and the rest goes on.
    Error { message: String },
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Permission {
    Asked,
    AllowOnce,
    AllowAlways,
    Deny,
    Withdrawn,
}

/// A room to choose.
#[derive(Debug, Serialize)]
pub(crate) struct RoomRow {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
}

/// A widget to choose.
#[derive(Debug, Serialize)]
pub(crate) struct WidgetRow {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As it is in the room's state: with its templates.
    pub(crate) url: String,
}

/// Whether the homeserver can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Link {
    Online,
    Offline,
}

/// Writes events to standard output, without waiting for whoever reads them.
pub(crate) struct Reporter {
    json: bool,
    started: Instant,
    lines: Lines,
}

/// The end of what is reported.
pub(crate) struct LastWords(Arc<Reporter>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.lines.end();
    }
}

impl Reporter {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            started: Instant::now(),
            lines: Lines::to(std::io::stdout()),
        }
    }

    #[cfg(test)]
    pub(crate) fn to_nobody() -> Self {
        Self {
            json: true,
            started: Instant::now(),
            lines: Lines::to(std::io::sink()),
        }
    }

    /// When that is dropped, all that was reported is written, and nothing more will be: what still runs is of no account.
    pub(crate) fn last_words(self: &Arc<Self>) -> LastWords {
        LastWords(self.clone())
    }

    pub(crate) fn report(&self, event: &Event) {
        let line = if self.json {
            Some(json_line(event))
        } else {
            self.text(event)
        };
        if let Some(line) = line
            && let Some(lost) = self.lines.write(line)
        {
            let message = format!("{lost} events were lost: nobody read them in time");
            // Its own loss would be told with the next.
            self.report(&Event::Error { message });
        }
    }

    fn text(&self, event: &Event) -> Option<String> {
        let (who, what) = match event {
            Event::Listening {
                url,
                widget,
                room,
                account,
                turn,
            } => {
                let mut text = format!("page      {url}\nwidget    {}\n", escaped(widget));
                for (what, value) in [("room", room), ("account", account)] {
                    if let Some(value) = value {
                        text.push_str(&format!("{what:<10}{}\n", escaped(value)));
                    }
                }
                if !turn.is_empty() {
                    text.push_str(&format!("relays    {}\n", turn.join("\n          ")));
                }
                return Some(text + "\nCtrl-C ends it.");
            }
            Event::Rooms { rooms } => {
                let lines = rooms.iter().map(|room| {
                    let alias = room.alias.as_deref().unwrap_or_default();
                    format!("{}  {}  {alias}", room.id, room.name)
                });
                return Some(list(lines));
            }
            Event::Widgets { widgets } => {
                let lines = widgets
                    .iter()
                    .map(|widget| format!("{}  {}  {}", widget.id, widget.name, widget.url));
                return Some(list(lines));
            }
            Event::Sync { state, reason } => {
                let what = match state {
                    Link::Online => "is back".to_owned(),
                    Link::Offline => {
                        let reason = escaped(reason.as_deref().unwrap_or("no answer"));
                        format!("cannot be reached, will try again: {reason}")
                    }
                };
                ("server".to_owned(), what)
            }
            Event::Permission {
                session,
                origin,
                decision,
                capabilities,
            } => {
                let what = summary(capabilities);
                let decision = match decision {
                    Permission::Asked => format!("asks for {what}"),
                    Permission::AllowOnce => format!("may have {what}, this once"),
                    Permission::AllowAlways => format!("may always have {what}"),
                    Permission::Deny => format!("may not have {what}"),
                    Permission::Withdrawn => "no longer asks".to_owned(),
                };
                (format!("tab {session}"), format!("{origin} {decision}"))
            }
            Event::Watch { session } => (format!("tab {session}"), "watches".to_owned()),
            Event::Unwatch { session } => {
                (format!("tab {session}"), "no longer watches".to_owned())
            }
            Event::Update {
                session,
                expires_in,
                ..
            } => (
                format!("tab {session}"),
                format!("has credentials for {expires_in:.1} s"),
            ),
            Event::Fetch { outcome, .. } => ("fetch".to_owned(), outcome.clone()),
            Event::Session { session, open } => {
                let what = if *open { "opened" } else { "closed" };
                (format!("tab {session}"), what.to_owned())
            }
            Event::Error { message } => ("error".to_owned(), message.clone()),
        };
        Some(format!(
            "{:>7.1} s  {who:<8}{what}",
            self.started.elapsed().as_secs_f64()
        ))
    }
}

/// One line for each. Whatever strangers wrote is escaped.
fn list(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<_> = lines.map(|line| escaped(line.trim_end())).collect();
    lines.join("\n")
}

/// What was asked for, in a few words.
fn summary(capabilities: &[String]) -> String {
    let asks_for_turn = capabilities
        .iter()
        .any(|name| TurnCapability::is_name(name));
    let others = capabilities
        .iter()
        .filter(|name| !TurnCapability::is_name(name))
        .count();
    let plural = if others == 1 { "y" } else { "ies" };
    match (asks_for_turn, others) {
        (true, 0) => "TURN".to_owned(),
        (true, _) => format!("TURN and {others} more capabilit{plural}"),
        (false, _) => format!("{others} capabilit{plural}"),
    }
}

/// The event as one line of JSON, with the time in seconds since 1970.
fn json_line(event: &Event) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        time: f64,
        #[serde(flatten)]
        event: &'a Event,
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = (since.unwrap_or(Duration::ZERO).as_secs_f64() * 1000.0).round() / 1000.0;
    let json = serde_json::to_string(&Line { time, event });
    escaped_json(&json.expect("events are strings and numbers"))
}

#[cfg(test)]
mod tests {
    use super::{Event, Permission, json_line, summary};

    #[test]
    fn events_are_lines_of_json() {
        let line = json_line(&Event::Permission {
            session: 1,
            origin: "http://127.0.0.1:7847".to_owned(),
            decision: Permission::AllowOnce,
            capabilities: vec!["m.turn_servers".to_owned()],
        });
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "permission");
        assert_eq!(value["decision"], "allow_once");
        assert!(value["time"].is_f64());
        assert!(!line.contains('\n'));
    }

    #[test]
    fn what_moves_a_cursor_or_hides_is_escaped_in_json_too() {
        let message = "\u{9b}31m\u{202e}gnp".to_owned();
        let line = json_line(&Event::Error {
            message: message.clone(),
        });
        assert!(line.contains(r"\u009b31m\u202egnp"), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], message);
    }

    #[test]
    fn what_is_asked_for_is_told_in_a_few_words() {
        let told = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            summary(&names)
        };
        assert_eq!(
            told(&["m.turn_servers", "town.robin.msc3846.turn_servers"]),
            "TURN"
        );
        assert_eq!(told(&["m.turn_servers", "a"]), "TURN and 1 more capability");
        assert_eq!(told(&["a", "b"]), "2 capabilities");
    }
}
