//! From the command line to a widget in a room, on a small homeserver of the tests' own.

use std::sync::Arc;

use clap::Parser as _;
use serde_json::json;

use super::{Found, HostError, find, room};
use crate::account::tests::Folder;
use crate::account::tests::homeserver::{ALICE, Homeserver, PASSWORD};
use crate::arguments::{self, Arguments, Command};
use crate::event::Reporter;
use crate::terminal::Progress;

const LOBBY: &str = "!lobby:example.org";

/// With two rooms, one of which has widgets.
async fn homeserver() -> Homeserver {
    let homeserver = Homeserver::start().await;
    let widget = |url: &str| json!({ "type": "m.custom", "name": "Notes", "url": url });
    homeserver.add_room(
        LOBBY,
        &[
            ("m.room.name", "", json!({ "name": "Lobby" })),
            (
                "im.vector.modular.widgets",
                "notes",
                widget("https://notes.example/?u=$matrix_user_id&r=$matrix_room_id"),
            ),
            (
                "im.vector.modular.widgets",
                "script",
                widget("javascript:alert(1)"),
            ),
            ("im.vector.modular.widgets", "gone", json!({})),
            (
                "m.widget",
                "stable",
                widget("https://stable.example/#$matrix_widget_id"),
            ),
            ("m.widget", "notes", widget("https://other.example/")),
        ],
    );
    let name = json!({ "name": "Attic" });
    homeserver.add_room("!attic:example.org", &[("m.room.name", "", name)]);
    homeserver
}

fn arguments(homeserver: &Homeserver, folder: &Folder, more: &[&str]) -> arguments::Host {
    let password = folder.file("password", PASSWORD);
    let uri = homeserver.server.uri();
    let account = [
        "widget-turn",
        "host",
        "--homeserver",
        &uri,
        "--user",
        ALICE,
        "--password-file",
        password.to_str().unwrap(),
        "--data",
        folder.0.to_str().unwrap(),
    ];
    let arguments = Arguments::try_parse_from(account.iter().chain(more)).unwrap();
    match arguments.command {
        Command::Host(host) => *host,
        _ => panic!("another command"),
    }
}

async fn found(
    homeserver: &Homeserver,
    folder: &Folder,
    more: &[&str],
) -> Result<Found, HostError> {
    let arguments = arguments(homeserver, folder, more);
    let reporter = Arc::new(Reporter::new(true));
    find(&arguments, &reporter, &Progress::Hidden).await
}

/// Why nothing was found, in the words that the person reads.
async fn refused(homeserver: &Homeserver, more: &[&str]) -> String {
    match found(homeserver, &Folder::new(), more).await {
        Ok(found) => panic!("{} is found", found.widget.id),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_widget_is_found_by_each_kind_of_sync() {
    for (sliding, asked) in [(Some(200), (1, 0)), (None, (0, 1)), (Some(403), (1, 1))] {
        let (homeserver, folder) = (homeserver().await, Folder::new());
        homeserver.with(|state| state.sliding = sliding);
        let named = ["--room", "#lobby:example.org", "--widget", "notes"];
        let found = found(&homeserver, &folder, &named).await.unwrap();
        assert_eq!(found.room.room_id(), LOBBY);
        assert_eq!(
            found.url.as_str(),
            "https://notes.example/?u=%40alice%3Aexample.org&r=!lobby%3Aexample.org"
        );
        assert_eq!(room::name(&found.room).await, "Lobby");
        let sync = homeserver.asked("simplified_msc3575/sync").await.min(1);
        let v2 = homeserver.asked("/v3/sync").await.min(1);
        assert_eq!((sync, v2), asked, "{sliding:?}");
    }
}

#[tokio::test]
async fn a_widget_may_be_any_page() {
    let (homeserver, folder) = (homeserver().await, Folder::new());
    let page = "https://w.example/?u=$matrix_display_name&t=$org.matrix.msc2873.client_theme&l=$matrix_client_language";
    let named = [
        "--room",
        LOBBY,
        "--widget",
        page,
        "--theme",
        "dark",
        "--language",
        "de",
    ];
    let found = found(&homeserver, &folder, &named).await.unwrap();
    assert_eq!(
        found.url.as_str(),
        "https://w.example/?u=%40alice%3Aexample.org&t=dark&l=de",
        "who has no name is called by the id"
    );
}

#[tokio::test]
async fn rooms_and_widgets_are_listed_where_none_is_named() {
    for sliding in [Some(200), None] {
        let (homeserver, folder) = (homeserver().await, Folder::new());
        homeserver.with(|state| state.sliding = sliding);
        let error = found(&homeserver, &folder, &["--json"])
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(matches!(error, HostError::WhichRoom), "{error}");
        let error = found(&homeserver, &folder, &["--json", "--room", LOBBY]).await;
        assert!(matches!(error, Err(HostError::WhichWidget)));

        let named = ["--room", LOBBY, "--widget", "stable"];
        let found = found(&homeserver, &folder, &named).await.unwrap();
        let rows = room::rows(found.account.client()).await;
        let names: Vec<_> = rows.iter().map(|row| (&*row.name, &*row.id)).collect();
        assert_eq!(
            names,
            [("Attic", "!attic:example.org"), ("Lobby", LOBBY)],
            "kept from before"
        );
        let widgets = super::widget::of_room(&found.room).await.unwrap();
        let ids: Vec<_> = widgets.iter().map(|widget| &*widget.id).collect();
        assert_eq!(ids, ["notes", "script", "stable"]);
        assert!(widgets[0].template.starts_with("https://notes.example/"));
        assert_eq!(found.url.as_str(), "https://stable.example/#stable");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_to_do() {
    let homeserver = homeserver().await;
    for (named, expected) in [
        (
            ["--room", "#nowhere:example.org", "--widget", "notes"],
            "there is no room #nowhere:example.org",
        ),
        (
            ["--room", "#elsewhere:example.org", "--widget", "notes"],
            "@alice:example.org is not in #elsewhere:example.org (!elsewhere:example.org): join it",
        ),
        (
            ["--room", "!none:example.org", "--widget", "notes"],
            "or there is no such room",
        ),
        (
            ["--room", LOBBY, "--widget", "none"],
            "has no widget none: it has notes, script, stable",
        ),
        (
            ["--room", "!attic:example.org", "--widget", "none"],
            "has no widget none, nor any other",
        ),
        (["--room", LOBBY, "--widget", "gone"], "has no widget gone"),
        (
            ["--room", LOBBY, "--widget", "script"],
            "its URL is of the scheme javascript",
        ),
    ] {
        let said = refused(&homeserver, &named).await;
        assert!(said.contains(expected), "{said}");
    }
    let said = refused(&homeserver, &["--room", "!attic:example.org"]).await;
    assert!(
        said.contains("has no widgets: give the URL of one by --widget"),
        "{said}"
    );
    homeserver.with(|state| state.rooms.clear());
    let said = refused(&homeserver, &[]).await;
    assert!(said.contains("@alice:example.org is in no room"), "{said}");
}

#[tokio::test]
async fn a_homeserver_that_is_lost_is_told_and_is_back() {
    for sliding in [Some(200), None] {
        let (homeserver, folder) = (homeserver().await, Folder::new());
        homeserver.with(|state| state.sliding = sliding);
        let named = ["--room", LOBBY, "--widget", "notes"];
        let found = found(&homeserver, &folder, &named).await.unwrap();
        let mut outage = found.syncing.outage();
        homeserver.with(|state| state.is_down = true);
        let reason = outage.wait_for(Option::is_some).await.unwrap().clone();
        assert_eq!(reason.as_deref(), Some("status 502"));
        homeserver.with(|state| state.is_down = false);
        outage.wait_for(Option::is_none).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_that_is_ended_elsewhere_ends_the_sync() {
    for sliding in [Some(200), None] {
        let (homeserver, folder) = (homeserver().await, Folder::new());
        homeserver.with(|state| state.sliding = sliding);
        let named = ["--room", LOBBY, "--widget", "notes"];
        let mut found = found(&homeserver, &folder, &named).await.unwrap();
        homeserver.with(|state| state.tokens.clear());
        let error = found.syncing.ended().await.to_string();
        assert!(error.contains("is no longer logged in"), "{error}");
    }
}
