//! What a client may settle about a driver.

/// How a [`TurnWidgetDriver`](crate::TurnWidgetDriver) goes about its work. [`Default`] is what the SDK's driver alone does.
///
/// ```
/// use widget_turn_matrix_sdk::{DriverConfig, LiveState};
///
/// let mut config = DriverConfig::default();
/// assert_eq!(config.live_state, LiveState::FromSync);
/// config.live_state = LiveState::Subscribe;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DriverConfig {
    /// Where a widget's news of the room's state come from.
    pub live_state: LiveState,
}

/// Where a widget's news of the room's state come from: the widget API's `update_state`, which is all that widgets on
/// matrix-js-sdk look at.
///
/// The SDK's driver alone sends it for what the client's sync brings as state, and for nothing else. By `/sync` v2 that is next to
/// nothing on most homeservers, by sliding sync it is the types in the room's `required_state`. A widget that misses some is
/// told nothing; the log is, unless it is [`FromEvents`](Self::FromEvents).
///
/// In each of the three a widget is told first of all that the SDK's store has of what it may read, and again after changes
/// that were lost: more than the widget kept up with.
///
/// ```
/// use widget_turn_matrix_sdk::LiveState;
///
/// /// For a client that has a sliding sync of its own, with all state in `required_state`, or not.
/// fn choose(syncs_all_state: bool) -> LiveState {
///     if syncs_all_state { LiveState::FromSync } else { LiveState::Subscribe }
/// }
/// assert_eq!(choose(false), LiveState::Subscribe);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveState {
    /// From the client's own sync, whatever that brings.
    ///
    /// Right for clients whose sliding sync has all that the widget may read in `required_state`.
    #[default]
    FromSync,
    /// From a sliding sync connection of the page's own, which asks for this room, the state that the widget was granted, no
    /// timeline and no extensions. It is there when the widget hears of its capabilities, unless it takes longer than a
    /// second, and ends with the page.
    ///
    /// Right for all other clients, on `/sync` v2 or with a sliding sync of their own. Where the homeserver has no sliding
    /// sync, it is [`FromEvents`](Self::FromEvents), and the log says so.
    Subscribe,
    /// From the state events in the room's timeline, too: each comes as an `update_state` of its own.
    ///
    /// For clients on `/sync` v2 where a second connection is not wanted. Two caveats: of a state event in the timeline one
    /// does not know that it is the room's state (state resolution may have decided otherwise), and of changes that the sync
    /// left out of the timeline (a `limited` one) nothing is heard.
    FromEvents,
}
