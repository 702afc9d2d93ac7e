//! The socket between one browser tab and its session.
//!
//! Text frames in both directions. The first character says whose word it is: `w` and then a message of the widget's,
//! as JSON, unchanged; or `c` and then a control object of ours, `{"type":…}`. The page's script writes the first
//! character, so that a widget cannot utter a control message, whatever it says.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::capability::Capability;

/// The longest frame that is taken, in bytes. A longer one ends the session.
pub(crate) const MAX_FRAME: usize = 64 << 20;

/// How many messages wait for the tab before their sender is made to wait.
const QUEUE: usize = 32;

/// One browser tab, which is one widget. It ends when either side drops it: the tab, by closing `incoming`; the
/// session, by dropping both ends. A tab that lost its session comes back as a new one.
pub(crate) struct PageSession {
    /// What the page says.
    pub(crate) incoming: mpsc::Receiver<FromPage>,
    /// What the page is told.
    pub(crate) outgoing: mpsc::Sender<ToPage>,
}

/// What the page says. Messages may hold secrets: there is no `Debug`.
#[derive(PartialEq)]
pub(crate) enum FromPage {
    /// The widget said this: JSON text, untouched. Any object may come; nothing about it was checked.
    Message(String),
    /// The widget's iframe has loaded, for the first time or anew.
    Loaded,
    /// The person answered [`ToPage::AskPermission`].
    Decision {
        /// The id of the question.
        id: u64,
        /// The answer.
        decision: Decision,
    },
    /// The person wants to know whether the TURN servers work.
    TestRelays,
}

/// A person's answer to a widget that asks for capabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// These are granted until the widget's page is loaded anew.
    AllowOnce(Vec<String>),
    /// These are granted, and not to be asked for again by this origin.
    AllowAlways(Vec<String>),
    /// Nothing is granted.
    Deny,
}

/// What the page is told. Messages hold secrets: there is no `Debug`.
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToPage {
    /// For the widget: JSON text, untouched.
    #[serde(skip)]
    Message(String),
    /// Ask the person whether the widget may have these capabilities. Several questions wait in line.
    AskPermission {
        /// Comes back with the answer.
        id: u64,
        /// The origin that the widget is really loaded from.
        origin: String,
        /// What there is to decide on.
        capabilities: Vec<Capability>,
        /// What the widget asks for and has already.
        held: Vec<Capability>,
        /// What the widget asks for and this host has not.
        unavailable: Vec<Capability>,
        /// How many more names the widget asks for, which are too many or too long to ask a person about.
        refused: usize,
    },
    /// The question is void: the widget has gone or was loaded anew.
    WithdrawPermission {
        /// The id of the question.
        id: u64,
    },
    /// The credentials in hand, whenever there are new ones. There is no password among this: the page only shows
    /// how long they last.
    Credentials {
        /// The TURN username.
        username: String,
        /// Until they end, from now.
        #[serde(rename = "expires_in_ms", serialize_with = "milliseconds")]
        expires_in: Duration,
        /// From when they were issued until they end.
        #[serde(rename = "lifetime_ms", serialize_with = "milliseconds")]
        lifetime: Duration,
        /// The TURN servers.
        uris: Vec<String>,
    },
    /// The homeserver was asked for credentials.
    Fetch {
        /// The HTTP status, `None` if no answer came.
        status: Option<u16>,
        /// What came of it, in a few words for people.
        outcome: String,
    },
    /// Whether the homeserver can be reached.
    Homeserver {
        /// Why not, for people; `None` while it can.
        outage: Option<String>,
    },
    /// What came of [`FromPage::TestRelays`].
    RelayTest {
        /// By `docs/check.schema.json`.
        report: Option<Value>,
        /// What `new RTCPeerConnection` takes, password included: the browser tries the same servers.
        ice_server: Option<Value>,
        /// Why there is nothing to try, for people.
        problem: Option<String>,
    },
    /// Something went wrong that a person should know of.
    Trouble {
        /// What, and what became of it.
        message: String,
    },
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The control objects that come from the page.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Control {
    Loaded,
    TestRelays,
    Decision {
        id: u64,
        decision: Choice,
        /// What is granted, by the names that were asked for.
        #[serde(default)]
        capabilities: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    AllowOnce,
    AllowAlways,
    Deny,
}

/// A control object as a frame.
pub(crate) fn control(object: &impl Serialize) -> String {
    let json = serde_json::to_string(object).expect("control objects are strings and numbers");
    format!("c{json}")
}

impl ToPage {
    fn into_frame(self) -> Utf8Bytes {
        match self {
            Self::Message(text) => format!("w{text}"),
            object => control(&object),
        }
        .into()
    }
}

impl FromPage {
    /// Reads a frame. The error says what was expected, and repeats nothing of the frame.
    fn from_frame(frame: &str) -> Result<Self, String> {
        if let Some(text) = frame.strip_prefix('w') {
            return Ok(Self::Message(text.to_owned()));
        }
        let Some(json) = frame.strip_prefix('c') else {
            return Err("expected a frame that begins with `w` or `c`".to_owned());
        };
        match serde_json::from_str(json) {
            Ok(Control::Loaded) => Ok(Self::Loaded),
            Ok(Control::TestRelays) => Ok(Self::TestRelays),
            Ok(Control::Decision {
                id,
                decision,
                capabilities,
            }) => {
                let decision = match decision {
                    Choice::AllowOnce => Decision::AllowOnce(capabilities),
                    Choice::AllowAlways => Decision::AllowAlways(capabilities),
                    Choice::Deny => Decision::Deny,
                };
                Ok(Self::Decision { id, decision })
            }
            Err(error) => Err(format!(
                "expected a control object of type `loaded`, `decision` or `test_relays`: {:?} error at column {}",
                error.classify(),
                error.column()
            )),
        }
    }
}

/// Serves one tab until it goes or its session ends.
pub(crate) async fn run(socket: WebSocket, hello: String, sessions: mpsc::Sender<PageSession>) {
    // What a widget says may be as long as a frame.
    let (to_session, incoming) = mpsc::channel(1);
    let (outgoing, from_session) = mpsc::channel(QUEUE);
    let (mut sink, stream) = socket.split();
    if sink.send(Message::Text(hello.into())).await.is_err() {
        return;
    }
    if sessions
        .send(PageSession { incoming, outgoing })
        .await
        .is_ok()
    {
        tokio::select! {
            () = read(stream, to_session) => {}
            () = write(&mut sink, from_session) => {}
        }
    }
    // Fails if the tab has gone, which is no news.
    let _ = sink.send(Message::Close(None)).await;
}

/// Waits where the session is slower than the page: the page's socket fills up, and nobody else's.
async fn read(mut stream: SplitStream<WebSocket>, to_session: mpsc::Sender<FromPage>) {
    loop {
        let frame = match stream.next().await {
            Some(Ok(Message::Text(text))) => FromPage::from_frame(&text),
            Some(Ok(Message::Binary(_))) => Err("expected a text frame".to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return,
            Some(Err(error)) => {
                tracing::debug!(%error, "a tab's socket broke off");
                return;
            }
        };
        match frame {
            Ok(message) => {
                if to_session.send(message).await.is_err() {
                    return;
                }
            }
            Err(expected) => tracing::warn!("dropped a frame of the page's: {expected}"),
        }
    }
}

async fn write(sink: &mut SplitSink<WebSocket, Message>, mut from_session: mpsc::Receiver<ToPage>) {
    while let Some(message) = from_session.recv().await {
        if sink
            .send(Message::Text(message.into_frame()))
            .await
            .is_err()
        {
            return;
        }
    }
}
