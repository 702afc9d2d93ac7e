//! One feed for many watchers, on tokio's paused clock.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use widget_turn::{
    Failure, FeedConfig, Fetched, NoTurn, Secret, Supply, TurnFeed, TurnServer, TurnSource,
    Unavailable,
};

/// Answers what it was told to, in order, the last one for ever; counts and times the requests.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Fetched>>>,
    latency: Duration,
    asked: Arc<Mutex<Vec<Instant>>>,
    in_flight: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Fetched>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl TurnSource for Scripted {
    async fn fetch(&self) -> Fetched {
        self.asked.lock().unwrap().push(Instant::now());
        assert_eq!(
            self.in_flight.fetch_add(1, Ordering::SeqCst),
            0,
            "C5: one request in flight"
        );
        tokio::time::sleep(self.latency).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.pop_front().expect("the script has an answer");
        if answers.is_empty() {
            answers.push_back(answer.clone());
        }
        answer
    }
}

fn credentials(username: &str, ttl: u64) -> Fetched {
    let uris = ["turn:turn.example.com".to_owned()];
    Fetched::Credentials {
        server: TurnServer::new(uris, username, Secret::new("p")).unwrap(),
        ttl: Duration::from_secs(ttl),
    }
}

fn username(supply: &Supply) -> &str {
    match supply {
        Supply::Ready { server, .. } => server.username(),
        other => panic!("expected credentials, got {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn c1_a_thousand_watchers_cost_one_request_and_later_ones_get_the_cached_value_at_once() {
    let source = Scripted::new([credentials("a", 3600)]);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watches: Vec<_> = (0..1000).map(|_| feed.watch()).collect();
    for watch in &mut watches {
        assert_eq!(username(&watch.changed().await), "a");
    }
    assert_eq!(username(&feed.watch().current()), "a");
    assert_eq!(source.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn c2_c3_credentials_are_refreshed_before_they_expire_for_days() {
    let source = Scripted::new((0..100).map(|n| credentials(&n.to_string(), 3600)));
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watch = feed.watch();
    let mut supply = watch.changed().await;
    for n in 0..72 {
        assert_eq!(username(&supply), n.to_string());
        let Supply::Ready { expires_at, .. } = supply else {
            unreachable!()
        };
        supply = watch.changed().await;
        let left = expires_at - feed.now();
        assert!(
            left >= Duration::from_secs(720),
            "refresh {n} came {left:?} before the expiry"
        );
        assert!(
            left <= Duration::from_secs(1081),
            "refresh {n} came {left:?} before the expiry"
        );
    }
    assert_eq!(source.asked(), 73);
}

#[tokio::test(start_paused = true)]
async fn c2_with_an_interval_without_end_nothing_is_refreshed_and_the_feed_goes_on() {
    let source = Scripted::new([credentials("a", 3600)]);
    let config = FeedConfig {
        min_interval: Duration::MAX,
        ..FeedConfig::default()
    };
    let feed = TurnFeed::new(source.clone(), config);
    let mut watch = feed.watch();
    assert_eq!(username(&watch.changed().await), "a");
    assert_eq!(watch.changed().await, Supply::Pending, "they have expired");
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(source.asked(), 1);
    assert_eq!(Arc::strong_count(&source.asked), 2, "the feed still runs");
}

#[tokio::test(start_paused = true)]
async fn c7_nothing_is_fetched_while_nobody_watches_and_the_cache_stays() {
    let source = Scripted::new([credentials("a", 3600), credentials("b", 3600)]);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watch = feed.watch();
    watch.changed().await;
    drop(watch);
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert_eq!(username(&feed.watch().current()), "a", "still valid");
    assert_eq!(source.asked(), 1);

    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(source.asked(), 1);
    let mut watch = feed.watch();
    assert_eq!(
        watch.current(),
        Supply::Pending,
        "expired credentials are never given out"
    );
    assert_eq!(username(&watch.changed().await), "b");
}

#[tokio::test(start_paused = true)]
async fn c4_wake_tries_again_at_once_after_failures() {
    let failed = || Fetched::Failed(Failure::default());
    let source = Scripted::new([
        failed(),
        failed(),
        failed(),
        failed(),
        credentials("a", 3600),
    ]);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watch = feed.watch();
    assert_eq!(watch.changed().await, Supply::Outage);
    while source.asked() < 4 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    feed.wake();
    let woken = Instant::now();
    assert_eq!(username(&watch.changed().await), "a");
    assert!(
        woken.elapsed() <= Duration::from_secs(5),
        "{:?}",
        woken.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn c7_sign_out_wipes_and_drops_the_request_in_flight() {
    let mut source = Scripted::new([credentials("a", 3600)]);
    source.latency = Duration::from_secs(5);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watch = feed.watch();
    tokio::time::sleep(Duration::from_secs(1)).await;
    feed.sign_out();
    assert_eq!(
        watch.changed().await,
        Supply::Unavailable(Unavailable::SignedOut)
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        feed.watch().current(),
        Supply::Unavailable(Unavailable::SignedOut)
    );
    assert_eq!(source.asked(), 1);
    assert_eq!(
        source.in_flight.load(Ordering::SeqCst),
        1,
        "it never came to its end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_given_up_and_asked_again() {
    struct Hanging(AtomicUsize);
    impl TurnSource for Hanging {
        async fn fetch(&self) -> Fetched {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
                std::future::pending::<()>().await;
            }
            credentials("a", 3600)
        }
    }
    let feed = TurnFeed::new(Hanging(AtomicUsize::new(0)), FeedConfig::default());
    let mut watch = feed.watch();
    assert_eq!(watch.changed().await, Supply::Outage);
    assert_eq!(username(&watch.changed().await), "a");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_a_failure_and_is_asked_again() {
    struct Panicking(AtomicUsize);
    impl TurnSource for Panicking {
        async fn fetch(&self) -> Fetched {
            assert!(
                self.0.fetch_add(1, Ordering::SeqCst) > 0,
                "a fault of the source"
            );
            credentials("a", 3600)
        }
    }
    let feed = TurnFeed::new(Panicking(AtomicUsize::new(0)), FeedConfig::default());
    let mut watch = feed.watch();
    assert_eq!(watch.changed().await, Supply::Outage);
    assert_eq!(username(&watch.changed().await), "a");
}

#[tokio::test(start_paused = true)]
async fn c6_no_turn_is_asked_again_every_hour() {
    let source = Scripted::new([Fetched::NoTurn(NoTurn::EmptyObject)]);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let mut watch = feed.watch();
    assert_eq!(
        watch.changed().await,
        Supply::Unavailable(Unavailable::NoTurn(NoTurn::EmptyObject))
    );
    tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
    let asked = source.asked();
    assert!((9..=13).contains(&asked), "{asked} requests in ten hours");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_end_ends_the_task_and_the_request_in_flight() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let mut source = Scripted::new([credentials("a", 3600)]);
    source.latency = Duration::from_secs(5);
    let feed = TurnFeed::new(source.clone(), FeedConfig::default());
    let watch = feed.watch();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tasks(), before + 2, "the feed's and the request's");
    drop(feed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tasks(), before + 2, "somebody still watches");
    drop(watch);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tasks(), before);
}
