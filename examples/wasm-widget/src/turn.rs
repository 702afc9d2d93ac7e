//! A `TurnWatcher` with the browser's clock, timer, random numbers and host around it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::{Closure, JsCast};
use web_sys::Window;
use widget_turn_proto::{
    Api, Consumer, Head, Timestamp, TurnWatcher, WatcherConfig, WatcherOutput, WatcherSupply, reply,
};

use crate::host::Host;

/// What a consumer wants done with what is new.
type OnSupply = Rc<dyn Fn(WatcherSupply)>;

/// `setTimeout` takes no more, in milliseconds, and fires at once.
const LONGEST_TIMEOUT: u128 = i32::MAX as u128;

/// The TURN servers of one page. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Turn(Rc<Inner>);

struct Inner {
    page: Window,
    host: Host,
    state: RefCell<State>,
}

struct State {
    watcher: TurnWatcher,
    subscribers: BTreeMap<u64, (Consumer, OnSupply)>,
    /// The key of the last subscriber.
    last: u64,
    /// The browser's timer, and what it calls.
    timer: Option<i32>,
    wake: Option<Closure<dyn Fn()>>,
}

/// A part of the widget that uses TURN servers, until it is dropped.
pub(crate) struct Subscription {
    turn: Turn,
    key: u64,
}

impl Turn {
    /// Listens to the host and tells it that the page is there.
    pub(crate) fn start(page: Window, host: Host, widget_id: String) -> Self {
        let mut config = WatcherConfig::new(widget_id);
        config.seed = random(&page);
        let turn = Self(Rc::new(Inner {
            page: page.clone(),
            host,
            state: RefCell::new(State {
                watcher: TurnWatcher::new(config),
                subscribers: BTreeMap::new(),
                last: 0,
                timer: None,
                wake: None,
            }),
        }));
        let woken = turn.clone();
        let wake = Closure::new(move || woken.with(|watcher, now| watcher.handle_timeout(now)));
        turn.0.state.borrow_mut().wake = Some(wake);
        let listener = turn.clone();
        turn.0.host.listen(&page, move |text| {
            listener.with(|watcher, now| watcher.handle_message(now, text));
        });
        turn.with(|watcher, now| watcher.handle_start(now));
        turn
    }

    /// Calls `on_supply` with what there is, if there is anything, and with everything newer.
    pub(crate) fn subscribe(&self, on_supply: impl Fn(WatcherSupply) + 'static) -> Subscription {
        let consumer = self.with(|watcher, now| watcher.handle_join(now));
        let key = {
            let state = &mut *self.0.state.borrow_mut();
            state.last += 1;
            state
                .subscribers
                .insert(state.last, (consumer, Rc::new(on_supply)));
            state.last
        };
        self.hand_out();
        let turn = self.clone();
        Subscription { turn, key }
    }

    /// Tells the watcher something, and does what it wants done.
    fn with<T>(&self, tell: impl FnOnce(&mut TurnWatcher, Timestamp) -> T) -> T {
        let now = self.now();
        let told = tell(&mut self.0.state.borrow_mut().watcher, now);
        loop {
            let output = self.0.state.borrow_mut().watcher.poll_output();
            match output {
                None => break,
                Some(WatcherOutput::ToHost(text)) => self.0.host.post(&text),
                Some(WatcherOutput::Pass(text)) => self.0.refuse(text),
                Some(WatcherOutput::Changed | WatcherOutput::Negotiated) => {}
                Some(other) => web_sys::console::info_1(&format!("{other:?}").into()),
            }
        }
        self.hand_out();
        self.0.set_timer(now);
        told
    }

    /// Nothing is borrowed or kept back during the calls: a subscriber may subscribe and leave from within.
    fn hand_out(&self) {
        let news = || {
            let state = &mut *self.0.state.borrow_mut();
            let mut subscribers = state.subscribers.values();
            subscribers.find_map(|(consumer, on_supply)| {
                let supply = state.watcher.poll_supply(consumer)?;
                Some((on_supply.clone(), supply))
            })
        };
        while let Some((on_supply, supply)) = news() {
            on_supply(supply);
        }
    }

    fn now(&self) -> Timestamp {
        let since = self.0.page.performance().map_or(0.0, |clock| clock.now());
        Timestamp::new(Duration::from_secs_f64(since.max(0.0) / 1000.0))
    }
}

impl Inner {
    /// This widget has no part that would take anything but TURN.
    fn refuse(&self, text: String) {
        let asks =
            Head::read(&text).is_ok_and(|head| head.api == Api::ToWidget && !head.is_response);
        let refusal = r#"{"error":{"message":"Unknown or unsupported to-widget action"}}"#;
        if let (true, Ok(reply)) = (asks, reply(text, refusal)) {
            self.host.post(&reply);
        }
    }

    fn set_timer(&self, now: Timestamp) {
        let state = &mut *self.state.borrow_mut();
        if let Some(timer) = state.timer.take() {
            self.page.clear_timeout_with_handle(timer);
        }
        let (Some(due), Some(wake)) = (state.watcher.poll_timeout(), &state.wake) else {
            return;
        };
        // Rounded up: a timer that is early by a part of a millisecond would be set again and again.
        let wait = ((due - now).as_millis() + 1).min(LONGEST_TIMEOUT);
        let set = self
            .page
            .set_timeout_with_callback_and_timeout_and_arguments_0(
                wake.as_ref().unchecked_ref(),
                wait as i32,
            );
        state.timer = set.ok();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let left = self.turn.0.state.borrow_mut().subscribers.remove(&self.key);
        if let Some((consumer, _)) = left {
            self.turn
                .with(|watcher, now| watcher.handle_leave(now, consumer));
        }
    }
}

fn random(page: &Window) -> u64 {
    let mut bytes = [0; 8];
    // Without it the ids of this page are those of the page before it, which costs a log line.
    let _ = page
        .crypto()
        .map(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    u64::from_le_bytes(bytes)
}
