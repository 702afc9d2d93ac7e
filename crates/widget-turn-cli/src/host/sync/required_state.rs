//! What of a room's state a sliding sync brings.

use matrix_sdk::Room;
use matrix_sdk::ruma::api::client::sync::sync_events::v5::request::RoomSubscription;
use matrix_sdk::ruma::events::StateEventType;
use matrix_sdk::ruma::uint;

/// Up to so many members, of whom each is an event, all state of the widget's room is brought: its widgets need not wait for
/// theirs.
pub(super) const SMALL: u64 = 200;
/// What is brought of the others, and of each room at first.
const STATE: [(&str, &str); 12] = [
    ("m.room.create", ""),
    ("m.room.name", ""),
    ("m.room.canonical_alias", ""),
    ("m.room.encryption", ""),
    ("m.room.power_levels", ""),
    ("m.room.history_visibility", ""),
    ("m.room.join_rules", ""),
    ("m.room.tombstone", ""),
    ("m.room.member", "$LAZY"),
    ("m.room.member", "$ME"),
    ("im.vector.modular.widgets", "*"),
    ("m.widget", "*"),
];
/// What of the widget's room besides, if it is a large one: calls, which begin while nobody looks.
const CALLS: [(&str, &str); 4] = [
    ("org.matrix.msc3401.call", "*"),
    ("org.matrix.msc3401.call.member", "*"),
    ("m.call", "*"),
    ("m.call.member", "*"),
];

/// Of every room.
pub(super) fn of_any() -> Vec<(StateEventType, String)> {
    state_types(&STATE)
}

/// The widget's room, if it is a large one or its size is not known.
pub(super) fn some() -> RoomSubscription {
    subscription(&[&STATE[..], &CALLS].concat())
}

/// The widget's room, if it is a small one.
pub(super) fn all() -> RoomSubscription {
    subscription(&[("*", "*")])
}

pub(super) fn is_small(room: &Room) -> bool {
    // None, where the homeserver does not count.
    (1..=SMALL).contains(&room.active_members_count())
}

fn subscription(state: &[(&str, &str)]) -> RoomSubscription {
    let mut subscription = RoomSubscription::default();
    subscription.required_state = state_types(state);
    subscription.timeline_limit = uint!(20);
    subscription
}

fn state_types(types: &[(&str, &str)]) -> Vec<(StateEventType, String)> {
    let types = types.iter();
    types
        .map(|(event_type, key)| (StateEventType::from(*event_type), (*key).to_owned()))
        .collect()
}
