//! Which messages are the layer's business.

use crate::capability::{
    CAPABILITIES, CONTENT_LOADED, NOTIFY_CAPABILITIES, REQUEST_CAPABILITIES,
    SUPPORTED_API_VERSIONS, UNWATCH, UPDATE, WATCH,
};
use crate::message::{Api, Head, Marks, MessageError};

/// What the widget says.
#[derive(Clone, Copy)]
pub(super) enum Widget {
    Watch,
    Unwatch,
    UpdateAnswered,
    ContentLoaded,
    CapabilitiesAnswered,
    NotifyAnswered,
    Renegotiate,
    Other,
}

/// What the inner host says.
#[derive(Clone, Copy)]
pub(super) enum Host {
    VersionsAnswered,
    AskCapabilities,
    NotifyCapabilities,
    RenegotiationAnswered,
    OtherRequest,
    Other,
}

/// What the widget says, and where things stand in it.
pub(super) fn from_widget(text: &str, widget_id: &str) -> Result<(Widget, Marks), MessageError> {
    let head = head(text, widget_id)?;
    let answerable = head.request_id.is_some();
    let said = match (head.api, head.is_response, &*head.action) {
        (Api::FromWidget, false, WATCH) => Widget::Watch,
        (Api::FromWidget, false, UNWATCH) => Widget::Unwatch,
        (Api::FromWidget, true, WATCH | UNWATCH) => return Err(MessageError::Unasked),
        (Api::ToWidget, true, UPDATE) => Widget::UpdateAnswered,
        // An echo of credentials: not for the inner host's log.
        (Api::ToWidget, false, UPDATE) => return Err(MessageError::Unasked),
        // The inner host cannot take one that it cannot answer for the sign of a new page, so no more can the layer.
        (Api::FromWidget, false, CONTENT_LOADED) if answerable => Widget::ContentLoaded,
        (Api::ToWidget, true, CAPABILITIES) => Widget::CapabilitiesAnswered,
        (Api::ToWidget, true, NOTIFY_CAPABILITIES) => Widget::NotifyAnswered,
        (Api::FromWidget, false, REQUEST_CAPABILITIES) => Widget::Renegotiate,
        _ => Widget::Other,
    };
    Ok((said, head.marks()))
}

pub(super) fn from_host(text: &str, widget_id: &str) -> Result<Host, MessageError> {
    let head = head(text, widget_id)?;
    Ok(match (head.api, head.is_response, &*head.action) {
        (Api::FromWidget, true, SUPPORTED_API_VERSIONS) => Host::VersionsAnswered,
        (Api::ToWidget, false, CAPABILITIES) => Host::AskCapabilities,
        (Api::ToWidget, false, NOTIFY_CAPABILITIES) => Host::NotifyCapabilities,
        (Api::FromWidget, true, REQUEST_CAPABILITIES) => Host::RenegotiationAnswered,
        (Api::ToWidget, false, _) => Host::OtherRequest,
        _ => Host::Other,
    })
}

/// Rule H7: nothing for another widget goes either way.
fn head<'a>(text: &'a str, widget_id: &str) -> Result<Head<'a>, MessageError> {
    let head = Head::read(text)?;
    if head.widget_id == widget_id {
        Ok(head)
    } else {
        Err(MessageError::OtherWidget)
    }
}
