//! Where TURN credentials come from.

#[cfg(all(feature = "http", not(target_family = "wasm")))]
mod http;
mod retry_after;

use widget_turn_proto::Fetched;

use crate::runtime::{MaybeSend, MaybeSync};

#[cfg(all(feature = "http", not(target_family = "wasm")))]
pub use http::{HttpTurnSource, HttpTurnSourceError};
pub use retry_after::read_retry_after;

/// Where an account's TURN credentials come from.
///
/// [`HttpTurnSource`](crate::HttpTurnSource) asks a homeserver with an access token. A client that has a Matrix SDK
/// asks by that; [`read_response`](crate::read_response) then makes sense of whatever the homeserver answered.
///
/// What the implementor owes to whoever calls it:
///
/// - A fetch **never hangs for ever**. Only one is under way at a time, so one that hangs is the last.
/// - A fetch **never tries again by itself**: one call is one request. When to ask again is settled in one place, with
///   what `Retry-After` says and with jitter (rule C5). Turn the retries of an SDK off.
/// - A fetch that goes wrong is a [`Fetched::Failed`], not a panic.
/// - No secret is logged (rule C8).
///
/// The caller may drop the future at any time, which ends the request.
///
/// The source is `Send + Sync` and its future `Send`, except in the browser, where neither need be.
///
/// ```
/// use std::time::Duration;
/// use widget_turn::{Fetched, Secret, TurnServer, TurnSource};
///
/// /// A TURN server of one's own, with a password that does not change.
/// struct OwnServer;
///
/// impl TurnSource for OwnServer {
///     async fn fetch(&self) -> Fetched {
///         match TurnServer::new(["turn:turn.example.com".into()], "alice", Secret::new("p")) {
///             Ok(server) => Fetched::Credentials { server, ttl: Duration::from_secs(86_400) },
///             Err(reason) => Fetched::NoTurn(reason),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert!(matches!(OwnServer.fetch().await, Fetched::Credentials { .. }));
/// # }
/// ```
pub trait TurnSource: MaybeSend + MaybeSync + 'static {
    /// Asks once. Every outcome is one of [`Fetched`], the bad ones too.
    ///
    /// ```
    /// use widget_turn::{Fetched, TurnSource, read_response};
    ///
    /// struct Nothing;
    ///
    /// impl TurnSource for Nothing {
    ///     async fn fetch(&self) -> Fetched {
    ///         read_response(200, None, b"{}")
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// assert!(matches!(Nothing.fetch().await, Fetched::NoTurn(_)));
    /// # }
    /// ```
    fn fetch(&self) -> impl Future<Output = Fetched> + MaybeSend;
}
