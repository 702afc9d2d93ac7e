//! Bytes from outside: nothing panics, and what comes out is well formed.

use std::time::Duration;

use serde_json::Value;
use widget_turn_proto::{
    Fetched, HandshakeHost, Head, LayerConfig, MAX_RESPONSE, Output, RefreshConfig, RefreshOutput,
    Refresher, Secret, Supply, Timestamp, TurnLayer, TurnServer, check_uri, read_response,
};

/// Lines of bytes are messages: the first byte of each says from whom.
fn lines(data: &[u8]) -> impl Iterator<Item = (u8, String)> {
    data.split(|byte| *byte == b'\n').filter_map(|line| {
        let (first, rest) = line.split_first()?;
        Some((*first, String::from_utf8_lossy(rest).into_owned()))
    })
}

/// Messages of the widget (`w…`), of the inner host (`h…`), of the world around (anything else) for a layer.
pub fn layer(data: &[u8]) {
    let mut layer = TurnLayer::new(LayerConfig::new("w"));
    let mut now = Timestamp::ZERO;
    for (from, text) in lines(data) {
        let passes = (text.len(), text.clone());
        match from {
            b'w' => layer.handle_widget_message(now, text),
            b'h' => layer.handle_host_message(now, text),
            b'l' => layer.handle_page_load(now),
            b'c' => layer.handle_supply(now, credentials()),
            b'o' => layer.handle_supply(now, Supply::Outage),
            _ => {
                now = now + Duration::from_millis(u64::from(from) * 50);
                layer.handle_timeout(now);
            }
        }
        while let Some(output) = layer.poll_output() {
            match output {
                Output::ToWidget(text) | Output::ToHost(text) => {
                    // What passes through need not be JSON to its end; what was changed is.
                    if text != passes.1 {
                        let head = Head::read(&text).expect("a head that others can read");
                        assert_eq!(head.widget_id, "w");
                    }
                    assert!(
                        text.len() <= 2 * passes.0 + 512 * 1024,
                        "more than could be kept"
                    );
                }
                Output::Ask(token, names) => {
                    assert!(!names.is_empty());
                    layer.handle_decision(now, &token, true);
                }
                Output::Watch => layer.handle_supply(now, credentials()),
                _ => {}
            }
        }
    }
}

fn credentials() -> Supply {
    let uris = ["turn:turn.example.com".to_owned()];
    Supply::Ready {
        server: TurnServer::new(uris, "u", Secret::new("p")).expect("usable"),
        expires_at: Timestamp::from_secs(1 << 40),
    }
}

/// Messages for the bare handshake.
pub fn handshake(data: &[u8]) {
    let mut host = HandshakeHost::new("w", 7);
    let mut now = Timestamp::ZERO;
    for (from, text) in lines(data) {
        match from {
            b'l' => host.handle_page_load(now),
            b't' => {
                now = now + Duration::from_millis(700);
                host.handle_timeout(now);
            }
            _ => {
                let request = Head::read(&text).ok().filter(|head| !head.is_response);
                let asked = request.is_some();
                let taken = host.handle_message(now, text).is_ok();
                let mut replies = 0;
                while let Some(said) = host.poll_output() {
                    let value: Value = serde_json::from_str(&said).expect("JSON");
                    assert_eq!(value["widgetId"], "w");
                    replies += usize::from(value.get("response").is_some());
                }
                assert_eq!(replies, usize::from(asked && taken), "one reply a request");
            }
        }
        while host.poll_output().is_some() {}
    }
}

/// A homeserver's answer: two bytes are the status, one the header, the rest is the body.
pub fn turn_server(data: &[u8]) {
    let Some((head, body)) = data.split_first_chunk::<3>() else {
        return;
    };
    let status = u16::from_be_bytes([head[0], head[1]]) % 600;
    let header =
        (head[2] > 0).then(|| Duration::from_secs_f64(f64::from(head[2]).powi(4) / 1000.0));
    let hour = Duration::from_secs(3600);
    for status in [200, status] {
        let fetched = read_response(status, header, body);
        match &fetched {
            Fetched::Credentials { server, ttl } => {
                assert!(body.len() <= MAX_RESPONSE);
                assert!(!ttl.is_zero() && *ttl <= 30 * 24 * hour);
                assert!((1..=16).contains(&server.uris().len()));
                assert!(server.uris().iter().all(|uri| check_uri(uri).is_ok()));
                assert!(!server.username().is_empty() && server.username().len() <= 509);
                let password = server.password().expose();
                let shown = format!("{fetched:?}");
                // A short one may be in the text by chance.
                assert!(
                    password.len() < 16 || shown.matches(password).count() == 0 || {
                        server.username().contains(password)
                            || server.uris().iter().any(|uri| uri.contains(password))
                    }
                );
            }
            Fetched::Failed(failure) => {
                assert!(failure.retry_after.is_none_or(|wait| wait <= hour))
            }
            Fetched::Forbidden(error) | Fetched::Unauthorized(error) => {
                assert!(error.retry_after.is_none_or(|wait| wait <= hour));
            }
            _ => {}
        }
        refreshed(fetched);
    }
}

/// Whatever came, the refresher goes on, and not in a hot loop.
fn refreshed(fetched: Fetched) {
    let mut refresher = Refresher::new(RefreshConfig::default());
    let mut now = Timestamp::ZERO;
    refresher.handle_watch(now);
    for _ in 0..4 {
        while let Some(output) = refresher.poll_output() {
            if let RefreshOutput::Fetch(token) = output {
                refresher.handle_fetched(now, &token, fetched.clone());
            }
        }
        let Some(due) = refresher.poll_timeout() else {
            return;
        };
        assert!(due > now, "a deadline that has passed makes a hot loop");
        now = due;
        refresher.handle_timeout(now);
    }
}

/// A URI, or what is said to be one.
pub fn uri(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if check_uri(&text).is_err() {
        return;
    }
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    assert!(
        matches!(scheme, Some("turn" | "turns" | "stun")),
        "{text:?}"
    );
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '#' | '/' | '\\');
    assert!(!text.contains(bad), "{text:?}");
    // What a widget gets is what was checked.
    let server = TurnServer::new([text.clone().into_owned()], "u", Secret::new("p"));
    assert_eq!(server.expect("it was checked").uris(), [text]);
}
