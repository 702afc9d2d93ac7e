//! What a page hears of the room and the device, which this crate gives it in place of the SDK's driver.

mod room_events;
mod state_events;
mod subscription;
mod to_device;
mod unanswered;

use std::pin::Pin;

use matrix_sdk::Room;

use super::config::LiveState;
use super::granted::Granted;
use room_events::RoomEvents;
use subscription::Subscription;
use to_device::ToDevice;
use unanswered::Unanswered;

/// Ends at the first answer about the room's state, or when that has been waited for long enough.
pub(super) type Subscribed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A request for the page.
pub(super) struct Item {
    pub(super) action: &'static str,
    /// JSON text.
    pub(super) data: String,
}

/// One page's. Dropping it ends all of it.
pub(super) struct News {
    widget_id: String,
    to_device: Option<ToDevice>,
    room_events: Option<RoomEvents>,
    /// An `update_state` is to be made of each state event.
    make_updates: bool,
    subscription: Option<Subscription>,
    unanswered: Unanswered,
}

impl News {
    /// What `granted` lets the page hear, and the room's state on its way, which is to be waited for before
    /// [`listen`](Self::listen).
    pub(super) fn start(
        widget_id: String,
        room: &Room,
        granted: &Granted,
        live_state: LiveState,
        connection: &str,
    ) -> (Self, Subscribed) {
        let state = granted.state();
        let mut news = Self {
            widget_id,
            to_device: ToDevice::listen(room, granted.to_device()),
            room_events: None,
            make_updates: live_state == LiveState::FromEvents,
            subscription: None,
            unanswered: Unanswered::default(),
        };
        if live_state == LiveState::Subscribe && !state.is_empty() {
            let (subscription, subscribed) = Subscription::start(room, state, connection);
            news.subscription = Some(subscription);
            return (news, subscribed);
        }
        (news, Box::pin(std::future::ready(())))
    }

    /// From now on the room is listened to, of which the state that there is is told first.
    pub(super) fn listen(&mut self, room: &Room, granted: &Granted) {
        let widget_id = self.widget_id.clone();
        self.room_events = RoomEvents::listen(widget_id, room, granted, self.make_updates);
    }

    /// The next for the page, once it has `negotiated` and keeps up.
    pub(super) async fn next(&mut self, negotiated: bool) -> Item {
        loop {
            let keeps_up = negotiated && self.unanswered.has_room();
            let has_next = self.room_events.as_ref().is_some_and(RoomEvents::has_next);
            tokio::select! {
                biased;
                // Whatever the page does, all that happens is noticed.
                () = hear(&mut self.room_events, keeps_up) => {}
                data = next_to_device(&mut self.to_device), if keeps_up => {
                    return Item { action: "send_to_device", data };
                }
                () = std::future::ready(()), if keeps_up && has_next => {
                    if let Some(item) = self.room_events.as_mut().and_then(RoomEvents::next) {
                        return item;
                    }
                }
                () = self.unanswered.expire(), if !keeps_up => {}
                () = unavailable(&mut self.subscription) => {
                    tracing::info!(
                        widget = self.widget_id,
                        "the homeserver has no sliding sync: the widget's state comes from events"
                    );
                    self.subscription = None;
                    self.make_updates = true;
                    if let Some(room_events) = &mut self.room_events {
                        room_events.make_updates();
                    }
                }
            }
        }
    }

    /// It is on its way to the page, by a request with this id.
    pub(super) fn asked(&mut self, id: String) {
        self.unanswered.asked(id);
    }

    /// The page answered the request with this id.
    pub(super) fn answered(&mut self, id: &str) {
        self.unanswered.answered(id);
    }
}

async fn hear(room_events: &mut Option<RoomEvents>, keeps_up: bool) {
    match room_events {
        Some(room_events) => room_events.hear(keeps_up).await,
        None => std::future::pending().await,
    }
}

async fn next_to_device(to_device: &mut Option<ToDevice>) -> String {
    match to_device {
        Some(to_device) => to_device.next().await,
        None => std::future::pending().await,
    }
}

async fn unavailable(subscription: &mut Option<Subscription>) {
    match subscription {
        Some(subscription) => subscription.unavailable().await,
        None => std::future::pending().await,
    }
}
