//! What `check --redact` sees by its form alone in the words of a server.

#[path = "../../crates/widget-turn-cli/src/check/redaction/literal.rs"]
mod literal;

/// What the command tells apart.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Host,
    Address,
}

/// A text, as it is gone through to be masked.
pub fn redaction(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let found = literal::at(&text, at);
        let length = found.map_or(first.len_utf8(), |(length, _)| length);
        assert!(length > 0 && text.is_char_boundary(at + length));
        let part = &text[at..at + length];
        match found.map(|(_, kind)| kind) {
            Some(Kind::User) => assert!(!literal::canonical_id(part).is_empty()),
            Some(Kind::Address) => assert!(!literal::canonical_address(part).is_empty()),
            Some(Kind::Host) | None => {}
        }
        at += length;
    }
}
