//! What is under way between the two sides, and what may be said on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::harness::{UNWATCH, UPDATE, WATCH, parsed};

/// One page's conversation with its host.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) to_widget: VecDeque<String>,
    pub(super) to_host: VecDeque<String>,
    /// Everything that was said, in its order.
    pub(super) said: Vec<String>,
    /// The requests of this page that the host has not answered, by id.
    owed_to_widget: BTreeMap<String, String>,
    /// Every id this page was answered under.
    answered: BTreeSet<String>,
    /// The update that the host has not seen answered.
    update: Option<String>,
    watch: Watch,
}

/// Whether the page has asked to watch, as it shows on the wire.
#[derive(Default, PartialEq)]
enum Watch {
    #[default]
    No,
    Asked,
    /// The host has asked for the capabilities since, as one that begins anew does.
    Renewed,
}

impl Wire {
    /// The widget's side says this. `consumers` there are just now.
    pub(super) fn widget_says(&mut self, text: String, consumers: usize) {
        let message = parsed(&text);
        if message.get("response").is_none() {
            let action = message["action"].as_str().expect("an action").to_owned();
            match action.as_str() {
                WATCH => {
                    assert!(consumers > 0, "a watch without a consumer");
                    assert!(self.watch != Watch::Asked, "a second watch");
                    self.watch = Watch::Asked;
                }
                UNWATCH => self.watch = Watch::No,
                _ => {}
            }
            let before = self.owed_to_widget.insert(id(&message), action);
            assert_eq!(before, None, "one id for two requests");
        }
        self.said.push(format!("> {text}"));
        self.to_host.push_back(text);
    }

    /// The host says this.
    pub(super) fn host_says(&mut self, text: String) {
        let message = parsed(&text);
        if message["action"] == UPDATE && message.get("response").is_none() {
            let before = self.update.replace(id(&message));
            assert_eq!(
                before, None,
                "a second update before the first was answered"
            );
        }
        self.said.push(format!("< {text}"));
        self.to_widget.push_back(text);
    }

    /// The next message arrives at the host.
    pub(super) fn at_host(&mut self) -> Option<String> {
        let text = self.to_host.pop_front()?;
        let message = parsed(&text);
        if message.get("response").is_some() && self.update == Some(id(&message)) {
            self.update = None;
        }
        Some(text)
    }

    /// The next message arrives at the widget.
    pub(super) fn at_widget(&mut self) -> Option<String> {
        let text = self.to_widget.pop_front()?;
        let message = parsed(&text);
        if message["api"] == "fromWidget" {
            let id = id(&message);
            let action = self.owed_to_widget.remove(&id);
            assert!(
                action.is_some() || !self.answered.contains(&id),
                "a second answer"
            );
            let failed = !message["response"]["error"].is_null();
            if action.as_deref() == Some(WATCH) && failed {
                self.watch = Watch::No;
            }
            self.answered.insert(id);
        } else if message["action"] == "capabilities" && self.watch == Watch::Asked {
            self.watch = Watch::Renewed;
        }
        Some(text)
    }

    /// Another page takes the place of this one. What is under way to the old one may reach the new one or not; what the
    /// old one said arrives.
    pub(super) fn reload(&mut self, lost: bool) {
        if lost {
            self.to_widget.clear();
        }
        self.owed_to_widget.clear();
        self.answered.clear();
        self.update = None;
        self.watch = Watch::No;
    }

    /// All that the page asked for was answered, and nothing is under way.
    pub(super) fn nothing_is_owed(&self) {
        assert!(self.to_widget.is_empty() && self.to_host.is_empty());
        assert_eq!(self.owed_to_widget, BTreeMap::new());
        assert_eq!(self.update, None);
    }
}

fn id(message: &Value) -> String {
    message["requestId"].as_str().expect("an id").to_owned()
}

impl Drop for Wire {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.said.iter().rev().take(30).rev() {
                eprintln!("{line}");
            }
        }
    }
}
