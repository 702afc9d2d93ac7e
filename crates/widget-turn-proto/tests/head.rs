//! Any JSON object: [`Head::read`] steps over its text, and must find what a parse finds.

#[path = "refresh/random.rs"]
mod random;

use std::fmt::Write as _;

use random::Random;
use serde_json::{Map, Value};
use widget_turn_proto::{Api, Head, MessageError};

/// The names that matter, and some that look like them.
const KEYS: [&str; 12] = [
    "api",
    "action",
    "widgetId",
    "requestId",
    "requestid",
    "response",
    "data",
    "API",
    "",
    "a\"}{][,:\\",
    "ключ",
    "\u{1f600}\u{0}\n",
];
const TEXTS: [&str; 10] = [
    "fromWidget",
    "toWidget",
    "watch_turn_servers",
    "null",
    "",
    "\"",
    "\\\\\"}]",
    "наклейка \u{1f600}",
    "\u{0}\t\r\n\u{7f}\u{2028}",
    "{\"response\":{}}",
];

fn space(random: &mut Random, text: &mut String) {
    while random.below(4) == 0 {
        text.push([' ', '\t', '\n', '\r'][random.below(4) as usize]);
    }
}

fn string(random: &mut Random, text: &mut String, content: &str) {
    text.push('"');
    for character in content.chars() {
        let must = character < ' ' || matches!(character, '"' | '\\');
        if must || random.below(12) == 0 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                match random.below(2) {
                    0 => write!(text, "\\u{unit:04x}"),
                    _ => write!(text, "\\u{unit:04X}"),
                }
                .expect("a String takes what is written");
            }
        } else if character == '/' {
            text.push_str("\\/");
        } else {
            text.push(character);
        }
    }
    text.push('"');
}

fn value(random: &mut Random, text: &mut String, depth: u64) {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        0 => text.push_str("null"),
        1 => text.push_str(["true", "false"][random.below(2) as usize]),
        2 => text.push_str(
            ["0", "-1", "3.25", "1e5", "-0.5E-3", "18446744073709551615"][random.below(6) as usize],
        ),
        3..=5 => {
            let content = TEXTS[random.below(TEXTS.len() as u64) as usize];
            string(random, text, content);
        }
        6 => {
            text.push('[');
            for index in 0..random.below(4) {
                if index > 0 {
                    text.push(',');
                }
                space(random, text);
                value(random, text, depth - 1);
                space(random, text);
            }
            text.push(']');
        }
        _ => {
            let members = random.below(4);
            object(random, text, depth - 1, members);
        }
    }
}

fn object(random: &mut Random, text: &mut String, depth: u64, members: u64) {
    text.push('{');
    space(random, text);
    for index in 0..members {
        if index > 0 {
            text.push(',');
        }
        space(random, text);
        let key = KEYS[random.below(KEYS.len() as u64) as usize];
        string(random, text, key);
        space(random, text);
        text.push(':');
        space(random, text);
        // So that many of them are messages.
        match (key, random.below(4)) {
            ("api", 1..) => {
                let api = ["fromWidget", "toWidget"][random.below(2) as usize];
                string(random, text, api);
            }
            ("action" | "widgetId", 1..) => string(random, text, "watch_turn_servers"),
            _ => value(random, text, depth),
        }
        space(random, text);
    }
    text.push('}');
}

/// What [`Head::read`] must say of an object, by a parse.
fn by_a_parse(object: &Map<String, Value>) -> Result<Parsed, MessageError> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let set = |key: &str| object.get(key).filter(|value| !value.is_null()).cloned();
    Ok(Parsed {
        api: match text("api").as_deref() {
            Some("fromWidget") => Api::FromWidget,
            Some("toWidget") => Api::ToWidget,
            _ => return Err(MessageError::NoApi),
        },
        action: text("action").ok_or(MessageError::NoAction)?,
        widget_id: text("widgetId").ok_or(MessageError::NoWidgetId)?,
        request_id: set("requestId").or_else(|| set("requestid")),
        is_response: set("response").is_some(),
    })
}

#[derive(Debug, PartialEq)]
struct Parsed {
    api: Api,
    action: String,
    widget_id: String,
    request_id: Option<Value>,
    is_response: bool,
}

fn by_head(text: &str) -> Result<Parsed, MessageError> {
    let head = Head::read(text)?;
    Ok(Parsed {
        api: head.api,
        action: head.action.into_owned(),
        widget_id: head.widget_id.into_owned(),
        request_id: head
            .request_id
            .map(|id| serde_json::from_str(id).expect("an id is JSON text")),
        is_response: head.is_response,
    })
}

#[test]
fn a_head_is_what_a_parse_finds_in_any_object() {
    let mut messages = 0;
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let mut text = String::new();
        space(&mut random, &mut text);
        let members = random.below(14);
        object(&mut random, &mut text, 3, members);
        space(&mut random, &mut text);
        let parsed: Map<String, Value> =
            serde_json::from_str(&text).expect("what is generated is JSON");
        let expected = by_a_parse(&parsed);
        messages += usize::from(expected.is_ok());
        assert_eq!(by_head(&text), expected, "seed {seed}: {text}");
    }
    assert!(messages > 200, "{messages} messages");
}

#[test]
fn a_text_with_random_bytes_in_it_is_read_as_a_parse_reads_it_or_refused() {
    let whole = r#"{"api":"fromWidget","widgetId":"w\u00e9","requestId":"1","action":"ключ\\","data":{"a":["}",{"b":"\""}]},"response":null}"#;
    let alphabet: Vec<char> = "\"\\{}[],: \t\nu0ae1.-nultrfs\u{0}é\u{1f600}"
        .chars()
        .collect();
    for seed in 0..15_000 {
        let mut random = Random::new(seed);
        let mut characters: Vec<char> = whole.chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(characters.len().max(1) as u64) as usize;
            let with = alphabet[random.below(alphabet.len() as u64) as usize];
            match random.below(10) {
                0 => characters.truncate(at),
                1..=3 if at < characters.len() => drop(characters.remove(at)),
                4..=6 if at < characters.len() => characters[at] = with,
                _ => characters.insert(at, with),
            }
        }
        let text: String = characters.into_iter().collect();
        let head = by_head_of_anything(&text);
        if let Ok(parsed) = serde_json::from_str::<Map<String, Value>>(&text) {
            assert_eq!(head, Some(by_a_parse(&parsed)), "seed {seed}: {text}");
        }
    }
}

/// As [`by_head`], but of a text that need not be JSON, and so neither its id.
fn by_head_of_anything(text: &str) -> Option<Result<Parsed, MessageError>> {
    match Head::read(text) {
        Ok(head)
            if head
                .request_id
                .is_some_and(|id| serde_json::from_str::<Value>(id).is_err()) =>
        {
            None
        }
        _ => Some(by_head(text)),
    }
}

#[test]
fn bytes_without_any_sense_are_refused() {
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.bits() as u8).collect();
        let text = String::from_utf8_lossy(&bytes);
        assert!(Head::read(&text).is_err(), "seed {seed}: {text:?}");
    }
}

#[test]
fn what_is_nested_deeper_than_a_parser_goes_is_passed_over() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text =
        format!(r#"{{"data":{deep},"api":"toWidget","widgetId":"w","requestId":1,"action":"a"}}"#);
    let head = Head::read(&text).expect("this is a message");
    assert_eq!((head.api, head.request_id), (Api::ToWidget, Some("1")));
}
