//! The widget: by its URL, or one of the room's state.

use matrix_sdk::Room;
use matrix_sdk::deserialized_responses::RawAnySyncOrStrippedState;
use matrix_sdk::ruma::events::StateEventType;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::HostError;
use super::template::{Facts, fill};
use crate::event::WidgetRow;
use crate::terminal::escaped;

/// What Element and others write, and what the proposal (MSC1236) will be stable by.
const EVENT_TYPES: [&str; 2] = ["im.vector.modular.widgets", "m.widget"];
/// The id of a widget that is in no room's state.
const WIDGET_ID: &str = "widget-turn";
/// Schemes of URLs that no browser may be sent to.
const NO_PAGES: [&str; 6] = ["about", "blob", "data", "file", "javascript", "vbscript"];
/// What a widget is told of the client that it is in.
const CLIENT_ID: &str = "widget-turn";

/// A widget, with the templates in its URL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Widget {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) template: String,
    pub(crate) data: Map<String, Value>,
    /// Whether it begins with `content_loaded` only.
    pub(crate) on_content_load: bool,
}

/// What the person named: a URL, or the id of a widget in the room's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Url(String),
    Id(String),
}

impl Named {
    /// # Errors
    ///
    /// For a URL that is no page's.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let scheme = text.trim_start().split_once(':').map(|(scheme, _)| scheme);
        let scheme = scheme.unwrap_or_default().to_ascii_lowercase();
        if matches!(&*scheme, "http" | "https") {
            let example = "such as https://widget.example/?user=$matrix_user_id";
            return match page(text) {
                Ok(_) => Ok(Self::Url(text.to_owned())),
                Err(NoPage::Template) => Err(format!(
                    "expected a URL whose host is written out, {example}: only after it are templates filled in"
                )),
                Err(why) => Err(format!("expected the URL of a page, {example}: {why}")),
            };
        }
        if text.trim().is_empty() || text.contains("://") || NO_PAGES.contains(&&*scheme) {
            return Err(
                "expected an http: or https: URL, or the id of a widget in the room's state"
                    .to_owned(),
            );
        }
        Ok(Self::Id(text.to_owned()))
    }
}

/// Why a URL is no page's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPage {
    #[error("its URL is of the scheme {}, expected http: or https:", escaped(.0))]
    Scheme(String),
    #[error("its URL is none ({0}), expected one such as https://widget.example/")]
    Url(#[from] url::ParseError),
    #[error("its URL holds a user name or a password, expected http: or https: without")]
    User,
    #[error(
        "in the host of its URL is a template without a value, expected one such as https://widget.example/"
    )]
    Template,
}

/// The URL of a page, with its templates filled in.
fn page(text: &str) -> Result<Url, NoPage> {
    let url = Url::parse(text)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NoPage::Scheme(url.scheme().chars().take(20).collect()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(NoPage::User);
    }
    match url.host_str().is_some_and(|host| host.contains('$')) {
        true => Err(NoPage::Template),
        false => Ok(url),
    }
}

impl Widget {
    pub(super) fn of_url(url: &str) -> Self {
        let host = Url::parse(url).ok();
        let host = host.as_ref().and_then(Url::host_str);
        Self {
            id: WIDGET_ID.to_owned(),
            name: host.unwrap_or("Widget").to_owned(),
            template: url.to_owned(),
            data: Map::new(),
            on_content_load: false,
        }
    }

    /// `None` for what is no widget, such as one that was taken away.
    fn of_state(state_key: &str, content: &Value) -> Option<Self> {
        let url = content.get("url")?.as_str()?;
        let text = |name: &str| content.get(name).and_then(Value::as_str);
        let name = [text("name"), text("type"), Some(state_key)];
        let name = name.into_iter().flatten().find(|name| !name.is_empty());
        Some(Self {
            id: state_key.to_owned(),
            name: name.unwrap_or("Widget").to_owned(),
            template: url.to_owned(),
            data: content
                .get("data")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            on_content_load: content.get("waitForIframeLoad") == Some(&Value::Bool(false)),
        })
    }

    /// The URL of its page.
    pub(super) fn url(&self, facts: &Facts) -> Result<Url, HostError> {
        page(&fill(&self.template, &self.data, facts)).map_err(|why| HostError::WidgetUrl {
            id: self.id.clone(),
            why,
        })
    }

    pub(super) fn row(&self) -> WidgetRow {
        WidgetRow {
            id: self.id.clone(),
            name: self.name.clone(),
            url: self.template.clone(),
        }
    }
}

/// The widgets in the room's state, by id. Where both types have one, the first type's counts.
pub(super) async fn of_room(room: &Room) -> Result<Vec<Widget>, HostError> {
    #[derive(Deserialize)]
    struct Event {
        state_key: String,
        content: Value,
    }

    let mut widgets: Vec<Widget> = Vec::new();
    for event_type in EVENT_TYPES {
        let events = room
            .get_state_events(StateEventType::from(event_type))
            .await;
        for event in events.map_err(HostError::store)? {
            let RawAnySyncOrStrippedState::Sync(event) = event else {
                continue;
            };
            let Ok(event) = event.deserialize_as_unchecked::<Event>() else {
                continue;
            };
            if let Some(widget) = Widget::of_state(&event.state_key, &event.content)
                && widgets.iter().all(|known| known.id != widget.id)
            {
                widgets.push(widget);
            }
        }
    }
    widgets.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(widgets)
}

/// What the widget may learn by its URL.
pub(super) async fn facts(room: &Room, widget: &Widget, theme: &str, language: &str) -> Facts {
    let client = room.client();
    let base_url = client.homeserver().to_string();
    let base_url = base_url.trim_end_matches('/').to_owned();
    let user_id = room.own_user_id().to_string();
    let account = client.account();
    let display_name = account.get_display_name().await.ok().flatten();
    let avatar = account.get_avatar_url().await.ok().flatten();
    let avatar_url = avatar.and_then(|mxc| {
        let (server, id) = mxc.parts().ok()?;
        Some(format!(
            "{base_url}/_matrix/media/v3/download/{server}/{id}"
        ))
    });
    Facts {
        display_name: display_name.unwrap_or_else(|| user_id.clone()),
        avatar_url: avatar_url.unwrap_or_default(),
        user_id,
        room_id: room.room_id().to_string(),
        widget_id: widget.id.clone(),
        device_id: client
            .device_id()
            .map(ToString::to_string)
            .unwrap_or_default(),
        base_url,
        client_id: CLIENT_ID.to_owned(),
        theme: theme.to_owned(),
        language: language.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Named, Widget};
    use serde_json::json;

    #[test]
    fn a_widget_is_named_by_a_page_or_by_an_id() {
        for url in [
            "https://w.example/?u=$matrix_user_id",
            "HTTP://127.0.0.1:80/x",
        ] {
            assert_eq!(Named::read(url), Ok(Named::Url(url.to_owned())));
        }
        for id in ["jitsi", "$abc_1", "custom_@alice:example.org_17"] {
            assert_eq!(Named::read(id), Ok(Named::Id(id.to_owned())));
        }
        for text in [
            "",
            "file:///etc/passwd",
            "https://u:p@w.example/",
            "https://",
            " ",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "file:/etc/passwd",
            "https://w.example:port/",
        ] {
            let error = Named::read(text).unwrap_err();
            assert!(error.starts_with("expected "), "{text}: {error}");
        }
    }

    #[test]
    fn a_template_in_the_host_is_told_to_be_one() {
        for url in ["https://$x/", "https://$matrix_user_id:8443/", "http:$x"] {
            let error = Named::read(url).unwrap_err();
            assert!(error.contains("whose host is written out"), "{error}");
        }
        let widget = |url: &str, data| {
            let content = json!({ "url": url, "data": data });
            let widget = Widget::of_state("w1", &content).unwrap();
            let facts = Facts {
                user_id: "@alice:example.org".into(),
                ..Facts::default()
            };
            widget.url(&facts).map_err(|error| error.to_string())
        };
        let found = widget("https://$x/", json!({ "x": "w.example" })).unwrap();
        assert_eq!(found.as_str(), "https://w.example/");
        let error = widget("https://$x/", json!({})).unwrap_err();
        assert!(error.contains("a template without a value"), "{error}");
        let error = widget("https://$matrix_user_id/", json!({})).unwrap_err();
        assert!(error.contains("its URL is none ("), "{error}");
    }

    #[test]
    fn a_state_event_is_a_widget_if_it_has_a_url() {
        let content = json!({
            "type": "m.custom", "url": "https://w.example/$room", "name": "", "data": { "room": "a b" },
            "waitForIframeLoad": false, "creatorUserId": "@bob:example.org",
        });
        let widget = Widget::of_state("w1", &content).unwrap();
        assert_eq!(
            (widget.id.as_str(), widget.name.as_str()),
            ("w1", "m.custom")
        );
        assert!(widget.on_content_load);
        let url = widget.url(&Facts::default()).unwrap();
        assert_eq!(url.as_str(), "https://w.example/a%20b");
        for none in [json!({}), json!({ "url": 7 }), json!(null)] {
            assert_eq!(Widget::of_state("w1", &none), None);
        }
    }

    #[test]
    fn only_pages_are_shown() {
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///x",
            "w.example",
            "https://u@w/",
        ] {
            let widget = Widget::of_state("w1", &json!({ "url": url })).unwrap();
            let error = widget.url(&Facts::default()).unwrap_err().to_string();
            assert!(error.contains("w1") && error.contains("http"), "{error}");
        }
    }
}
