//! A machine with its accounts and widgets, a homeserver, and all that can happen to them, on one clock.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use serde_json::Value;
use widget_turn_proto::{Timestamp, TurnCapability, TurnLayer};

use crate::account::{Account, TICK};
use crate::clock::Machine;
use crate::event::{Deal, Event};
use crate::homeserver::{Homeserver, Mood};
use crate::page::Manners;
use crate::random::Random;
use crate::tally::Tally;
use crate::watchman::WATCH;
use crate::widget::{Around, Deed, Widget};

pub(crate) struct World {
    random: Random,
    machine: Machine,
    homeserver: Homeserver,
    accounts: Vec<Account>,
    widgets: Vec<Widget>,
    events: BTreeMap<(Timestamp, u64), Event>,
    /// Only pages that behave and a homeserver that is only down at times: most of what happens is between the two.
    calm: bool,
    scheduled: u64,
    pages: u64,
    said: DefaultHasher,
    tally: Tally,
    /// Gets each layer that is closed.
    closed: fn(TurnLayer),
}

/// What comes next.
enum Next {
    Account(usize),
    Widget(usize),
    Event,
}

impl World {
    pub(crate) fn new(seed: u64, closed: fn(TurnLayer)) -> Self {
        let mut random = Random::new(seed);
        let machine = Machine::new();
        let accounts = 1 + random.index(2);
        let calm = random.below(3) == 0;
        let mut world = Self {
            homeserver: Homeserver::new(&mut random, calm),
            accounts: (0..accounts)
                .map(|_| Account::new(random.bits(), &machine))
                .collect(),
            calm,
            random,
            machine,
            widgets: Vec::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            pages: 0,
            said: DefaultHasher::new(),
            tally: Tally::default(),
            closed,
        };
        for _ in 0..=world.random.index(4) {
            let widget = world.new_widget();
            world.widgets.push(widget);
            world.begin(world.widgets.len() - 1);
        }
        world.after(Duration::ZERO, Event::Spell);
        world.sometime(600.0, 200_000.0, Event::Sleep);
        world.sometime(600.0, 400_000.0, Event::WallSet);
        if world.random.below(20) == 0 {
            let account = world.random.index(world.accounts.len());
            world.sometime(1.0, 1_000_000.0, Event::SignOut(account));
        }
        world
    }

    /// The next thing happens, and what follows from it at once. All that must hold is looked at.
    pub(crate) fn step(&mut self) {
        let (then, next) = self.next();
        self.machine.run_to(then);
        for account in &self.accounts {
            account.holds_what_it_could(&self.machine);
        }
        match next {
            Next::Account(at) => self.accounts[at].look(&self.machine, self.homeserver.is_up()),
            Next::Widget(at) => self.with(at, Widget::timer),
            Next::Event => {
                if let Some((_, event)) = self.events.pop_first() {
                    self.happens(event);
                }
            }
        }
        self.settle();
        for account in &self.accounts {
            account.hands_out_what_is_valid(&self.machine);
        }
        for widget in &self.widgets {
            widget.holds_what_the_feed_has(&self.accounts[widget.account]);
        }
    }

    /// Nothing new happens any more, and what is owed is paid. Gives what stands for all that was said.
    pub(crate) fn end(mut self) -> (u64, Tally) {
        let hours = self.machine.elapsed().as_secs() / 3600;
        self.tally.more("hours", hours);
        self.events.clear();
        let end = self.machine.awake + Duration::from_secs(60);
        loop {
            let (then, next) = self.next();
            if then > end {
                break;
            }
            self.machine.run_to(then);
            match next {
                Next::Account(at) => {
                    self.accounts[at].look(&self.machine, self.homeserver.is_up());
                }
                Next::Widget(at) => self.with(at, Widget::timer),
                Next::Event => drop(self.events.pop_first()),
            }
            self.settle();
        }
        self.machine.run_to(end);
        for at in 0..self.widgets.len() {
            self.with(at, |widget, _, around| widget.comes_to_rest(around));
        }
        while !self.widgets.is_empty() {
            self.close(0);
        }
        for account in &self.accounts {
            assert_eq!(account.watchers(), 0, "c7: somebody still watches");
        }
        (self.said.finish(), self.tally)
    }

    fn next(&self) -> (Timestamp, Next) {
        let event = self.events.keys().next().map(|(then, _)| *then);
        let mut next = (event.unwrap_or(FOREVER), Next::Event);
        for (at, account) in self.accounts.iter().enumerate() {
            if let Some(timer) = account.timer.filter(|timer| *timer < next.0) {
                next = (timer, Next::Account(at));
            }
        }
        for (at, widget) in self.widgets.iter().enumerate() {
            if let Some(due) = widget.due().filter(|due| *due < next.0) {
                next = (due, Next::Widget(at));
            }
        }
        (next.0.max(self.machine.awake), next.1)
    }

    fn happens(&mut self, event: Event) {
        let up = self.homeserver.is_up();
        match event {
            Event::Of(at, page, deal) => {
                if self
                    .widgets
                    .get(at)
                    .is_some_and(|widget| widget.page == page)
                {
                    self.deals(at, deal);
                }
            }
            Event::Fetched(at) => {
                let account = &mut self.accounts[at];
                if let Some((late, stale)) = account.answered(&self.machine, up, &mut self.tally) {
                    self.after(late, Event::Stale(at, stale));
                }
            }
            Event::Stale(at, stale) => self.accounts[at].stale_answer(&self.machine, up, stale),
            Event::Spell => {
                let length = self.turn();
                self.after(length, Event::Spell);
            }
            Event::Sleep => self.sleep(),
            Event::WallSet => {
                self.tally.count("clock set");
                let by = self.random.log_span(1.0, 10_000.0);
                self.machine.set_wall(self.random.below(2) == 0, by);
                self.clocks_moved();
                self.sometime(600.0, 400_000.0, Event::WallSet);
            }
            Event::Wake(at) => self.accounts[at].wake(&self.machine, up),
            Event::SignOut(at) => {
                self.tally.count("signed out");
                self.accounts[at].sign_out(&self.machine, up);
            }
        }
    }

    fn deals(&mut self, at: usize, deal: Deal) {
        let manners = self.widgets[at].manners;
        match deal {
            Deal::Loads => self.with(at, |widget, _, around| widget.loads(around)),
            Deal::ContentLoaded => self.with(at, |widget, _, around| {
                widget.asks("content_loaded", around);
            }),
            Deal::Answers(request, action) => self.with(at, |widget, random, around| {
                widget.answers(&request, random, &action, around);
            }),
            Deal::Watches => self.with(at, |widget, _, around| widget.asks(WATCH, around)),
            Deal::Acts => {
                if manners.is_prompt() {
                    self.tally.count("reloads");
                    self.begin(at);
                } else {
                    self.with(at, Widget::acts);
                    self.act(at);
                }
            }
            Deal::Decided(token, granted) => self.with(at, |widget, _, around| {
                widget.decided(&token, granted, around);
            }),
            Deal::Closes => {
                self.close(at);
                let widget = self.new_widget();
                self.widgets.insert(at, widget);
                self.begin(at);
            }
        }
    }

    /// Time stands still for all but the homeserver.
    fn sleep(&mut self) {
        self.tally.count("slept");
        let span = self.random.log_span(1.0, 100_000.0);
        self.machine.sleep(span);
        for at in 0..self.accounts.len() {
            let fails = self.random.below(2) == 0;
            if let Some(until) = self.accounts[at].slept_in_flight(&self.machine, fails) {
                self.at(until, Event::Fetched(at));
            }
        }
        self.clocks_moved();
        if self.random.below(2) == 0 {
            for at in 0..self.accounts.len() {
                self.sometime(0.001, 10.0, Event::Wake(at));
            }
        }
        self.sometime(600.0, 200_000.0, Event::Sleep);
    }

    fn clocks_moved(&mut self) {
        for account in &mut self.accounts {
            let notice = self.random.span(0.0, TICK.as_secs_f64());
            account.clocks_moved(&self.machine, notice);
        }
    }

    fn turn(&mut self) -> Duration {
        let token_ran_out = self.homeserver.mood == Mood::Unauthorized;
        let length = self.homeserver.turn(&mut self.random);
        for at in 0..self.accounts.len() {
            self.accounts[at].spell_turns(&self.machine, self.homeserver.is_up());
            if token_ran_out && self.random.below(4) > 0 {
                self.after(Duration::ZERO, Event::Wake(at));
            }
        }
        length
    }

    /// What follows at once: requests are sent, and widgets' drivers hear of what is new.
    fn settle(&mut self) {
        for at in 0..self.widgets.len() {
            self.with(at, |widget, _, around| widget.hears_of_feed(around));
        }
        for at in 0..self.accounts.len() {
            let (homeserver, random) = (&mut self.homeserver, &mut self.random);
            let up = homeserver.is_up();
            let answer = || homeserver.answer(random);
            if let Some(until) = self.accounts[at].sent(&self.machine, up, answer) {
                self.at(until, Event::Fetched(at));
            }
        }
    }

    /// Lets a widget do something, and sees to what it wants done.
    fn with(&mut self, at: usize, act: impl FnOnce(&mut Widget, &mut Random, &mut Around<'_>)) {
        let mut deeds = Vec::new();
        let widget = &mut self.widgets[at];
        let mut around = Around {
            machine: &self.machine,
            account: &mut self.accounts[widget.account],
            up: self.homeserver.is_up(),
            tally: &mut self.tally,
            deeds: &mut deeds,
        };
        act(widget, &mut self.random, &mut around);
        for deed in deeds {
            match deed {
                Deed::Asks(token) => {
                    let granted = self.widgets[at].manners.is_prompt() || self.random.below(4) > 0;
                    let wait = self.random.log_span(0.001, 600.0);
                    self.of(at, wait, Deal::Decided(token, granted));
                }
                Deed::Said(text, message) => {
                    self.said.write(text.as_bytes());
                    self.heard(at, text, &message);
                }
            }
        }
    }

    /// A message reaches the page.
    fn heard(&mut self, at: usize, text: String, message: &Value) {
        let manners = self.widgets[at].manners;
        let action = message["action"].as_str().unwrap_or_default().to_owned();
        let Some(response) = message.get("response") else {
            for wait in manners.answers_after(&mut self.random, &action) {
                self.of(at, wait, Deal::Answers(text.clone(), action.clone()));
            }
            let names = message["data"]["approved"].as_array();
            let names = names.into_iter().flatten().filter_map(Value::as_str);
            let granted = names.into_iter().any(TurnCapability::is_name);
            if manners.is_prompt() && granted {
                let wait = self.random.span(0.001, 0.3);
                self.of(at, wait, Deal::Watches);
            }
            return;
        };
        if action == WATCH {
            let refused = response.get("error").is_some();
            let what = if refused {
                "refused watches"
            } else {
                "watches"
            };
            self.tally.count(what);
            // Rule C6: an account that was refused is asked again if somebody asks.
            if refused && manners.is_prompt() {
                let wait = self.random.log_span(30.0, 7200.0);
                self.of(at, wait, Deal::Watches);
            }
        }
    }

    fn new_widget(&mut self) -> Widget {
        let account = self.random.index(self.accounts.len());
        let manners = match self.calm {
            true => Manners::Prompt,
            false => Manners::any(&mut self.random),
        };
        Widget::new(&mut self.random, account, 0, manners)
    }

    /// A page begins: the first one, or another after a reload.
    fn begin(&mut self, at: usize) {
        self.pages += 1;
        let first = self.widgets[at].page == 0;
        self.widgets[at].page = self.pages;
        let (load, soon) = (self.random.span(0.0, 2.0), self.random.span(0.0, 4.0));
        // One kind of page shows itself by both signs, the other by one alone: always in the same way, or a reload could
        // not be told from a late sign.
        if at % 2 == 0 {
            self.of(at, load, Deal::Loads);
        }
        self.of(at, load + soon, Deal::ContentLoaded);
        self.act(at);
        if first {
            self.tally.count("widgets");
        }
        // Also for the pages after the first one, since what was meant for that is not done any more.
        let wait = self.random.log_span(1.0, 1_000_000.0);
        self.of(at, wait, Deal::Closes);
    }

    fn act(&mut self, at: usize) {
        let wait = self.widgets[at].manners.acts_after(&mut self.random);
        self.of(at, wait, Deal::Acts);
    }

    fn close(&mut self, at: usize) {
        let widget = self.widgets.remove(at);
        let mut around = Around {
            machine: &self.machine,
            account: &mut self.accounts[widget.account],
            up: self.homeserver.is_up(),
            tally: &mut self.tally,
            deeds: &mut Vec::new(),
        };
        (self.closed)(widget.close(&mut around));
    }

    fn of(&mut self, at: usize, wait: Duration, deal: Deal) {
        let page = self.widgets[at].page;
        self.after(wait, Event::Of(at, page, deal));
    }

    fn sometime(&mut self, least: f64, most: f64, event: Event) {
        let wait = self.random.log_span(least, most);
        self.after(wait, event);
    }

    fn after(&mut self, wait: Duration, event: Event) {
        self.at(self.machine.awake + wait, event);
    }

    fn at(&mut self, then: Timestamp, event: Event) {
        self.scheduled += 1;
        self.events.insert((then, self.scheduled), event);
    }
}

const FOREVER: Timestamp = Timestamp::new(Duration::MAX);
