//! The widget's frame, and the only way between it and the page.

use js_sys::{JSON, Object};
use tokio::sync::mpsc::UnboundedSender;
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use web_sys::{HtmlIFrameElement, MessageEvent, Url, Window};

use crate::Event;
use crate::view::View;

/// It goes away when this is dropped.
pub(crate) struct Frame {
    page: Window,
    element: HtmlIFrameElement,
    origin: String,
    on_message: Closure<dyn Fn(MessageEvent)>,
    _on_load: Closure<dyn Fn()>,
}

impl Frame {
    /// Opens the widget, and tells of its loads and of what it says. What other windows say is not heard.
    ///
    /// # Errors
    ///
    /// What is wrong with the widget's address, in words.
    pub(crate) fn open(
        view: &View,
        widget: &str,
        widget_id: &str,
        events: &UnboundedSender<Event>,
    ) -> Result<Self, String> {
        let page = view.page.clone();
        let url = Url::new(widget).map_err(|_| "expected the widget's address".to_owned())?;
        let location = page.location();
        // Of the page's own origin, it could do whatever the page can.
        if !matches!(&*url.protocol(), "https:" | "http:") || location.origin() == Ok(url.origin())
        {
            return Err(
                "expected a widget with https or http, of another origin than this page".into(),
            );
        }
        let query = url.search_params();
        query.set("widgetId", widget_id);
        query.set("parentUrl", &location.href().unwrap_or_default());

        let element = view.frame().map_err(|_| "cannot make a frame".to_owned())?;
        let (origin, from, told) = (url.origin(), element.clone(), events.clone());
        let its_origin = origin.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let source = event.source();
            let from_widget = match (&source, from.content_window()) {
                (Some(source), Some(window)) => Object::is(source, &window),
                _ => false,
            };
            if from_widget
                && event.origin() == its_origin
                && let Some(text) = json(&event.data())
            {
                let _ = told.send(Event::Said(text));
            }
        });
        let _ =
            page.add_event_listener_with_callback("message", on_message.as_ref().unchecked_ref());
        let told = events.clone();
        let on_load = Closure::<dyn Fn()>::new(move || {
            let _ = told.send(Event::Loaded);
        });
        element.set_onload(Some(on_load.as_ref().unchecked_ref()));
        element.set_src(&url.href());
        view.put(&element);
        Ok(Self {
            page,
            element,
            origin,
            on_message,
            _on_load: on_load,
        })
    }

    /// Posts a message, which is JSON text, to the widget and to nobody else.
    pub(crate) fn post(&self, text: &str) {
        let Some(window) = self.element.content_window() else {
            return;
        };
        let posted =
            JSON::parse(text).and_then(|message| window.post_message(&message, &self.origin));
        if let Err(why) = posted {
            web_sys::console::warn_2(&"a message was not posted:".into(), &why);
        }
    }

    pub(crate) fn reload(&self) {
        self.element.set_src(&self.element.src());
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let on_message = self.on_message.as_ref().unchecked_ref();
        let _ = self
            .page
            .remove_event_listener_with_callback("message", on_message);
        self.element.set_onload(None);
        self.element.remove();
    }
}

/// A message is an object; what can be posted and is not JSON is none.
fn json(data: &JsValue) -> Option<String> {
    data.is_object().then_some(())?;
    JSON::stringify(data).ok()?.as_string()
}
