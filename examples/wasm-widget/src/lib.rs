//! A Matrix widget in Rust: it gets TURN servers from its host and opens a connection through them, anew with each
//! refresh. `turn` and `host` are what another widget would take over.

mod host;
mod relay;
mod turn;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::{Closure, JsCast, JsValue, wasm_bindgen};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Document, Element, HtmlElement};
use widget_turn_proto::{TurnServer, WatcherSupply};

use host::Host;
use relay::Relay;
use turn::{Subscription, Turn};

#[wasm_bindgen(start)]
fn main() -> Result<(), JsValue> {
    let page = web_sys::window().ok_or("expected a window")?;
    let document = page.document().ok_or("expected a document")?;
    let view = Rc::new(View::of(&document)?);
    let (host, widget_id) = match Host::from_url(&page) {
        Ok(named) => named,
        Err(why) => {
            view.state
                .set_text_content(Some(&format!("This page is a widget: {why}.")));
            return Ok(());
        }
    };
    let turn = Turn::start(page, host, widget_id);
    let call = Rc::new(Call {
        view,
        turn,
        subscription: RefCell::new(None),
        relay: RefCell::new(None),
        latest: Cell::new(0),
    });
    call.start();
    let toggled = call.clone();
    let on_click = Closure::<dyn Fn()>::new(move || toggled.toggle());
    let on_click = on_click.into_js_value();
    call.view.toggle.set_onclick(Some(on_click.unchecked_ref()));
    Ok(())
}

/// The part of the widget that uses TURN servers.
struct Call {
    view: Rc<View>,
    turn: Turn,
    subscription: RefCell<Option<Subscription>>,
    relay: RefCell<Option<Relay>>,
    /// Counts the connections, so that what older ones led to is not taken for the newest.
    latest: Cell<u32>,
}

impl Call {
    fn start(self: &Rc<Self>) {
        self.view.toggle.set_text_content(Some("Stop"));
        self.view.say("Waiting for TURN servers …");
        let call = self.clone();
        let subscription = self.turn.subscribe(move |supply| call.use_supply(supply));
        self.subscription.replace(Some(subscription));
    }

    fn toggle(self: &Rc<Self>) {
        if self.subscription.take().is_some() {
            // What is being connected is not the latest any more, and is closed as soon as it is there.
            self.latest.set(self.latest.get() + 1);
            drop(self.relay.take());
            self.view.relay.set_text_content(Some("none"));
            self.view.toggle.set_text_content(Some("Start"));
            self.view.say("Stopped.");
        } else {
            self.start();
        }
    }

    fn use_supply(self: &Rc<Self>, supply: WatcherSupply) {
        match supply {
            WatcherSupply::Ready(server) => {
                self.view.say("Ready.");
                self.view.remember(server.username());
                self.connect(server);
            }
            WatcherSupply::Outage => self.view.say("The host has no TURN servers at present."),
            WatcherSupply::Unavailable(why) => self.view.say(&format!("{why}.")),
            _ => self.view.say("Waiting for TURN servers …"),
        }
    }

    /// Makes the connection anew with these servers, in place of the one before.
    fn connect(self: &Rc<Self>, server: TurnServer) {
        let mine = self.latest.get() + 1;
        self.latest.set(mine);
        self.view.relay.set_text_content(Some("connecting"));
        let call = self.clone();
        spawn_local(async move {
            let is_latest = call.clone();
            let opened = Relay::open(&server, move || {
                if is_latest.latest.get() == mine {
                    is_latest.view.relay.set_text_content(Some("connected"));
                }
            });
            match opened.await {
                Ok(relay) if call.latest.get() == mine => drop(call.relay.replace(Some(relay))),
                Err(why) if call.latest.get() == mine => {
                    web_sys::console::error_2(&"no connection:".into(), &why);
                    call.view.relay.set_text_content(Some("failed"));
                }
                _ => {}
            }
        });
    }
}

/// What the page shows.
struct View {
    document: Document,
    state: Element,
    relay: Element,
    usernames: Element,
    toggle: HtmlElement,
}

impl View {
    fn of(document: &Document) -> Result<Self, JsValue> {
        let element = |id: &str| {
            let found = document.get_element_by_id(id);
            found.ok_or_else(|| JsValue::from(format!("expected an element with the id {id}")))
        };
        Ok(Self {
            document: document.clone(),
            state: element("state")?,
            relay: element("relay")?,
            usernames: element("usernames")?,
            toggle: element("toggle")?.dyn_into()?,
        })
    }

    fn say(&self, what: &str) {
        self.state.set_text_content(Some(what));
    }

    fn remember(&self, username: &str) {
        if let Ok(line) = self.document.create_element("li") {
            line.set_text_content(Some(username));
            let _ = self.usernames.append_child(&line);
        }
    }
}
