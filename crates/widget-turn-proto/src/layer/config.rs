//! How a layer behaves.

/// How a [`TurnLayer`](super::TurnLayer) behaves.
///
/// ```
/// use widget_turn_proto::{LayerConfig, OutagePolicy};
///
/// let config = LayerConfig::new("widget-1");
/// assert_eq!(config.widget_id, "widget-1");
/// assert_eq!(config.outage, OutagePolicy::KeepSilent);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerConfig {
    /// The widget's id: messages with another one are dropped (rule H7).
    pub widget_id: String,
    /// Tells the layer's request ids from those of another layer or page.
    pub seed: u64,
    /// What the widget hears when its credentials have expired and there are no others.
    pub outage: OutagePolicy,
}

impl LayerConfig {
    /// The defaults for the widget of this id.
    ///
    /// ```
    /// # use widget_turn_proto::LayerConfig;
    /// assert_eq!(LayerConfig::new("w").seed, 0);
    /// ```
    pub fn new(widget_id: impl Into<String>) -> Self {
        Self {
            widget_id: widget_id.into(),
            seed: 0,
            outage: OutagePolicy::KeepSilent,
        }
    }
}

/// What a widget hears when its credentials have expired and there are no others (rule W9).
///
/// ```
/// # use widget_turn_proto::OutagePolicy;
/// assert_eq!(OutagePolicy::default(), OutagePolicy::KeepSilent);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutagePolicy {
    /// Nothing. `new RTCPeerConnection` throws on an empty list, and so costs a widget even the calls that need no relay.
    #[default]
    KeepSilent,
    /// The empty list of MSC3846, once.
    SendEmptyList,
}
