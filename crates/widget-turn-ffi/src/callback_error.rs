//! What goes wrong in the app's own code.

use std::fmt;

/// What the app's implementation of a trait throws. Whatever else it throws becomes one too.
#[derive(uniffi::Error)]
pub enum TurnCallbackError {
    /// It did not work.
    Failed {
        /// Why, for the end of `TurnFeedState.problem`. Nothing else is done with it: not logged,
        /// not told to the widget.
        reason: String,
    },
}

impl TurnCallbackError {
    /// Why, as the app said it, on one line; the beginning of it, if that is long.
    pub(crate) fn reason(&self) -> String {
        let Self::Failed { reason } = self;
        let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
        let short: String = reason.chars().take(256).map(shown).collect();
        short.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for TurnCallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An HTTP client's words may have a URL or a header in them.
        f.write_str("the app's own code failed")
    }
}

impl fmt::Debug for TurnCallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnCallbackError")
    }
}

impl std::error::Error for TurnCallbackError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for TurnCallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}
