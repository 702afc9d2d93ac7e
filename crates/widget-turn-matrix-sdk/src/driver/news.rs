//! What a page hears of the room and the device that the SDK's driver does not tell it.

mod state_events;
mod subscription;
mod to_device;

use std::pin::Pin;

use matrix_sdk::Room;

use super::config::LiveState;
use super::granted::Granted;
use state_events::StateEvents;
use subscription::Subscription;
use to_device::ToDevice;

/// Ends at the first answer about the room's state, or when that has been waited for long enough.
pub(super) type Subscribed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One page's. Dropping it ends all of it.
pub(super) struct News {
    widget_id: String,
    to_device: Option<ToDevice>,
    state_events: StateEvents,
    subscription: Option<Subscription>,
}

impl News {
    /// What `granted` lets the page hear, and the room's state on its way, which is to be waited for.
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
            state_events: StateEvents::new(state.len()),
            subscription: None,
        };
        match live_state {
            LiveState::FromSync => {}
            LiveState::FromEvents => news.state_events.make_updates(),
            LiveState::Subscribe if state.is_empty() => {}
            LiveState::Subscribe => {
                let (subscription, subscribed) = Subscription::start(room, state, connection);
                news.subscription = Some(subscription);
                return (news, subscribed);
            }
        }
        (news, Box::pin(std::future::ready(())))
    }

    /// The next message to the device, as JSON text, once the page has `negotiated`. Logs what else there is.
    pub(super) async fn message(&mut self, negotiated: bool) -> String {
        loop {
            tokio::select! {
                event = next(&mut self.to_device), if negotiated => return event,
                () = unavailable(&mut self.subscription) => {
                    tracing::info!(
                        widget = self.widget_id,
                        "the homeserver has no sliding sync: the widget's state comes from events"
                    );
                    self.subscription = None;
                    self.state_events.make_updates();
                }
                kind = self.state_events.missed() => tracing::warn!(
                    widget = self.widget_id,
                    "the widget was not told of changed state ({kind}): the client's sync does not bring it as state; see \
                     `LiveState`"
                ),
            }
        }
    }

    /// The message is on its way to the page, by a request with this id.
    pub(super) fn asked(&mut self, id: String) {
        if let Some(to_device) = &mut self.to_device {
            to_device.asked(id);
        }
    }

    /// The page answered the request with this id.
    pub(super) fn answered(&mut self, id: &str) {
        if let Some(to_device) = &mut self.to_device {
            to_device.answered(id);
        }
    }

    /// The driver gives the page this event: the data of an `update_state` that is to come before it.
    pub(super) fn before_event(&mut self, send_event: &str) -> Option<String> {
        self.state_events.event(send_event)
    }

    /// The driver gives the page this `update_state`: the data of those that are to come after it.
    pub(super) fn after_update(&mut self, update_state: &str) -> Vec<String> {
        self.state_events.update(update_state)
    }
}

async fn next(to_device: &mut Option<ToDevice>) -> String {
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
