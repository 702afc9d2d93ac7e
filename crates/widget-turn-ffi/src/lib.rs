//! [`widget_turn`] for Kotlin, Swift and Python, by [UniFFI]: TURN credentials for Matrix widgets (MSC3846), in apps that
//! use matrix-sdk's own bindings.
//!
//! Such an app has a `WidgetDriverHandle` with `recv()` and `send(text)`, and a webview. A [`TurnLayer`] stands between
//! the two and has the same two methods. A [`TurnFeed`], one for each account, keeps its widgets supplied. The app
//! implements three traits:
//!
//! - [`TurnSource`]: one GET to the homeserver, with whatever HTTP client the app has;
//! - [`TurnPermission`]: may this widget have the credentials?
//! - [`InnerHost`]: the `WidgetDriverHandle`, or any other host. Without one, the layer answers the bare handshake.
//!
//! All three are asynchronous: they are started from a thread of the feed, but run wherever the app's language runs such
//! code (a coroutine, a task, the event loop), so the app cannot block the layer. Everything ends by `stop()`, which
//! cancels the app's functions, waits for their end (3 s at most), and lets none be called after.
//!
//! Pages for each language, with the code that an app needs, are in `docs/` beside this crate.
//!
//! # Secrets
//!
//! The app hands the homeserver's answer in by [`TurnServerResponse`], which shows nothing of it; the password that the
//! feed keeps is wiped when it is no longer needed. It crosses to the app's side twice, by design: in the body that the
//! app fetched, and in the messages that [`TurnLayer::recv`] gives for the widget. Log neither.
//!
//! # Unsafe code
//!
//! This crate writes none, and forbids it. The functions that are called from the other languages are UniFFI's macros' to
//! write, and unsafe of necessity.
//!
//! [UniFFI]: https://mozilla.github.io/uniffi-rs/

mod callback_error;
mod calls;
mod exit;
mod feed;
mod host;
mod layer;
mod permission;
mod set_up_error;
mod source;

pub use callback_error::TurnCallbackError;
pub use exit::end_turn_feeds;
pub use feed::{TurnFeed, TurnFeedState, TurnFeedStates, TurnSupply};
pub use host::InnerHost;
pub use layer::{TurnLayer, TurnLayerState, TurnLayerStates, TurnWidget};
pub use permission::{TurnPermission, TurnPermissionRequest};
pub use set_up_error::TurnSetUpError;
pub use source::{TurnServerResponse, TurnSource};

uniffi::setup_scaffolding!("widget_turn");
