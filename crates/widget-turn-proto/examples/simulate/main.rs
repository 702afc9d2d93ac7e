//! What many clients that keep their TURN credentials fresh mean for a homeserver, and how long they hold expired ones.
//!
//! ```sh
//! cargo run --release -p widget-turn-proto --example simulate -- --days 30 --accounts 1000000 --svg docs/load.svg
//! ```
//!
//! Each account has one client with one widget that watches. widget-turn is the machine itself, `Refresher`; the others
//! are models of what their clients do (`policy`). The homeserver answers within half a second, however many ask: what is
//! shown is the load that it would have to bear.

mod arguments;
mod chart;
mod load;
mod policy;
mod timeline;

use std::process::ExitCode;
use std::time::Instant;

use arguments::Arguments;
use load::{Load, simulate};
use policy::Policy;
use timeline::{MINUTE, SECOND, Timeline};

/// So many accounts are enough to see how long credentials are expired.
const SAMPLE: u64 = 20_000;
/// The shorter outages, once a day: shorter than the margin at lifetimes from 50 minutes on.
const SHORT: u64 = 10 * MINUTE;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", arguments::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            eprintln!("{fault}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let timeline = Timeline::with_trouble(arguments.days, arguments.ttl);
    let short = Timeline::with_short_outages(arguments.days, arguments.ttl, SHORT);
    let accounts = arguments.accounts;
    println!(
        "{accounts} accounts, {} days, credentials for {} s; requests per second:\n",
        arguments.days,
        arguments.ttl / SECOND
    );
    println!(
        "{:<14}{:>9}{:>9}{:>11}{:>13}{:>9}{:>13}{:>9}",
        "", "mean", "peak", "peak/mean", "1 h outage", "after", "restart", "after"
    );
    let mut loads = Vec::new();
    for policy in Policy::ALL {
        let began = Instant::now();
        let load = simulate(policy, &timeline, accounts);
        let took = began.elapsed();
        print_load(policy, &timeline, &load);
        loads.push((policy, load, took));
    }
    println!("\nseconds of expired credentials per widget:\n");
    println!(
        "{:<14}{:>16}{:>28}{:>20}",
        "", "no trouble, 1 y", "10 min down a day, 1 y", "1 h down, once"
    );
    for (policy, load, _) in &loads {
        let sample = accounts.min(SAMPLE);
        let daily = simulate(*policy, &short, sample);
        let years = |span: u64, accounts: u64| {
            accounts as f64 * span as f64 / (365.25 * 86_400.0 * SECOND as f64)
        };
        let per_year = |expired: u64, years: f64| expired as f64 / SECOND as f64 / years;
        println!(
            "{:<14}{:>16.1}{:>28.1}{:>20.1}",
            policy.name(),
            per_year(load.expired[0], years(timeline.outage_begins(), accounts)),
            per_year(
                daily.expired.iter().sum(),
                years(short.end - short.warm, sample)
            ),
            load.expired[1] as f64 / SECOND as f64 / accounts as f64,
        );
    }
    println!("\nsimulated in:");
    for (policy, _, took) in &loads {
        println!("{:<14}{:>8.1} s", policy.name(), took.as_secs_f64());
    }
    if let Some(path) = arguments.svg {
        let svg = chart::draw(&timeline, accounts, &loads);
        if let Err(fault) = std::fs::write(&path, svg) {
            eprintln!("cannot write {path}: {fault}");
            return ExitCode::FAILURE;
        }
        println!("\ndrawn into {path}");
    }
    ExitCode::SUCCESS
}

fn print_load(policy: Policy, timeline: &Timeline, load: &Load) {
    let [steady, outage, after, restart, later] = timeline.windows();
    let (mean, peak) = load.mean_and_peak(timeline, &steady);
    let peak_in = |window| load.mean_and_peak(timeline, window).1;
    println!(
        "{:<14}{mean:>9.1}{peak:>9}{:>11.2}{:>13}{:>9}{:>13}{:>9}",
        policy.name(),
        f64::from(peak) / mean,
        peak_in(&outage),
        peak_in(&after),
        peak_in(&restart),
        peak_in(&later),
    );
}
