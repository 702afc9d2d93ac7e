//! The check of the TURN servers in hand, for the page: what the command `check` does, and what a browser needs to try the
//! same servers itself.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use widget_turn::{Supply, TurnFeed, TurnServer};

use crate::check;
use crate::page::ToPage;
use crate::shutdown::unbroken;

/// How long credentials are waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// A test that is under way. Dropped, it ends, and deletes what it has allocated.
pub(super) struct RelayTest {
    interrupt: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl RelayTest {
    /// Begins one, whose end the page is told. Outside a tokio runtime it panics.
    pub(super) fn start(feed: TurnFeed, page: mpsc::Sender<ToPage>) -> Self {
        let (interrupt, mut interrupted) = watch::channel(false);
        let testing = async move {
            let servers = tokio::select! {
                // Nothing is allocated yet.
                _ = interrupted.wait_for(|interrupted| *interrupted) => return,
                servers = servers(&feed) => servers,
            };
            let found = match servers {
                Ok(server) => ToPage::RelayTest {
                    report: Some(check::relays(&server, interrupted).await),
                    ice_server: ice_server(&server),
                    problem: None,
                },
                Err(problem) => ToPage::RelayTest {
                    report: None,
                    ice_server: None,
                    problem: Some(problem),
                },
            };
            // Fails if the tab has gone.
            let _ = page.send(found).await;
        };
        Self {
            interrupt,
            // Also when the whole command ends.
            task: tokio::spawn(unbroken(testing)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for RelayTest {
    fn drop(&mut self) {
        self.interrupt.send_replace(true);
    }
}

/// The servers in hand, or the next that come. The error is for people.
async fn servers(feed: &TurnFeed) -> Result<TurnServer, String> {
    let mut watch = feed.watch();
    let mut supply = watch.current();
    let ready = timeout(PATIENCE, async {
        loop {
            match supply {
                Supply::Ready { server, .. } => return Ok(server),
                Supply::Unavailable(why) => return Err(why.to_string()),
                _ => supply = watch.changed().await,
            }
        }
    });
    ready
        .await
        .unwrap_or_else(|_| Err("the homeserver gives no TURN servers now".to_owned()))
}

/// What `new RTCPeerConnection` takes.
fn ice_server(server: &TurnServer) -> Option<Value> {
    serde_json::from_str(server.ice_server().expose()).ok()
}
