//! TURN for Matrix widgets (MSC3846) on tokio.

mod source;

pub use source::TurnSource;
#[cfg(feature = "http")]
pub use source::{HttpTurnSource, HttpTurnSourceError};
pub use widget_turn_proto::{
    ApiError, Failure, Fetched, NoTurn, Secret, TurnCapability, TurnServer, read_response,
};
