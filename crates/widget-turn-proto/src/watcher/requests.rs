//! The watcher's own requests, until they are answered.

use std::collections::VecDeque;

use super::{TurnWatcher, WatcherOutput, refused};
use crate::capability::{
    CONTENT_LOADED, REQUEST_CAPABILITIES, SUPPORTED_API_VERSIONS, UNWATCH, WATCH,
};
use crate::message::{Head, MessageError, is_refused, request_from_widget, same_id, string};

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
    fn action(self) -> &'static str {
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
    fn add(&mut self, id: &str, asked: Asked) {
        if self.0.len() == MAX_OPEN {
            self.0.pop_front();
        }
        self.0.push_back((format!("\"{id}\""), asked));
    }

    /// What this id asked for, if it is still to be answered; from now on it is not.
    fn close(&mut self, id: &str) -> Option<Asked> {
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

impl TurnWatcher {
    pub(super) fn send(&mut self, asked: Asked, data: &str) {
        let number = self.next_number();
        let id = format!("watcher-{:x}-{number}", self.config.seed);
        let text = request_from_widget(&self.config.widget_id, &id, asked.action(), data);
        self.open.add(&id, asked);
        self.outputs.push_back(WatcherOutput::ToHost(text));
    }

    /// Whether `id`, as JSON text, is of [`send`](Self::send).
    pub(super) fn is_own_id(&self, id: &str) -> bool {
        string(id).is_some_and(|id| id.starts_with(&format!("watcher-{:x}-", self.config.seed)))
    }

    pub(super) fn answered(&mut self, text: &str) -> Result<(), MessageError> {
        let id = Head::read(text)?.request_id.unwrap_or_default();
        let asked = self.open.close(id).ok_or(MessageError::Unasked)?;
        // Many hosts take no `content_loaded` after a load event, and say so.
        if asked != Asked::ContentLoaded && is_refused(text) {
            let words = refused::words(text);
            self.outputs
                .push_back(WatcherOutput::Refused(asked.action(), words));
        }
        match asked {
            Asked::Versions => self.versions_answered(text),
            Asked::Watch => self.watch_answered(text),
            Asked::Unwatch => self.unwatch_answered(),
            Asked::ContentLoaded | Asked::Capabilities => {}
        }
        Ok(())
    }
}
