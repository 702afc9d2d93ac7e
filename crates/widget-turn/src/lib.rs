//! TURN for Matrix widgets (MSC3846) on tokio.

mod clock;
mod feed;
mod grants;
mod host;
mod layer;
mod permission;
mod request;
mod source;

pub use feed::{FeedConfig, FeedWatch, TurnFeed};
pub use grants::{Grant, Grants, GrantsError};
pub use host::{HostEnd, InnerHost};
pub use layer::{LayerConfig, TurnLayer, WidgetReceiver, WidgetSender};
pub use permission::{
    Answer, Ask, Deny, Inquiry, Or, PermissionPolicy, Remembered, TrustedOriginError,
    TrustedOrigins, Verdict, VerdictFuture,
};
pub use request::{Origin, OriginError, PermissionRequest};
#[cfg(feature = "http")]
pub use source::{HttpTurnSource, HttpTurnSourceError};
pub use source::{TurnSource, read_retry_after};
pub use widget_turn_proto::{
    ApiError, Failure, Fetched, NoTurn, OutagePolicy, Secret, Supply, Timestamp, TurnCapability,
    TurnServer, Unavailable, read_response,
};
