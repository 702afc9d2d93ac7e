//! What the page shows, and what a person does on it.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use wasm_bindgen::prelude::{Closure, JsCast, JsValue};
use web_sys::{
    Document, HtmlElement, HtmlFormElement, HtmlIFrameElement, HtmlInputElement, Window,
};
use widget_turn::{Answer, Inquiry, LayerStatus, Secret, Supply};

use crate::{Event, Settings};

pub(crate) struct View {
    pub(crate) page: Window,
    document: Document,
    form: HtmlFormElement,
    widget: HtmlElement,
    frame: HtmlElement,
    fault: HtmlElement,
    supply: HtmlElement,
    status: HtmlElement,
    prompt: HtmlElement,
    question: HtmlElement,
}

impl View {
    pub(crate) fn of_page(events: &UnboundedSender<Event>) -> Result<Self, JsValue> {
        let page = web_sys::window().ok_or("expected a window")?;
        let document = page.document().ok_or("expected a document")?;
        let form: HtmlFormElement = element(&document, "settings")?.dyn_into()?;
        on_submit(&document, &form, events)?;
        on_click(&document, "allow", events, || Event::Answered(Answer::Once))?;
        on_click(&document, "deny", events, || Event::Answered(Answer::Deny))?;
        on_click(&document, "reload", events, || Event::Reload)?;
        on_click(&document, "sign-out", events, || Event::SignOut)?;
        on_click(&document, "close", events, || Event::Close)?;
        Ok(Self {
            page,
            form,
            widget: element(&document, "widget-part")?,
            frame: element(&document, "frame")?,
            fault: element(&document, "fault")?,
            supply: element(&document, "supply")?,
            status: element(&document, "status")?,
            prompt: element(&document, "prompt")?,
            question: element(&document, "question")?,
            document,
        })
    }

    /// Says what went wrong.
    pub(crate) fn say(&self, what: &str) {
        self.fault.set_text_content(Some(what));
    }

    pub(crate) fn opened(&self) {
        self.form.set_hidden(true);
        self.widget.set_hidden(false);
    }

    pub(crate) fn closed(&self) {
        self.form.set_hidden(false);
        self.widget.set_hidden(true);
    }

    pub(crate) fn show(&self, supply: &Supply, status: LayerStatus) {
        let supply = match supply {
            Supply::Pending => "none yet".to_owned(),
            Supply::Ready { server, .. } => format!("those of {}", server.username()),
            Supply::Outage => "the homeserver gives none at present".to_owned(),
            Supply::Unavailable(why) => why.to_string(),
            _ => String::new(),
        };
        self.supply.set_text_content(Some(&supply));
        let status = match status {
            LayerStatus::NotAsked => "has not asked for them",
            LayerStatus::Asking => "asks for them",
            LayerStatus::Denied => "may not have them",
            LayerStatus::Granted => "may have them",
            LayerStatus::Watching => "is kept supplied",
            _ => "",
        };
        self.status.set_text_content(Some(status));
    }

    /// Asks the person, while there is something to ask.
    pub(crate) fn ask(&self, inquiry: Option<&Inquiry>) {
        if let Some(request) = inquiry.map(Inquiry::request) {
            let (origin, account) = (&request.origin, &request.account);
            let question = format!("May {origin} use the TURN servers of {account}?");
            self.question.set_text_content(Some(&question));
        }
        self.prompt.set_hidden(inquiry.is_none());
    }

    /// A frame that is not on the page yet.
    pub(crate) fn frame(&self) -> Result<HtmlIFrameElement, JsValue> {
        let frame: HtmlIFrameElement = self.document.create_element("iframe")?.dyn_into()?;
        frame.set_attribute("sandbox", "allow-scripts allow-same-origin")?;
        frame.set_title("The widget");
        Ok(frame)
    }

    pub(crate) fn put(&self, frame: &HtmlIFrameElement) {
        let _ = self.frame.append_child(frame);
    }
}

fn element(document: &Document, id: &str) -> Result<HtmlElement, JsValue> {
    let found = document.get_element_by_id(id);
    let found = found.ok_or_else(|| format!("expected an element with the id {id}"))?;
    Ok(found.dyn_into()?)
}

fn on_click(
    document: &Document,
    id: &str,
    events: &UnboundedSender<Event>,
    event: impl Fn() -> Event + 'static,
) -> Result<(), JsValue> {
    let events = events.clone();
    let clicked = Closure::<dyn Fn()>::new(move || drop(events.send(event())));
    // For as long as the page lives.
    let clicked = clicked.into_js_value();
    element(document, id)?.set_onclick(Some(clicked.unchecked_ref()));
    Ok(())
}

fn on_submit(
    document: &Document,
    form: &HtmlFormElement,
    events: &UnboundedSender<Event>,
) -> Result<(), JsValue> {
    let input =
        |id| -> Result<HtmlInputElement, JsValue> { Ok(element(document, id)?.dyn_into()?) };
    let (homeserver, user, token) = (input("homeserver")?, input("user")?, input("token")?);
    let (widget, interval) = (input("widget")?, input("interval")?);
    let events = events.clone();
    let submitted = Closure::<dyn Fn(_)>::new(move |event: web_sys::Event| {
        event.prevent_default();
        let seconds = interval.value_as_number();
        let settings = Settings {
            homeserver: homeserver.value(),
            user: user.value(),
            access_token: Secret::new(token.value()),
            widget: widget.value(),
            min_interval: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(30)),
        };
        token.set_value("");
        let _ = events.send(Event::Open(settings));
    });
    // For as long as the page lives.
    let submitted = submitted.into_js_value();
    form.set_onsubmit(Some(submitted.unchecked_ref()));
    Ok(())
}
