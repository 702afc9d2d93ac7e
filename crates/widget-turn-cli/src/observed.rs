//! A TURN source that tells of its results.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use widget_turn::{Fetched, NoTurn, TurnSource};

use crate::event::{Event, Reporter};
use crate::page::ToPage;

/// The last result, for the page.
#[derive(Clone)]
pub(crate) struct LastFetch {
    status: Option<u16>,
    outcome: String,
    /// How long the credentials last.
    pub(crate) ttl: Option<Duration>,
}

impl LastFetch {
    fn of(fetched: &Fetched) -> Self {
        let (status, outcome, ttl) = match fetched {
            Fetched::Credentials { ttl, .. } => (
                Some(200),
                format!("credentials for {} s", ttl.as_secs()),
                Some(*ttl),
            ),
            Fetched::NoTurn(reason) => {
                let status = if *reason == NoTurn::NotFound {
                    404
                } else {
                    200
                };
                (Some(status), format!("no TURN servers: {reason}"), None)
            }
            Fetched::Forbidden(error) => (
                Some(error.status),
                "refused to this account".to_owned(),
                None,
            ),
            Fetched::Unauthorized(error) => {
                (Some(error.status), "the session has ended".to_owned(), None)
            }
            Fetched::Failed(failure) => match &failure.response {
                Some(error) => (
                    Some(error.status),
                    "failed, will try again".to_owned(),
                    None,
                ),
                None => (None, "no answer, will try again".to_owned(), None),
            },
            _ => (None, "unknown".to_owned(), None),
        };
        Self {
            status,
            outcome,
            ttl,
        }
    }

    pub(crate) fn to_page(&self) -> ToPage {
        ToPage::Fetch {
            status: self.status,
            outcome: self.outcome.clone(),
        }
    }
}

/// Asks the source inside, and reports what came of it.
pub(crate) struct Observed<S> {
    source: S,
    reporter: Arc<Reporter>,
    last: watch::Sender<Option<LastFetch>>,
}

impl<S> Observed<S> {
    pub(crate) fn new(source: S, reporter: Arc<Reporter>) -> Self {
        Self {
            source,
            reporter,
            last: watch::Sender::new(None),
        }
    }

    pub(crate) fn last(&self) -> watch::Receiver<Option<LastFetch>> {
        self.last.subscribe()
    }
}

impl<S: TurnSource> TurnSource for Observed<S> {
    async fn fetch(&self) -> Fetched {
        let fetched = self.source.fetch().await;
        let last = LastFetch::of(&fetched);
        self.reporter.report(&Event::Fetch {
            status: last.status,
            outcome: last.outcome.clone(),
            ttl: last.ttl.map(|ttl| ttl.as_secs()),
        });
        self.last.send_replace(Some(last));
        fetched
    }
}
