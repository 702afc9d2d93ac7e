//! Well-known types of events, in words.

/// What events of a type are called.
#[derive(Clone, Copy)]
pub(super) enum Noun<'a> {
    Known(&'static str),
    /// `m.room.message` with this msgtype.
    Message(&'a str),
    /// Of this type.
    Unknown(&'a str),
}

pub(super) fn message_noun(subject: &str) -> Noun<'_> {
    if let Some(msgtype) = subject.strip_prefix("m.room.message#") {
        return match msgtype {
            "m.text" => Noun::Known("text messages"),
            "m.notice" => Noun::Known("messages of bots"),
            "m.emote" => Noun::Known("emotes"),
            "m.image" => Noun::Known("images"),
            "m.video" => Noun::Known("videos"),
            "m.audio" => Noun::Known("sound messages"),
            "m.file" => Noun::Known("files"),
            "m.location" => Noun::Known("locations"),
            other => Noun::Message(other),
        };
    }
    match subject {
        "m.room.message" => Noun::Known("messages"),
        "m.room.encrypted" => Noun::Known("events in their encrypted form"),
        "m.room.redaction" => Noun::Known("deletions of messages"),
        "m.reaction" => Noun::Known("reactions"),
        "m.sticker" => Noun::Known("stickers"),
        "io.element.call.reaction" => Noun::Known("reactions in calls"),
        "io.element.call.encryption_keys" => Noun::Known("the keys of encrypted calls"),
        "org.matrix.msc4075.call.notify" | "org.matrix.msc4075.rtc.notification" => {
            Noun::Known("the ringing of calls")
        }
        "org.matrix.msc4310.rtc.decline" => Noun::Known("refusals of calls"),
        call if call.starts_with("m.call.") || call.starts_with("org.matrix.call.") => {
            Noun::Known("the signals that calls are made with")
        }
        other => Noun::Unknown(other),
    }
}

pub(super) fn state_noun(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "m.room.member" => "who is in the room",
        "m.room.name" => "the room’s name",
        "m.room.topic" => "the room’s topic",
        "m.room.avatar" => "the room’s picture",
        "m.room.canonical_alias" => "the room’s addresses",
        "m.room.create" => "how the room was made",
        "m.room.encryption" => "whether the room is encrypted",
        "m.room.join_rules" => "who may join the room",
        "m.room.history_visibility" => "who may read the room’s history",
        "m.room.guest_access" => "whether guests may join the room",
        "m.room.power_levels" => "who may do what in the room",
        "m.room.pinned_events" => "the room’s pinned messages",
        "m.room.tombstone" => "whether the room was replaced by another",
        "m.space.child" | "m.space.parent" => "which space the room belongs to",
        "m.widget" | "im.vector.modular.widgets" => "the room’s widgets",
        "org.matrix.msc3401.call" => "the room’s calls",
        "m.call.member" | "org.matrix.msc3401.call.member" => "who is in the room’s calls",
        _ => return None,
    })
}
