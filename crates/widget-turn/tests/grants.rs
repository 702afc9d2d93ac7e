//! What is remembered, for whom, and what becomes of the file.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "grants/folder.rs"]
mod folder;

use std::fs;
use std::path::Path;
use std::thread;

use folder::Folder;
use widget_turn::{Grantee, Grants, GrantsError, PermissionRequest, TurnCapability};

fn request(page: &str) -> PermissionRequest {
    let asked = [TurnCapability::UNSTABLE].into_iter().collect();
    PermissionRequest::new(page.parse().unwrap(), "@alice:example.com", None, asked)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Writes `text` as this crate would: closed to others.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    set_mode(path, 0o600);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

#[test]
fn a_grant_is_bound_to_origin_account_and_room() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let mut granted = request("https://example.org/widget?theme=dark");
    granted.room = Some("!room:example.com".into());
    grants.remember(&granted).unwrap();
    assert!(grants.contains(&granted).unwrap());

    for page in [
        "https://example.org.evil.test",
        "http://example.org",
        "https://example.org:8443",
        "https://www.example.org",
        "https://ex\u{430}mple.org",
    ] {
        let mut other = granted.clone();
        other.origin = page.parse().unwrap();
        assert!(!grants.contains(&other).unwrap(), "{page}");
    }
    let mut other = granted.clone();
    other.account = "@bob:example.com".into();
    assert!(!grants.contains(&other).unwrap());
    for room in [None, Some("!other:example.com".into()), Some(String::new())] {
        let mut other = granted.clone();
        other.room = room;
        assert!(!grants.contains(&other).unwrap(), "{:?}", other.room);
    }
}

#[test]
fn a_grant_for_no_room_is_not_one_for_every_room() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let granted = request("https://example.org");
    grants.remember(&granted).unwrap();
    let mut in_a_room = granted;
    in_a_room.room = Some("!room:example.com".into());
    assert!(!grants.contains(&in_a_room).unwrap());
}

#[test]
fn a_grant_holds_under_both_names_of_the_capability_and_for_no_other() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let mut asked = request("https://example.org");
    grants.remember(&asked).unwrap();
    asked.capability = [TurnCapability::STABLE].into_iter().collect();
    assert!(grants.contains(&asked).unwrap());
    asked.capability = TurnCapability::default();
    assert!(!grants.contains(&asked).unwrap());

    let text = fs::read_to_string(folder.grants()).unwrap();
    write(
        &folder.grants(),
        &text.replace("m.turn_servers", "m.sticker"),
    );
    assert!(!grants.contains(&request("https://example.org")).unwrap());
    assert_eq!(grants.list().unwrap()[0].capability, "m.sticker");
}

#[test]
fn any_capability_is_remembered_by_its_own_name() {
    const READ: &str = "org.matrix.msc2762.receive.event:m.room.message";
    const SEND: &str = "org.matrix.msc2762.send.event:m.room.message";
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let turn = request("https://example.org");
    let widget = Grantee::from(&turn);
    grants
        .grant(&widget, [READ, TurnCapability::UNSTABLE, READ])
        .unwrap();
    grants.grant(&widget, [TurnCapability::STABLE]).unwrap();
    let listed: Vec<_> = grants
        .list()
        .unwrap()
        .into_iter()
        .map(|grant| grant.capability)
        .collect();
    assert_eq!(listed, [READ, TurnCapability::STABLE]);

    let asked = [
        TurnCapability::STABLE,
        SEND,
        READ,
        TurnCapability::UNSTABLE,
        "",
    ];
    let granted = [TurnCapability::STABLE, READ, TurnCapability::UNSTABLE];
    assert_eq!(grants.granted(&widget, asked).unwrap(), granted);
    assert!(grants.contains(&turn).unwrap());
    let mut elsewhere = widget;
    elsewhere.room = Some("!room:example.com".into());
    assert!(grants.granted(&elsewhere, asked).unwrap().is_empty());
}

#[test]
fn all_that_an_origin_has_is_taken_back_at_once() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let mut widget = Grantee::from(&request("https://example.org"));
    grants
        .grant(&widget, ["m.turn_servers", "m.sticker"])
        .unwrap();
    widget.room = Some("!room:example.com".into());
    grants.grant(&widget, ["m.sticker"]).unwrap();
    let other = request("https://example.org:8443");
    grants.remember(&other).unwrap();

    assert_eq!(grants.revoke_all(&widget.origin).unwrap(), 3);
    assert_eq!(grants.revoke_all(&widget.origin).unwrap(), 0);
    assert!(grants.contains(&other).unwrap());
    assert_eq!(grants.list().unwrap().len(), 1);
}

#[test]
fn asking_for_nothing_leaves_nothing_to_remember() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let mut nothing = request("https://example.org");
    nothing.capability = TurnCapability::default();
    grants.remember(&nothing).unwrap();
    assert_eq!(grants.list().unwrap(), []);
}

#[test]
fn an_opaque_origin_is_never_remembered() {
    let folder = Folder::new();
    let grants = Grants::open(folder.grants()).unwrap();
    let page = request("data:text/html,hello");
    let error = grants.remember(&page).unwrap_err();
    assert!(matches!(error, GrantsError::OpaqueOrigin));
    let error = grants
        .grant(&Grantee::from(&page), ["m.sticker"])
        .unwrap_err();
    assert!(matches!(error, GrantsError::OpaqueOrigin));
    // Not even where the file says so.
    let text = r#"{"version":1,"grants":[
        {"origin":"null","account":"@alice:example.com","capability":"m.turn_servers"}]}"#;
    write(&folder.grants(), text);
    assert!(!grants.contains(&page).unwrap());
}

#[test]
fn grants_outlive_the_process_and_keep_their_order() {
    let folder = Folder::new();
    let path = folder.path.join("new/folders/grants.json");
    let pages = [
        "https://b.example",
        "https://a.example",
        "https://c.example",
    ];
    for page in pages {
        Grants::open(&path)
            .unwrap()
            .remember(&request(page))
            .unwrap();
    }
    let listed = Grants::open(&path).unwrap().list().unwrap();
    let origins: Vec<_> = listed.iter().map(|grant| grant.origin.as_str()).collect();
    assert_eq!(origins, pages);
    assert_eq!(files(path.parent().unwrap()), ["grants.json"]);
}

#[test]
fn what_is_revoked_elsewhere_is_revoked_here() {
    let folder = Folder::new();
    let here = Grants::open(folder.grants()).unwrap();
    let elsewhere = Grants::open(folder.grants()).unwrap();
    let (one, two) = (
        request("https://one.example"),
        request("https://two.example"),
    );
    here.remember(&one).unwrap();
    here.remember(&two).unwrap();

    let grant = elsewhere.list().unwrap().remove(0);
    assert!(elsewhere.revoke(&grant).unwrap());
    assert!(!here.contains(&one).unwrap());
    // Nor does the next write bring it back.
    here.remember(&request("https://three.example")).unwrap();
    assert!(!here.contains(&one).unwrap());
    assert!(elsewhere.contains(&two).unwrap());
    assert!(!elsewhere.revoke(&grant).unwrap());
}

#[test]
fn writers_at_the_same_time_lose_nothing_and_readers_see_whole_files() {
    let folder = Folder::new();
    let path = folder.grants();
    thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                // Opened by itself, as in a process of its own: they share the file and nothing else.
                let grants = Grants::open(path).unwrap();
                for page in 0..10 {
                    let page = request(&format!("https://w{writer}-p{page}.example"));
                    grants.remember(&page).unwrap();
                    assert!(grants.contains(&page).unwrap());
                }
            });
        }
    });
    assert_eq!(Grants::open(&path).unwrap().list().unwrap().len(), 40);
    assert_eq!(files(&folder.path), ["grants.json"]);
}

#[test]
fn a_broken_file_is_told_and_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.grants();
    let grants = Grants::open(&path).unwrap();
    for text in [
        "",
        "grants",
        "[]",
        r#"{"version":1}"#,
        r#"{"version":"1","grants":[]}"#,
        r#"{"version":1,"grants":[{"origin":"https://example.org"}]}"#,
        r#"{"version":1,"grants":[],"more":1}"#,
        r#"{"version":1,"grants":[]"#,
    ] {
        write(&path, text);
        for error in [
            Grants::open(&path).unwrap_err(),
            grants
                .remember(&request("https://example.org"))
                .unwrap_err(),
            grants
                .contains(&request("https://example.org"))
                .unwrap_err(),
        ] {
            assert!(
                matches!(error, GrantsError::Broken { .. }),
                "{text}: {error}"
            );
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(files(&folder.path), ["grants.json"]);
}

#[test]
fn another_version_is_told_and_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.grants();
    let text = r#"{"version":2,"rules":["anything"]}"#;
    let grants = Grants::open(&path).unwrap();
    write(&path, text);
    let error = grants
        .remember(&request("https://example.org"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} has version 2 of the format: expected version 1",
            path.display()
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    let in_the_way = folder.path.join("file");
    let path = in_the_way.join("grants.json");
    let grants = Grants::open(&path).unwrap();
    fs::write(&in_the_way, "").unwrap();
    let error = grants
        .remember(&request("https://example.org"))
        .unwrap_err();
    assert!(matches!(error, GrantsError::Write { .. }), "{error}");
    assert!(
        error.to_string().contains(in_the_way.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    fs::create_dir(folder.grants()).unwrap();
    let error = Grants::open(folder.grants()).unwrap_err();
    assert!(matches!(error, GrantsError::Read { .. }), "{error}");
    assert!(error.to_string().contains("grants.json"), "{error}");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_file_and_its_folders_are_for_their_owner_alone() {
        let folder = Folder::new();
        set_mode(&folder.path, 0o755);
        let path = folder.path.join("new/folders/grants.json");
        Grants::open(&path)
            .unwrap()
            .remember(&request("https://example.org"))
            .unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&folder.path.join("new/folders")), 0o700);
        assert_eq!(mode(&folder.path.join("new")), 0o700);
        // What was there before is not ours to change.
        assert_eq!(mode(&folder.path), 0o755);
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let folder = Folder::new();
        let path = folder.grants();
        let grants = Grants::open(&path).unwrap();
        grants.remember(&request("https://example.org")).unwrap();
        set_mode(&path, 0o644);
        assert!(grants.contains(&request("https://example.org")).unwrap());
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_that_others_could_write_grants_nothing() {
        let folder = Folder::new();
        let path = folder.grants();
        let grants = Grants::open(&path).unwrap();
        grants.remember(&request("https://example.org")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for open in [0o660, 0o602, 0o666] {
            set_mode(&path, open);
            for error in [
                grants
                    .contains(&request("https://example.org"))
                    .unwrap_err(),
                grants
                    .remember(&request("https://new.example"))
                    .unwrap_err(),
            ] {
                assert!(matches!(error, GrantsError::OpenToOthers { .. }), "{error}");
                assert!(
                    error.to_string().contains(&format!("(mode {open:04o})")),
                    "{error}"
                );
            }
            assert_eq!(mode(&path), open);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
