//! What the names of capabilities mean, for people.
//!
//! The names are the widget's own words, so whatever is shown of them is made harmless first.

mod noun;
mod plain;

use serde::Serialize;
use widget_turn::TurnCapability;

use noun::{Noun, message_noun, state_noun};
pub(crate) use plain::plain;

/// What a capability is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    Turn,
    Read,
    Send,
    /// To-device messages (MSC3819).
    Devices,
    /// What else is known, and whatever is not.
    Other,
}

/// A capability that a widget asks for, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Capability {
    /// As the widget wrote it.
    pub(crate) name: String,
    /// The name, harmless to show.
    pub(crate) shown: String,
    pub(crate) group: Group,
    /// What it lets a widget do, after "may"; `None` where that is not known.
    pub(crate) words: Option<String>,
}

impl Capability {
    pub(crate) fn new(name: &str) -> Self {
        let (group, words) = match meaning(name) {
            Some((group, words)) => (group, Some(words)),
            None => (Group::Other, None),
        };
        Self {
            name: name.to_owned(),
            shown: plain(name),
            group,
            words,
        }
    }

    /// In one line, for a terminal.
    pub(crate) fn line(&self) -> String {
        match &self.words {
            Some(words) => format!("{words}  ({})", self.shown),
            None => self.shown.clone(),
        }
    }
}

fn meaning(name: &str) -> Option<(Group, String)> {
    if TurnCapability::is_name(name) {
        let words = "use your homeserver’s relay servers (TURN) for its calls";
        return Some((Group::Turn, words.to_owned()));
    }
    if let Some(words) = whole_name(name) {
        return Some((Group::Other, words.to_owned()));
    }
    let (kind, subject) = name.split_once(':')?;
    if subject.is_empty() {
        return None;
    }
    Some(match kind {
        "org.matrix.msc2762.receive.event" => (Group::Read, format!("read {}", message(subject))),
        "org.matrix.msc2762.send.event" => {
            (Group::Send, format!("send {} as you", message(subject)))
        }
        "org.matrix.msc2762.receive.state_event" => {
            let (noun, key) = state(subject);
            (Group::Read, format!("read {noun}{key}"))
        }
        "org.matrix.msc2762.send.state_event" => {
            let (noun, key) = state(subject);
            (Group::Send, format!("change {noun} as you{key}"))
        }
        "org.matrix.msc3819.receive.to_device" => (
            Group::Devices,
            format!("receive {}, sent to your device", message(subject)),
        ),
        "org.matrix.msc3819.send.to_device" => (
            Group::Devices,
            format!("send {} to people’s devices as you", message(subject)),
        ),
        "com.beeper.capabilities.receive.room_account_data" => (
            Group::Read,
            format!(
                "read your own settings of the room, of the type {}",
                plain(subject)
            ),
        ),
        "org.matrix.msc2762.timeline" if subject == "*" => (
            Group::Other,
            "do so in every room that you are in".to_owned(),
        ),
        "org.matrix.msc2762.timeline" => (
            Group::Other,
            format!("do so in the room {}", plain(subject)),
        ),
        _ => return None,
    })
}

/// The capabilities that have no parts.
fn whole_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "io.element.requires_client" => {
            "work only inside a Matrix client: this gives it access to nothing"
        }
        "m.always_on_screen" => "stay on screen while you look elsewhere",
        "m.sticker" => "send stickers as you",
        "m.capability.screenshot" => "be photographed by the client",
        "org.matrix.msc2931.navigate" => "take you to other rooms and people",
        "org.matrix.msc3973.user_directory_search" => "search the homeserver’s list of people",
        "org.matrix.msc4039.upload_file" => "upload files as you",
        "org.matrix.msc4039.download_file" => "download files that were sent in rooms",
        "org.matrix.msc4157.send.delayed_event" => {
            "schedule what it may send, to be sent later even if it is closed by then"
        }
        "org.matrix.msc4157.update_delayed_event" => {
            "send at once, put off or cancel what is scheduled"
        }
        "org.matrix.msc4407.send.sticky_event" => {
            "send what stays in sight for a while (sticky events)"
        }
        "org.matrix.msc4407.receive.sticky_event" => {
            "read what stays in sight for a while (sticky events)"
        }
        "org.matrix.msc4515.rtc_transports" => "learn of the homeserver’s servers for calls",
        "org.matrix.msc4533.rtc_livekit_get_token" => {
            "get access to the homeserver’s servers for calls"
        }
        "org.matrix.msc4533.rtc_livekit_delegate_delayed_leave" => {
            "let the homeserver’s servers for calls say when you have left one"
        }
        _ => return None,
    })
}

/// Events by their type, or messages by their `m.room.message#msgtype`.
fn message(subject: &str) -> String {
    match message_noun(subject) {
        Noun::Known(noun) => noun.to_owned(),
        Noun::Message(msgtype) => format!("messages of the type {}", plain(msgtype)),
        Noun::Unknown(event_type) => format!("events of the type {}", plain(event_type)),
    }
}

/// State events by their type, and which of them by the state key after a `#`.
fn state(subject: &str) -> (String, String) {
    let (event_type, key) = match subject.split_once('#') {
        Some((event_type, key)) => (event_type, Some(key)),
        None => (subject, None),
    };
    let noun = match state_noun(event_type) {
        Some(noun) => noun.to_owned(),
        None => format!("the room’s state of the type {}", plain(event_type)),
    };
    let key = match key {
        None => String::new(),
        Some("") => " (only with an empty state key)".to_owned(),
        Some(key) => format!(" (only with the state key {})", plain(key)),
    };
    (noun, key)
}

#[cfg(test)]
mod tests;
