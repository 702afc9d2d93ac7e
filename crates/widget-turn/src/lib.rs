//! TURN for Matrix widgets ([MSC3846]), on tokio or in the browser: keeps widgets supplied with TURN credentials that are valid now.
//!
//! A [`TurnFeed`] holds one account's credentials: it fetches them from a [`TurnSource`] while somebody watches, refreshes
//! them before they expire and shares them. A [`TurnLayer`] stands between one widget and its host ([`InnerHost`]), owns
//! the three actions of MSC3846, and passes all else through untouched. Whether a widget may have TURN is a
//! [`PermissionPolicy`]'s to say.
//!
//! ```text
//!     TurnSource ──► TurnFeed ──┬──► TurnLayer ◄──► widget (iframe, webview)
//!                               │        ▲
//!                               │        └──► InnerHost: the bare handshake, or a host of your own
//!                               └──► TurnLayer ◄──► another widget
//! ```
//!
//! The rules that all this keeps (H1, W3, C2, … in the docs of the items) are tested by these names; the protocol itself,
//! without I/O, is [`widget_turn_proto`].
//!
//! # Example
//!
//! ```
//! use widget_turn::{FeedConfig, InnerHost, LayerConfig, TrustedOrigins, TurnFeed, TurnLayer};
//! # use widget_turn::{Fetched, TurnSource, read_response};
//! # struct Source;
//! # impl TurnSource for Source {
//! #     async fn fetch(&self) -> Fetched {
//! #         read_response(200, None, br#"{"username":"u","password":"p","uris":["turn:t.example.org"],"ttl":3600}"#)
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let source = Source;
//! // One feed an account. `source` is an `HttpTurnSource`, or your own.
//! let feed = TurnFeed::new(source, FeedConfig::default());
//!
//! // One layer a widget.
//! let policy = TrustedOrigins::new(["https://widget.example"])?;
//! let widget = LayerConfig::new("w", "https://widget.example/index.html".parse()?, "@alice:example.org");
//! let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, policy, widget);
//!
//! // What the widget posts goes in, what comes out is posted to the widget.
//! let posted = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{}}"#;
//! layer.send(posted.to_owned()).await;
//! assert!(layer.recv().await.is_some_and(|reply| reply.ends_with(r#""response":{}}"#)));
//! assert!(layer.recv().await.is_some_and(|question| question.contains("capabilities")));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `http` (on by default): [`HttpTurnSource`], by reqwest with rustls.
//!
//! # In the browser
//!
//! On `wasm32-unknown-unknown` the crate needs no runtime: its tasks are the page's, its timers `setTimeout`, its clocks
//! `performance.now()` and `Date`. What differs from other targets:
//!
//! - [`TurnSource`], [`PermissionPolicy`] and their futures need not be `Send` or `Sync`, as what JavaScript gives is not.
//! - `Grants`, `Remembered` and `Ask::remembering` need a file system, `HttpTurnSource` a network stack: they are not
//!   there. A source that asks by `fetch` takes a page of code; `examples/wasm-host` in the repository has one.
//! - A panic of a source or a policy ends the module, since nothing unwinds there.
//! - Browsers may let the timers of a hidden page fire once a minute only. That is often enough for credentials that live
//!   for ten minutes or longer. Call [`TurnFeed::wake`] when the page is shown again.
//!
//! [MSC3846]: https://github.com/matrix-org/matrix-spec-proposals/pull/3846

mod clock;
mod feed;
#[cfg(not(target_family = "wasm"))]
mod grants;
mod host;
mod layer;
mod permission;
mod request;
mod runtime;
mod source;

pub use feed::{FeedConfig, FeedWatch, TurnFeed};
#[cfg(not(target_family = "wasm"))]
pub use grants::{Grant, Grantee, Grants, GrantsError};
pub use host::{HostEnd, HostReceiver, HostSender, InnerHost};
pub use layer::{LayerConfig, LayerStatus, TurnLayer, WidgetReceiver, WidgetSender};
#[cfg(not(target_family = "wasm"))]
pub use permission::Remembered;
pub use permission::{
    Answer, Ask, Deny, Inquiry, Or, PermissionPolicy, TrustedOriginError, TrustedOrigins, Verdict,
    VerdictFuture,
};
pub use request::{Origin, OriginError, PermissionRequest};
#[cfg(all(feature = "http", not(target_family = "wasm")))]
pub use source::{HttpTurnSource, HttpTurnSourceError};
pub use source::{TurnSource, read_retry_after};
pub use widget_turn_proto::{
    ApiError, Failure, Fetched, MAX_RESPONSE, NoTurn, OutagePolicy, Secret, Supply, Timestamp,
    TurnCapability, TurnServer, Unavailable, read_response,
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
