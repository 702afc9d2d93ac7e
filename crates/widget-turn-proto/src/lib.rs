//! TURN for Matrix widgets (MSC3846): the protocol, without I/O.

mod capability;
mod handshake;
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

pub use capability::{API_VERSION, TurnCapability};
pub use handshake::HandshakeHost;
pub use layer::{AskToken, LayerConfig, OutagePolicy, Output, Peer, TurnLayer};
pub use message::{Api, Head, MessageError};
pub use refresh::{FetchToken, RefreshConfig, RefreshOutput, Refresher};
pub use refusal::Unavailable;
pub use response::{ApiError, Failure, Fetched, MAX_RESPONSE, read_response};
pub use supply::Supply;
pub use time::Timestamp;
pub use turn_server::{NoTurn, Secret, TurnServer};
pub use uri::{UriError, check_uri};
