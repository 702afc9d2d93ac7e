//! TURN for Matrix widgets (MSC3846) on tokio.

mod grants;
mod permission;
mod request;
mod source;

pub use grants::{Grant, Grants, GrantsError};
pub use permission::{
    Answer, Ask, Deny, Inquiry, Or, PermissionPolicy, Remembered, TrustedOriginError,
    TrustedOrigins, Verdict, VerdictFuture,
};
pub use request::{Origin, OriginError, PermissionRequest};
pub use source::TurnSource;
#[cfg(feature = "http")]
pub use source::{HttpTurnSource, HttpTurnSourceError};
pub use widget_turn_proto::{
    ApiError, Failure, Fetched, NoTurn, Secret, TurnCapability, TurnServer, read_response,
};
