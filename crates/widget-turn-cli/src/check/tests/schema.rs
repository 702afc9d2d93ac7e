//! What `--json` prints is what `docs/check.schema.json` promises.

use super::servers::{Server, challenging, error};
use super::*;

fn schema() -> jsonschema::Validator {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/check.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[track_caller]
pub(super) fn assert_valid(report: &Report) {
    let json = serde_json::to_value(report).unwrap();
    let errors: Vec<_> = schema()
        .iter_errors(&json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{json:#}");
}

#[tokio::test]
async fn reports_are_by_the_schema() {
    let well = Embedded::start("127.0.0.1:0").await;
    let faulty = Server::udp(challenging(|request| error(request, 486, "Quota"))).await;
    let uris = [
        format!("turn:{}", well.address),
        faulty.uri("udp"),
        "turns:127.0.0.1:1024".to_owned(),
        "turns:127.0.0.1:5349?transport=udp".to_owned(),
        "bogus".to_owned(),
    ];
    let mut report = check(&uris, GENEROUS).await;
    assert_valid(&report);
    redaction::Redaction::default().redact(&mut report);
    assert_valid(&report);
    report.homeserver = Some(HomeserverReport {
        name: "example.org".to_owned(),
        status: Some(429),
        errcode: Some("M_LIMIT_EXCEEDED".to_owned()),
        retry_after_seconds: Some(5),
        ..HomeserverReport::default()
    });
    report.credentials = None;
    assert_valid(&report);
}

#[tokio::test]
async fn what_is_found_of_a_homeserver_is_by_the_schema() {
    use super::homeservers::{ask, stub};
    let well = Embedded::start("127.0.0.1:0").await;
    let gives = serde_json::json!({
        "username": USERNAME,
        "password": *SharedSecret::from_text(SECRET).password_of(USERNAME),
        "uris": [format!("turn:{}", well.address), "stun:127.0.0.1:1024", 5],
        "ttl": 3600,
    });
    let limited = r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#;
    for (status, body) in [
        (200, gives.to_string()),
        (200, "{}".into()),
        (429, limited.into()),
    ] {
        let stub = stub(status, &[], body).await;
        let report = ask(stub.address).await;
        assert_eq!(report.homeserver.as_ref().unwrap().status, Some(status));
        assert_valid(&report);
    }
}

#[tokio::test]
async fn the_schema_is_strict() {
    let well = Embedded::start("127.0.0.1:0").await;
    let report = check(&[format!("turn:{}", well.address)], GENEROUS).await;
    let whole = serde_json::to_value(&report).unwrap();
    let schema = schema();
    assert!(schema.is_valid(&whole));
    for pointer in [
        "",
        "/servers/0",
        "/servers/0/addresses/0",
        "/servers/0/addresses/0/steps/0",
        "/credentials",
    ] {
        let mut changed = whole.clone();
        let object = changed
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        object.insert("password".to_owned(), "hunter2".into());
        assert!(
            !schema.is_valid(&changed),
            "an unknown member in {pointer:?}"
        );
    }
}
