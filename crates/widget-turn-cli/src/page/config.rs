//! What the page shows.

use serde::Serialize;
use url::Url;

use super::listener::PageError;
use super::socket::control;

/// The widget, and the account behind it. The URL may hold secrets: there is no `Debug`.
#[derive(Clone)]
pub(crate) struct PageConfig {
    /// The widget's page. The browser adds `widgetId` and `parentUrl` to its query.
    pub(crate) widget_url: Url,
    /// The id by which host and widget name the widget.
    pub(crate) widget_id: String,
    /// The widget's name for people.
    pub(crate) widget_name: String,
    /// The Matrix account that the widget gets credentials for, `@user:server`.
    pub(crate) account: String,
    /// The room that the widget is in, if it is in one.
    pub(crate) room: Option<PageRoom>,
}

/// A room, as it is shown.
#[derive(Clone, Serialize)]
pub(crate) struct PageRoom {
    /// As in `!room:server`.
    pub(crate) id: String,
    /// Its name for people.
    pub(crate) name: String,
}

impl PageConfig {
    /// The first frame of every session: what the page must know to show the widget.
    pub(crate) fn hello(&self) -> String {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "hello")]
        struct Hello<'config> {
            widget_url: &'config str,
            widget_id: &'config str,
            widget_name: &'config str,
            account: &'config str,
            room: Option<&'config PageRoom>,
        }
        control(&Hello {
            widget_url: self.widget_url.as_str(),
            widget_id: &self.widget_id,
            widget_name: &self.widget_name,
            account: &self.account,
            room: self.room.as_ref(),
        })
    }

    /// The widget's origin, if it can stand in a content security policy and be posted to.
    pub(crate) fn widget_origin(&self) -> Result<String, PageError> {
        let origin = self.widget_url.origin().ascii_serialization();
        // A URL's host may hold `;` and `,`, which would end the directive that names it; and directives know no IPv6
        // addresses: browsers ignore `[::1]`, and block the frame.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/".contains(c);
        if matches!(self.widget_url.scheme(), "http" | "https") && origin.chars().all(plain) {
            return Ok(origin);
        }
        let mut shown = self.widget_url.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // Fails only where a URL can have neither.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        let url = shown.to_string();
        Err(PageError::WidgetUrl { url })
    }
}
