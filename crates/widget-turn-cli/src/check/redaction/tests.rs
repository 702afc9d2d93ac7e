use super::*;

fn redaction() -> Redaction {
    let mut redaction = Redaction::default();
    redaction.hide_user("@alice:example.org");
    redaction.hide_uri("turn:turn.example.org:3478");
    redaction.hide_uri("turn:relay7");
    redaction.hide_user("a");
    redaction.hide_host("192.0.2.1");
    redaction.hide_host("::1");
    redaction
}

#[test]
fn whole_words_are_hidden_and_the_longer_first() {
    for (text, redacted) in [
        ("turn:turn.example.org:3478", "turn:host-2:3478"),
        (
            "9:a allocates a relay at example.org",
            "9:user-3 allocates user-3 relay at host-1",
        ),
        (
            "192.0.2.1:3478, not 192.0.2.10",
            "address-1:3478, not address-3",
        ),
        ("[::1]:3478", "[address-2]:3478"),
        ("no relay70 but relay7", "no relay70 but host-3"),
    ] {
        assert_eq!(redaction().mask(text), redacted);
    }
}

#[test]
fn capitals_do_not_matter() {
    for (text, redacted) in [
        ("@ALICE:Example.ORG", "user-1"),
        (
            "Alice at Turn.example.org, RELAY7",
            "user-2 at host-2, host-3",
        ),
        ("accounts/%40alice%3Aexample.org", "accounts/user-1"),
    ] {
        assert_eq!(redaction().mask(text), redacted);
    }
}

#[test]
fn what_nobody_named_is_hidden_by_its_form() {
    for (text, redacted) in [
        ("for @bob:other.example, Bob", "for user-1, Bob"),
        ("@bob:[2001:db8::1]:8448 @x:y", "user-1 user-2"),
        ("@Über/x=1:localhost.", "user-1."),
        ("%40bob%3aother.example/store", "user-1/store"),
        ("bob+x@mail.example bob@laptop", "user-1 user-2"),
        ("Forbidden IP 203.0.113.9", "Forbidden IP address-1"),
        ("ip=203.000.113.009;203.0.113.9.", "ip=address-1;address-1."),
        ("v1.2.3.4.5", "vaddress-1.5"),
        ("2001:DB8::1 [2001:db8::1]:5", "address-1 [address-1]:5"),
        (
            "at:fe80::1%eth0, ::ffff:192.0.2.1.",
            "at:address-1, address-2.",
        ),
        ("addr:::1", "addr:address-1"),
        ("relay7.example, turn:box:3478", "host-1, turn:host-2:3478"),
        (
            "https://box/x http://[::1]:1/",
            "https://host-1/x http://[address-1]:1/",
        ),
        ("_turn._udp.xn--bcher-kva.example.", "host-1."),
        ("münchen.example..BOX.example", "host-1"),
    ] {
        assert_eq!(Redaction::default().mask(text), redacted, "{text}");
    }
}

#[test]
fn what_names_nobody_stays() {
    for text in [
        "",
        "Coturn-4.6.1 'Gorst', 12:30:45, 1.2.3, std::fmt, a @ b, @x, @:y",
        "Let the server send the whole chain (fullchain.pem, not cert.pem).",
        "/.well-known/matrix/client has no m.homeserver.base_url",
        "turns: over UDP is DTLS; write ?transport=tcp (coturn: min-port, max-port).",
        "refused with 486 Allocation Quota Reached",
        "de:ad:be:ef:00:01 :: 256.1.1.1 1.2.3.4567",
    ] {
        assert_eq!(Redaction::default().mask(text), text);
    }
}

#[test]
fn strangers_cannot_fill_the_memory() {
    let mut redaction = Redaction::default();
    for number in 0..2 * MAX_NAMES {
        redaction.mask(&format!("h{number}.example"));
    }
    assert_eq!(redaction.hidden.len(), MAX_NAMES);
    assert_eq!(redaction.mask("one.example h7.example"), "host host-8");
}
