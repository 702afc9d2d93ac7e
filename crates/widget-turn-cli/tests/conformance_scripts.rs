//! The scripts of `conformance/` are what their schema and their documentation say.
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance")
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn files(of: &str) -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(folder().join(of)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.clone(), read(&path))).collect()
}

#[test]
fn every_script_and_part_fits_the_schema() {
    let schema = read(&folder().join("script.schema.json"));
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (path, file) in files("scripts").into_iter().chain(files("parts")) {
        let errors: Vec<_> = schema
            .iter_errors(&file)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_no_runner_knows() {
    let schema = read(&folder().join("script.schema.json"));
    let schema = jsonschema::validator_for(&schema).unwrap();
    for step in [
        r#"{"dance": 3}"#,
        r#"{"after": -1}"#,
        r#"{"after": 1, "silence": 1}"#,
        r#"{"host": {"request": "capabilities", "as": "c", "data": {"$like": 1}}}"#,
        r#"{"host": {"request": "capabilities", "as": "c", "data": {"$has": [1], "a": 1}}}"#,
        r#"{"host": {"answers": "w", "request": "capabilities", "response": {}}}"#,
        r#"{"widget": {"answer": "w"}}"#,
        r#"{"source": "slow"}"#,
        r#"{"grant": "never"}"#,
    ] {
        let script = format!(r#"{{"title": "t", "about": ["W1"], "steps": [{step}]}}"#);
        assert!(
            !schema.is_valid(&serde_json::from_str(&script).unwrap()),
            "{step}"
        );
    }
}

#[test]
fn every_topic_has_a_script_or_says_why_not() {
    let topics = read(&folder().join("topics.json"));
    let topics = topics.as_object().unwrap();
    let mut about = BTreeSet::new();
    for (path, script) in files("scripts") {
        let keys = script["about"]
            .as_array()
            .unwrap_or_else(|| panic!("{}: about nothing", path.display()));
        about.extend(keys.iter().map(|key| key.as_str().unwrap().to_owned()));
    }
    let seen = |key: &&String| topics[*key].get("unseen").is_none();
    let seen: BTreeSet<_> = topics.keys().filter(seen).cloned().collect();
    assert_eq!(about, seen);
}
