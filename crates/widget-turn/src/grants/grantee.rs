//! Whom a grant is for.

use std::collections::HashSet;

use super::Grant;
use crate::request::{Origin, PermissionRequest};

/// Whom something is granted to: the pages of an origin, where they act for an account in a room (rule P3).
///
/// ```
/// use widget_turn::Grantee;
///
/// let widget = Grantee::new("https://example.org/board".parse()?, "@alice:example.com", None);
/// assert_eq!(widget.origin.to_string(), "https://example.org");
/// # Ok::<(), widget_turn::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grantee {
    /// The origin of the page's real URL.
    pub origin: Origin,
    /// The Matrix user id of the account.
    pub account: String,
    /// The room of the widget; `None` for a widget of the account.
    pub room: Option<String>,
}

impl Grantee {
    /// The pages of `origin`, for `account` in `room`.
    ///
    /// ```
    /// # use widget_turn::Grantee;
    /// let widget = Grantee::new("https://example.org".parse()?, "@alice:example.com", None);
    /// assert_eq!(widget.room, None);
    /// # Ok::<(), widget_turn::OriginError>(())
    /// ```
    pub fn new(origin: Origin, account: impl Into<String>, room: Option<String>) -> Self {
        Self {
            origin,
            account: account.into(),
            room,
        }
    }

    pub(super) fn grant(&self, capability: &str) -> Grant {
        Grant {
            origin: self.origin.to_string(),
            account: self.account.clone(),
            room: self.room.clone(),
            capability: capability.to_owned(),
        }
    }

    /// The names of what is granted to it; nothing for an opaque origin, which any page could have.
    pub(super) fn among(&self, grants: &[Grant]) -> HashSet<String> {
        if self.origin.is_opaque() {
            return HashSet::new();
        }
        let origin = self.origin.to_string();
        let own = grants.iter().filter(|grant| {
            grant.origin == origin && grant.account == self.account && grant.room == self.room
        });
        own.map(|grant| grant.capability.clone()).collect()
    }
}

impl From<&PermissionRequest> for Grantee {
    fn from(request: &PermissionRequest) -> Self {
        Self::new(
            request.origin.clone(),
            &*request.account,
            request.room.clone(),
        )
    }
}
