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
//!  (iframe, webview) │                  ▲            ▲     ▲                     │
//!                    └──────────────────┼────────────┼─────┼─────────────────────┘
//!     MatrixTurnSource ──► TurnFeed ────┘            │     └──── to-device messages, state of the room
//!                                                    └──── the app's decision
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
//! - Messages to the device, events of the room and changes of its state arrive, however many the client's sync brings at
//!   once. The driver alone gives 15 of one sync, the oldest, and drops the rest with a line in the log (`Reached limits of
//!   pending requests`). A widget that does not answer is given no more than 15 for 10 s, while up to 1024 messages to the
//!   device and 4096 of the room's news wait for it. Where those are too many, the oldest of the room's are dropped with a line
//!   in the log, and once the widget keeps up it is told all the state that it may read.
//! - A widget may read any number of kinds of state (capabilities: a type, or a type with a state key). The driver alone gives
//!   none of more than 15.
//! - The room's state reaches the widget while it changes, as [`LiveState`] says. The driver alone tells of a changed state
//!   event (`update_state`) only if the client's sync brought it as state: by `/sync` v2 most homeservers do not, by sliding
//!   sync they do for the types in `required_state`. Widgets on matrix-js-sdk take state from nowhere else, so that a group
//!   call that begins after the page was loaded is not seen. By default this is the same here, with a warning in the log:
//!   choose [`LiveState::Subscribe`] unless the client's own sliding sync asks for all that its widgets may read.
//! - Where the driver does MSC3846 itself one day, the layer steps aside.
//!
//! All else is the driver's, byte for byte: the events, too, but for the ids of the requests that bring them, and for an
//! `update_state` about nothing that the widget may read, which is left out.
//!
//! # What the driver lacks, and this crate does not mend
//!
//! - **Many questions at once.** Of requests of the widget for which it has to ask the homeserver the driver keeps 15, each
//!   for 10 s, and leaves the others without an answer (`Reached limits of pending requests for Matrix driver requests`, or
//!   `Dropping response for an expired request`).
//! - **Tokens for identity.** An OpenID token that comes in the midst of a sync with more than 15 of the widget's events may
//!   be lost by the driver, as these were.
//! - Its lines in the log about `toWidget requests` that reached limits tell of events and state that this crate gave the
//!   widget, unless they are about such a token.
//! - [`Client::sync`](matrix_sdk::Client::sync) waits a second between two syncs that are quick. In a call, call
//!   [`sync_once`](matrix_sdk::Client::sync_once) in a loop of your own as the example does, or use sliding sync.
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
