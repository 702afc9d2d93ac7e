//! What a permission is asked for.

mod origin;

pub use origin::{Origin, OriginError};

use widget_turn_proto::TurnCapability;

/// A widget that wants TURN credentials: what a [`PermissionPolicy`](crate::PermissionPolicy) decides on, and what a
/// remembered grant is bound to (rule P3).
///
/// ```
/// use widget_turn::{PermissionRequest, TurnCapability};
///
/// let request = PermissionRequest::new(
///     "https://whiteboard.example.org/board?theme=dark".parse()?,
///     "@alice:example.com",
///     Some("!room:example.com".to_owned()),
///     [TurnCapability::UNSTABLE].into_iter().collect(),
/// );
/// assert_eq!(request.origin.to_string(), "https://whiteboard.example.org");
/// # Ok::<(), widget_turn::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PermissionRequest {
    /// The origin of the page's real URL. Not of the URL in the widget's event before redirects, nor the widget's id:
    /// a widget picks its id itself.
    pub origin: Origin,
    /// The Matrix user id of the account whose credentials are asked for.
    pub account: String,
    /// The room that the widget is in; `None` for a widget of the account.
    pub room: Option<String>,
    /// The names under which TURN was asked for.
    pub capability: TurnCapability,
}

impl PermissionRequest {
    /// A request of the page at `origin`.
    ///
    /// ```
    /// use widget_turn::{PermissionRequest, TurnCapability};
    ///
    /// let asked: TurnCapability = ["m.turn_servers"].into_iter().collect();
    /// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// assert_eq!(request.account, "@alice:example.com");
    /// assert_eq!(request.room, None);
    /// # Ok::<(), widget_turn::OriginError>(())
    /// ```
    pub fn new(
        origin: Origin,
        account: impl Into<String>,
        room: Option<String>,
        capability: TurnCapability,
    ) -> Self {
        Self {
            origin,
            account: account.into(),
            room,
            capability,
        }
    }
}
