//! What stands behind a tab, and what comes between it and the widget.

use matrix_sdk::Room;
use matrix_sdk::widget::{Capabilities, WidgetSettings};
use serde_json::{Value, json};
use widget_turn::{
    Grantee, InnerHost, LayerConfig, Origin, PermissionPolicy, PermissionRequest, TurnCapability,
    TurnFeed, TurnLayer, Verdict, VerdictFuture,
};
use widget_turn_matrix_sdk::{DriverConfig, LiveState, TurnWidgetDriver};

use super::question::Decider;

/// "I only work in a client": gives access to nothing.
const REQUIRES_CLIENT: &str = "io.element.requires_client";
/// That what else is granted holds in the room that follows. The driver knows no other room than the widget's own.
const TIMELINE: &str = "org.matrix.msc2762.timeline:";

/// What stands behind a tab.
pub(crate) enum Host {
    /// The bare handshake: TURN and nothing else.
    Handshake(LayerConfig),
    /// A room of a real account.
    Room {
        settings: WidgetSettings,
        room: Room,
        live_state: LiveState,
    },
}

impl Host {
    pub(super) fn widget_id(&self) -> &str {
        match self {
            Self::Handshake(config) => &config.widget_id,
            Self::Room { settings, .. } => settings.widget_id(),
        }
    }

    /// Whom grants are for (rule P3).
    pub(super) fn grantee(&self) -> Grantee {
        match self {
            Self::Handshake(config) => {
                Grantee::new(config.origin.clone(), &*config.account, config.room.clone())
            }
            Self::Room { settings, room, .. } => Grantee::new(
                Origin::from(settings.raw_url()),
                room.own_user_id().as_str(),
                Some(room.room_id().to_string()),
            ),
        }
    }

    /// Whether a widget that is granted this can do anything by it.
    pub(super) fn has(&self, capability: &str) -> bool {
        TurnCapability::is_name(capability)
            || matches!(self, Self::Room { .. }) && is_the_drivers(capability)
    }

    /// Whether a widget that is here has this anyway, so that nobody needs to be asked.
    pub(super) fn implies(&self, capability: &str) -> bool {
        capability == REQUIRES_CLIENT
            || match self {
                Self::Handshake(_) => false,
                Self::Room { room, .. } => {
                    capability.strip_prefix(TIMELINE) == Some(room.room_id().as_str())
                }
            }
    }

    /// A layer or a driver of its own for one tab. Outside a tokio runtime it panics.
    pub(super) fn serve(&self, feed: &TurnFeed, decider: Decider) -> Served {
        match self {
            Self::Handshake(config) => {
                let policy = TurnAlone(decider);
                Served::Layer(TurnLayer::spawn(
                    InnerHost::handshake(),
                    feed,
                    policy,
                    config.clone(),
                ))
            }
            Self::Room {
                settings,
                room,
                live_state,
            } => {
                let decide = move |request: widget_turn_matrix_sdk::CapabilityRequest| {
                    let decider = decider.clone();
                    async move { decider.decide(request.capabilities).await }
                };
                let mut config = DriverConfig::default();
                config.live_state = *live_state;
                Served::Driver(TurnWidgetDriver::spawn_with(
                    settings.clone(),
                    room.clone(),
                    decide,
                    feed,
                    config,
                ))
            }
        }
    }
}

/// Whether the SDK's driver knows the capability: it drops the names of others.
fn is_the_drivers(name: &str) -> bool {
    let known = serde_json::from_value::<Capabilities>(json!([name]))
        .and_then(serde_json::to_value)
        .unwrap_or_default();
    known.as_array().is_some_and(|names| !names.is_empty())
}

/// Has the layer ask for TURN, and the person see what else the widget wanted.
struct TurnAlone(Decider);

impl PermissionPolicy for TurnAlone {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move {
            // First, so that it is asked about however many others stand beside it.
            let mut wanted: Vec<_> = request.capability.names().map(str::to_owned).collect();
            let others = self.0.heard();
            wanted.extend(
                others
                    .into_iter()
                    .filter(|name| !TurnCapability::is_name(name)),
            );
            let approved = self.0.decide(wanted).await;
            if approved.iter().any(|name| TurnCapability::is_name(name)) {
                Verdict::Grant
            } else {
                Verdict::Deny
            }
        })
    }
}

/// The names in a widget's answer to `capabilities`, or in its request for more (MSC2974).
pub(super) fn wanted_in(message: &str) -> Vec<String> {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    let names = ["/response/capabilities", "/data/capabilities"]
        .into_iter()
        .find_map(|place| message.pointer(place)?.as_array());
    let names = names.into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// What one tab's widget speaks with. Dropping it ends it.
pub(super) enum Served {
    Layer(TurnLayer),
    Driver(TurnWidgetDriver),
}

impl Served {
    /// Takes what the widget said. `None` once it has ended.
    pub(super) async fn send(&mut self, text: String) -> Option<()> {
        let taken = match self {
            Self::Layer(layer) => layer.send(text).await,
            Self::Driver(driver) => driver.send(text).await,
        };
        taken.then_some(())
    }

    /// Tells that the widget's frame has loaded. `None` once it has ended.
    pub(super) async fn page_loaded(&mut self) -> Option<()> {
        let taken = match self {
            Self::Layer(layer) => layer.page_loaded().await,
            Self::Driver(driver) => driver.page_loaded().await,
        };
        taken.then_some(())
    }

    /// What the widget is to be told next. `None` once it has ended.
    pub(super) async fn recv(&mut self) -> Option<String> {
        match self {
            Self::Layer(layer) => layer.recv().await,
            Self::Driver(driver) => driver.recv().await,
        }
    }
}
