//! Whether a widget may have the credentials: the app decides.

use std::sync::Arc;

use widget_turn::{PermissionPolicy, PermissionRequest, Verdict, VerdictFuture};

use crate::callback_error::TurnCallbackError;
use crate::calls::Calls;

/// Decides whether a widget gets TURN credentials. The app implements it.
#[uniffi::export(foreign)]
#[async_trait::async_trait]
pub trait TurnPermission: Send + Sync {
    /// `true` if the widget may have them. It may take as long as a person thinks; it is cancelled when the answer no
    /// longer matters, as when the page is reloaded. What is thrown denies.
    async fn decide(&self, request: TurnPermissionRequest) -> Result<bool, TurnCallbackError>;
}

/// A widget that wants TURN credentials. Whoever remembers a decision must bind it to all four.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TurnPermissionRequest {
    /// The origin of the widget's page, as in `https://whiteboard.example.org`. Show it: it is who asks. `null` is the
    /// origin of pages that have none to speak of; remember nothing for these.
    pub origin: String,
    /// The Matrix user id of the account whose credentials are asked for.
    pub account: String,
    /// The room that the widget is in, if it is in one.
    pub room: Option<String>,
    /// The capabilities that were asked for.
    pub capabilities: Vec<String>,
}

impl From<&PermissionRequest> for TurnPermissionRequest {
    fn from(request: &PermissionRequest) -> Self {
        Self {
            origin: request.origin.to_string(),
            account: request.account.clone(),
            room: request.room.clone(),
            capabilities: request.capability.names().map(str::to_owned).collect(),
        }
    }
}

/// The app's decision, as the layer wants one.
pub(crate) struct ForeignPolicy {
    pub(crate) permission: Arc<dyn TurnPermission>,
    pub(crate) calls: Calls,
}

impl PermissionPolicy for ForeignPolicy {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move {
            match self.calls.run(self.permission.decide(request.into())).await {
                Some(Ok(true)) => Verdict::Grant,
                Some(Ok(false) | Err(_)) => Verdict::Deny,
                // The layer ends, and with it the question.
                None => std::future::pending().await,
            }
        })
    }
}
