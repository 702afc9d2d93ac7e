//! What `grants` lists and takes back.

use std::fs;

use crate::{Folder, run, stderr};

#[test]
fn what_was_granted_is_listed_in_words_and_taken_back() {
    let folder = Folder::new("granted");
    let grant = |origin: &str, capability: &str| {
        format!(
            r#"{{"origin":"{origin}","account":"@alice:example.org","room":"!r:example.org","capability":"{capability}"}}"#
        )
    };
    let list = [
        grant("https://a.example", "m.turn_servers"),
        grant("https://b.example", "org.example.\\u202eodd"),
        grant(
            "https://a.example",
            "org.matrix.msc2762.send.event:m.reaction",
        ),
    ];
    let text = format!(r#"{{"version":1,"grants":[{}]}}"#, list.join(","));
    let path = folder.file("grants.json", &text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let said = |arguments: &[&str]| {
        let output = run(&[&["grants", "--grants", &path], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        said(&[]),
        r"https://a.example  for @alice:example.org in !r:example.org
    use your homeserver’s relay servers (TURN) for its calls  (m.turn_servers)
    send reactions as you  (org.matrix.msc2762.send.event:m.reaction)
https://b.example  for @alice:example.org in !r:example.org
    org.example.\u{202e}odd
"
    );
    assert!(said(&["--revoke", "https://a.example"]).contains("ask again"));
    let left = said(&[]);
    assert!(
        !left.contains("a.example") && left.contains("b.example"),
        "{left}"
    );
}

#[test]
fn grants_lists_nothing_and_revokes_nothing_where_there_is_nothing() {
    let folder = Folder::new("list");
    let grants = folder.0.join("grants.json").to_str().unwrap().to_owned();
    let output = run(&["grants", "--grants", &grants]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Nothing is granted for always.\n"
    );
    assert_eq!(
        run(&["grants", "--grants", &grants, "--json"]).stdout,
        b"[]\n"
    );
    let output = run(&[
        "grants",
        "--grants",
        &grants,
        "--revoke",
        "https://widget.example",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nothing is granted to https://widget.example"));
}
