//! The room's events and its state, which this crate gives to the widget itself.
//!
//! The SDK's driver gives it 15 events of one sync, and loses the rest, as it does with messages to the device; of state that
//! is lost this way a widget never hears. It gives no state at all to a widget that may read more than 15 kinds.

use std::collections::VecDeque;
use std::pin::Pin;

use matrix_sdk::Room;
use matrix_sdk::deserialized_responses::RawAnySyncOrStrippedState;
use matrix_sdk::event_handler::EventHandlerDropGuard;
use matrix_sdk::ruma::events::{AnySyncStateEvent, AnySyncTimelineEvent, StateEventType};
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::sync::{RoomUpdate, State};
use tokio::sync::{broadcast, mpsc};

use super::Item;
use super::state_events::StateEvents;
use crate::driver::event::Event;
use crate::driver::granted::Granted;

/// What waits for a widget that is slow to answer, at most.
const WAITING: usize = 4096;
/// So many of the oldest are dropped then.
const DROPPED: usize = 1024;

/// The state of the room that a widget may read, as the store has it.
type Reading = Pin<Box<dyn Future<Output = Vec<String>> + Send>>;

/// One page's, in the order in which it is to be told.
pub(super) struct RoomEvents {
    widget_id: String,
    room: Room,
    granted: Granted,
    events: mpsc::UnboundedReceiver<Raw<AnySyncTimelineEvent>>,
    updates: broadcast::Receiver<RoomUpdate>,
    /// Notices where an `update_state` is missing. `None`: one is made of each state event.
    watch: Option<StateEvents>,
    /// The store is being read. What was heard meanwhile is told afterwards.
    reading: Option<Reading>,
    waiting: VecDeque<Item>,
    /// State may have been lost: the store is to be read once the page keeps up.
    lost: bool,
    /// Ends the listening.
    _handler: EventHandlerDropGuard,
}

impl RoomEvents {
    /// Listens for what `granted` lets the page hear of `room`, and reads the state that there is. `None` where it may hear
    /// nothing. With `make_updates`, see [`Self::make_updates`].
    pub(super) fn listen(
        widget_id: String,
        room: &Room,
        granted: &Granted,
        make_updates: bool,
    ) -> Option<Self> {
        if !granted.has_events() {
            return None;
        }
        // Never full of what the page leaves there: all of it is taken out as it comes.
        let (sender, events) = mpsc::unbounded_channel();
        let handler = room.add_event_handler(move |event: Raw<AnySyncTimelineEvent>| {
            // The receiver goes away with this handler.
            let _ = sender.send(event);
            async {}
        });
        let mut room_events = Self {
            widget_id,
            room: room.clone(),
            granted: granted.clone(),
            events,
            updates: room.subscribe_to_updates(),
            watch: (!make_updates).then(StateEvents::default),
            reading: None,
            waiting: VecDeque::new(),
            lost: false,
            _handler: room.client().event_handler_drop_guard(handler),
        };
        room_events.read();
        Some(room_events)
    }

    /// From now on, an `update_state` is made of each state event.
    pub(super) fn make_updates(&mut self) {
        self.watch = None;
    }

    /// Whether there is something for the page.
    pub(super) fn has_next(&self) -> bool {
        self.reading.is_none() && !self.waiting.is_empty()
    }

    /// The next for the page, if there is something.
    pub(super) fn next(&mut self) -> Option<Item> {
        self.waiting.pop_front()
    }

    /// Waits for one more thing to happen in the room. `keeps_up`: the page would be given something, if it was there.
    pub(super) async fn hear(&mut self, keeps_up: bool) {
        // What is older than the store must not come after it.
        let told_all = self.waiting.is_empty() && self.updates.is_empty() && self.events.is_empty();
        if self.lost && keeps_up && told_all && self.reading.is_none() {
            self.lost = false;
            self.read();
        }
        tokio::select! {
            // A sync's state comes before its events.
            biased;
            state = read(&mut self.reading) => {
                self.reading = None;
                self.waiting.push_front(update_state(&state));
            }
            state = next_state(&mut self.updates) => match state {
                Some(state) => self.hear_state(&state),
                None => self.lost = true,
            },
            Some(event) = self.events.recv() => self.hear_event(&event),
            kind = missed(&mut self.watch) => tracing::warn!(
                widget = self.widget_id,
                "the widget was not told of changed state ({kind}): the client's sync does not bring it as state; see \
                 `LiveState`"
            ),
        }
    }

    fn hear_event(&mut self, event: &Raw<AnySyncTimelineEvent>) {
        let event = Event::read(self.room.room_id(), event.json());
        let Some(event) = event.filter(|event| self.granted.may_read(event)) else {
            return;
        };
        if event.state_key.is_some() {
            match &mut self.watch {
                Some(watch) => watch.event(&event.kind),
                None => self.push(update_state(std::slice::from_ref(&event.json))),
            }
        }
        self.push(Item {
            action: "send_event",
            data: event.json,
        });
    }

    fn hear_state(&mut self, state: &[Raw<AnySyncStateEvent>]) {
        let room = self.room.room_id();
        let mut readable = Vec::new();
        for event in state {
            let event = Event::read(room, event.json());
            let Some(event) = event.filter(|event| self.granted.may_read(event)) else {
                continue;
            };
            if let Some(watch) = &mut self.watch {
                watch.update(&event.kind);
            }
            readable.push(event.json);
        }
        if !readable.is_empty() {
            self.push(update_state(&readable));
        }
    }

    fn push(&mut self, item: Item) {
        if self.waiting.len() >= WAITING {
            self.waiting.drain(..DROPPED);
            self.lost = true;
            tracing::warn!(
                widget = self.widget_id,
                "dropped {DROPPED} of the room's events: {WAITING} wait for the widget's answers"
            );
        }
        self.waiting.push_back(item);
    }

    /// Begins to read the state, if the page may know of any.
    fn read(&mut self) {
        let state = self.granted.state();
        if !state.is_empty() {
            self.reading = Some(Box::pin(state_of(self.room.clone(), state)));
        }
    }
}

/// The values of this state, as JSON text.
async fn state_of(room: Room, state: Vec<(StateEventType, Option<String>)>) -> Vec<String> {
    let mut values = Vec::new();
    for (kind, key) in state {
        let read = match key {
            None => room.get_state_events(kind).await,
            Some(key) => {
                let event = room.get_state_event(kind, &key).await;
                event.map(|event| event.into_iter().collect())
            }
        };
        let events = read.unwrap_or_else(|error| {
            tracing::error!("the room's state is not read for a widget: {error}");
            Vec::new()
        });
        values.extend(events.iter().filter_map(|event| match event {
            RawAnySyncOrStrippedState::Sync(event) => {
                Event::read(room.room_id(), event.json()).map(|event| event.json)
            }
            // Of a room that one is only invited to.
            RawAnySyncOrStrippedState::Stripped(_) => None,
        }));
    }
    values
}

async fn read(reading: &mut Option<Reading>) -> Vec<String> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}

/// What the next sync brings as state. `None` if some may have been lost.
async fn next_state(
    updates: &mut broadcast::Receiver<RoomUpdate>,
) -> Option<Vec<Raw<AnySyncStateEvent>>> {
    loop {
        match updates.recv().await {
            Ok(RoomUpdate::Joined { updates, .. }) => {
                let (State::Before(state) | State::After(state)) = updates.state;
                if !state.is_empty() {
                    return Some(state);
                }
            }
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return None,
            Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
        }
    }
}

async fn missed(watch: &mut Option<StateEvents>) -> String {
    match watch {
        Some(watch) => watch.missed().await,
        None => std::future::pending().await,
    }
}

fn update_state(events: &[String]) -> Item {
    Item {
        action: "update_state",
        data: format!(r#"{{"state":[{}]}}"#, events.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room_id;
    use matrix_sdk::test_utils::mocks::MatrixMockServer;
    use matrix_sdk_test::JoinedRoomBuilder;
    use serde_json::{Value, json};

    use super::*;

    const CALL: &str = "org.matrix.msc2762.receive.state_event:org.example.call";

    /// The numbers of the state events in an `update_state`.
    fn numbers(update: &Item) -> Vec<Value> {
        assert_eq!(update.action, "update_state");
        let data: Value = serde_json::from_str(&update.data).unwrap();
        let state = data["state"].as_array().unwrap().iter();
        state
            .map(|event| event["content"]["number"].clone())
            .collect()
    }

    #[tokio::test]
    async fn where_a_sync_was_missed_the_state_is_read_anew_once_the_page_keeps_up() {
        let server = MatrixMockServer::new().await;
        let client = server.client_builder().build().await;
        let id = room_id!("!room:example.org");
        let room = server.sync_joined_room(&client, id).await;
        let granted = Granted::read(&[&CALL.to_owned()]);
        let listen = RoomEvents::listen("w".to_owned(), &room, &granted, false);
        let mut events = listen.unwrap();
        events.hear(false).await;
        assert_eq!(numbers(&events.next().unwrap()).len(), 0);
        // More than the SDK keeps for a listener.
        for number in 0..20 {
            let event = json!({
                "type": "org.example.call",
                "state_key": "",
                "sender": "@bob:example.org",
                "event_id": format!("${number}"),
                "origin_server_ts": number,
                "content": { "number": number },
            });
            let event = Raw::new(&event)
                .unwrap()
                .cast_unchecked::<AnySyncStateEvent>();
            let state = JoinedRoomBuilder::new(id)
                .use_state_after()
                .add_state_event(event);
            let sync = server.mock_sync();
            sync.ok_and_run(&client, |builder| {
                builder.add_joined_room(state);
            })
            .await;
        }
        let mut given = Vec::new();
        while given.len() < 8 {
            events.hear(false).await;
            given.extend(events.next());
        }
        events.hear(true).await;
        given.extend(events.next());
        let given: Vec<_> = given.iter().flat_map(numbers).collect();
        assert_eq!(given, [12, 13, 14, 15, 16, 17, 18, 19, 19]);
    }
}
