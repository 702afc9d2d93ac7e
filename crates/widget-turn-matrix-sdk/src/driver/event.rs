//! An event of the room, as a widget is given it.

use std::collections::BTreeMap;

use matrix_sdk::ruma::RoomId;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A state event where it has a state key, a message-like one otherwise.
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) state_key: Option<String>,
    /// `m.room.message` has one.
    pub(super) msgtype: Option<String>,
    /// With its room, in the order of the SDK's driver.
    pub(super) json: String,
}

impl Event {
    /// The event that a sync or the store brought for this room. `None` where the driver would give it to no widget: it has
    /// no type, or is neither a state event nor one with a content.
    pub(super) fn read(room: &RoomId, event: &RawValue) -> Option<Self> {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(event.get()).ok()?;
        fields.insert("room_id".to_owned(), to_raw_value(room).ok()?);
        let text = |name| serde_json::from_str(fields.get(name)?.get()).ok();
        let state_key = text("state_key");
        let msgtype = match state_key {
            Some(_) => None,
            None => msgtype(fields.get("content")?)?,
        };
        Some(Self {
            kind: text("type")?,
            state_key,
            msgtype,
            json: serde_json::to_string(&fields).ok()?,
        })
    }
}

/// The message type, if there is one. `None` if this is no content.
fn msgtype(content: &RawValue) -> Option<Option<String>> {
    let content: Value = serde_json::from_str(content.get()).ok()?;
    match content.as_object()?.get("msgtype") {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(msgtype)) => Some(Some(msgtype.clone())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room_id;

    use super::*;

    fn read(event: &str) -> Option<Event> {
        let event = RawValue::from_string(event.to_owned()).unwrap();
        Event::read(room_id!("!r:x"), &event)
    }

    #[test]
    fn it_gets_its_room_and_keeps_every_value_as_it_stands() {
        let event = read(r#"{"type":"t", "state_key":"","content":{"z":1.0, "a":"é"}}"#).unwrap();
        assert_eq!(
            event.json,
            r#"{"content":{"z":1.0, "a":"é"},"room_id":"!r:x","state_key":"","type":"t"}"#
        );
        assert_eq!(event.kind, "t");
        assert_eq!(event.state_key.as_deref(), Some(""));
    }

    #[test]
    fn what_names_a_thing_twice_is_given_and_judged_by_the_last() {
        let event = read(r#"{"type":"a","type":"b","content":{}}"#).unwrap();
        assert_eq!(event.kind, "b");
        assert_eq!(event.json, r#"{"content":{},"room_id":"!r:x","type":"b"}"#);
    }

    #[test]
    fn what_is_no_event_is_left_alone() {
        for event in [
            "7",
            "{}",
            r#"{"type":"t"}"#,
            r#"{"type":7,"content":{}}"#,
            r#"{"type":"t","content":[]}"#,
            r#"{"type":"m.room.message","content":{"msgtype":7}}"#,
            r#"{"state_key":"","content":{}}"#,
        ] {
            assert!(read(event).is_none(), "{event}");
        }
        let event = read(r#"{"type":"t","state_key":null,"content":{"msgtype":null}}"#).unwrap();
        assert_eq!((event.state_key, event.msgtype), (None, None));
    }
}
