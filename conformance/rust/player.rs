//! Plays a script to a host: the widget, the person and the homeserver at once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::pattern::matches;
use super::script::{Answer, Expected, Grant, Page, Said, Script, Step, Wanted};

/// The id of the widget in every script.
pub(crate) const WIDGET_ID: &str = "20220712_WidgetExample";

/// How long a message of the host's may take where the script does not say.
const PATIENCE: f64 = 3.0;

/// A host, with all that it meets, on a clock that the script drives.
pub(crate) trait Host {
    /// The widget posts this.
    fn hand_in(&mut self, text: &str);
    /// The widget's frame has loaded a page.
    fn page_loads(&mut self);
    /// The widget is closed.
    fn page_closes(&mut self);
    /// What is said to open and coming questions for permission.
    fn grant(&mut self, grant: &Grant);
    /// What the homeserver answers from now on, to a request that waits too.
    fn source(&mut self, answer: &Answer);
    /// How often the homeserver was asked.
    fn asked(&self) -> usize;
    /// What was logged.
    fn log(&self) -> String;
    /// The next message to the widget. If none comes `within` that time, so much time has passed.
    fn next(&mut self, within: Duration) -> Option<String>;
    /// The time since the host began.
    fn now(&self) -> Duration;
}

/// Why a host failed a script.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Counted from 1, with the steps of the parts.
    pub(crate) step: usize,
    pub(crate) why: String,
}

/// Plays the script to its end, or to where the host does something else.
pub(crate) fn play(script: &Script, host: &mut impl Host) -> Result<(), Failure> {
    let mut player = Player {
        host,
        heard: VecDeque::new(),
        asked: HashMap::new(),
        requests: HashMap::new(),
        next_id: 0,
    };
    for (index, step) in script.steps.iter().enumerate() {
        let step_is = index + 1;
        player
            .step(step)
            .map_err(|why| Failure { step: step_is, why })?;
    }
    let step = script.steps.len() + 1;
    player.silence(0.0).map_err(|why| Failure { step, why })
}

struct Player<'a, H> {
    host: &'a mut H,
    /// What the host said that no step has taken yet.
    heard: VecDeque<String>,
    /// The widget's requests by name, which the host is to answer. `None` once it has.
    asked: HashMap<String, Option<Value>>,
    /// The host's requests by name, which the widget can answer.
    requests: HashMap<String, Value>,
    next_id: u32,
}

impl<H: Host> Player<'_, H> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Page(Page::Loads) => self.host.page_loads(),
            Step::Page(Page::Closes) => self.host.page_closes(),
            Step::Widget(said) => self.say(said),
            Step::Source(answer) => self.host.source(answer),
            Step::Grant(grant) => self.host.grant(grant),
            Step::Host(Expected::One { wanted, within }) => {
                return self.expect(std::slice::from_ref(wanted), *within);
            }
            Step::Host(Expected::AnyOrder {
                in_any_order,
                within,
            }) => {
                return self.expect(in_any_order, *within);
            }
            Step::After(seconds) => self.wait(*seconds),
            Step::Silence(seconds) => return self.silence(*seconds),
            Step::Unasked(seconds) => return self.unasked(*seconds),
            Step::Unlogged(secret) => {
                if self.host.log().contains(secret) {
                    return Err(format!("`{secret}` is in the log"));
                }
            }
        }
        Ok(())
    }

    fn say(&mut self, said: &Said) {
        let (message, name) = match said {
            Said::Request {
                request,
                name,
                data,
                ..
            } => {
                self.next_id += 1;
                let message = json!({
                    "api": "fromWidget",
                    "widgetId": WIDGET_ID,
                    "requestId": format!("script-{}", self.next_id),
                    "action": request,
                    "data": data.clone().unwrap_or_else(|| json!({})),
                });
                (message, Some(name))
            }
            Said::Message { message, name } => (message.clone(), name.as_ref()),
            Said::Answer { answer, response } => {
                let mut message = self.requests[answer].clone();
                message["response"] = response.clone();
                (message, None)
            }
            Said::Text { text } => return self.host.hand_in(text),
        };
        self.host.hand_in(&message.to_string());
        if let Some(name) = name {
            self.asked.insert(name.clone(), Some(message));
        }
    }

    /// These come next, in any order.
    fn expect(&mut self, wanted: &[Wanted], within: Option<f64>) -> Result<(), String> {
        let within = within.unwrap_or(PATIENCE);
        let until = self.host.now() + seconds(within);
        let mut missing: Vec<&Wanted> = wanted.iter().collect();
        while let Some(first) = missing.first() {
            let left = until.saturating_sub(self.host.now());
            let heard = self.heard.pop_front().or_else(|| self.host.next(left));
            let Some(text) = heard else {
                return Err(format!(
                    "expected {}, nothing came in {within} s",
                    shown(first)
                ));
            };
            let message: Value = serde_json::from_str(&text).map_err(|_| {
                format!(
                    "expected {}, came what is no JSON: {}",
                    shown(first),
                    cut(&text)
                )
            })?;
            self.check_envelope(&message)
                .map_err(|why| format!("{why}: {}", cut(&text)))?;
            let found = missing
                .iter()
                .position(|wanted| self.is_wanted(wanted, &message));
            let Some(found) = found else {
                return Err(format!(
                    "expected {}, came {}",
                    shown(first),
                    short(&message)
                ));
            };
            match missing.remove(found) {
                Wanted::Answer { answers, .. } => drop(self.asked.insert(answers.clone(), None)),
                Wanted::Request { name, .. } => drop(self.requests.insert(name.clone(), message)),
            }
        }
        Ok(())
    }

    /// What is true of every message of a host's.
    fn check_envelope(&self, message: &Value) -> Result<(), String> {
        if message["widgetId"] != WIDGET_ID {
            return Err("not this widget's id".to_owned());
        }
        if !message["action"].is_string() || id(message).is_none() {
            return Err("no action or no id".to_owned());
        }
        match (message["api"].as_str(), message.get("response")) {
            (Some("toWidget"), None) if message["data"].is_object() => Ok(()),
            (Some("fromWidget"), Some(Value::Object(_))) => {
                let mut request = message.clone();
                request
                    .as_object_mut()
                    .map(|object| object.remove("response"));
                let open = self
                    .asked
                    .values()
                    .flatten()
                    .any(|asked| matches(asked, &request));
                let why = "an answer that is not the open request and its response";
                open.then_some(()).ok_or_else(|| why.to_owned())
            }
            _ => Err("neither a request to the widget nor an answer".to_owned()),
        }
    }

    fn is_wanted(&self, wanted: &Wanted, message: &Value) -> bool {
        match (wanted, message.get("response")) {
            (Wanted::Answer { answers, response }, Some(came)) => {
                let asked = self.asked.get(answers).and_then(Option::as_ref);
                asked.is_some_and(|asked| id(asked) == id(message)) && matches(response, came)
            }
            (Wanted::Request { request, data, .. }, None) => {
                message["action"] == **request
                    && data
                        .as_ref()
                        .is_none_or(|data| matches(data, &message["data"]))
            }
            _ => false,
        }
    }

    fn wait(&mut self, span: f64) {
        let until = self.host.now() + seconds(span);
        while let Some(text) = self.host.next(until.saturating_sub(self.host.now())) {
            self.heard.push_back(text);
        }
    }

    fn silence(&mut self, span: f64) -> Result<(), String> {
        match self
            .heard
            .pop_front()
            .or_else(|| self.host.next(seconds(span)))
        {
            None => Ok(()),
            Some(text) => {
                let message = serde_json::from_str(&text).unwrap_or(Value::Null);
                Err(format!("expected nothing, came {}", short(&message)))
            }
        }
    }

    fn unasked(&mut self, span: f64) -> Result<(), String> {
        let before = self.host.asked();
        self.wait(span);
        match self.host.asked() - before {
            0 => Ok(()),
            times => Err(format!("the homeserver was asked {times} times")),
        }
    }
}

/// The MSC prints `requestid`, everybody writes `requestId`.
fn id(message: &Value) -> Option<&str> {
    let id = message
        .get("requestId")
        .or_else(|| message.get("requestid"));
    id.and_then(Value::as_str)
}

fn seconds(span: f64) -> Duration {
    Duration::from_secs_f64(span)
}

fn shown(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Answer { answers, response } => format!("the answer {response} to `{answers}`"),
        Wanted::Request {
            request,
            data: None,
            ..
        } => request.clone(),
        Wanted::Request {
            request,
            data: Some(data),
            ..
        } => match data.get("username") {
            Some(username) => format!("{request} with {username}"),
            None => format!("{request} {data}"),
        },
    }
}

/// A message in a few words, without its ids.
fn short(message: &Value) -> String {
    let action = message["action"].as_str().unwrap_or("what has no action");
    match (message.get("response"), message["data"].get("username")) {
        (Some(response), _) => cut(&format!("the answer {response} to {action}")),
        (None, Some(username)) => format!("{action} with {username}"),
        (None, None) => cut(&format!("{action} {}", message["data"])),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
