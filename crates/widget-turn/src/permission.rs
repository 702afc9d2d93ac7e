//! Who decides whether a widget gets TURN credentials.
//!
//! They are a thing of value: whoever has them relays traffic on the homeserver's bill, and TURN tells a page the
//! person's network address.

mod ask;
#[cfg(not(target_family = "wasm"))]
mod remembered;
mod trusted_origins;

pub use ask::{Answer, Ask, Inquiry};
#[cfg(not(target_family = "wasm"))]
pub use remembered::Remembered;
pub use trusted_origins::{TrustedOriginError, TrustedOrigins};

use std::pin::Pin;
use std::sync::Arc;

use crate::request::PermissionRequest;
use crate::runtime::{MaybeSend, MaybeSync};

/// What a policy says.
///
/// ```
/// use widget_turn::Verdict;
///
/// assert!(Verdict::Grant.is_grant());
/// assert!(!Verdict::Deny.is_grant());
/// // Where nobody decides, nothing is granted (rule P1).
/// assert!(!Verdict::Undecided.is_grant());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The widget may have the credentials.
    Grant,
    /// It may not, and no other policy is asked.
    Deny,
    /// This policy has nothing to say on it. Where it is the last one, that denies.
    Undecided,
}

impl Verdict {
    /// Whether the widget gets credentials by this, if it is the last word.
    ///
    /// ```
    /// assert!(!widget_turn::Verdict::Undecided.is_grant());
    /// ```
    pub fn is_grant(self) -> bool {
        self == Self::Grant
    }
}

/// What [`PermissionPolicy::decide`] returns: a boxed future, so that policies can be put together at run time.
///
/// ```
/// use widget_turn::{Verdict, VerdictFuture};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let denied: VerdictFuture<'_> = Box::pin(async { Verdict::Deny });
/// assert_eq!(denied.await, Verdict::Deny);
/// # }
/// ```
#[cfg(not(target_family = "wasm"))]
pub type VerdictFuture<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// What [`PermissionPolicy::decide`] returns: a boxed future, so that policies can be put together at run time. It need
/// not be `Send`, as it must elsewhere.
#[cfg(target_family = "wasm")]
pub type VerdictFuture<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// Decides whether a widget gets TURN credentials. Nothing is granted unless a policy says so (rule P1).
///
/// [`Deny`], [`TrustedOrigins`], [`Remembered`] and [`Ask`] are there; [`or`](Self::or) puts them in a row:
///
/// ```
/// use widget_turn::{Deny, PermissionPolicy, PermissionRequest, TrustedOrigins, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = TrustedOrigins::new(["https://call.example.org"])?.or(Deny);
///
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let page = "https://call.example.org/room?id=1".parse()?;
/// let request = PermissionRequest::new(page, "@alice:example.com", None, asked);
/// assert_eq!(policy.decide(&request).await, Verdict::Grant);
/// # Ok(())
/// # }
/// ```
///
/// A policy is `Send + Sync`, except in the browser, where it need not be.
pub trait PermissionPolicy: MaybeSend + MaybeSync + 'static {
    /// Decides, and takes as long as it takes: a person may think for minutes, and nothing times out (rule H4).
    ///
    /// The caller drops the future when the answer no longer matters, as on a reload of the page.
    ///
    /// ```
    /// use widget_turn::{PermissionPolicy, PermissionRequest, Verdict, VerdictFuture};
    ///
    /// /// Widgets of the account itself, but none of rooms.
    /// struct AccountWidgets;
    ///
    /// impl PermissionPolicy for AccountWidgets {
    ///     fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
    ///         Box::pin(async move {
    ///             match request.room {
    ///                 None => Verdict::Grant,
    ///                 Some(_) => Verdict::Undecided,
    ///             }
    ///         })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), widget_turn::OriginError> {
    /// let asked = ["m.turn_servers"].into_iter().collect();
    /// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// assert_eq!(AccountWidgets.decide(&request).await, Verdict::Grant);
    /// # Ok(())
    /// # }
    /// ```
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a>;

    /// This policy, and `second` where this one is [`Verdict::Undecided`].
    ///
    /// ```
    /// use widget_turn::{Deny, PermissionPolicy, PermissionRequest, TrustedOrigins, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let policy = TrustedOrigins::new(["https://call.example.org"])?.or(Deny);
    ///
    /// let asked = ["m.turn_servers"].into_iter().collect();
    /// let request = PermissionRequest::new("https://evil.test".parse()?, "@alice:example.com", None, asked);
    /// assert_eq!(policy.decide(&request).await, Verdict::Deny);
    /// # Ok(())
    /// # }
    /// ```
    fn or<P: PermissionPolicy>(self, second: P) -> Or<Self, P>
    where
        Self: Sized,
    {
        Or {
            first: self,
            second,
        }
    }
}

/// Two policies in a row: the first that is not [`Verdict::Undecided`] decides. Made by [`PermissionPolicy::or`].
///
/// ```
/// use widget_turn::{Deny, Or, PermissionPolicy};
///
/// let policy: Or<Deny, Deny> = Deny.or(Deny);
/// assert_eq!(format!("{policy:?}"), "Or { first: Deny, second: Deny }");
/// ```
#[derive(Clone, Debug)]
pub struct Or<First, Second> {
    first: First,
    second: Second,
}

impl<First: PermissionPolicy, Second: PermissionPolicy> PermissionPolicy for Or<First, Second> {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move {
            match self.first.decide(request).await {
                Verdict::Undecided => self.second.decide(request).await,
                decided => decided,
            }
        })
    }
}

/// Denies everything.
///
/// ```
/// use widget_turn::{Deny, PermissionPolicy, PermissionRequest, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), widget_turn::OriginError> {
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
/// assert_eq!(Deny.decide(&request).await, Verdict::Deny);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Deny;

impl PermissionPolicy for Deny {
    fn decide<'a>(&'a self, _: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async { Verdict::Deny })
    }
}

impl<P: PermissionPolicy + ?Sized> PermissionPolicy for Box<P> {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        (**self).decide(request)
    }
}

impl<P: PermissionPolicy + ?Sized> PermissionPolicy for Arc<P> {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        (**self).decide(request)
    }
}
