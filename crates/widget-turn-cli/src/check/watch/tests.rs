use std::cell::{Cell, RefCell};

use tokio::sync::watch::channel;
use tokio::time::sleep;

use super::*;
use crate::check::report::grade::{ALL_WELL, SOME_FAIL};
use crate::check::report::{
    AddressReport, HomeserverReport, Outcome, RoundTrip, Rtt, ServerReport, Step, StepName,
};
use crate::check::target::Transport;

const MINUTE: Duration = Duration::from_secs(60);

fn report(exit_code: u8) -> Report {
    Report {
        checked_at: 1_795_440_550,
        exit_code,
        ..Report::begun(0)
    }
}

/// A report of one URI, whose slowest datagram took so long.
fn found(uri: &str, outcome: Outcome, slowest: f64) -> Report {
    let mut address = AddressReport::new("127.0.0.1:3478".parse().unwrap());
    address.relays = outcome == Outcome::Ok;
    address.outcome = outcome;
    address.round_trip = Some(RoundTrip {
        sent: 3,
        received: 3,
        loss_percent: 0.0,
        rtt_ms: Some(Rtt {
            min: 0.1,
            median: 0.2,
            max: slowest,
        }),
    });
    let mut report = report(ALL_WELL);
    report.servers = vec![ServerReport {
        uri: uri.to_owned(),
        transport: Some(Transport::Udp),
        port: Some(3478),
        outcome,
        steps: Vec::new(),
        addresses: vec![address],
    }];
    report.conclude();
    report
}

#[tokio::test(start_paused = true)]
async fn rounds_begin_at_whole_intervals_and_never_overlap() {
    let (interrupt, interrupted) = channel(false);
    let start = Instant::now();
    let begun = RefCell::new(Vec::new());
    let running = Cell::new(false);
    // The second takes longer than an interval, the fourth exactly one.
    let lengths = [1, 130, 10, 60, 5];
    let round = async || {
        assert!(!running.replace(true), "one at a time");
        let number = begun.borrow().len();
        begun.borrow_mut().push(start.elapsed().as_secs());
        sleep(Duration::from_secs(lengths[number])).await;
        running.set(false);
        if number + 1 == lengths.len() {
            interrupt.send_replace(true);
        }
        Ok(report(if number == 4 { SOME_FAIL } else { ALL_WELL }))
    };
    let exit_code = repeat(MINUTE, interrupted, round).await;
    assert_eq!(*begun.borrow(), [0, 60, 240, 300, 420]);
    assert_eq!(exit_code, Some(SOME_FAIL), "of the last round");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_ends_the_wait_and_a_round_that_is_not_whole_does_not_count() {
    let (interrupt, interrupted) = channel(false);
    let start = Instant::now();
    let ctrl_c = async {
        sleep(Duration::from_secs(90)).await;
        interrupt.send_replace(true);
    };
    let rounds = repeat(MINUTE, interrupted.clone(), async || Ok(report(SOME_FAIL)));
    let (exit_code, ()) = tokio::join!(rounds, ctrl_c);
    assert_eq!(exit_code, Some(SOME_FAIL));
    assert_eq!(start.elapsed(), Duration::from_secs(90));

    let unfinished = async || {
        Ok(Report {
            interrupted: true,
            ..report(ALL_WELL)
        })
    };
    assert_eq!(repeat(MINUTE, interrupted, unfinished).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_homeserver_is_left_alone_for_as_long_as_it_asks() {
    let (interrupt, interrupted) = channel(false);
    let start = Instant::now();
    let begun = RefCell::new(Vec::new());
    let round = async || {
        begun.borrow_mut().push(start.elapsed().as_secs());
        if begun.borrow().len() == 3 {
            interrupt.send_replace(true);
        }
        Ok(Report {
            homeserver: Some(HomeserverReport {
                retry_after_seconds: Some(if begun.borrow().len() == 1 { 100 } else { 5 }),
                ..HomeserverReport::default()
            }),
            ..report(SOME_FAIL)
        })
    };
    repeat(MINUTE, interrupted, round).await;
    assert_eq!(*begun.borrow(), [0, 100, 120]);
}

const URI: &str = "turn:127.0.0.1:3478?transport=udp";

#[test]
fn each_round_is_a_line_and_a_change_shows_the_whole_report() {
    let mut board = Board::new(false);
    let well = "2026-11-23T13:29:10Z  good       1 of 1 relay, slowest 1.5 ms\n";
    let first = board.round(&found(URI, Outcome::Ok, 1.5));
    assert!(first.contains("Grade: good"), "{first}");
    assert!(first.ends_with(well), "{first}");
    assert_eq!(board.round(&found(URI, Outcome::Ok, 1.5)), well);
    let failed = board.round(&found(URI, Outcome::Failed, 31.0));
    assert!(failed.contains("Grade: fail"), "{failed}");
    assert!(
        failed.ends_with("fail       0 of 1 relay, slowest 31 ms\n"),
        "{failed}"
    );
    let skipped = board.round(&report(ALL_WELL));
    assert!(
        skipped.ends_with("fail       there is no TURN server to try\n"),
        "{skipped}"
    );
    assert_eq!(
        board.end(),
        format!("\n  ++x{:27}        2 of 3      31 ms  {URI}\n", "")
    );
}

#[test]
fn a_uri_that_stops_relaying_is_told_though_another_of_its_addresses_had_failed() {
    let round = |relays: bool| {
        let mut report = found(URI, Outcome::Failed, 1.0);
        let mut dead = AddressReport::new("127.0.0.2:3478".parse().unwrap());
        dead.outcome = Outcome::Failed;
        report.servers[0].addresses[0].relays = relays;
        report.servers[0].addresses.push(dead);
        report.conclude();
        report
    };
    let mut board = Board::new(false);
    board.round(&round(true));
    let same = board.round(&round(true));
    assert_eq!(same.lines().count(), 1, "{same}");
    let dead = board.round(&round(false));
    assert!(dead.contains("Grade: fail"), "{dead}");
    assert!(board.end().contains("  !!x "), "{}", board.end());
    let mut other_order = round(false);
    other_order.servers[0].addresses.reverse();
    let same = board.round(&other_order);
    assert_eq!(same.lines().count(), 1, "{same}");
}

#[test]
fn on_a_terminal_the_history_is_drawn_anew_each_round() {
    let mut board = Board::new(true);
    board.round(&found(URI, Outcome::Ok, 1.0));
    let second = board.round(&found(URI, Outcome::Ok, 1.0));
    assert!(second.starts_with("\u{1b}[1A\u{1b}[J2026-"), "{second:?}");
    assert!(
        second.lines().last().unwrap().starts_with("  ++ "),
        "{second:?}"
    );
    assert_eq!(board.end(), "", "it stands there");
    let last = Report {
        interrupted: true,
        ..found(URI, Outcome::Ok, 1.0)
    };
    assert_eq!(board.round(&last), "\u{1b}[1A\u{1b}[J");
    assert!(board.end().starts_with("\n  ++ "));
}

#[test]
fn the_history_holds_the_last_thirty_rounds_of_each_uri() {
    let mut board = Board::new(false);
    for _ in 0..40 {
        board.round(&found(URI, Outcome::Failed, 1.0));
    }
    board.round(&found(URI, Outcome::Warning, 1.0));
    board.round(&found("turn:\u{1b}[31m", Outcome::Skipped, 1.0));
    let end = board.end();
    let lines: Vec<_> = end.lines().skip(1).collect();
    assert!(
        lines[0].starts_with(&format!("  {}! ", "x".repeat(28))),
        "{end}"
    );
    assert!(lines[0].contains("      1 of 41"), "{end}");
    assert!(lines[1].starts_with("  -   "), "{end}");
    assert!(!end.contains('\u{1b}'));
}

#[test]
fn a_homeserver_that_fails_is_told_in_a_line() {
    let mut failing = report(3);
    failing.homeserver = Some(HomeserverReport {
        steps: vec![Step::seen(
            StepName::TurnServer,
            Outcome::Failed,
            "429 M_LIMIT_EXCEEDED \u{1b}[31mslow",
        )],
        ..HomeserverReport::default()
    });
    let shown = Board::new(false).round(&failing);
    let line = shown.lines().last().unwrap();
    assert!(
        line.ends_with("fail       429 M_LIMIT_EXCEEDED \\u{1b}[31mslow"),
        "{shown}"
    );
}
