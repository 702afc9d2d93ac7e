//! What each answer of a homeserver to `GET /_matrix/client/v3/voip/turnServer` is taken for.
//!
//! The bodies are those that Synapse, Dendrite, Construct and the Conduit family send, those of proxies before them, and
//! nonsense.

use std::time::Duration;

use widget_turn_proto::{
    ApiError, Failure, Fetched, MAX_RESPONSE, NoTurn, RefreshConfig, RefreshOutput, Refresher,
    Secret, Supply, Timestamp, TurnServer, read_response,
};

const UDP: &str = "turn:127.0.0.1:3478?transport=udp";
const TCP: &str = "turn:127.0.0.1:3478?transport=tcp";
const TLS: &str = "turns:127.0.0.1:5349?transport=tcp";

/// How long credentials live if the homeserver does not say.
const UNKNOWN: u64 = 600;
/// The longest lifetime and the longest `Retry-After` that are believed.
const DAYS_30: u64 = 30 * 24 * 3600;
const HOUR: u64 = 3600;

/// Name, status, `Retry-After` in seconds, body, what it is taken for.
type Row = (&'static str, u16, Option<u64>, Vec<u8>, Fetched);

/// 200 with a body, where the header plays no part.
fn ok(name: &'static str, body: impl Into<Vec<u8>>, expected: Fetched) -> Row {
    (name, 200, None, body.into(), expected)
}

/// 200 with a `uris` member and all else in order.
fn uris(name: &'static str, uris: &str, expected: Fetched) -> Row {
    let body = format!(r#"{{"username":"u","password":"p","ttl":3600,"uris":{uris}}}"#);
    ok(name, body, expected)
}

/// 200 with a `ttl` member and all else in order.
fn ttl(name: &'static str, ttl: &str, seconds: u64) -> Row {
    let body = format!(r#"{{"username":"u","password":"p","uris":["{UDP}"],"ttl":{ttl}}}"#);
    ok(name, body, credentials(&[UDP], seconds))
}

/// 200 with a `username` and a `password` member and all else in order.
fn names(name: &'static str, username: &str, password: &str, expected: Fetched) -> Row {
    let body =
        format!(r#"{{"username":{username},"password":{password},"uris":["{UDP}"],"ttl":3600}}"#);
    ok(name, body, expected)
}

/// An error with a body, without a header.
fn error(name: &'static str, status: u16, body: &str, expected: Fetched) -> Row {
    (name, status, None, body.into(), expected)
}

fn credentials(uris: &[&str], seconds: u64) -> Fetched {
    credentials_of("u", "p", uris, Duration::from_secs(seconds))
}

fn credentials_of(username: &str, password: &str, uris: &[&str], ttl: Duration) -> Fetched {
    let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
    let server = TurnServer::new(uris.clone(), username, Secret::new(password))
        .expect("the expected server is a good one");
    assert_eq!(server.uris(), uris, "the expected URIs are good ones");
    Fetched::Credentials { server, ttl }
}

fn no_turn(reason: NoTurn) -> Fetched {
    Fetched::NoTurn(reason)
}

fn api_error(status: u16, errcode: &str, error: &str, retry_after: Option<Duration>) -> ApiError {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ApiError {
        status,
        errcode: said(errcode),
        error: said(error),
        retry_after,
    }
}

fn failed(status: u16, errcode: &str, error: &str, wait: Option<Duration>) -> Fetched {
    Fetched::Failed(Failure {
        retry_after: wait,
        response: Some(api_error(status, errcode, error, wait)),
    })
}

/// 429 with a header and a body, and how long that makes us wait.
fn limited(name: &'static str, header: Option<u64>, body: &str, wait: Option<Duration>) -> Row {
    let errcode = if body.contains("errcode") {
        "M_LIMIT_EXCEEDED"
    } else {
        ""
    };
    let expected = failed(429, errcode, "", wait);
    (name, 429, header, body.into(), expected)
}

#[rustfmt::skip]
fn good_answers() -> Vec<Row> {
    vec![
        ok("Synapse with a shared secret", r#"{"username":"1795440550:@alice:test.localhost","password":"uIPm+5XNpbd6Io+QwvEkuC9IoKA=","ttl":30,"uris":["turn:127.0.0.1:3478?transport=udp","turn:127.0.0.1:3478?transport=tcp","turns:127.0.0.1:5349?transport=tcp"]}"#, credentials_of("1795440550:@alice:test.localhost", "uIPm+5XNpbd6Io+QwvEkuC9IoKA=", &[UDP, TCP, TLS], Duration::from_secs(30))),
        ok("Synapse to a guest", r#"{"username":"1795440550:@1:test.localhost","password":"p","ttl":3600,"uris":["turn:a"]}"#, credentials_of("1795440550:@1:test.localhost", "p", &["turn:a"], Duration::from_secs(3600))),
        ok("static credentials", r#"{"username":"staticuser","password":"staticpw","ttl":86400,"uris":["turn:a"]}"#, credentials_of("staticuser", "staticpw", &["turn:a"], Duration::from_secs(86_400))),
        ok("fields that nobody knows", r#"{"username":"u","password":"p","ttl":60,"uris":["turn:a"],"realm":"r","x":{"y":[1]}}"#, credentials(&["turn:a"], 60)),
        ok("space around all of it", " \r\n\t{ \"username\" : \"u\" , \"password\":\"p\",\"ttl\":60,\"uris\":[ \"turn:a\" ] }\n", credentials(&["turn:a"], 60)),
        ok("a member twice: the last counts", r#"{"username":"x","username":"u","password":"p","ttl":60,"uris":["turn:a"]}"#, credentials(&["turn:a"], 60)),
        ("another 2xx", 206, Some(9), br#"{"username":"u","password":"p","ttl":60,"uris":["turn:a"]}"#.to_vec(), credentials(&["turn:a"], 60)),
    ]
}

#[rustfmt::skip]
fn lists_of_uris() -> Vec<Row> {
    let many: Vec<String> = (0..40).map(|n| format!("turn:t{n}")).collect();
    let first_16: Vec<&str> = many[..16].iter().map(String::as_str).collect();
    let many = serde_json::to_string(&many).expect("a list of strings is JSON");
    vec![
        uris("a string: Synapse with a scalar in its YAML", r#""turn:a""#, credentials(&["turn:a"], 3600)),
        uris("bad entries among good ones", r#"["http://a","turn:a","turn:b?transport=tls","turn:user@c","","turn:d:0","turn:e"]"#, credentials(&["turn:a", "turn:e"], 3600)),
        uris("no strings among strings", r#"[null,1,{"urls":"turn:x"},["turn:y"],true,"turn:a"]"#, credentials(&["turn:a"], 3600)),
        uris("duplicates, in the order of their first", r#"["turn:b","turn:a","turn:b"," turn:a "]"#, credentials(&["turn:b", "turn:a"], 3600)),
        uris("c9: the first 16 of more", &many, credentials(&first_16, 3600)),
        uris("c9: one URI of 1,000 bytes", &format!(r#"["turn:{}","turn:a"]"#, "a".repeat(995)), credentials(&["turn:a"], 3600)),
        uris("whitespace around them", r#"["  turn:a\n","\tturn:b"]"#, credentials(&["turn:a", "turn:b"], 3600)),
        uris("STUN among TURN", r#"["stun:a","turn:a"]"#, credentials(&["stun:a", "turn:a"], 3600)),
        uris("w9: what Firefox alone throws on", r#"["stuns:a","turn:a?transport=UDP","turn:a:5060","turn:1.2.3.4.5","turn:b"]"#, credentials(&["turn:b"], 3600)),
        uris("an empty list", "[]", no_turn(NoTurn::NoUris)),
        uris("null", "null", no_turn(NoTurn::NoUris)),
        uris("a number", "3478", no_turn(NoTurn::NoUris)),
        uris("an object", r#"{"0":"turn:a"}"#, no_turn(NoTurn::NoUris)),
        uris("no string at all", "[1,null]", no_turn(NoTurn::NoUris)),
        uris("an empty string", r#""""#, no_turn(NoTurn::NoUsableUri)),
        uris("none that a browser takes", r#"["http://a","turn:"]"#, no_turn(NoTurn::NoUsableUri)),
        ok("no member", r#"{"username":"u","password":"p","ttl":3600}"#, no_turn(NoTurn::NoUris)),
    ]
}

#[rustfmt::skip]
fn lifetimes() -> Vec<Row> {
    let half = format!(r#"{{"username":"u","password":"p","uris":["{UDP}"],"ttl":0.5}}"#);
    vec![
        ttl("the default of the Conduit family", "86400", 86_400),
        ttl("a fraction: Synapse before 1.45", "3600.0", 3600),
        ok("half a second", half, credentials_of("u", "p", &[UDP], Duration::from_millis(500))),
        ttl("a string of digits", r#""3600""#, 3600),
        ttl("a string with space around", r#"" 3600 ""#, 3600),
        ttl("an exponent", "36e2", 3600),
        ttl("zero: Synapse with a lifetime of 500 milliseconds", "0", UNKNOWN),
        ttl("negative zero", "-0.0", UNKNOWN),
        ttl("less than a nanosecond", "1e-12", UNKNOWN),
        ttl("negative", "-5", UNKNOWN),
        ttl("very negative", "-1e300", UNKNOWN),
        ttl("a negative string", r#""-5""#, UNKNOWN),
        ttl("huge", "1e300", DAYS_30),
        ttl("2^63", "9223372036854775808", DAYS_30),
        ttl("2^64", "18446744073709551616", DAYS_30),
        ttl("a day more than 30 days", "2678400", DAYS_30),
        ttl("a huge string", r#""1e300""#, DAYS_30),
        ttl("NaN in a string", r#""NaN""#, UNKNOWN),
        ttl("infinity in a string", r#""inf""#, UNKNOWN),
        ttl("minus infinity in a string", r#""-Infinity""#, UNKNOWN),
        ttl("a string with a unit", r#""1h""#, UNKNOWN),
        ttl("an empty string", r#""""#, UNKNOWN),
        ttl("true", "true", UNKNOWN),
        ttl("null", "null", UNKNOWN),
        ttl("a list", "[3600]", UNKNOWN),
        ok("no member", r#"{"username":"u","password":"p","uris":["turn:a"]}"#, credentials(&["turn:a"], UNKNOWN)),
        ok("a number that no float holds: not read at all", r#"{"username":"u","password":"p","uris":["turn:a"],"ttl":1e400}"#, failed(200, "", "", None)),
    ]
}

#[rustfmt::skip]
fn user_names_and_passwords() -> Vec<Row> {
    let quoted = |text: &str| format!("\"{text}\"");
    let longest = "x".repeat(509);
    // Two bytes each in UTF-8, and bytes count.
    let longest_accented = "é".repeat(254);
    let kept = |username: &str| credentials_of(username, "p", &[UDP], Duration::from_secs(3600));
    vec![
        names("w9: 509 bytes of user name", &quoted(&longest), r#""p""#, kept(&longest)),
        names("w9: 510 bytes of user name, on which browsers throw", &quoted(&"x".repeat(510)), r#""p""#, no_turn(NoTurn::UsernameTooLong)),
        names("w9: 508 bytes in 254 characters", &quoted(&longest_accented), r#""p""#, kept(&longest_accented)),
        names("w9: 510 bytes in 255 characters", &quoted(&"é".repeat(255)), r#""p""#, no_turn(NoTurn::UsernameTooLong)),
        names("an empty user name", r#""""#, r#""p""#, no_turn(NoTurn::NoCredentials)),
        names("an empty password", r#""u""#, r#""""#, no_turn(NoTurn::NoCredentials)),
        names("both empty: conduwuit", r#""""#, r#""""#, no_turn(NoTurn::NoCredentials)),
        names("null", "null", "null", no_turn(NoTurn::NoCredentials)),
        names("numbers", "1", "2", no_turn(NoTurn::NoCredentials)),
        ok("no user name", r#"{"password":"p","uris":["turn:a"],"ttl":3600}"#, no_turn(NoTurn::NoCredentials)),
        ok("no password", r#"{"username":"u","uris":["turn:a"],"ttl":3600}"#, no_turn(NoTurn::NoCredentials)),
        ok("no credentials for STUN alone", r#"{"uris":["stun:a"],"ttl":3600}"#, no_turn(NoTurn::NoCredentials)),
        ok("all empty: Construct without TURN", r#"{"username":"","password":"","uris":[],"ttl":86400}"#, no_turn(NoTurn::NoUris)),
    ]
}

#[rustfmt::skip]
fn bodies_that_are_no_answer() -> Vec<Row> {
    let nothing = || failed(200, "", "", None);
    let good = format!(r#"{{"username":"u","password":"p","uris":["{UDP}"],"ttl":3600}}"#);
    let padded_to = |length: usize| good.clone() + &" ".repeat(length - good.len());
    let mut not_utf8 = good.clone().into_bytes();
    not_utf8[14] = 0xff;
    vec![
        ok("Synapse and Dendrite without TURN", "{}", no_turn(NoTurn::EmptyObject)),
        ok("an object about something else", r#"{"versions":["v1.1"]}"#, no_turn(NoTurn::NoUris)),
        ok("a list", format!("[{good}]"), nothing()),
        ok("null", "null", nothing()),
        ok("a string", r#""turn:a""#, nothing()),
        ok("nothing", "", nothing()),
        ("nothing, and said so", 204, None, vec![], failed(204, "", "", None)),
        ok("HTML of a captive portal", "<!DOCTYPE html><html></html>", nothing()),
        ok("cut short", &good.as_bytes()[..good.len() - 1], nothing()),
        ok("more after it", format!("{good}{{}}"), nothing()),
        ok("not UTF-8", not_utf8, nothing()),
        ok("brackets without end", "[".repeat(MAX_RESPONSE), nothing()),
        ok("c9: 64 KiB", padded_to(MAX_RESPONSE), credentials(&[UDP], 3600)),
        ok("c9: 64 KiB and a byte", padded_to(MAX_RESPONSE + 1), nothing()),
    ]
}

#[rustfmt::skip]
fn refusals() -> Vec<Row> {
    let forbidden = |errcode, error| Fetched::Forbidden(api_error(403, errcode, error, None));
    let unauthorized = |errcode, error| Fetched::Unauthorized(api_error(401, errcode, error, None));
    let long = format!(
        r#"{{"errcode":"M_FORBIDDEN","error":"{}"}}"#,
        "é".repeat(300)
    );
    vec![
        error("404 by MSC4166", 404, r#"{"errcode":"M_NOT_FOUND","error":"No TURN config set"}"#, no_turn(NoTurn::NotFound)),
        error("404 of a homeserver without the endpoint", 404, r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#, no_turn(NoTurn::NotFound)),
        error("404 of a proxy", 404, "<html>404 Not Found</html>", failed(404, "", "", None)),
        error("404 with another code", 404, r#"{"errcode":"M_UNKNOWN"}"#, failed(404, "M_UNKNOWN", "", None)),
        error("403 to a guest", 403, r#"{"errcode":"M_GUEST_ACCESS_FORBIDDEN","error":"Guest access not allowed"}"#, forbidden("M_GUEST_ACCESS_FORBIDDEN", "Guest access not allowed")),
        error("403 of a proxy", 403, "<html>", forbidden("", "")),
        error("403 with an endless text: the first 256 characters", 403, &long, forbidden("M_FORBIDDEN", &"é".repeat(256))),
        error("403 with members of other types", 403, r#"{"errcode":7,"error":{"a":1}}"#, forbidden("", "")),
        error("401 without a token", 401, r#"{"errcode":"M_MISSING_TOKEN","error":"Missing access token"}"#, unauthorized("M_MISSING_TOKEN", "Missing access token")),
        error("401 after a log-out", 401, r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed.","soft_logout":false}"#, unauthorized("M_UNKNOWN_TOKEN", "Invalid access token passed.")),
        error("401 that a refreshed token mends", 401, r#"{"errcode":"M_UNKNOWN_TOKEN","error":"expired","soft_logout":true}"#, unauthorized("M_UNKNOWN_TOKEN", "expired")),
        error("401 to a locked user", 401, r#"{"errcode":"M_USER_LOCKED","error":"User account has been locked","soft_logout":true}"#, unauthorized("M_USER_LOCKED", "User account has been locked")),
        error("401 of a proxy", 401, "", unauthorized("", "")),
        ("403 with Retry-After", 403, Some(90), br#"{"errcode":"M_FORBIDDEN"}"#.to_vec(), Fetched::Forbidden(api_error(403, "M_FORBIDDEN", "", Some(Duration::from_secs(90))))),
    ]
}

#[rustfmt::skip]
fn failures_that_pass() -> Vec<Row> {
    let secs = |seconds| Some(Duration::from_secs(seconds));
    let body = |wait: &str| format!(r#"{{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":{wait}}}"#);
    vec![
        limited("429 with nothing", None, "", None),
        limited("429 without a wait", None, r#"{"errcode":"M_LIMIT_EXCEEDED"}"#, None),
        limited("429 by the body: Dendrite", None, &body("500"), Some(Duration::from_millis(500))),
        limited("429 by a fraction in the body", None, &body("1500.5"), Some(Duration::from_micros(1_500_500))),
        limited("429 by the header", Some(7), r#"{"errcode":"M_LIMIT_EXCEEDED"}"#, secs(7)),
        limited("c5: the header before the body", Some(7), &body("60000"), secs(7)),
        limited("a header of zero before the body", Some(0), &body("60000"), secs(0)),
        limited("429 of a proxy", Some(7), "<html>Too Many Requests</html>", secs(7)),
        limited("a negative wait in the body", None, &body("-5"), secs(0)),
        limited("an absurd wait in the body", None, &body("1e15"), secs(HOUR)),
        limited("a wait in the body past all clocks", None, &body("1e300"), secs(HOUR)),
        limited("2^64 in the body", None, &body("18446744073709551616"), secs(HOUR)),
        limited("an absurd wait in the header", Some(u64::MAX), "", secs(HOUR)),
        limited("a string in the body", None, &body(r#""500""#), None),
        limited("null in the body", None, &body("null"), None),
        ("500 of a proxy with Retry-After", 500, Some(120), b"<html>Internal Server Error</html>".to_vec(), failed(500, "", "", secs(120))),
        error("503 of a proxy", 503, "<html>", failed(503, "", "", None)),
        error("500 of Synapse", 500, r#"{"errcode":"M_UNKNOWN","error":"Internal server error"}"#, failed(500, "M_UNKNOWN", "Internal server error", None)),
        error("502 without a body", 502, "", failed(502, "", "", None)),
        error("credentials under an error are none", 500, r#"{"username":"u","password":"p","uris":["turn:a"],"ttl":60}"#, failed(500, "", "", None)),
        error("a redirect", 302, "", failed(302, "", "", None)),
        error("not modified", 304, "", failed(304, "", "", None)),
        error("405", 405, r#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#, failed(405, "M_UNRECOGNIZED", "Unrecognized request", None)),
        error("400", 400, r#"{"errcode":"M_UNKNOWN","error":"?"}"#, failed(400, "M_UNKNOWN", "?", None)),
        ("no status that exists", 0, None, vec![], failed(0, "", "", None)),
    ]
}

#[test]
fn every_answer_of_a_homeserver_is_taken_for_what_it_is() {
    let groups = [
        ("good", good_answers()),
        ("uris", lists_of_uris()),
        ("ttl", lifetimes()),
        ("credentials", user_names_and_passwords()),
        ("body", bodies_that_are_no_answer()),
        ("refusal", refusals()),
        ("failure", failures_that_pass()),
    ];
    for (group, rows) in groups {
        for (name, status, retry_after, body, expected) in rows {
            let header = retry_after.map(Duration::from_secs);
            assert_eq!(
                read_response(status, header, &body),
                expected,
                "{group}: {name}"
            );
        }
    }
}

#[test]
fn w4_an_error_with_a_password_in_it_keeps_only_its_code_and_text() {
    let body = br#"{"errcode":"M_UNKNOWN","error":"no","username":"u","password":"hunter2"}"#;
    for status in [200, 400, 401, 403, 404, 429, 500] {
        let fetched = read_response(status, None, body);
        assert!(!format!("{fetched:?}").contains("hunter2"), "{status}");
    }
}

#[test]
fn c8_no_debug_shows_a_password() {
    let hidden = |text: String| {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.contains("hunter3"), "{text}");
    };
    let body = |password: &str| {
        format!(r#"{{"username":"u","password":"{password}","uris":["turn:a"],"ttl":60}}"#)
    };
    let fetched = read_response(200, None, body("hunter2").as_bytes());
    hidden(format!("{fetched:?} {fetched:#?}"));
    let Fetched::Credentials { server, .. } = &fetched else {
        panic!("these are credentials");
    };
    assert_eq!(server.password().expose(), "hunter2");
    hidden(format!("{server:?} {server:#?} {:?}", server.password()));
    let supply = Supply::Ready {
        server: server.clone(),
        expires_at: Timestamp::ZERO,
    };
    hidden(format!("{supply:?} {supply:#?}"));

    let mut refresher = Refresher::new(RefreshConfig::default());
    let mut now = Timestamp::ZERO;
    refresher.handle_watch(now);
    for password in ["hunter2", "hunter3"] {
        let Some(RefreshOutput::Fetch(token)) = refresher.poll_output() else {
            panic!("somebody watches");
        };
        let fetched = read_response(200, None, body(password).as_bytes());
        refresher.handle_fetched(now, &token, fetched);
        // With the credentials in the cache, in what was published and in the queue.
        hidden(format!("{refresher:?} {refresher:#?}"));
        let output = refresher.poll_output();
        hidden(format!("{output:?} {output:#?} {:?}", refresher.supply()));
        now = refresher.poll_timeout().expect("somebody watches");
        refresher.handle_timeout(now);
        hidden(format!("{refresher:?}"));
    }
}
