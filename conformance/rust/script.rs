//! Scripts as they lie in `conformance/`: see its README.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// One script: what is played, and what it is about.
pub(crate) struct Script {
    /// The name of its file.
    pub(crate) name: String,
    /// Whether the page sends `content_loaded`.
    #[allow(dead_code, reason = "not every host is told")]
    pub(crate) announces: bool,
    /// What the host or its runner must have, for the steps to be seen.
    pub(crate) needs: Vec<Need>,
    /// With those of the parts that it plays.
    pub(crate) steps: Vec<Step>,
}

/// What not every host has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Need {
    /// It has MSC3846.
    Turn,
    /// It polls the homeserver itself, and judges the answers.
    Poll,
    /// It can be told that the widget is closed.
    Close,
    /// What it logs can be read.
    Log,
    /// It knows which window a message came from.
    Window,
}

/// One step; `play` is none any more.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Page(Page),
    Widget(Said),
    Source(Answer),
    Grant(Grant),
    Host(Expected),
    /// Seconds.
    After(f64),
    /// Seconds.
    Silence(f64),
    /// Seconds.
    Unasked(f64),
    Unlogged(String),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Page {
    Loads,
    Closes,
}

/// What the widget says.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Request {
        request: String,
        #[serde(rename = "as")]
        name: String,
        data: Option<Value>,
    },
    Answer {
        answer: String,
        response: Value,
    },
    Message {
        message: Value,
        #[serde(rename = "as")]
        name: Option<String>,
    },
    Text {
        text: String,
    },
}

/// What the homeserver answers to the question for TURN servers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// None, for now.
    Silent,
    #[serde(untagged)]
    Http {
        status: u16,
        /// A string is the body itself.
        body: Value,
    },
}

/// What a person, or a policy, says to the questions for permission.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    /// Nothing, for now.
    Later,
    /// Approved are these of the names that are asked for.
    #[serde(untagged)]
    Names(Vec<String>),
}

/// What the host must say next.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expected {
    AnyOrder {
        in_any_order: Vec<Wanted>,
        within: Option<f64>,
    },
    One {
        #[serde(flatten)]
        wanted: Wanted,
        within: Option<f64>,
    },
}

/// One message of the host's.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Wanted {
    Answer {
        answers: String,
        response: Value,
    },
    Request {
        request: String,
        #[serde(rename = "as")]
        name: String,
        data: Option<Value>,
    },
}

#[derive(Deserialize)]
struct File {
    #[serde(default = "yes")]
    announces: bool,
    #[serde(default)]
    needs: Vec<Need>,
    steps: Vec<Value>,
}

fn yes() -> bool {
    true
}

/// All scripts, by name.
pub(crate) fn scripts() -> Vec<Script> {
    let parts = read("parts");
    let script = |(name, file): (String, File)| {
        let steps = flat(file.steps, &parts);
        let mut needs = file.needs;
        needs.extend(steps.iter().filter_map(need));
        let typed =
            |step| serde_json::from_value(step).unwrap_or_else(|why| panic!("{name}: {why}"));
        Script {
            announces: file.announces,
            needs,
            steps: steps.into_iter().map(typed).collect(),
            name,
        }
    };
    read("scripts").into_iter().map(script).collect()
}

/// Some steps tell by themselves what they need.
fn need(step: &Value) -> Option<Need> {
    let names_turn = || {
        let text = step.to_string();
        text.contains("turn_servers") || text.contains("town.robin.msc3846")
    };
    if step["page"] == "closes" {
        Some(Need::Close)
    } else if step.get("unlogged").is_some() {
        Some(Need::Log)
    } else if step["widget"].get("from").is_some() {
        Some(Need::Window)
    } else if step.get("grant").is_none() && names_turn() {
        Some(Need::Turn)
    } else {
        None
    }
}

fn flat(steps: Vec<Value>, parts: &BTreeMap<String, File>) -> Vec<Value> {
    let one = |step: Value| match step["play"].as_str() {
        Some(part) => flat(parts[part].steps.clone(), parts),
        None => vec![step],
    };
    steps.into_iter().flat_map(one).collect()
}

fn read(folder: &str) -> BTreeMap<String, File> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance")
        .join(folder);
    let files = fs::read_dir(&folder).expect("the folder `conformance` of the repository");
    let file = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = fs::read(&path).expect("readable");
        let file = serde_json::from_slice(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        (name.into_owned(), file)
    };
    files
        .map(|entry| file(entry.expect("readable").path()))
        .collect()
}
