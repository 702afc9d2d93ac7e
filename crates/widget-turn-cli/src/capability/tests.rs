use super::{Capability, Group, plain};

fn shown(name: &str) -> (Group, String) {
    let capability = Capability::new(name);
    (
        capability.group,
        capability.words.unwrap_or(capability.shown),
    )
}

#[test]
fn capabilities_are_put_in_words() {
    for (name, group, words) in [
        (
            "town.robin.msc3846.turn_servers",
            Group::Turn,
            "use your homeserver’s relay servers (TURN) for its calls",
        ),
        (
            "org.matrix.msc2762.receive.event:m.room.message",
            Group::Read,
            "read messages",
        ),
        (
            "org.matrix.msc2762.send.event:m.room.message#m.text",
            Group::Send,
            "send text messages as you",
        ),
        (
            "org.matrix.msc2762.send.event:m.room.message#org.example.poll",
            Group::Send,
            "send messages of the type org.example.poll as you",
        ),
        (
            "org.matrix.msc2762.send.event:org.example.move",
            Group::Send,
            "send events of the type org.example.move as you",
        ),
        (
            "org.matrix.msc2762.receive.state_event:m.room.member",
            Group::Read,
            "read who is in the room",
        ),
        (
            "org.matrix.msc2762.receive.state_event:m.room.name#",
            Group::Read,
            "read the room’s name (only with an empty state key)",
        ),
        (
            "org.matrix.msc2762.send.state_event:org.matrix.msc3401.call.member#@alice:example.org",
            Group::Send,
            "change who is in the room’s calls as you (only with the state key @alice:example.org)",
        ),
        (
            "org.matrix.msc3819.send.to_device:m.call.invite",
            Group::Devices,
            "send the signals that calls are made with to people’s devices as you",
        ),
        (
            "org.matrix.msc3819.receive.to_device:org.example.key",
            Group::Devices,
            "receive events of the type org.example.key, sent to your device",
        ),
        (
            "org.matrix.msc2762.timeline:*",
            Group::Other,
            "do so in every room that you are in",
        ),
        (
            "org.matrix.msc4157.update_delayed_event",
            Group::Other,
            "send at once, put off or cancel what is scheduled",
        ),
    ] {
        assert_eq!(shown(name), (group, words.to_owned()), "{name}");
    }
}

#[test]
fn what_is_not_known_is_shown_as_it_is() {
    for name in [
        "org.example.unknown",
        "org.example:unknown",
        "org.matrix.msc2762.send.event:",
        "",
        ":",
        "M.TURN_SERVERS",
    ] {
        let capability = Capability::new(name);
        assert_eq!(capability.words, None, "{name}");
        assert_eq!(capability.group, Group::Other);
        assert_eq!(capability.shown, name);
        assert_eq!(capability.line(), name);
    }
}

#[test]
fn a_hostile_name_is_harmless_wherever_it_is_shown() {
    let hostile =
        "\u{202e}\u{200b}\u{0}\u{1b}[2J\r\n\u{2028}\u{feff}\u{2066}\u{e0041}\u{ad}\u{3164}שלום<b>";
    for name in [
        hostile.to_owned(),
        format!("org.matrix.msc2762.send.event:{hostile}"),
        format!("org.matrix.msc2762.send.event:m.room.message#{hostile}"),
        format!("org.matrix.msc2762.send.state_event:m.room.name#{hostile}"),
    ] {
        let capability = Capability::new(&name);
        let line = capability.line();
        assert!(
            line.contains(r"\u{202e}\u{200b}\u{0}\u{1b}[2J\u{d}\u{a}\u{2028}"),
            "{line}"
        );
        assert!(line.contains(r"\u{ad}\u{3164}\u{5e9}"), "{line}");
        assert!(line.contains("<b>"), "{line}");
        assert_eq!(capability.name, name, "what is granted is the name itself");
    }
}

#[test]
fn a_long_name_loses_its_middle() {
    let shown = plain(&format!("{}{}", "a".repeat(1000), "é".repeat(60)));
    assert!(shown.starts_with(&"a".repeat(100)));
    assert!(shown.contains("…(900 more)…"), "{shown}");
    assert!(shown.ends_with(&"é".repeat(60)));
    assert_eq!(plain(&"a".repeat(160)), "a".repeat(160));
}

#[test]
fn what_people_write_stays_readable() {
    for text in ["m.room.message", "#example:example.org", "пример 例 é ñ…"] {
        assert_eq!(plain(text), text);
    }
}
