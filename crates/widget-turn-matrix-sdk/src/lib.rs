//! TURN for Matrix widgets ([MSC3846]) in clients on matrix-sdk.
//!
//! matrix-sdk's `WidgetDriver` knows no MSC3846: a widget that makes calls hears `unknown variant` and does not connect
//! behind NAT. [`TurnWidgetDriver`] takes its place: the same settings and room go in, the same texts go to and from the
//! webview, and what is not TURN's is the SDK's, byte for byte. [`MatrixTurnSource`] gets the credentials by the session of
//! the [`Client`](matrix_sdk::Client).
//!
//! ```text
//!                    ┌─ TurnWidgetDriver ────────────────────────────────────────┐
//!                    │                 one of each for every page                │
//!     widget ◄─────► │ reload? ◄──► TurnLayer ◄──► negotiation ◄──► WidgetDriver │ ◄──► Room
//!  (iframe, webview) │                  ▲               ▲                        │
//!                    └──────────────────┼───────────────┼────────────────────────┘
//!     MatrixTurnSource ──► TurnFeed ────┘               └──── the app's decision
//! ```
//!
//! # Example
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # What else it does than the driver alone
//!
//! - The app is asked once for all that a page wants, TURN included, and may take minutes. The driver alone gives up after
//!   10 s and says nothing then, and answers nothing meanwhile.
//! - A page that is reloaded works: it gets a new driver. The driver alone is at its end with its first page.
//! - A page may ask for TURN later on (MSC2974). Other capabilities are refused then, as by the driver alone.
//! - Dropping it ends all that it started. The driver alone runs on when its handles are gone.
//! - Where the driver does MSC3846 itself one day, the layer steps aside.
//!
//! # What the driver lacks, and this crate does not mend
//!
//! - **Live room state.** The driver tells a widget of a changed state event (`update_state`) only if the sync of the client
//!   brought it as state. By `/sync` v2 most homeservers do not; by sliding sync they do for the types in the room's
//!   `required_state`, and only for those. Widgets on matrix-js-sdk take state from nowhere else: a group call that begins
//!   after the page was loaded is not seen. So sync by sliding sync, and subscribe to the room with the state types that the
//!   widget was granted, with `"*"` as state key, before it is loaded.
//! - **To-device messages.** Of one sync, the driver gives a widget 15 messages at most (events of the room count too), and
//!   drops the rest with a line in the log (`Reached limits of pending requests`). A client that was offline for long loses
//!   what was sent to its device meanwhile.
//! - [`Client::sync`](matrix_sdk::Client::sync) waits a second between two syncs that are quick. In a call, call
//!   [`sync_once`](matrix_sdk::Client::sync_once) in a loop of your own, or use sliding sync.
//! - The widget's URL must name the device of the SDK's session, or messages to it go elsewhere.
//!
//! # Versions
//!
//! This is for matrix-sdk 0.18. Its public API names `Room`, `WidgetSettings` and `Client` of it and nothing else.
//!
//! [MSC3846]: https://github.com/matrix-org/matrix-spec-proposals/pull/3846

mod driver;
mod source;

pub use driver::{
    CapabilityRequest, DriverConfig, LiveState, TurnWidgetDriver, TurnWidgetReceiver,
    TurnWidgetSender,
};
pub use source::MatrixTurnSource;
