//! What a redacted report does not say, wherever a server puts it.

use redaction::Redaction;

use super::homeservers::{ask, stub};
use super::servers::{Server, challenging, error};
use super::*;

/// All that is printed of a report, as `--redact` leaves it.
fn printed(mut report: Report, redaction: &mut Redaction) -> [String; 4] {
    redaction.redact(&mut report);
    [
        report::text::render(&report),
        output::json_line(&report),
        Board::new(true).round(&report),
        report::prometheus::render(&report),
    ]
}

#[track_caller]
fn assert_hidden(printed: &[String], hidden: &[&str]) {
    for text in printed {
        for name in hidden {
            let there = text.to_ascii_lowercase().contains(name);
            assert!(!there, "{name} in {text}");
        }
    }
}

#[tokio::test]
async fn a_redacted_report_names_nobody() {
    let server = Embedded::start("127.0.0.1:0").await;
    let mut report = check(
        &[format!("turn:{}?transport=udp", server.address)],
        GENEROUS,
    )
    .await;
    let printed = printed(report.clone(), &mut Redaction::default());
    assert_hidden(&printed, &["alice", "example.org", "127.0.0.1", REALM]);
    Redaction::default().redact(&mut report);
    assert_snapshot("redacted", &report);
}

#[tokio::test]
async fn the_words_of_turn_servers_name_nobody() {
    let reason =
        "No @Alice:EXAMPLE.org, ALICE of 203.0.113.9 via [2001:DB8::9]:5 at relay7.example.net";
    let server = Server::udp(challenging(move |request| error(request, 403, reason))).await;
    let report = check(&[server.uri("udp")], GENEROUS).await;
    let printed = printed(report, &mut Redaction::default());
    let hidden = [
        "alice",
        "example.",
        "127.0.0.1",
        "203.0.113.9",
        "db8",
        REALM,
    ];
    assert_hidden(&printed, &hidden);
    assert!(printed[0].contains("refused with 403 No user-1, user-2 of address-"));
}

#[tokio::test]
async fn the_words_of_homeservers_name_nobody() {
    let body = serde_json::json!({
        "errcode": "M_FORBIDDEN",
        "error": "@Bob:Example.org (BOB) of 203.0.113.9 may not, ask admin@example.org",
    });
    let refusing = stub(403, &[], body.to_string()).await;
    let output = Output::parsed(&["--homeserver", "example.org", "--user", "bob", "--redact"]);
    let printed = {
        let report = output.shown(ask(refusing.address).await);
        [report::text::render(&report), output::json_line(&report)]
    };
    assert_hidden(
        &printed,
        &["bob", "example.org", "203.0.113.9", "admin", "127.0.0.1"],
    );
}

#[tokio::test]
async fn a_ttl_that_is_a_text_is_escaped_cut_and_redacted() {
    let server = Embedded::start("127.0.0.1:0").await;
    let body = serde_json::json!({
        "username": USERNAME,
        "password": *SharedSecret::from_text(SECRET).password_of(USERNAME),
        "uris": [format!("turn:{}", server.address)],
        "ttl": format!("\u{9b}31m at 203.0.113.9 {}", "9".repeat(10_000)),
    });
    let stub = stub(200, &[], body.to_string()).await;
    let report = ask(stub.address).await;
    schema::assert_valid(&report);
    let text = report::text::render(&report);
    assert!(text.contains(r"ttl \u{9b}31m at 203.0.113.9"), "{text}");
    assert!(text.len() < 3000, "{text}");
    let json = output::json_line(&report);
    assert!(
        json.contains(r#""ttl":"\u009b31m at 203.0.113.9 9"#),
        "{json}"
    );
    let printed = printed(report, &mut Redaction::default());
    assert_hidden(&printed, &["203.0.113.9"]);
}
