use serde_json::{Value, json};

use super::{Head, MAX_OWNED, MessageError, Request, TooLarge, edit_names, names};

fn taken(text: String) -> Result<Result<Request, TooLarge>, MessageError> {
    let marks = Head::read(&text)?.marks();
    Request::take(text, marks)
}

fn take(text: &str) -> Request {
    let taken = taken(text.to_owned()).expect("this is a request");
    taken.unwrap_or_else(|_| panic!("this is short enough"))
}

#[test]
fn h7_a_reply_is_the_request_as_it_came_plus_the_response() {
    let head = r#""api":"fromWidget","widgetId":"w","requestId":"1","action":"a""#;
    for (request, reply) in [
        (
            format!("{{{head}}}"),
            format!(r#"{{{head},"response":{{}}}}"#),
        ),
        (
            format!("{{{head}, \"x\":[1.50, \"\\u00e9\"]\n}} \r\n"),
            format!("{{{head}, \"x\":[1.50, \"\\u00e9\"]\n,\"response\":{{}}}}"),
        ),
        (
            format!(r#"{{"n":12345678901234567890123,"response":null,"b":1,"a":2.50,{head}}}"#),
            format!(r#"{{"n":12345678901234567890123,"response":{{}},"b":1,"a":2.50,{head}}}"#),
        ),
        (
            format!(r#"{{"\u0072esponse" : null , {head}}}"#),
            format!(r#"{{"\u0072esponse" : {{}} , {head}}}"#),
        ),
        (
            format!(r#"{{"data":{{"response":null}},{head}}}"#),
            format!(r#"{{"data":{{"response":null}},{head},"response":{{}}}}"#),
        ),
    ] {
        assert_eq!(take(&request).reply("{}"), reply, "{request}");
        assert!(serde_json::from_str::<Value>(&reply).is_ok(), "{reply}");
    }
}

#[test]
fn a_request_that_no_parser_takes_is_refused_and_not_answered() {
    for text in [
        r#"{"api":"fromWidget","widgetId":"w","requestId":1x,"action":"a"}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":[}"#,
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":"#,
        "{\"api\":\"fromWidget\",\"widgetId\":\"w\",\"requestId\":\"1\",\"action\":\"a\nb\"}",
    ] {
        assert_eq!(
            taken(text.to_owned()).err(),
            Some(MessageError::NotJson),
            "{text}"
        );
    }
}

#[test]
fn a_lone_surrogate_in_what_is_passed_on_keeps_no_request_from_being_answered() {
    let text =
        r#"{"api":"fromWidget","widgetId":"w","requestId":"1","action":"a","data":"\ud800"}"#;
    assert!(take(text).reply("{}").contains(r#""data":"\ud800""#));
}

#[test]
fn c9_a_request_past_the_limit_is_answered_without_its_data() {
    let data = "x".repeat(MAX_OWNED);
    let text = format!(
        r#"{{"data":"{data}","api":"fromWidget","widgetId":"wé","requestId":{{"n":1}},"action":"a"}}"#
    );
    let Err(large) = taken(text).expect("it can be named") else {
        panic!("this is past the limit");
    };
    let reply: Value = serde_json::from_str(&large.reply(r#"{"error":1}"#)).expect("JSON");
    let expected = json!({
        "api": "fromWidget", "widgetId": "wé", "requestId": {"n": 1}, "action": "a",
        "data": {}, "response": {"error": 1},
    });
    assert_eq!(reply, expected);
    let text =
        format!(r#"{{"api":"fromWidget","widgetId":"w","requestId":"{data}","action":"a"}}"#);
    assert_eq!(taken(text).err(), Some(MessageError::TooLong));
}

#[test]
fn a_list_of_names_is_edited_and_all_else_keeps_its_bytes() {
    let path = ["response", "capabilities"];
    let edit = |text: &str| edit_names(text.to_owned(), &path, |name| name != "out", ["in"]);
    for (text, expected) in [
        (
            r#"{ "n":1.50,"response":{"capabilities":["out", "a" ],"x":1e5} }"#,
            r#"{ "n":1.50,"response":{"capabilities":["a","in"],"x":1e5} }"#,
        ),
        (
            r#"{"response":{"capabilities":["in" , 7]}}"#,
            r#"{"response":{"capabilities":["in" , 7]}}"#,
        ),
        (
            r#"{"response":{"capabilities":{}}}"#,
            r#"{"response":{"capabilities":{}}}"#,
        ),
        (r#"{"response":null}"#, r#"{"response":null}"#),
        ("nonsense", "nonsense"),
    ] {
        assert_eq!(edit(text), expected);
    }
    assert_eq!(
        names(r#"{"response":{"capabilities":["a",1,"b"]}}"#, &path),
        ["a", "b"]
    );
    assert_eq!(
        names(r#"{"response":{"capabilities":"a"}}"#, &path),
        [""; 0]
    );
}
