//! The watcher's own requests, until they are answered.

use std::collections::VecDeque;

use crate::capability::{
    CONTENT_LOADED, REQUEST_CAPABILITIES, SUPPORTED_API_VERSIONS, UNWATCH, WATCH,
};
use crate::message::same_id;

/// Requests that are kept open; the oldest of them gives way. A host that answers nothing is asked rarely.
const MAX_OPEN: usize = 16;

/// What the host was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Versions,
    ContentLoaded,
    Capabilities,
    Watch,
    Unwatch,
}

impl Asked {
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Versions => SUPPORTED_API_VERSIONS,
            Self::ContentLoaded => CONTENT_LOADED,
            Self::Capabilities => REQUEST_CAPABILITIES,
            Self::Watch => WATCH,
            Self::Unwatch => UNWATCH,
        }
    }
}

/// What was asked, by the ids as JSON text.
#[derive(Default)]
pub(super) struct Open(VecDeque<(String, Asked)>);

impl Open {
    pub(super) fn add(&mut self, id: &str, asked: Asked) {
        if self.0.len() == MAX_OPEN {
            self.0.pop_front();
        }
        self.0.push_back((format!("\"{id}\""), asked));
    }

    /// What this id asked for, if it is still to be answered; from now on it is not.
    pub(super) fn close(&mut self, id: &str) -> Option<Asked> {
        let at = self.0.iter().position(|(open, _)| same_id(open, id))?;
        self.0.remove(at).map(|(_, asked)| asked)
    }

    /// What is still said to such requests is not waited for.
    pub(super) fn forget(&mut self, asked: Asked) {
        self.0.retain(|(_, open)| *open != asked);
    }

    pub(super) fn awaits(&self, asked: Asked) -> bool {
        self.0.iter().any(|(_, open)| *open == asked)
    }
}
