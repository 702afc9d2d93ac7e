//! The templates in a widget's URL: `$matrix_user_id` and its kin, and what the widget's own `data` names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a widget may learn by its URL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) user_id: String,
    pub(crate) display_name: String,
    /// As a URL that browsers can show; empty where there is none.
    pub(crate) avatar_url: String,
    pub(crate) room_id: String,
    pub(crate) widget_id: String,
    pub(crate) device_id: String,
    /// The homeserver's client-server API, without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) theme: String,
    pub(crate) language: String,
}

impl Facts {
    /// By the names of matrix-sdk and of npm's matrix-widget-api, and those that their proposals will be stable by.
    fn by_name(&self) -> [(&'static str, &str); 16] {
        [
            ("matrix_user_id", &self.user_id),
            ("matrix_display_name", &self.display_name),
            ("matrix_avatar_url", &self.avatar_url),
            ("matrix_room_id", &self.room_id),
            ("matrix_widget_id", &self.widget_id),
            ("org.matrix.msc2873.client_id", &self.client_id),
            ("org.matrix.msc2873.client_theme", &self.theme),
            ("org.matrix.msc2873.client_language", &self.language),
            ("org.matrix.msc2873.matrix_device_id", &self.device_id),
            ("org.matrix.msc3819.matrix_device_id", &self.device_id),
            ("org.matrix.msc4039.matrix_base_url", &self.base_url),
            ("matrix_client_id", &self.client_id),
            ("matrix_client_theme", &self.theme),
            ("matrix_client_language", &self.language),
            ("matrix_device_id", &self.device_id),
            ("matrix_base_url", &self.base_url),
        ]
    }
}

/// Puts the values in, each encoded for a URL. Where several names fit, the longest does; what no name fits stays. The
/// widget's `data` cannot lie about the [`Facts`].
pub(crate) fn fill(template: &str, data: &Map<String, Value>, facts: &Facts) -> String {
    let mut values: BTreeMap<&str, String> = data
        .iter()
        .map(|(name, value)| (&**name, text(value)))
        .collect();
    let facts = facts.by_name();
    values.extend(facts.map(|(name, value)| (name, value.to_owned())));

    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let fitting = values.iter().filter(|(name, _)| after.starts_with(**name));
        match fitting.max_by_key(|(name, _)| name.len()) {
            Some((name, value)) if !name.is_empty() => {
                filled.push_str(&encoded(value));
                rest = &after[name.len()..];
            }
            _ => {
                filled.push('$');
                rest = after;
            }
        }
    }
    filled + rest
}

/// As JavaScript's `String` writes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

/// As `encodeURIComponent` does.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Facts, fill};
    use serde_json::{Map, Value, json};

    fn facts() -> Facts {
        Facts {
            user_id: "@alice:example.org".into(),
            display_name: "Alice & Bob".into(),
            avatar_url: "https://example.org/a?b".into(),
            room_id: "!room:example.org".into(),
            widget_id: "w/1".into(),
            device_id: "DEVICE".into(),
            base_url: "https://matrix.example.org".into(),
            client_id: "widget-turn".into(),
            theme: "dark".into(),
            language: "de-AT".into(),
        }
    }

    fn data(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else {
            panic!("an object")
        };
        map
    }

    #[test]
    fn all_names_of_matrix_sdk_and_of_npm_are_known() {
        for (name, value) in [
            ("$matrix_user_id", "%40alice%3Aexample.org"),
            ("$matrix_display_name", "Alice%20%26%20Bob"),
            ("$matrix_avatar_url", "https%3A%2F%2Fexample.org%2Fa%3Fb"),
            ("$matrix_room_id", "!room%3Aexample.org"),
            ("$matrix_widget_id", "w%2F1"),
            ("$org.matrix.msc2873.client_id", "widget-turn"),
            ("$org.matrix.msc2873.client_theme", "dark"),
            ("$org.matrix.msc2873.client_language", "de-AT"),
            ("$org.matrix.msc2873.matrix_device_id", "DEVICE"),
            ("$org.matrix.msc3819.matrix_device_id", "DEVICE"),
            (
                "$org.matrix.msc4039.matrix_base_url",
                "https%3A%2F%2Fmatrix.example.org",
            ),
            ("$matrix_client_id", "widget-turn"),
            ("$matrix_client_theme", "dark"),
            ("$matrix_client_language", "de-AT"),
        ] {
            let template = format!("https://w.example/{name}/x?a={name}&b#{name}");
            let filled = format!("https://w.example/{value}/x?a={value}&b#{value}");
            assert_eq!(fill(&template, &Map::new(), &facts()), filled);
        }
    }

    #[test]
    fn data_of_the_widget_is_put_in_and_cannot_lie_about_the_user() {
        let data = data(json!({
            "conferenceId": "a b", "isAudioOnly": true, "n": 3, "none": null, "list": [1, "x"],
            "matrix_user_id": "@mallory:example.org", "domain": "meet.example", "": "empty",
        }));
        let template =
            "https://$domain/$conferenceId?o=$isAudioOnly&n=$n&e=$none&l=$list&u=$matrix_user_id&$";
        assert_eq!(
            fill(template, &data, &facts()),
            "https://meet.example/a%20b?o=true&n=3&e=null&l=1%2Cx&u=%40alice%3Aexample.org&$"
        );
    }

    #[test]
    fn the_longest_name_fits_and_what_is_unknown_stays() {
        let data = data(json!({ "room": "r", "roomName": "n", "x": "$matrix_user_id" }));
        assert_eq!(
            fill(
                "$roomName,$room,$rooms,$unknown,$$room,$x,$",
                &data,
                &facts()
            ),
            "n,r,rs,$unknown,$r,%24matrix_user_id,$",
            "and what was put in is not looked through again"
        );
        assert_eq!(fill("no template", &data, &facts()), "no template");
    }
}
