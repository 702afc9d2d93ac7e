//! What the host says, and who takes it.

use super::{TurnWatcher, WatcherOutput};
use crate::capability::{
    CAPABILITIES, NOTIFY_CAPABILITIES, SUPPORTED_API_VERSIONS, UNWATCH, UPDATE,
};
use crate::message::{Api, Head, Marks, MessageError, Request};
use crate::refusal::Refusal;

impl TurnWatcher {
    pub(super) fn take(&mut self, text: String) -> Result<(), MessageError> {
        let head = Head::read(&text)?;
        if head.widget_id != self.config.widget_id {
            return Err(MessageError::OtherWidget);
        }
        let handle: fn(&mut Self, &Request) = match (head.api, head.is_response, &*head.action) {
            (Api::ToWidget, false, CAPABILITIES) => Self::capabilities_asked,
            (Api::ToWidget, false, NOTIFY_CAPABILITIES) => Self::notified,
            (Api::ToWidget, false, SUPPORTED_API_VERSIONS) => Self::versions_asked,
            (Api::ToWidget, false, UPDATE) => Self::updated,
            (Api::FromWidget, true, _) if head.request_id.is_some_and(|id| self.is_own_id(id)) => {
                return self.answered(&text);
            }
            (Api::ToWidget, false, _) | (Api::FromWidget, true, _) => {
                // For the page before a reload; what the host ended may be what this page takes for its own watch.
                let ended = head.api == Api::FromWidget && head.action == UNWATCH;
                self.outputs.push_back(WatcherOutput::Pass(text));
                if ended {
                    self.unwatch_answered();
                }
                return Ok(());
            }
            // A host neither asks itself nor answers for the widget.
            (Api::FromWidget, false, _) | (Api::ToWidget, true, _) => {
                return Err(MessageError::Unasked);
            }
        };
        let marks = head.marks();
        if let Some(request) = self.own(text, marks)? {
            handle(self, &request);
        }
        Ok(())
    }

    /// Takes a request that the watcher answers; one that is too large is answered here.
    fn own(&mut self, text: String, marks: Marks) -> Result<Option<Request>, MessageError> {
        Ok(match Request::take(text, marks)? {
            Ok(request) => Some(request),
            Err(too_large) => {
                let reply = too_large.reply(&Refusal::TooLarge.response());
                self.outputs.push_back(WatcherOutput::ToHost(reply));
                None
            }
        })
    }

    pub(super) fn reply(&mut self, request: &Request, response: &str) {
        self.outputs
            .push_back(WatcherOutput::ToHost(request.reply(response)));
    }
}
