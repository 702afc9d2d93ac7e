//! The wire codec: the only module that knows the names in the widget API's envelope.
//!
//! ```json5
//! { "api": "fromWidget" | "toWidget", "widgetId": "…", "requestId": "…", "action": "…", "data": {…}, "response": {…} }
//! ```
//!
//! A reply is the request object as it came plus `response`, so replies and edits are made by splicing the text: what
//! the layer does not change keeps its bytes.

mod scan;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::Value;

use scan::Members;
pub(crate) use scan::{find, string};

/// A message of ours is at most this long, in bytes (rule C9).
pub(crate) const MAX_OWNED: usize = 64 * 1024;

/// Who asks: in which direction the request of an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// The widget asks, the host answers.
    FromWidget,
    /// The host asks, the widget answers.
    ToWidget,
}

/// Why a message was dropped.
///
/// ```
/// use widget_turn_proto::{Head, MessageError};
///
/// assert_eq!(Head::read("nonsense").unwrap_err(), MessageError::NotJson);
/// assert_eq!(MessageError::NotJson.to_string(), "expected a JSON object");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// Not a JSON object.
    NotJson,
    /// `api` is neither `fromWidget` nor `toWidget`.
    NoApi,
    /// No `action`, or not a string.
    NoAction,
    /// No `widgetId`, or not a string.
    NoWidgetId,
    /// The `widgetId` of another widget.
    OtherWidget,
    /// No `requestId`, so that no reply can name it.
    NoRequestId,
    /// A reply to a request that nobody made.
    Unasked,
    /// Too long to be replied to: its `requestId` alone is past the limit.
    TooLong,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "expected a JSON object",
            Self::NoApi => "expected `api` to be \"fromWidget\" or \"toWidget\"",
            Self::NoAction => "expected a string as `action`",
            Self::NoWidgetId => "expected a string as `widgetId`",
            Self::OtherWidget => "expected the `widgetId` of this widget",
            Self::NoRequestId => "expected a `requestId`",
            Self::Unasked => "expected no reply: nothing was asked",
            Self::TooLong => "expected a shorter `requestId`",
        })
    }
}

impl std::error::Error for MessageError {}

/// What tells a message's way: read from its text without building a tree of the rest.
///
/// ```
/// use widget_turn_proto::{Api, Head};
///
/// let text = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{}}"#;
/// let head = Head::read(text)?;
/// assert_eq!((head.api, &*head.action, head.is_response), (Api::FromWidget, "content_loaded", false));
/// # Ok::<(), widget_turn_proto::MessageError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Head<'a> {
    /// The direction of the request.
    pub api: Api,
    /// What is asked for.
    pub action: Cow<'a, str>,
    /// The widget's id.
    pub widget_id: Cow<'a, str>,
    /// The id of the request as JSON text, quotes included: `requestId`, or `requestid` as MSC3846 prints it (rule H7).
    pub request_id: Option<&'a str>,
    /// Whether this is the answer to a request. A `response` that is `null` makes none.
    pub is_response: bool,
    marks: Marks,
}

/// Where things stand in a message's text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// The value of `requestId`, or of `requestid`.
    id: Option<Range<usize>>,
    /// The value of `response`.
    response: Option<Range<usize>>,
}

impl<'a> Head<'a> {
    /// Where things stand in the text, for [`Request::take`].
    pub(crate) fn marks(&self) -> Marks {
        self.marks.clone()
    }

    /// Reads the head of a message.
    ///
    /// # Errors
    ///
    /// What keeps the text from being a widget API message.
    ///
    /// ```
    /// use widget_turn_proto::{Head, MessageError};
    ///
    /// let text = r#"{"api":"fromWidget","requestId":"1","action":"content_loaded"}"#;
    /// assert_eq!(Head::read(text).unwrap_err(), MessageError::NoWidgetId);
    /// ```
    pub fn read(text: &'a str) -> Result<Self, MessageError> {
        let (mut api, mut action, mut widget_id, mut request_id, mut lower_id) =
            (None, None, None, None, None);
        let mut is_response = false;
        let mut marks = Marks::default();
        for member in Members::of(text).map_err(|_| MessageError::NotJson)? {
            let (key, range) = member.map_err(|_| MessageError::NotJson)?;
            let value = &text[range.clone()];
            match &*key {
                "api" => api = Some(value),
                "action" => action = Some(value),
                "widgetId" => widget_id = Some(value),
                "requestId" => request_id = Some(range).filter(|_| value != "null"),
                "requestid" => lower_id = Some(range).filter(|_| value != "null"),
                "response" => (is_response, marks.response) = (value != "null", Some(range)),
                _ => {}
            }
        }
        marks.id = request_id.or(lower_id);
        Ok(Self {
            api: match api.and_then(string).as_deref() {
                Some("fromWidget") => Api::FromWidget,
                Some("toWidget") => Api::ToWidget,
                _ => return Err(MessageError::NoApi),
            },
            action: action.and_then(string).ok_or(MessageError::NoAction)?,
            widget_id: widget_id.and_then(string).ok_or(MessageError::NoWidgetId)?,
            request_id: marks.id.clone().map(|id| &text[id]),
            is_response,
            marks,
        })
    }
}

/// Whether two ids, as JSON text, are the same: one peer escapes what another does not.
pub(crate) fn same_id(one: &str, other: &str) -> bool {
    one == other || string(one).is_some_and(|one| string(other) == Some(one))
}

/// The reply to a request: the request object as it came plus `response`, which is JSON text. For inner hosts of one's own.
///
/// A request that is longer than 64 KiB is echoed without its `data`.
///
/// # Errors
///
/// What keeps the text from being a request that can be answered.
///
/// ```
/// use widget_turn_proto::{MessageError, reply};
///
/// let request = r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{}}"#;
/// assert_eq!(
///     reply(request.into(), "{}")?,
///     r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"content_loaded","data":{},"response":{}}"#,
/// );
/// # Ok::<(), MessageError>(())
/// ```
pub fn reply(request: String, response: &str) -> Result<String, MessageError> {
    let marks = Head::read(&request)?.marks();
    Ok(match Request::take(request, marks)? {
        Ok(request) => request.reply(response),
        Err(too_large) => too_large.reply(response),
    })
}

/// Whether a reply is an error.
pub(crate) fn is_refused(reply: &str) -> bool {
    find(reply, &["response", "error"]).is_some_and(|error| &reply[error] != "null")
}

/// A request that is ours to answer.
#[derive(Clone)]
pub(crate) struct Request {
    text: Box<str>,
    /// A `response` among them is null.
    marks: Marks,
}

impl Request {
    /// Takes a request whose head was read, with the [`Head::marks`] of it.
    ///
    /// # Errors
    ///
    /// A request that is not JSON after all, or that cannot be answered. One that is too long is answered with an error by
    /// whoever gets `Ok(Err(_))`.
    pub(crate) fn take(text: String, marks: Marks) -> Result<Result<Self, TooLarge>, MessageError> {
        let id = marks.id.clone().ok_or(MessageError::NoRequestId)?;
        if text.len() > MAX_OWNED {
            let head = Head::read(&text)?;
            let named = head.action.len() + head.widget_id.len();
            if id.len() > MAX_OWNED / 4 || named > MAX_OWNED / 4 {
                return Err(MessageError::TooLong);
            }
            let spelling = match find(&text, &["requestId"]) {
                Some(_) => "requestId",
                None => "requestid",
            };
            return Ok(Err(TooLarge(reduced(&head, spelling, &text[id])?)));
        }
        serde_json::from_str::<IgnoredAny>(&text).map_err(|_| MessageError::NotJson)?;
        let text = text.into_boxed_str();
        Ok(Ok(Self { text, marks }))
    }

    /// The text of the request.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its id as JSON text.
    pub(crate) fn id(&self) -> Option<&str> {
        self.marks.id.clone().map(|id| &self.text[id])
    }

    /// The reply: the request object as it came plus `response`, which is JSON text. A request may have come with
    /// `"response": null`, in whose place it goes.
    pub(crate) fn reply(&self, response: &str) -> String {
        if let Some(null) = self.marks.response.clone() {
            return splice(&self.text, null, response);
        }
        let open = self.text.trim_end();
        let open = open.strip_suffix('}').unwrap_or(open);
        [open, r#","response":"#, response, "}"].concat()
    }
}

/// What is kept of a request that is too large to be echoed.
pub(crate) struct TooLarge(Request);

impl TooLarge {
    pub(crate) fn reply(&self, response: &str) -> String {
        self.0.reply(response)
    }
}

/// The head alone, with empty `data`.
fn reduced(head: &Head<'_>, spelling: &str, id: &str) -> Result<Request, MessageError> {
    let id: Value = serde_json::from_str(id).map_err(|_| MessageError::NotJson)?;
    let object = serde_json::json!({
        "api": match head.api { Api::FromWidget => "fromWidget", Api::ToWidget => "toWidget" },
        "widgetId": head.widget_id,
        spelling: id,
        "action": head.action,
        "data": {},
    });
    Ok(Request {
        text: object.to_string().into_boxed_str(),
        marks: Marks::default(),
    })
}

/// A request of our own as the host. `data` is JSON text.
pub(crate) fn request_to_widget(
    widget_id: &str,
    request_id: &str,
    action: &str,
    data: &str,
) -> String {
    request("toWidget", widget_id, request_id, action, data)
}

/// A request of our own as the widget. `data` is JSON text.
pub(crate) fn request_from_widget(
    widget_id: &str,
    request_id: &str,
    action: &str,
    data: &str,
) -> String {
    request("fromWidget", widget_id, request_id, action, data)
}

fn request(api: &str, widget_id: &str, request_id: &str, action: &str, data: &str) -> String {
    let quote = |text: &str| Value::from(text).to_string();
    format!(
        r#"{{"api":"{api}","widgetId":{},"requestId":{},"action":{},"data":{data}}}"#,
        quote(widget_id),
        quote(request_id),
        quote(action),
    )
}

/// The list of strings at `path`; empty where there is none. What is not a string is passed over.
pub(crate) fn names(text: &str, path: &[&str]) -> Vec<String> {
    let list = find(text, path).map_or("[]", |range| &text[range]);
    let values: Vec<Value> = serde_json::from_str(list).unwrap_or_default();
    values
        .into_iter()
        .filter_map(|value| match value {
            Value::String(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// The text with the list at `path` edited; untouched where there is no list.
///
/// Entries that `keep` refuses go, those of `add` that are not there yet come at the end.
pub(crate) fn edit_names(
    text: String,
    path: &[&str],
    keep: impl Fn(&str) -> bool,
    add: impl IntoIterator<Item = impl AsRef<str>>,
) -> String {
    let Some(range) = find(&text, path) else {
        return text;
    };
    let Ok(mut values) = serde_json::from_str::<Vec<Value>>(&text[range.clone()]) else {
        return text;
    };
    let before = values.len();
    values.retain(|value| value.as_str().is_none_or(&keep));
    let mut changed = values.len() != before;
    let strings = values.iter().filter_map(Value::as_str);
    let mut listed: BTreeSet<String> = strings.map(str::to_owned).collect();
    for name in add {
        if listed.insert(name.as_ref().to_owned()) {
            values.push(Value::from(name.as_ref()));
            changed = true;
        }
    }
    if !changed {
        return text;
    }
    splice(&text, range, &Value::Array(values).to_string())
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    [&text[..range.start], with, &text[range.end..]].concat()
}

#[cfg(test)]
mod tests;
