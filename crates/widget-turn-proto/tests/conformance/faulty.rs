//! The suite can fail: hosts that spoil what the layer says.

use std::collections::VecDeque;
use std::time::Duration;

use crate::layer::Layer;
use crate::player::{Host, play};
use crate::script::{Answer, Grant, Step, scripts};

/// The layer, of whose messages this is made.
struct Faulty {
    layer: Layer,
    spoil: fn(String) -> Vec<String>,
    heard: VecDeque<String>,
}

impl Host for Faulty {
    fn hand_in(&mut self, text: &str) {
        self.layer.hand_in(text);
    }

    fn page_loads(&mut self) {
        self.layer.page_loads();
    }

    fn page_closes(&mut self) {
        self.layer.page_closes();
    }

    fn grant(&mut self, grant: &Grant) {
        self.layer.grant(grant);
    }

    fn source(&mut self, answer: &Answer) {
        self.layer.source(answer);
    }

    fn asked(&self) -> usize {
        self.layer.asked()
    }

    fn log(&self) -> String {
        self.layer.log()
    }

    fn next(&mut self, within: Duration) -> Option<String> {
        let until = self.now() + within;
        while self.heard.is_empty() {
            let left = until.saturating_sub(self.now());
            self.heard.extend((self.spoil)(self.layer.next(left)?));
        }
        self.heard.pop_front()
    }

    fn now(&self) -> Duration {
        self.layer.now()
    }
}

/// The names of the scripts that such a host passes.
fn passed(spoil: fn(String) -> Vec<String>) -> Vec<String> {
    let mut scripts = scripts();
    scripts.retain(|script| {
        script
            .needs
            .iter()
            .all(|need| crate::missing(*need).is_none())
    });
    scripts.retain(|script| {
        let mut host = Faulty {
            layer: Layer::new(0),
            spoil,
            heard: VecDeque::new(),
        };
        play(script, &mut host).is_ok()
    });
    scripts.into_iter().map(|script| script.name).collect()
}

#[test]
fn a_host_that_says_nothing_passes_nothing() {
    assert_eq!(passed(|_| Vec::new()), [""; 0]);
}

#[test]
fn a_host_that_says_everything_twice_passes_nothing() {
    assert_eq!(passed(|text| vec![text.clone(), text]), [""; 0]);
}

#[test]
fn a_host_that_writes_another_widgets_id_passes_nothing() {
    assert_eq!(
        passed(|text| vec![text.replace("20220712", "another")]),
        [""; 0]
    );
}

#[test]
fn a_host_that_forgets_the_request_in_its_answers_passes_nothing() {
    let without_data = |text: String| match text.contains(r#""response""#) {
        true => vec![text.replace(r#""data":{},"#, "")],
        false => vec![text],
    };
    assert_eq!(passed(without_data), [""; 0]);
}

#[test]
fn a_host_without_updates_passes_only_what_expects_none() {
    let mute = |text: String| match text.contains(r#""action":"update_turn_servers""#) {
        true => Vec::new(),
        false => vec![text],
    };
    let passed = passed(mute);
    let expects_update =
        |step: &Step| format!("{step:?}").contains(r#"request: "update_turn_servers""#);
    for script in scripts() {
        let wrong = passed.contains(&script.name) && script.steps.iter().any(expects_update);
        assert!(!wrong, "{}", script.name);
    }
}
