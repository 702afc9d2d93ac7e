//! What is said of servers once the credentials have expired, by clocks that the test moves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stun_types::attribute::Username;
use stun_types::message::Message;
use turn_types::attribute::Lifetime;
use turn_types::message::{ALLOCATE, CREATE_PERMISSION, REFRESH};

use super::servers::{Server, challenging, error, granted, key_of};
use super::*;
use crate::credentials::expiry_of;
use report::expiry::CheckedOn;

/// Says what time it is, and jumps beyond every expiry once the check waits for it.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

/// The expiry in [`USERNAME`].
const EXPIRY: u64 = 4_102_444_800;

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(EXPIRY - 600)))
    }

    fn clock(&self) -> UnixClock {
        let now = self.0.clone();
        Arc::new(move || now.load(Ordering::SeqCst))
    }

    fn progress(&self) -> Progress {
        let now = self.0.clone();
        Progress::Told(Arc::new(move |line| {
            if line == "waiting for the credentials to expire … 10 min left" {
                now.store(EXPIRY + 60, Ordering::SeqCst);
            }
        }))
    }

    fn settings(&self, uris: &[String]) -> Settings {
        let mut settings = settings(uris, GENEROUS);
        settings.expect_expiry = true;
        settings.clock = self.clock();
        settings.progress = self.progress();
        settings
    }

    async fn check(&self, uris: &[String]) -> Report {
        let report = self.settings(uris).round().await;
        schema::assert_valid(&report);
        report
    }

    /// The demo's TURN server, by this clock.
    async fn embedded(&self, address: &str) -> Embedded {
        let secret = SharedSecret::from_text(SECRET);
        let address = address.parse().unwrap();
        let server = TurnServer::bind_with_clock(address, REALM, secret, self.clock());
        Embedded::serving(server.await.unwrap())
    }

    /// A server that refuses what `refuses` says to names that have expired, with this code. No peer is permitted at
    /// first, so that nothing needs to be relayed.
    async fn server(
        &self,
        code: u16,
        refuses: impl Fn(&Message<'_>) -> bool + Send + 'static,
    ) -> Server {
        let now = self.clock();
        let first = AtomicBool::new(true);
        let answer = move |request: &Message<'_>| {
            let username = request.attribute::<Username>().unwrap();
            let username = username.username();
            if request.has_method(CREATE_PERMISSION) && first.swap(false, Ordering::SeqCst) {
                return error(request, 403, "Forbidden");
            }
            let expired = expiry_of(username).is_some_and(|expiry| expiry < now());
            if refuses(request) && expired {
                return error(request, code, "Bad Request");
            }
            let relay = "127.0.0.1:49160".parse().unwrap();
            granted(request, relay, Some(&key_of(username)))
        };
        Server::udp(challenging(answer)).await
    }
}

fn verdicts(report: &Report) -> Vec<CheckedOn> {
    let addresses = report.servers.iter().flat_map(|server| &server.addresses);
    addresses
        .filter_map(|address| address.expiry.as_ref())
        .map(|expiry| expiry.checked_on)
        .collect()
}

#[tokio::test]
async fn a_server_that_checks_the_expiry_on_allocation_only_is_told() {
    let clock = Clock::new();
    let (v4, v6) = (
        clock.embedded("127.0.0.1:0").await,
        clock.embedded("[::1]:0").await,
    );
    let uris = [
        format!("turn:{}?transport=udp", v4.address),
        format!("turn:{}?transport=tcp", v4.address),
        format!("turn:{}?transport=udp", v6.address),
    ];
    let mut report = clock.check(&uris).await;
    assert_eq!(report.exit_code, 0);
    assert_eq!(verdicts(&report), [CheckedOn::Allocation; 3]);
    assert_snapshot("expiry-allocation", &report);
    redaction::Redaction::default().redact(&mut report);
    schema::assert_valid(&report);
    assert_snapshot("expiry-redacted", &report);
}

#[tokio::test]
async fn a_server_that_checks_the_expiry_on_every_request_is_told() {
    let clock = Clock::new();
    let server = clock.server(400, |_| true).await;
    let report = clock.check(&[server.uri("udp")]).await;
    assert_eq!(report.exit_code, 0);
    assert_eq!(verdicts(&report), [CheckedOn::EveryRequest]);
    assert_snapshot("expiry-every-request", &report);
}

#[tokio::test]
async fn servers_of_different_families_are_told_apart() {
    let clock = Clock::new();
    let (some, never) = (
        clock.server(401, |it| it.has_method(ALLOCATE) || it.has_method(REFRESH)),
        clock.server(401, |_| false),
    );
    let (some, never) = tokio::join!(some, never);
    let uris = [some.uri("udp"), never.uri("udp")];
    let report = clock.check(&uris).await;
    assert_eq!(
        verdicts(&report),
        [CheckedOn::SomeRequests, CheckedOn::Never]
    );
    assert_snapshot("expiry-mixed", &report);
}

#[tokio::test]
async fn what_a_server_does_not_let_expired_credentials_delete_fresh_ones_do() {
    let clock = Clock::new();
    let server = clock.server(400, |_| true).await;
    let mut settings = clock.settings(&[]);
    settings.source = Source::Minted {
        uris: vec![server.uri("udp")],
        secret: SharedSecret::from_text(SECRET),
        user: "@alice:example.org".to_owned(),
        ttl: Duration::from_secs(600),
    };
    let report = settings.round().await;
    assert_eq!(verdicts(&report), [CheckedOn::EveryRequest]);
    let expiry = report.servers[0].addresses[0].expiry.as_ref().unwrap();
    let deleted = expiry.steps.last().unwrap();
    assert_eq!(
        (deleted.name, deleted.outcome, deleted.detail.as_deref()),
        (StepName::Delete, Outcome::Ok, Some("by fresh credentials"))
    );
}

#[tokio::test]
async fn credentials_that_do_not_expire_in_time_are_not_waited_for() {
    let clock = Clock::new();
    let server = clock.server(401, |_| true).await;
    let mut settings = clock.settings(&[server.uri("udp")]);
    clock.0.store(EXPIRY + 1, Ordering::SeqCst);
    let expired = settings.round().await;
    let Source::Given { username, .. } = &mut settings.source else {
        unreachable!()
    };
    "alice".clone_into(username);
    let forever = settings.round().await;
    for (report, why) in [
        (
            expired,
            "they expired before a relay could be held until then",
        ),
        (forever, "they never expire: there is no expiry to wait for"),
    ] {
        let steps = report.credentials.unwrap().steps;
        assert_eq!(steps.last().unwrap().detail.as_deref(), Some(why));
        assert!(
            report.servers[0]
                .addresses
                .iter()
                .all(|it| it.expiry.is_none())
        );
    }
}

#[tokio::test]
async fn after_ctrl_c_while_it_waits_every_relay_is_deleted() {
    let clock = Clock::new();
    let relays = Arc::new(AtomicU64::new(0));
    let count = relays.clone();
    let server = clock
        .server(401, move |request| {
            // It is asked of what is granted; nothing is refused.
            let deletes = request
                .attribute::<Lifetime>()
                .is_ok_and(|it| it.seconds() == 0);
            match request.has_method(ALLOCATE) {
                true => _ = count.fetch_add(1, Ordering::SeqCst),
                false if deletes => _ = count.fetch_sub(1, Ordering::SeqCst),
                false => {}
            }
            false
        })
        .await;
    let (interrupt, interrupted) = channel(false);
    let mut settings = clock.settings(&[server.uri("udp")]);
    settings.interrupted = interrupted;
    let held = relays.clone();
    let still = Arc::new(AtomicU64::new(0));
    let seen = still.clone();
    settings.progress = Progress::Told(Arc::new(move |line| {
        if line.starts_with("waiting for the credentials") {
            seen.store(held.load(Ordering::SeqCst), Ordering::SeqCst);
            interrupt.send_replace(true);
        }
    }));
    let report = settings.round().await;
    assert!(report.interrupted);
    assert_eq!(still.load(Ordering::SeqCst), 1, "one relay was held");
    assert_eq!(relays.load(Ordering::SeqCst), 0, "and none is left");
    assert!(report.servers[0].addresses[0].expiry.is_none());
}
