//! How a watcher is set up.

/// How a [`TurnWatcher`](super::TurnWatcher) presents its widget.
///
/// ```
/// use widget_turn_proto::WatcherConfig;
///
/// let mut config = WatcherConfig::new("widget-1");
/// config.seed = 0x5eed; // from the browser's random numbers: each page another one
/// config.capabilities = vec!["m.always_on_screen".into()];
/// assert_eq!(config.widget_id, "widget-1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatcherConfig {
    /// The widget's id, from the page's URL: messages with another one are dropped.
    pub widget_id: String,
    /// Where the jitter comes from. It also tells the watcher's request ids from those of another part of the widget, and
    /// from those of the page before a reload: give each page another one.
    pub seed: u64,
    /// What the widget asks for besides TURN.
    pub capabilities: Vec<String>,
    /// The widget API versions that the other parts of the widget can do, besides those that the watcher does.
    pub versions: Vec<String>,
}

impl WatcherConfig {
    /// A widget of this id that wants TURN and nothing else.
    ///
    /// ```
    /// # use widget_turn_proto::WatcherConfig;
    /// assert!(WatcherConfig::new("w").capabilities.is_empty());
    /// ```
    pub fn new(widget_id: impl Into<String>) -> Self {
        Self {
            widget_id: widget_id.into(),
            seed: 0,
            capabilities: Vec::new(),
            versions: Vec::new(),
        }
    }
}
