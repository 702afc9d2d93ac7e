//! What a widget was granted, and who sees to it: the SDK's driver, or this crate.

use std::sync::{Arc, OnceLock};

use matrix_sdk::ruma::events::StateEventType;
use matrix_sdk::widget::{
    Capabilities, CapabilitiesProvider, Filter, MessageLikeEventFilter, StateEventFilter,
};
use serde_json::json;

use super::event::Event;

/// All that a page was granted but TURN.
#[derive(Clone, Default)]
pub(super) struct Granted(Capabilities);

impl Granted {
    /// Those of the names that the SDK's driver knows.
    pub(super) fn read(names: &[&String]) -> Self {
        Self(
            serde_json::from_value(json!(names)).unwrap_or_else(|error| {
                tracing::error!("the SDK does not read a list of capabilities: {error}");
                Capabilities::default()
            }),
        )
    }

    /// Has the driver told, when it asks.
    pub(super) fn tell(&self, approved: &Approved) {
        // It is decided once a page.
        let _ = approved.0.set(self.for_driver());
    }

    /// What the driver is told: to receive messages to the device is not its business.
    fn for_driver(&self) -> Capabilities {
        let mut rest = self.0.clone();
        rest.read
            .retain(|filter| !matches!(filter, Filter::ToDevice(_)));
        rest
    }

    /// The types of messages to the device that the widget may receive.
    pub(super) fn to_device(&self) -> Vec<String> {
        let filters = self.0.read.iter();
        filters
            .filter_map(|filter| match filter {
                Filter::ToDevice(filter) => Some(filter.event_type.to_string()),
                _ => None,
            })
            .collect()
    }

    /// The state that the widget may read: types with their state keys, `None` for all of a type.
    pub(super) fn state(&self) -> Vec<(StateEventType, Option<String>)> {
        let filters = self.0.read.iter();
        filters
            .filter_map(|filter| match filter {
                Filter::State(StateEventFilter::WithType(kind)) => Some((kind.clone(), None)),
                Filter::State(StateEventFilter::WithTypeAndStateKey(kind, key)) => {
                    Some((kind.clone(), Some(key.clone())))
                }
                _ => None,
            })
            .collect()
    }

    /// Whether the widget may receive events of the room, of whatever type.
    pub(super) fn has_events(&self) -> bool {
        let mut filters = self.0.read.iter();
        filters.any(|filter| !matches!(filter, Filter::ToDevice(_)))
    }

    /// Whether the widget may receive this one.
    pub(super) fn may_read(&self, event: &Event) -> bool {
        let kind = &event.kind;
        self.0
            .read
            .iter()
            .any(|filter| match (filter, &event.state_key) {
                (Filter::State(StateEventFilter::WithType(of)), Some(_)) => of.to_string() == *kind,
                (Filter::State(StateEventFilter::WithTypeAndStateKey(of, with)), Some(key)) => {
                    of.to_string() == *kind && with == key
                }
                (Filter::MessageLike(MessageLikeEventFilter::WithType(of)), None) => {
                    of.to_string() == *kind
                }
                (Filter::MessageLike(MessageLikeEventFilter::RoomMessageWithMsgtype(of)), None) => {
                    kind == "m.room.message" && event.msgtype.as_ref() == Some(of)
                }
                _ => false,
            })
    }

    /// The driver's `notify_capabilities` as it would be if the driver had been told all.
    pub(super) fn complete(&self, notify: String) -> String {
        // As the driver prints it; within a string the quotes would be escaped.
        let approved = |capabilities| format!(r#""approved":{}"#, json!(capabilities));
        let (part, whole) = (approved(&self.for_driver()), approved(&self.0));
        if part == whole {
            return notify;
        }
        if !notify.contains(&part) {
            tracing::error!("the SDK's driver does not tell what it was told to approve");
        }
        notify.replacen(&part, &whole, 1)
    }
}

/// What the driver is told when it asks the app.
#[derive(Clone, Default)]
pub(super) struct Approved(Arc<OnceLock<Capabilities>>);

impl CapabilitiesProvider for Approved {
    async fn acquire_capabilities(&self, _: Capabilities) -> Capabilities {
        self.0.get().cloned().unwrap_or_default()
    }
}
