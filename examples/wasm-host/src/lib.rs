//! A page that hosts one Matrix widget and keeps it supplied with TURN servers. `source` and `frame` are what another
//! client in the browser would take over.

mod frame;
mod source;
mod view;

use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wasm_bindgen_futures::spawn_local;
use widget_turn::{
    Answer, Ask, FeedConfig, InnerHost, Inquiry, LayerConfig, Secret, TurnFeed, TurnLayer,
};

use frame::Frame;
use source::FetchSource;
use view::View;

const WIDGET_ID: &str = "wasm-host";

/// What happens on the page.
enum Event {
    Open(Settings),
    Said(String),
    Loaded,
    Answered(Answer),
    Reload,
    SignOut,
    Close,
}

/// What the person filled in.
struct Settings {
    homeserver: String,
    user: String,
    access_token: Secret,
    widget: String,
    min_interval: Duration,
}

#[wasm_bindgen(start)]
fn main() -> Result<(), JsValue> {
    let (events, mut happening) = mpsc::unbounded_channel();
    let view = View::of_page(&events)?;
    spawn_local(async move {
        while let Some(event) = happening.recv().await {
            let Event::Open(settings) = event else {
                continue;
            };
            view.say("");
            if let Err(why) = show(&view, settings, &events, &mut happening).await {
                view.say(&why);
            }
        }
    });
    Ok(())
}

/// Shows the widget until the person closes it.
///
/// # Errors
///
/// What is wrong with the settings, in words.
async fn show(
    view: &View,
    settings: Settings,
    events: &UnboundedSender<Event>,
    happening: &mut UnboundedReceiver<Event>,
) -> Result<(), String> {
    let source = FetchSource::new(&settings.homeserver, settings.access_token)?;
    let config = FeedConfig {
        min_interval: settings.min_interval,
        ..FeedConfig::default()
    };
    let origin = settings
        .widget
        .parse()
        .map_err(|why| format!("the widget: {why}"))?;
    let frame = Frame::open(view, &settings.widget, WIDGET_ID, events)?;

    // One feed an account, one layer a widget.
    let feed = TurnFeed::new(source, config);
    let (inquiries, mut asked) = mpsc::channel(1);
    let widget = LayerConfig::new(WIDGET_ID, origin, settings.user);
    let mut layer = TurnLayer::spawn(InnerHost::handshake(), &feed, Ask::new(inquiries), widget);

    let (mut supply, mut status) = (feed.subscribe(), layer.status());
    let mut inquiry = None;
    view.opened();
    loop {
        view.show(&supply.borrow_and_update(), *status.borrow_and_update());
        view.ask(inquiry.as_ref());
        tokio::select! {
            Some(text) = layer.recv() => frame.post(&text),
            Some(new) = asked.recv() => inquiry = Some(new),
            () = withdrawn(inquiry.as_ref()) => inquiry = None,
            Some(event) = happening.recv() => match event {
                Event::Said(text) => drop(layer.send(text).await),
                Event::Loaded => drop(layer.page_loaded().await),
                Event::Answered(answer) => if let Some(inquiry) = inquiry.take() {
                    inquiry.answer(answer);
                },
                Event::Reload => frame.reload(),
                Event::SignOut => feed.sign_out(),
                Event::Close => break,
                Event::Open(_) => {}
            },
            Ok(()) = supply.changed() => {}
            Ok(()) = status.changed() => {}
            else => break,
        }
    }
    view.closed();
    Ok(())
}

async fn withdrawn(inquiry: Option<&Inquiry>) {
    match inquiry {
        Some(inquiry) => inquiry.withdrawn().await,
        None => std::future::pending().await,
    }
}
