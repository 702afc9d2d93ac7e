//! Messages to the device, which this crate gives to the widget itself.
//!
//! The SDK's driver gives it 15 of one sync, and loses the rest: it counts them as requests to which no answer has come yet,
//! and reads no answer before it has counted them all. A sync after an interruption brings up to 100 of them, which a call
//! cannot do without.

use std::sync::Arc;

use matrix_sdk::deserialized_responses::EncryptionInfo;
use matrix_sdk::event_handler::EventHandlerDropGuard;
use matrix_sdk::ruma::OwnedRoomId;
use matrix_sdk::ruma::events::AnyToDeviceEvent;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::{Client, Room};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

/// What waits for a widget that is slow to answer; what comes then is dropped, for the client's sync must not wait.
const WAITING: usize = 1024;

/// End-to-end encryption's own traffic, which is nothing for a widget.
const INTERNAL: &[&str] = &[
    "m.dummy",
    "m.forwarded_room_key",
    "m.key.verification.",
    "m.room.encrypted",
    "m.room_key",
    "m.secret.",
];

/// The messages for one page, in the order of their arrival.
pub(super) struct ToDevice {
    events: mpsc::Receiver<String>,
    /// Ends the listening.
    _handler: EventHandlerDropGuard,
}

impl ToDevice {
    /// Listens for messages of these types, to the device that serves `room`. `None` where there are no types.
    pub(super) fn listen(room: &Room, types: Vec<String>) -> Option<Self> {
        if types.is_empty() {
            return None;
        }
        let (sender, events) = mpsc::channel(WAITING);
        let listener = Arc::new(Listener {
            room: room.room_id().to_owned(),
            types,
            sender,
        });
        let client = room.client();
        let handler = client.add_event_handler(
            move |event: Raw<AnyToDeviceEvent>,
                  encryption: Option<EncryptionInfo>,
                  client: Client| {
                let listener = listener.clone();
                async move { listener.hear(&event, encryption.is_some(), &client).await }
            },
        );
        Some(Self {
            events,
            _handler: client.event_handler_drop_guard(handler),
        })
    }

    /// The next message for the widget, as JSON text.
    pub(super) async fn next(&mut self) -> String {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

struct Listener {
    room: OwnedRoomId,
    types: Vec<String>,
    sender: mpsc::Sender<String>,
}

impl Listener {
    async fn hear(&self, event: &Raw<AnyToDeviceEvent>, encrypted: bool, client: &Client) {
        let Ok(Some(kind)) = event.get_field::<String>("type") else {
            return;
        };
        let internal = INTERNAL.iter().any(|internal| kind.starts_with(internal));
        if internal || !self.types.contains(&kind) {
            return;
        }
        let Some(text) = self.for_widget(event, &kind, encrypted, client).await else {
            return;
        };
        if self.sender.try_send(text).is_err() {
            tracing::warn!(
                room = self.room.as_str(),
                "dropped a message to the device: {WAITING} others wait for the widget's answers"
            );
        }
    }

    /// The message as the SDK's driver would give it, by its rules.
    async fn for_widget(
        &self,
        event: &Raw<AnyToDeviceEvent>,
        kind: &str,
        encrypted: bool,
        client: &Client,
    ) -> Option<String> {
        let room = client.get_room(&self.room)?;
        // Of a room that one knows nothing of, the worst is believed.
        let state = room.latest_encryption_state().await;
        if !state.is_ok_and(|state| !state.is_encrypted()) {
            if !encrypted {
                tracing::warn!(
                    room = self.room.as_str(),
                    "dropped a message to the device: it is not encrypted, and the room is"
                );
                return None;
            }
            // The keys that it came with are nothing for a widget.
            let content: &RawValue = event.get_field("content").ok()??;
            let sender: String = event.get_field("sender").ok()??;
            return Some(format!(
                r#"{{"type":{},"content":{content},"sender":{}}}"#,
                Value::from(kind),
                Value::from(sender),
            ));
        }
        Some(event.json().get().to_owned())
    }
}
