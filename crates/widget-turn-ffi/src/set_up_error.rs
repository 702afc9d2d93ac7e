//! What keeps a feed or a layer from being made.

use std::fmt;

/// What keeps a feed or a layer from being made.
#[derive(Debug, uniffi::Error)]
pub enum TurnSetUpError {
    /// The system gives no thread.
    NoThread {
        /// The system's words.
        reason: String,
    },
    /// `TurnWidget.id` is empty.
    InvalidId {
        /// What was expected.
        reason: String,
    },
    /// `TurnWidget.account` is no user id.
    InvalidAccount {
        /// What was expected.
        reason: String,
    },
    /// `TurnWidget.url` is no URL.
    InvalidUrl {
        /// What was expected.
        reason: String,
    },
}

impl fmt::Display for TurnSetUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThread { reason } => write!(f, "cannot start a thread: {reason}"),
            Self::InvalidId { reason } => write!(f, "the widget's id: {reason}"),
            Self::InvalidAccount { reason } => write!(f, "the widget's account: {reason}"),
            Self::InvalidUrl { reason } => write!(f, "the widget's URL: {reason}"),
        }
    }
}

impl std::error::Error for TurnSetUpError {}
