//! The stages of the negotiation.

use tokio::time::Instant;

use crate::driver::news::Subscribed;
use crate::driver::permission::Decision;

/// Where a page stands.
pub(super) enum Stage {
    /// There is no page yet.
    Waiting,
    /// The page was asked what it wants.
    Asked {
        /// Whether it has spoken, so that it listens.
        spoke: bool,
        again_at: Option<Instant>,
    },
    /// The app decides, for as long as it takes.
    Deciding {
        /// What the layer leaves of the wanted for the driver.
        for_driver: Vec<String>,
        decision: Decision,
    },
    /// The room's state is asked for.
    Subscribing {
        for_driver: Vec<String>,
        subscribed: Subscribed,
    },
    /// The handshake is played to the driver, which will ask for these.
    Playing { for_driver: Vec<String> },
    /// The driver knows what is granted, and will tell the page.
    Approving,
    /// The driver and the page speak with each other.
    Negotiated,
}

/// What has been waited for.
pub(super) enum Done {
    Decided(Vec<String>),
    Subscribed,
}

/// Waits for what the stage waits for, if it is neither the page nor the driver.
pub(super) async fn done(stage: &mut Stage) -> Done {
    match stage {
        Stage::Deciding { decision, .. } => Done::Decided(decision.await),
        Stage::Subscribing { subscribed, .. } => {
            subscribed.await;
            Done::Subscribed
        }
        _ => std::future::pending().await,
    }
}
