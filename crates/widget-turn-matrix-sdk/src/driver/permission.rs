//! The app's one decision, and the layer's question about TURN answered from it (rule P2).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use widget_turn::{
    Origin, PermissionPolicy, PermissionRequest, TurnCapability, Verdict, VerdictFuture,
};

/// A widget that wants capabilities: what the app decides on.
///
/// ```no_run
/// use widget_turn_matrix_sdk::CapabilityRequest;
///
/// fn describe(request: &CapabilityRequest) -> String {
///     format!("{} wants {} in {}", request.origin, request.capabilities.join(", "), request.room)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapabilityRequest {
    /// The widget's id.
    pub widget_id: String,
    /// The origin of the widget's URL in its settings.
    pub origin: Origin,
    /// The Matrix user id of the account that the widget would act for.
    pub account: String,
    /// The id of the room that the widget is in.
    pub room: String,
    /// The names of what it wants, as it wrote them; never empty. Some may be unknown to the SDK's driver, which approves
    /// none of those.
    pub capabilities: Vec<String>,
}

impl CapabilityRequest {
    /// TURN's part of the request, for a [`PermissionPolicy`]; `None` if it is not asked for.
    ///
    /// ```no_run
    /// # use widget_turn_matrix_sdk::CapabilityRequest;
    /// # fn example(request: CapabilityRequest) {
    /// if request.turn().is_some() {
    ///     println!("{} would see your network address", request.origin);
    /// }
    /// # }
    /// ```
    pub fn turn(&self) -> Option<PermissionRequest> {
        let capability: TurnCapability = self.capabilities.iter().collect();
        (!capability.is_empty()).then(|| {
            PermissionRequest::new(
                self.origin.clone(),
                &*self.account,
                Some(self.room.clone()),
                capability,
            )
        })
    }
}

/// The app's decision: the approved of the names that are asked for.
pub(super) type Decide = Arc<dyn Fn(CapabilityRequest) -> Decision + Send + Sync>;
pub(super) type Decision = Pin<Box<dyn Future<Output = Vec<String>> + Send>>;

/// Whether TURN is among the approved, by either name.
pub(super) fn has_turn(names: &[String]) -> bool {
    names.iter().any(|name| TurnCapability::is_name(name))
}

/// Answers the layer: the first time from the decision on all that the page wants, if it wants TURN then, and later by a
/// decision on TURN alone.
pub(super) struct TurnPermission {
    first: Mutex<Option<oneshot::Receiver<bool>>>,
    decide: Decide,
    /// Whose request it is, without names.
    subject: CapabilityRequest,
}

impl TurnPermission {
    pub(super) fn new(
        first: oneshot::Receiver<bool>,
        decide: Decide,
        subject: CapabilityRequest,
    ) -> Self {
        Self {
            first: Mutex::new(Some(first)),
            decide,
            subject,
        }
    }

    async fn is_granted(&self, request: &PermissionRequest) -> bool {
        let first = {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.take()
        };
        if let Some(first) = first
            && let Ok(granted) = first.await
        {
            return granted;
        }
        let mut asked = self.subject.clone();
        asked.capabilities = request.capability.names().map(str::to_owned).collect();
        has_turn(&(self.decide)(asked).await)
    }
}

impl PermissionPolicy for TurnPermission {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async move {
            if self.is_granted(request).await {
                Verdict::Grant
            } else {
                Verdict::Deny
            }
        })
    }
}
