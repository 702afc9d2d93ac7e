//! The person's browser.

use std::sync::Arc;

use url::Url;

use crate::event::{Event, Reporter};

/// Opens a page. Where there is no browser, that is told and the rest goes on.
pub(crate) fn open(url: Url, reporter: &Arc<Reporter>) {
    let reporter = reporter.clone();
    // It may wait for the browser.
    tokio::task::spawn_blocking(move || {
        if webbrowser::open(url.as_str()).is_err() {
            let message = "no browser could be opened: open the page's URL yourself".to_owned();
            reporter.report(&Event::Error { message });
        }
    });
}
