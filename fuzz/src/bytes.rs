//! Bytes from outside: nothing panics, and what comes out is well formed.

use std::time::Duration;

use serde_json::Value;
use widget_turn_proto::{
    Api, Fetched, HandshakeHost, Head, LayerConfig, MAX_RESPONSE, Output, RefreshConfig,
    RefreshOutput, Refresher, Secret, Supply, Timestamp, TurnLayer, TurnServer, TurnWatcher,
    WatcherConfig, WatcherOutput, WatcherSupply, check_uri, read_response,
};

/// Lines of bytes are messages: the first byte of each says from whom.
fn lines(data: &[u8]) -> impl Iterator<Item = (u8, String)> {
    data.split(|byte| *byte == b'\n').filter_map(|line| {
        let (first, rest) = line.split_first()?;
        Some((*first, String::from_utf8_lossy(rest).into_owned()))
    })
}

/// Whether the bytes hold this text themselves, so that it is no secret where they go.
pub(crate) fn holds(data: &[u8], text: &str) -> bool {
    data.windows(text.len()).any(|part| part == text.as_bytes())
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

/// Messages of the host (`h…`) for the widget's side, and what else happens to it (anything else).
pub fn watcher(data: &[u8]) {
    let mut watcher = TurnWatcher::new(WatcherConfig::new("w"));
    let mut consumers = vec![watcher.handle_join(Timestamp::ZERO)];
    let mut now = Timestamp::ZERO;
    for (what, text) in lines(data) {
        let mut heard = None;
        match what {
            b'h' => watcher.handle_message(now, heard.insert(text).clone()),
            b's' => watcher.handle_start(now),
            b'j' => consumers.push(watcher.handle_join(now)),
            b'l' => {
                if let Some(consumer) = consumers.pop() {
                    watcher.handle_leave(now, consumer);
                }
            }
            b'w' => watcher.handle_wish(now, [text]),
            _ => {
                now = now + Duration::from_millis(u64::from(what) * 200);
                watcher.handle_timeout(now);
            }
        }
        let mut fates = 0;
        while let Some(output) = watcher.poll_output() {
            match output {
                WatcherOutput::ToHost(said) => {
                    let head = Head::read(&said).expect("a head that others can read");
                    assert_eq!(head.widget_id, "w");
                    assert_eq!(head.is_response, head.api == Api::ToWidget);
                    fates += usize::from(head.is_response);
                }
                WatcherOutput::Pass(text) => {
                    assert_eq!(Some(text), heard, "as it came");
                    fates += 1;
                }
                WatcherOutput::Dropped(_) => fates += 1,
                WatcherOutput::Refused(_, words) => assert!(words.chars().count() <= 256),
                _ => {}
            }
        }
        let heard = heard.as_deref().map(Head::read);
        // An answer to the widget's side itself may have no effect that shows.
        let is_answer = matches!(&heard, Some(Ok(head)) if head.api == Api::FromWidget);
        assert!(fates <= 1);
        assert!(
            fates == usize::from(heard.is_some()) || is_answer,
            "one fate"
        );
        for consumer in &consumers {
            if let Some(WatcherSupply::Ready(server)) = watcher.poll_supply(consumer) {
                usable(&server);
            }
        }
        let due = watcher.poll_timeout();
        assert!(due.is_none_or(|due| due > now), "a hot loop");
    }
}

/// What a browser takes.
fn usable(server: &TurnServer) {
    assert!((1..=16).contains(&server.uris().len()));
    assert!(server.uris().iter().all(|uri| check_uri(uri).is_ok()));
    assert!(!server.username().is_empty() && server.username().len() <= 509);
    assert!(!server.password().expose().is_empty());
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
                usable(server);
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
