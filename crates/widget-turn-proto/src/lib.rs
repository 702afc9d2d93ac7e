//! TURN for Matrix widgets ([MSC3846]): the protocol, without I/O.
//!
//! A widget (an HTML application in an iframe or webview of a Matrix client) that makes WebRTC calls needs TURN servers,
//! and credentials for them that are valid *now*. This crate decides what to say to it, and when. It has no socket, no
//! thread, no clock and no randomness of its own; it runs anywhere, `wasm32-unknown-unknown` included. With tokio and
//! HTTP around it, it is the crate `widget-turn`, which is what most programs want.
//!
//! ```text
//!     homeserver  GET /_matrix/client/v3/voip/turnServer
//!          │ Fetched, by read_response
//!          ▼
//!     Refresher ....... one per account: when to fetch, when to give up
//!          │ Supply
//!          ▼
//!     TurnLayer ....... one per widget: owns MSC3846 and nothing else
//!       ▲    ▲
//!       │    └── inner host: HandshakeHost, or any other that speaks the widget API's JSON text
//!       └── widget; in one that is written in Rust:
//!           TurnWatcher ..... one per page: the handshake, one watch for all parts of the widget
//! ```
//!
//! # The contract
//!
//! 1. Facts come in by `handle_…` with the time; what is to be done comes out of `poll_output`, one queue, in order. Call
//!    it until `None` after every `handle_…`.
//! 2. `poll_timeout` says when `handle_timeout` is due; `None` is never. Late, early and repeated calls are safe, and so is
//!    a clock that goes back.
//! 3. The same facts give the same outputs, byte for byte: ids and jitter come from a seed in the configuration.
//! 4. Every request that the layer owns gets exactly one reply, within 3 s, whatever the homeserver does. A message that it
//!    does not own goes through as the same string.
//! 5. A reply comes before the update that follows from it, as a message of its own. After the reply to
//!    `unwatch_turn_servers` no update is sent.
//! 6. Nothing is granted unless [`TurnLayer::handle_decision`] says so, and without a grant no credentials are sent.
//! 7. A [`TurnServer`] holds only what a browser takes; a [`Secret`] shows itself to nobody; no text from outside makes
//!    this crate panic.
//!
//! # Example
//!
//! A widget, a layer with the bare handshake behind it, and a refresher, on a clock that is a variable:
//!
//! ```
//! use std::time::Duration;
//! use widget_turn_proto::{
//!     HandshakeHost, LayerConfig, Output, RefreshConfig, RefreshOutput, Refresher, Supply, Timestamp, TurnLayer, read_response,
//! };
//!
//! struct Client {
//!     now: Timestamp,
//!     layer: TurnLayer,
//!     host: HandshakeHost,
//!     refresher: Refresher,
//!     fetches: u32,
//!     to_widget: Vec<String>,
//! }
//!
//! impl Client {
//!     /// Does all that the machines want done. This is what a driver is.
//!     fn run(&mut self) {
//!         loop {
//!             if let Some(output) = self.layer.poll_output() {
//!                 match output {
//!                     Output::ToWidget(text) => self.to_widget.push(text),
//!                     Output::ToHost(text) => self.host.handle_message(self.now, text).expect("the layer passes what is well formed"),
//!                     Output::Ask(token, _) => self.layer.handle_decision(self.now, &token, true),
//!                     Output::Watch => {
//!                         self.refresher.handle_watch(self.now);
//!                         self.layer.handle_supply(self.now, self.refresher.supply().clone());
//!                     }
//!                     Output::Unwatch => self.refresher.handle_unwatch(self.now),
//!                     _ => {}
//!                 }
//!             } else if let Some(text) = self.host.poll_output() {
//!                 self.layer.handle_host_message(self.now, text);
//!             } else if let Some(output) = self.refresher.poll_output() {
//!                 match output {
//!                     RefreshOutput::Fetch(token) => {
//!                         self.fetches += 1;
//!                         let body = format!(
//!                             r#"{{"username":"u{}","password":"p","uris":["turn:t.example.com"],"ttl":3600}}"#,
//!                             self.fetches
//!                         );
//!                         let fetched = read_response(200, None, body.as_bytes());
//!                         self.refresher.handle_fetched(self.now, &token, fetched);
//!                     }
//!                     RefreshOutput::Publish(supply) => self.layer.handle_supply(self.now, supply),
//!                     _ => {}
//!                 }
//!             } else {
//!                 return;
//!             }
//!         }
//!     }
//!
//!     fn widget_says(&mut self, text: String) {
//!         self.layer.handle_widget_message(self.now, text);
//!         self.run();
//!     }
//!
//!     /// The widget answers the host's last request.
//!     fn widget_answers(&mut self, response: &str) {
//!         let request = self.to_widget.last().expect("the widget was asked").clone();
//!         let open = request.strip_suffix('}').expect("an object");
//!         self.widget_says(format!(r#"{open},"response":{response}}}"#));
//!     }
//! }
//!
//! let mut client = Client {
//!     now: Timestamp::ZERO,
//!     layer: TurnLayer::new(LayerConfig::new("w")),
//!     host: HandshakeHost::new("w", 0),
//!     refresher: Refresher::new(RefreshConfig::default()),
//!     fetches: 0,
//!     to_widget: Vec::new(),
//! };
//! let request = |action| format!(r#"{{"api":"fromWidget","widgetId":"w","requestId":"1","action":"{action}","data":{{}}}}"#);
//!
//! client.widget_says(request("content_loaded"));
//! client.widget_answers(r#"{"capabilities":["town.robin.msc3846.turn_servers"]}"#);
//! let notify = client.to_widget.last().expect("the widget is told");
//! assert!(notify.contains(r#""approved":["town.robin.msc3846.turn_servers"]"#));
//! client.widget_answers("{}");
//!
//! client.widget_says(request("watch_turn_servers"));
//! let [.., reply, update] = &client.to_widget[..] else { panic!() };
//! assert_eq!(*reply, request("watch_turn_servers").replace(r#""data":{}}"#, r#""data":{},"response":{}}"#));
//! assert!(update.contains(r#""username":"u1""#));
//! client.widget_answers("{}");
//!
//! // A day goes by. Each pair of credentials is replaced before it expires.
//! while client.now < Timestamp::from_secs(24 * 3600) {
//!     let Supply::Ready { expires_at, .. } = client.refresher.supply() else { panic!("never without") };
//!     assert!(*expires_at > client.now);
//!     client.now = client.refresher.poll_timeout().expect("the widget watches");
//!     client.refresher.handle_timeout(client.now);
//!     client.run();
//!     client.widget_answers("{}");
//! }
//! assert!(client.to_widget.last().is_some_and(|update| update.contains(&format!(r#""username":"u{}""#, client.fetches))));
//!
//! client.widget_says(request("unwatch_turn_servers"));
//! assert_eq!(client.refresher.poll_timeout(), None, "nobody watches, nothing is fetched");
//! ```
//!
//! [MSC3846]: https://github.com/matrix-org/matrix-spec-proposals/pull/3846

mod capability;
mod handshake;
mod jitter;
mod layer;
mod message;
mod page;
mod refresh;
mod refusal;
mod response;
mod supply;
mod time;
mod turn_server;
mod uri;
mod watcher;

pub use capability::{API_VERSION, TurnCapability};
pub use handshake::HandshakeHost;
pub use layer::{AskToken, LayerConfig, OutagePolicy, Output, Peer, TurnLayer};
pub use message::{Api, Head, MessageError, reply};
pub use page::{Page, Sign};
pub use refresh::{FetchToken, RefreshConfig, RefreshOutput, Refresher};
pub use refusal::Unavailable;
pub use response::{ApiError, Failure, Fetched, MAX_RESPONSE, read_response};
pub use supply::Supply;
pub use time::Timestamp;
pub use turn_server::{NoTurn, Secret, TurnServer};
pub use uri::{UriError, check_uri};
pub use watcher::{
    Consumer, TurnWatcher, WatchRefusal, WatcherConfig, WatcherOutput, WatcherSupply,
};
