//! Who decides, in which order, and how a person is asked.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "grants/folder.rs"]
mod folder;

use std::sync::Arc;
use std::time::Duration;

use folder::Folder;
use tokio::sync::mpsc;
use tokio::time::timeout;
use widget_turn::{
    Answer, Ask, Deny, Grants, Inquiry, PermissionPolicy, PermissionRequest, Remembered,
    TrustedOriginError, TrustedOrigins, Verdict, VerdictFuture,
};

const A_DAY: Duration = Duration::from_secs(24 * 3600);

fn request(page: &str) -> PermissionRequest {
    let asked = ["m.turn_servers"].into_iter().collect();
    PermissionRequest::new(page.parse().unwrap(), "@alice:example.com", None, asked)
}

fn widget() -> PermissionRequest {
    request("https://widget.example/index.html")
}

fn ask() -> (Ask, mpsc::Receiver<Inquiry>) {
    let (inquiries, prompt) = mpsc::channel(1);
    (Ask::new(inquiries), prompt)
}

fn ask_remembering(grants: &Grants) -> (Ask, mpsc::Receiver<Inquiry>) {
    let (inquiries, prompt) = mpsc::channel(1);
    (Ask::remembering(inquiries, grants.clone()), prompt)
}

async fn decide_with(
    policy: &impl PermissionPolicy,
    prompt: &mut mpsc::Receiver<Inquiry>,
    answer: Answer,
) -> Verdict {
    let request = widget();
    let person = async { prompt.recv().await.unwrap().answer(answer) };
    tokio::join!(policy.decide(&request), person).0
}

/// Says what it is told to.
struct Says(Verdict);

impl PermissionPolicy for Says {
    fn decide<'a>(&'a self, _: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(async { self.0 })
    }
}

/// Must not come to word.
struct Unasked;

impl PermissionPolicy for Unasked {
    fn decide<'a>(&'a self, _: &'a PermissionRequest) -> VerdictFuture<'a> {
        panic!("the one before has decided")
    }
}

#[tokio::test]
async fn the_first_that_decides_has_the_last_word() {
    for decided in [Verdict::Grant, Verdict::Deny] {
        assert_eq!(Says(decided).or(Unasked).decide(&widget()).await, decided);
        let third = Says(Verdict::Undecided)
            .or(Says(Verdict::Undecided))
            .or(Says(decided))
            .or(Unasked);
        assert_eq!(third.decide(&widget()).await, decided);
    }
}

#[tokio::test]
async fn where_nobody_decides_nothing_is_granted() {
    let nobody = Says(Verdict::Undecided).or(Says(Verdict::Undecided));
    let verdict = nobody.decide(&widget()).await;
    assert_eq!(verdict, Verdict::Undecided);
    assert!(!verdict.is_grant());
}

#[tokio::test]
async fn policies_are_put_together_at_run_time() {
    let list: Vec<Box<dyn PermissionPolicy>> = vec![
        Box::new(Says(Verdict::Undecided)),
        Box::new(TrustedOrigins::new(["https://widget.example"]).unwrap()),
    ];
    let policy = list
        .into_iter()
        .reduce(|first, second| Box::new(first.or(second)))
        .unwrap();
    let shared: Arc<dyn PermissionPolicy> = Arc::new(policy.or(Deny));
    assert_eq!(shared.decide(&widget()).await, Verdict::Grant);
    let other = request("https://other.example");
    assert_eq!(shared.decide(&other).await, Verdict::Deny);
}

#[tokio::test]
async fn an_origin_is_trusted_by_scheme_host_and_port() {
    let trusted = TrustedOrigins::new([
        "https://widget.example",
        "http://localhost:8080/",
        "https://b\u{fc}cher.example:443",
    ])
    .unwrap();
    for page in [
        "https://widget.example/a?b#c",
        "https://WIDGET.example:443",
        "https://user@widget.example",
        "http://localhost:8080/w",
        "https://xn--bcher-kva.example",
        "blob:https://widget.example/9115d58c",
    ] {
        assert_eq!(
            trusted.decide(&request(page)).await,
            Verdict::Grant,
            "{page}"
        );
    }
    for page in [
        "http://widget.example",
        "https://widget.example:8443",
        "https://widget.example.evil.test",
        "https://evil.test/https://widget.example",
        "https://widget.example@evil.test",
        "https://sub.widget.example",
        "http://localhost",
        "http://127.0.0.1:8080",
        "data:text/html,https://widget.example",
        "file:///widget.example",
        "about:blank",
    ] {
        assert_eq!(
            trusted.decide(&request(page)).await,
            Verdict::Undecided,
            "{page}"
        );
    }
}

#[test]
fn an_entry_that_is_no_origin_is_refused_with_what_was_expected() {
    for (entry, expected) in [
        ("", "is not a URL"),
        ("null", "is not a URL"),
        ("widget.example", "is not a URL"),
        ("https://", "is not a URL"),
        (
            "widget.example:443",
            "starts with `widget.example:`: expected `https:` or `http:`",
        ),
        ("data:text/html,x", "starts with `data:`"),
        ("file:///", "starts with `file:`"),
        ("blob:https://widget.example/1", "starts with `blob:`"),
        ("*", "is not a URL"),
        ("https://*.example", "has a wildcard"),
        ("https://%2a.example", "has a wildcard"),
        (
            "https://widget.example/a",
            "expected `https://widget.example`",
        ),
        (
            "https://widget.example?a",
            "expected `https://widget.example`",
        ),
        (
            "https://widget.example#a",
            "expected `https://widget.example`",
        ),
        (
            "https://alice:hunter2@widget.example",
            "expected `https://widget.example`",
        ),
    ] {
        let error = TrustedOrigins::new(["https://good.example", entry]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("trusted origin 2 "), "{text}");
        assert!(text.contains(expected), "{entry}: {text}");
        assert!(!format!("{text} {error:?}").contains("hunter2"), "{text}");
    }
}

#[test]
fn an_error_of_the_list_says_which_entry() {
    let error = TrustedOrigins::new(["*://a"]).unwrap_err();
    assert!(
        matches!(error, TrustedOriginError::NotAUrl { position: 1, .. }),
        "{error}"
    );
    assert!(TrustedOrigins::new([""; 0]).is_ok());
}

#[tokio::test]
async fn what_is_remembered_is_granted_until_it_is_taken_back() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let policy = Remembered::new(grants.clone());
    assert_eq!(policy.decide(&widget()).await, Verdict::Undecided);
    grants.remember(&widget()).unwrap();
    assert_eq!(policy.decide(&widget()).await, Verdict::Grant);
    let moved = request("https://moved.example/index.html");
    assert_eq!(policy.decide(&moved).await, Verdict::Undecided);
    let grant = grants.list().unwrap().remove(0);
    grants.revoke(&grant).unwrap();
    assert_eq!(policy.decide(&widget()).await, Verdict::Undecided);
}

#[tokio::test]
async fn a_broken_file_grants_nothing_and_the_person_is_asked() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    std::fs::write(folder.grants(), "{").unwrap();
    let (ask, mut prompt) = ask_remembering(&grants);
    let policy = Remembered::new(grants).or(ask);
    let verdict = decide_with(&policy, &mut prompt, Answer::Always).await;
    // The answer counts, though it cannot be kept.
    assert_eq!(verdict, Verdict::Grant);
    assert_eq!(std::fs::read_to_string(folder.grants()).unwrap(), "{");
}

#[tokio::test]
async fn a_person_answers() {
    let (ask, mut prompt) = ask();
    for (answer, verdict) in [
        (Answer::Once, Verdict::Grant),
        (Answer::Always, Verdict::Grant),
        (Answer::Deny, Verdict::Deny),
    ] {
        assert_eq!(decide_with(&ask, &mut prompt, answer).await, verdict);
    }
}

#[tokio::test]
async fn always_is_remembered_and_the_rest_is_not() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let (ask, mut prompt) = ask_remembering(&grants);
    for answer in [Answer::Once, Answer::Deny] {
        decide_with(&ask, &mut prompt, answer).await;
        assert!(!grants.contains(&widget()).unwrap(), "{answer:?}");
    }
    decide_with(&ask, &mut prompt, Answer::Always).await;
    assert!(grants.contains(&widget()).unwrap());
}

#[tokio::test]
async fn always_is_offered_only_where_it_can_be_kept() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let with_grants = ask_remembering(&grants);
    for ((ask, mut prompt), page, can) in [
        (ask(), "https://widget.example", false),
        (with_grants, "https://widget.example", true),
        (ask_remembering(&grants), "data:text/html,x", false),
    ] {
        let request = request(page);
        let person = async {
            let inquiry = prompt.recv().await.unwrap();
            assert_eq!(inquiry.can_remember(), can, "{page}");
            inquiry.answer(Answer::Always);
        };
        let (verdict, ()) = tokio::join!(ask.decide(&request), person);
        assert_eq!(verdict, Verdict::Grant);
    }
    let origins: Vec<_> = grants
        .list()
        .unwrap()
        .into_iter()
        .map(|grant| grant.origin)
        .collect();
    assert_eq!(origins, ["https://widget.example"]);
}

#[tokio::test]
async fn a_dropped_inquiry_denies() {
    let (ask, mut prompt) = ask();
    let request = widget();
    let person = async { drop(prompt.recv().await) };
    assert_eq!(tokio::join!(ask.decide(&request), person).0, Verdict::Deny);
}

#[tokio::test]
async fn nobody_to_ask_denies() {
    let (ask, prompt) = ask();
    let request = widget();
    // Gone with an inquiry in the channel, and gone before.
    let leaves = async {
        tokio::task::yield_now().await;
        drop(prompt);
    };
    assert_eq!(tokio::join!(ask.decide(&request), leaves).0, Verdict::Deny);
    assert_eq!(ask.or(Unasked).decide(&request).await, Verdict::Deny);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_take_a_day() {
    let (ask, mut prompt) = ask();
    let request = widget();
    let mut decision = ask.decide(&request);
    timeout(A_DAY, &mut decision).await.unwrap_err();
    let inquiry = prompt.recv().await.unwrap();
    timeout(A_DAY, &mut decision).await.unwrap_err();
    inquiry.answer(Answer::Once);
    assert_eq!(decision.await, Verdict::Grant);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_inquiries_waits_and_loses_none() {
    let (ask, mut prompt) = ask();
    let request = widget();
    let mut decisions = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (ask, request) = (ask.clone(), request.clone());
        decisions.spawn(async move { ask.decide(&request).await });
    }
    timeout(A_DAY, decisions.join_next()).await.unwrap_err();
    for _ in 0..3 {
        prompt.recv().await.unwrap().answer(Answer::Once);
    }
    assert_eq!(decisions.join_all().await, [Verdict::Grant; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_inquiry_is_withdrawn_when_the_asker_goes_away_and_not_before() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let (ask, mut prompt) = ask_remembering(&grants);
    let request = widget();
    let mut decision = ask.decide(&request);
    timeout(A_DAY, &mut decision).await.unwrap_err();
    let inquiry = prompt.recv().await.unwrap();
    timeout(A_DAY, inquiry.withdrawn()).await.unwrap_err();
    drop(decision);
    inquiry.withdrawn().await;
    // An answer to a question that nobody asks any more does nothing.
    inquiry.answer(Answer::Always);
    assert_eq!(grants.list().unwrap(), []);
    // The reloaded page asks anew.
    assert_eq!(
        decide_with(&ask, &mut prompt, Answer::Once).await,
        Verdict::Grant
    );
}

#[test]
fn what_talks_to_the_person_may_live_on_another_thread() {
    fn sent<T: Send + Sync + 'static>() {}
    sent::<Inquiry>();
    sent::<Ask>();
    sent::<Remembered>();
    sent::<TrustedOrigins>();
}
