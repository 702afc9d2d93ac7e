//! What matches what: a value is itself, and an object with `$` says what must be true of it.

use serde_json::{Map, Value};

/// Whether `value` is what `pattern` describes.
pub(crate) fn matches(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(pattern), _) if pattern.keys().any(|key| key.starts_with('$')) => pattern
            .iter()
            .all(|(rule, wanted)| holds(rule, wanted, value)),
        (Value::Object(pattern), Value::Object(object)) => {
            pattern.len() == object.len() && has_members(pattern, object)
        }
        (Value::Array(pattern), Value::Array(list)) => {
            pattern.len() == list.len()
                && pattern
                    .iter()
                    .zip(list)
                    .all(|(wanted, item)| matches(wanted, item))
        }
        // 1.0 is 1 in JSON.
        (Value::Number(wanted), Value::Number(number)) => wanted.as_f64() == number.as_f64(),
        _ => pattern == value,
    }
}

fn has_members(pattern: &Map<String, Value>, object: &Map<String, Value>) -> bool {
    pattern
        .iter()
        .all(|(key, wanted)| object.get(key).is_some_and(|value| matches(wanted, value)))
}

fn holds(rule: &str, wanted: &Value, value: &Value) -> bool {
    let named = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_named = |item: &Value| named.iter().any(|wanted| matches(wanted, item));
    match (rule, value) {
        ("$kind", _) => wanted == kind(value),
        ("$with", Value::Object(object)) => wanted
            .as_object()
            .is_some_and(|wanted| has_members(wanted, object)),
        ("$has" | "$set", Value::Array(list)) => {
            let has = |wanted| list.iter().any(|item| matches(wanted, item));
            named.iter().all(has) && (rule == "$has" || list.len() == named.len())
        }
        ("$lacks", Value::Array(list)) => !list.iter().any(is_named),
        _ => false,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn patterns_match_what_the_list_says() {
    let cases: Value = serde_json::from_str(include_str!("../patterns.json")).expect("JSON");
    for case in cases.as_array().expect("a list") {
        let matched = matches(&case["pattern"], &case["value"]);
        assert_eq!(case["matches"], matched, "{case}");
    }
}
