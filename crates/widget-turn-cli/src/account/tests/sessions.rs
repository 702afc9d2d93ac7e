//! How sessions begin, are kept, and end.

use serde_json::json;

use super::homeserver::{ALICE, Homeserver};
use super::{Folder, log_in, mode, refused};
use crate::account::login::by_page;
use crate::account::{AccountError, Borrowed, borrow, stranger};
use crate::arguments::Login;

#[tokio::test]
async fn a_second_start_needs_no_password() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let account = log_in(&folder.by_password(&homeserver)).await.unwrap();
    let device = account.client().device_id().unwrap().to_owned();
    assert_eq!(account.user(), ALICE);
    drop(account);

    for login in [
        folder.login(&homeserver),
        // The password is there again, and not needed.
        folder.by_password(&homeserver),
        Login {
            homeserver: None,
            user: None,
            ..folder.login(&homeserver)
        },
    ] {
        let account = log_in(&login).await.unwrap();
        assert_eq!(account.client().device_id().unwrap(), device);
        assert_eq!(account.user(), ALICE);
    }
    assert_eq!(homeserver.with(|state| state.logins), 1);
}

#[tokio::test]
async fn a_session_in_use_lends_its_token_and_nothing_else() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let login = folder.login(&homeserver);
    let account = log_in(&folder.by_password(&homeserver)).await.unwrap();
    let said = refused(&login).await;
    assert!(
        said.contains("another widget-turn uses the session"),
        "{said}"
    );
    let asked = homeserver.asked("").await;
    let borrowed = borrow(&login).map_err(|error| error.to_string()).unwrap();
    assert_eq!(*borrowed.base_url(), account.client().homeserver());
    let token = |borrowed: &Borrowed| borrowed.token().map(|it| it.expose().to_owned());
    assert_eq!(token(&borrowed), account.client().access_token());
    assert_eq!(homeserver.asked("").await, asked, "nothing is renewed");

    let mut session = folder.session();
    session["access_token"] = "renewed".into();
    let file = folder.account().join("session.json");
    std::fs::write(&file, session.to_string()).unwrap();
    assert_eq!(token(&borrowed).as_deref(), Some("renewed"));
    let elsewhere = Login {
        homeserver: Some("other.example".to_owned()),
        ..folder.login(&homeserver)
    };
    let refused = borrow(&elsewhere).map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, AccountError::OtherHomeserver { .. }),
        "{refused}"
    );
    std::fs::remove_file(&file).unwrap();
    assert_eq!(token(&borrowed), None);
    let none_yet = borrow(&login).map(|_| ()).unwrap_err();
    assert!(matches!(none_yet, AccountError::InUse(_)), "{none_yet}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_for_its_owner_only() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    let account = folder.account();
    assert_eq!(mode(&account), Some(0o700));
    assert_eq!(mode(&account.join("store")), Some(0o700));
    assert_eq!(mode(&account.join("session.json")), Some(0o600));
    let store = std::fs::read_dir(account.join("store")).unwrap();
    let modes: Vec<_> = store
        .filter_map(|file| mode(&file.unwrap().path()))
        .collect();
    assert!(!modes.is_empty(), "matrix-sdk's store is there");
    assert!(modes.iter().all(|&mode| mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_nothing_is_kept() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let login = Login {
        password_file: Some(folder.file("password", "canary")),
        ..folder.login(&homeserver)
    };
    let said = refused(&login).await;
    assert!(
        said.contains("refuses this password of @alice:example.org"),
        "{said}"
    );
    assert!(
        said.contains("M_FORBIDDEN") && !said.contains("canary"),
        "{said}"
    );
    assert!(!folder.account().join("session.json").exists());
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_is_ended() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    std::fs::create_dir_all(folder.account().join("session.json.new")).unwrap();
    let said = refused(&folder.by_password(&homeserver)).await;
    assert!(said.contains("cannot use"), "{said}");
    homeserver.with(|state| {
        assert_eq!(state.logins, 1);
        assert!(state.tokens.is_empty(), "nobody could end it");
    });
}

#[tokio::test]
async fn a_secret_that_is_too_long_is_told_and_not_cut() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let login = Login {
        password_file: Some(folder.file("password", &"canary".repeat(20_000))),
        ..folder.login(&homeserver)
    };
    let said = refused(&login).await;
    assert!(
        said.contains("longer than 64 KiB") && !said.contains("canary"),
        "{said}"
    );
    let said = refused(&folder.by_token(&homeserver, &"canary".repeat(20_000))).await;
    assert!(said.contains("longer than 64 KiB"), "{said}");
    assert_eq!(homeserver.asked("").await, 0);
}

#[tokio::test]
async fn a_limit_on_logins_is_told_with_its_pause() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let limit = json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "slow", "retry_after_ms": 29_500 });
    homeserver.with(|state| state.login_answer = Some((429, limit)));
    let said = refused(&folder.by_password(&homeserver)).await;
    assert!(said.contains("a pause of 30 s"), "{said}");
    assert_eq!(homeserver.asked("/login").await, 2, "its ways, and one try");
}

#[tokio::test]
async fn without_a_terminal_the_way_to_give_a_password_is_told() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    homeserver.with(|state| state.ways = vec!["m.login.password"]);
    // Where the tests run on a terminal, it would ask.
    if !crate::terminal::is_interactive() {
        let said = refused(&folder.login(&homeserver)).await;
        assert!(
            said.contains("--password-file") && said.contains("--token-file"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn ways_to_log_in_that_are_not_known_are_named() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    homeserver.with(|state| state.ways = vec!["org.example.riddle"]);
    let said = refused(&folder.login(&homeserver)).await;
    assert!(said.contains("org.example.riddle"), "{said}");
    homeserver.with(|state| state.ways = vec!["m.login.sso"]);
    let said = refused(&folder.by_password(&homeserver)).await;
    assert!(said.contains("does not take passwords"), "{said}");
}

#[tokio::test]
async fn a_log_in_on_the_homeservers_page_leads_back_with_a_token() {
    let homeserver = Homeserver::start().await;
    let base_url = homeserver.server.uri().parse().unwrap();
    let client = stranger(&base_url).await.unwrap();
    let token = by_page(&client, |url| {
        let url: url::Url = url.parse().unwrap();
        assert_eq!(url.path(), "/_matrix/client/v3/login/sso/redirect");
        let (_, back) = url
            .query_pairs()
            .find(|(name, _)| name == "redirectUrl")
            .unwrap();
        let back = format!("{back}?loginToken=one%2Dtime");
        tokio::spawn(async move { reqwest::get(back).await.unwrap() });
    });
    assert_eq!(token.await.unwrap(), "one-time");
    let token = by_page(&client, |url| {
        let url: url::Url = url.parse().unwrap();
        let (_, back) = url
            .query_pairs()
            .find(|(name, _)| name == "redirectUrl")
            .unwrap();
        let back = back.into_owned();
        tokio::spawn(async move { reqwest::get(back).await.unwrap() });
    });
    assert!(
        token
            .await
            .unwrap_err()
            .to_string()
            .contains("without a token")
    );
}

#[tokio::test]
async fn a_token_tells_whose_it_is() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let of = |user: &str, device: &str| (user.to_owned(), device.to_owned());
    homeserver.with(|state| {
        state.tokens.insert("syt_given".into(), of(ALICE, "GIVEN"));
        state.tokens.insert("syt_again".into(), of(ALICE, "GIVEN"));
        state.tokens.insert("syt_other".into(), of(ALICE, "OTHER"));
        state
            .tokens
            .insert("syt_bob".into(), of("@bob:example.org", "BOB"));
        state.tokens.insert("syt_service".into(), of(ALICE, ""));
    });
    for token in ["syt_given", "syt_again"] {
        let login = Login {
            user: None,
            ..folder.by_token(&homeserver, token)
        };
        let account = log_in(&login).await.unwrap();
        assert_eq!(account.user(), ALICE);
        assert_eq!(account.client().device_id().unwrap(), "GIVEN");
        assert_eq!(folder.session()["access_token"], token);
    }
    let again = log_in(&folder.login(&homeserver)).await.unwrap();
    assert_eq!(again.client().device_id().unwrap(), "GIVEN", "it is kept");
    drop(again);
    for (token, expected) in [
        ("syt_other", "of the device OTHER"),
        (
            "syt_bob",
            "an account of @bob:example.org, not of @alice:example.org",
        ),
        ("syt_service", "belongs to no device"),
        ("syt_none", "does not know this access token"),
        ("not one", "holds a blank"),
    ] {
        let said = refused(&folder.by_token(&homeserver, token)).await;
        assert!(said.contains(expected), "{token}: {said}");
        assert!(!said.contains(token), "{said}");
    }
    assert_eq!(folder.session()["access_token"], "syt_again");
}

#[tokio::test]
async fn a_device_that_another_program_encrypts_for_is_left_alone() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    homeserver.with(|state| {
        let who = (ALICE.to_owned(), "GIVEN".to_owned());
        state.tokens.insert("syt_given".into(), who);
        state.signing_key = Some("A".repeat(43));
    });
    let login = folder.by_token(&homeserver, "syt_given");
    let said = refused(&login).await;
    assert!(
        said.contains("another program encrypts for the device GIVEN"),
        "{said}"
    );
    let said = refused(&folder.login(&homeserver)).await;
    assert!(!said.contains("GIVEN"), "nothing is kept: {said}");

    homeserver.with(|state| state.signing_key = None);
    let account = log_in(&login).await.unwrap();
    let ours = account.client().encryption().ed25519_key().await;
    drop(account);
    homeserver.with(|state| state.signing_key = ours);
    log_in(&folder.login(&homeserver)).await.unwrap();

    homeserver.with(|state| state.signing_key = Some("A".repeat(43)));
    let said = refused(&folder.login(&homeserver)).await;
    assert!(said.contains("widget-turn logout"), "{said}");
}

#[tokio::test]
async fn new_tokens_are_kept_when_they_come() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    assert_eq!(folder.session()["refresh_token"], "first-refresh");
    homeserver.with(|state| state.expired.push("syt_1".into()));
    log_in(&folder.login(&homeserver)).await.unwrap();
    let session = folder.session();
    assert_eq!(session["access_token"], "refreshed-1");
    assert_eq!(session["refresh_token"], "next-refresh");
    let asked = homeserver.asked("/refresh").await;
    log_in(&folder.login(&homeserver)).await.unwrap();
    assert_eq!(homeserver.asked("/refresh").await, asked, "it is good");
}

#[tokio::test]
async fn a_session_that_the_homeserver_forgot_is_told_with_what_to_do() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    homeserver.with(|state| state.tokens.clear());
    let said = refused(&folder.by_password(&homeserver)).await;
    assert!(
        said.contains("M_UNKNOWN_TOKEN") && said.contains("widget-turn logout"),
        "{said}"
    );
    let done = folder.log_out(None).await.unwrap();
    assert_eq!(done.left, None, "there was nothing to end");
    log_in(&folder.by_password(&homeserver)).await.unwrap();
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_wipes_it() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    let done = folder.log_out(None).await.unwrap();
    assert_eq!((done.user.as_str(), done.left), (ALICE, None));
    assert!(homeserver.with(|state| state.tokens.is_empty()));
    assert!(!folder.account().exists());
    let error = folder.log_out(Some(ALICE)).await.map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no session of @alice:example.org is kept"
    );
    let error = folder.log_out(None).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no session is kept"));
}

#[tokio::test]
async fn a_log_out_without_the_homeserver_wipes_all_the_same_and_says_so() {
    let folder = Folder::new();
    {
        let homeserver = Homeserver::start().await;
        log_in(&folder.by_password(&homeserver)).await.unwrap();
        // wiremock keeps its servers for other tests: what is asked of it now is answered 404.
        homeserver.server.reset().await;
        let done = folder.log_out(Some(ALICE)).await.unwrap();
        let left = done.left.unwrap();
        assert_eq!(left.device.unwrap(), "DEVICE1");
    }
    assert!(!folder.account().exists());
}

#[tokio::test]
async fn a_session_is_used_by_one_at_a_time() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let account = log_in(&folder.by_password(&homeserver)).await.unwrap();
    let said = refused(&folder.login(&homeserver)).await;
    assert!(
        said.contains("another widget-turn uses the session"),
        "{said}"
    );
    drop(account);
    log_in(&folder.login(&homeserver)).await.unwrap();
}

#[tokio::test]
async fn a_token_goes_to_no_other_homeserver_than_its_own() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    let other = Homeserver::start().await;
    let said = refused(&folder.login(&other)).await;
    assert!(
        said.contains("is with") && said.contains("--data"),
        "{said}"
    );
    assert_eq!(other.asked("").await, 0);
}

#[tokio::test]
async fn a_broken_session_file_is_told_without_its_secrets_and_can_be_wiped() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    let file = folder.account().join("session.json");
    for text in [
        "{\"version\":1,\"access_token\":\"canary\"",
        "\"canary\"",
        "{\"version\":2}",
        "",
    ] {
        std::fs::write(&file, text).unwrap();
        let said = refused(&folder.login(&homeserver)).await;
        assert!(
            said.contains("holds no session") && said.contains("logout"),
            "{said}"
        );
        assert!(!said.contains("canary"), "{said}");
    }
    assert!(folder.log_out(None).await.unwrap().left.is_some());
    assert!(!folder.account().exists());
}

#[tokio::test]
async fn an_account_must_be_named_where_none_or_several_are_kept() {
    let (homeserver, folder) = (Homeserver::start().await, Folder::new());
    let nobody = Login {
        user: None,
        ..folder.login(&homeserver)
    };
    assert!(refused(&nobody).await.contains("--user"));
    log_in(&folder.by_password(&homeserver)).await.unwrap();
    homeserver.with(|state| {
        let bob = ("@bob:example.org".to_owned(), "BOB".to_owned());
        state.tokens.insert("syt_bob".into(), bob);
    });
    let bob = Login {
        user: Some("@bob:example.org".into()),
        ..folder.by_token(&homeserver, "syt_bob")
    };
    log_in(&bob).await.unwrap();
    let said = refused(&nobody).await;
    assert!(
        said.contains("@alice:example.org, @bob:example.org"),
        "{said}"
    );
    let wrong = Login {
        user: Some("alice".into()),
        ..folder.login(&homeserver)
    };
    assert!(
        refused(&wrong)
            .await
            .contains("expected --user @name:server")
    );
}
