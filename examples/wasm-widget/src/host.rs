//! The window that embeds the page, and the only way between the two.

use js_sys::{JSON, Object};
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use web_sys::{MessageEvent, Url, UrlSearchParams, Window};

/// The host's window.
pub(crate) struct Host {
    window: Window,
    origin: String,
}

impl Host {
    /// The host and the widget's id, as the page's URL names them.
    ///
    /// # Errors
    ///
    /// What the URL lacks, in words.
    pub(crate) fn from_url(page: &Window) -> Result<(Self, String), String> {
        let not_embedded = || "expected to be opened by a host, in a frame".to_owned();
        let window = page.parent().ok().flatten().ok_or_else(not_embedded)?;
        if Object::is(&window, page) {
            return Err(not_embedded());
        }
        let query = page.location().search().unwrap_or_default();
        let query =
            UrlSearchParams::new_with_str(&query).map_err(|_| "expected a query".to_owned())?;
        let named = |name| {
            let value = query.get(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("expected {name} in the URL"))
        };
        let parent = Url::new(&named("parentUrl")?)
            .ok()
            .filter(|url| matches!(&*url.protocol(), "https:" | "http:"))
            .ok_or_else(|| "expected a URL with https or http as parentUrl".to_owned())?;
        let host = Self {
            window,
            origin: parent.origin(),
        };
        Ok((host, named("widgetId")?))
    }

    /// Posts a message, which is JSON text, to the host and to nobody else.
    pub(crate) fn post(&self, text: &str) {
        let posted =
            JSON::parse(text).and_then(|message| self.window.post_message(&message, &self.origin));
        if let Err(why) = posted {
            web_sys::console::warn_2(&"a message was not posted:".into(), &why);
        }
    }

    /// Hands on what the host says, as JSON text. What another window or another origin says is not heard.
    pub(crate) fn listen(&self, page: &Window, hear: impl Fn(String) + 'static) {
        let (window, origin) = (self.window.clone(), self.origin.clone());
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let from_host = event
                .source()
                .is_some_and(|source| Object::is(&source, &window));
            if from_host
                && event.origin() == origin
                && let Some(text) = json(&event.data())
            {
                hear(text);
            }
        });
        // For as long as the page lives.
        let on_message = on_message.into_js_value();
        let _ = page.add_event_listener_with_callback("message", on_message.unchecked_ref());
    }
}

/// A message is an object; what can be posted and is not JSON is none.
fn json(data: &JsValue) -> Option<String> {
    data.is_object().then_some(())?;
    JSON::stringify(data).ok()?.as_string()
}
