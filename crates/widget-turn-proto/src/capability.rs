//! The names of MSC3846 and of the handshake around it, in one place.

/// The widget API version that a host advertises for MSC3846 (rule H1).
///
/// ```
/// assert_eq!(widget_turn_proto::API_VERSION, "town.robin.msc3846");
/// ```
pub const API_VERSION: &str = "town.robin.msc3846";

/// The actions of MSC3846.
pub(crate) const WATCH: &str = "watch_turn_servers";
pub(crate) const UNWATCH: &str = "unwatch_turn_servers";
pub(crate) const UPDATE: &str = "update_turn_servers";

/// The actions of the handshake.
pub(crate) const SUPPORTED_API_VERSIONS: &str = "supported_api_versions";
pub(crate) const CONTENT_LOADED: &str = "content_loaded";
pub(crate) const CAPABILITIES: &str = "capabilities";
/// MSC2871: the host tells what it approved.
pub(crate) const NOTIFY_CAPABILITIES: &str = "notify_capabilities";
/// MSC2974: the widget asks for more later on.
pub(crate) const REQUEST_CAPABILITIES: &str = "org.matrix.msc2974.request_capabilities";

/// The names under which a widget may ask for TURN: a set of the two that exist (rule H2).
///
/// ```
/// use widget_turn_proto::TurnCapability;
///
/// let asked: TurnCapability = ["m.turn_servers", "m.always_on_screen"].into_iter().collect();
/// assert!(!asked.is_empty());
/// assert_eq!(asked.names().collect::<Vec<_>>(), ["m.turn_servers"]);
/// assert!(TurnCapability::is_name("town.robin.msc3846.turn_servers"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnCapability {
    unstable: bool,
    stable: bool,
}

impl TurnCapability {
    /// The name until MSC3846 is part of the specification.
    ///
    /// ```
    /// assert!(widget_turn_proto::TurnCapability::is_name(widget_turn_proto::TurnCapability::UNSTABLE));
    /// ```
    pub const UNSTABLE: &'static str = "town.robin.msc3846.turn_servers";
    /// The name once it is.
    ///
    /// ```
    /// assert!(widget_turn_proto::TurnCapability::is_name(widget_turn_proto::TurnCapability::STABLE));
    /// ```
    pub const STABLE: &'static str = "m.turn_servers";

    /// Whether `name` asks for TURN.
    ///
    /// ```
    /// # use widget_turn_proto::TurnCapability;
    /// assert!(TurnCapability::is_name("m.turn_servers"));
    /// assert!(!TurnCapability::is_name("m.sticker"));
    /// ```
    pub fn is_name(name: &str) -> bool {
        name == Self::UNSTABLE || name == Self::STABLE
    }

    /// Whether TURN was not asked for at all.
    ///
    /// ```
    /// # use widget_turn_proto::TurnCapability;
    /// assert!(TurnCapability::default().is_empty());
    /// ```
    pub fn is_empty(self) -> bool {
        !self.unstable && !self.stable
    }

    /// The names asked for, the unstable one first.
    ///
    /// ```
    /// # use widget_turn_proto::TurnCapability;
    /// let both: TurnCapability = [TurnCapability::STABLE, TurnCapability::UNSTABLE].into_iter().collect();
    /// assert_eq!(both.names().count(), 2);
    /// ```
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.unstable, Self::UNSTABLE), (self.stable, Self::STABLE)]
            .into_iter()
            .filter_map(|(asked, name)| asked.then_some(name))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            unstable: self.unstable || other.unstable,
            stable: self.stable || other.stable,
        }
    }
}

impl<S: AsRef<str>> FromIterator<S> for TurnCapability {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        names.into_iter().fold(Self::default(), |asked, name| Self {
            unstable: asked.unstable || name.as_ref() == Self::UNSTABLE,
            stable: asked.stable || name.as_ref() == Self::STABLE,
        })
    }
}
