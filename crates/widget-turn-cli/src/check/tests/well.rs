use super::*;

fn uri(server: &Embedded, transport: &str) -> String {
    format!("turn:{}?transport={transport}", server.address)
}

#[tokio::test]
async fn a_healthy_server_relays_over_udp_and_tcp_on_both_families() {
    let (v4, v6) = (
        Embedded::start("127.0.0.1:0").await,
        Embedded::start("[::1]:0").await,
    );
    let uris = [
        uri(&v4, "udp"),
        uri(&v4, "tcp"),
        uri(&v6, "udp"),
        uri(&v6, "tcp"),
    ];
    let report = check(&uris, GENEROUS).await;
    assert_eq!(report.exit_code, 0);
    for server in &report.servers {
        let address = &server.addresses[0];
        assert!(address.relays);
        assert_eq!(address.round_trip.unwrap().received, 3);
        assert_eq!(address.realm.as_deref(), Some(REALM));
        assert!(address.relayed_address.is_some() && address.mapped_address.is_some());
    }
    assert_snapshot("healthy", &report);
}

#[tokio::test]
async fn uris_can_be_tried_at_a_time() {
    let server = Embedded::start("127.0.0.1:0").await;
    let uris = [
        uri(&server, "udp"),
        uri(&server, "tcp"),
        uri(&server, "udp"),
    ];
    let mut settings = settings(&uris, GENEROUS);
    settings.parallel = true;
    let report = settings.round().await;
    let tried: Vec<_> = report.servers.iter().map(|server| &server.uri).collect();
    assert_eq!(tried, uris.iter().collect::<Vec<_>>(), "in their order");
    assert_eq!(report.exit_code, 0);
}

#[tokio::test]
async fn a_wrong_secret_is_told_from_expired_credentials() {
    let server = Embedded::start("127.0.0.1:0").await;
    let mut settings = settings(&[uri(&server, "udp")], GENEROUS);
    let Source::Given { password, .. } = &mut settings.source else {
        unreachable!()
    };
    let wrong = SharedSecret::from_text("another secret").password_of(USERNAME);
    *password = Secret::new(wrong.as_str());
    assert_snapshot("wrong-secret", &settings.round().await);

    let Source::Given {
        username: name,
        password,
        ..
    } = &mut settings.source
    else {
        unreachable!()
    };
    "1000000000:@alice:example.org".clone_into(name);
    let right = SharedSecret::from_text(SECRET).password_of(name);
    *password = Secret::new(right.as_str());
    let report = settings.round().await;
    assert_eq!(report.exit_code, 2);
    assert!(
        report
            .credentials
            .as_ref()
            .unwrap()
            .expires_in_seconds
            .unwrap()
            < 0
    );
    let mut report = report;
    // How long ago depends on when this runs.
    report.credentials.as_mut().unwrap().steps.clear();
    assert_snapshot("expired", &report);
}

#[tokio::test]
async fn some_may_fail_and_some_be_skipped() {
    let server = Embedded::start("127.0.0.1:0").await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let uris = [
        uri(&server, "udp"),
        format!("turn:127.0.0.1:{port}?transport=tcp"),
        "turns:turn.example.org?transport=udp".to_owned(),
        "turn:turn.example.org:5060".to_owned(),
        format!("stun:{}", server.address),
    ];
    let report = check(&uris, GENEROUS).await;
    assert_eq!(report.exit_code, 1);
    assert_snapshot("mixed", &report);
}
