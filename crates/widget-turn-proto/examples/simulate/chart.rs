//! The load over time, drawn: one panel for each policy, all on one scale.

use std::fmt::Write;
use std::time::Duration;

use crate::load::{Load, mean_and_peak};
use crate::policy::Policy;
use crate::timeline::{SECOND, Timeline};

const WIDTH: usize = 760;
const LEFT: usize = 70;
const PANEL: usize = 110;
const GAP: usize = 34;
const TOP: usize = 62;
/// Columns of the curves.
const COLUMNS: usize = 660;
/// Powers of ten on the scale.
const DECADES: u32 = 6;

pub(crate) fn draw(
    timeline: &Timeline,
    accounts: u64,
    loads: &[(Policy, Load, Duration)],
) -> String {
    let height = TOP + loads.len() * (PANEL + GAP) + 16;
    let days = (timeline.end - timeline.warm) / (86_400 * SECOND);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12">
<title>Requests per second for TURN credentials, {accounts} accounts, {days} days</title>
<desc>cargo run --release -p widget-turn-proto --example simulate -- --days {days} --accounts {accounts} --ttl {ttl} --svg FILE</desc>
<style>
  .page {{ fill: #ffffff }} text {{ fill: #24292f }} .dim {{ fill: #57606a }} .grid {{ stroke: #d0d7de }}
  .trouble {{ fill: #bf8700; opacity: .22 }} .ours {{ fill: #1a7f37 }} .other {{ fill: #6e7781 }} .peak {{ opacity: .45 }}
  @media (prefers-color-scheme: dark) {{
    .page {{ fill: #0d1117 }} text {{ fill: #e6edf3 }} .dim {{ fill: #9198a1 }} .grid {{ stroke: #30363d }}
    .trouble {{ fill: #d29922; opacity: .3 }} .ours {{ fill: #3fb950 }} .other {{ fill: #9198a1 }}
  }}
</style>
<rect class="page" width="{WIDTH}" height="{height}"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="600">Requests per second for TURN credentials, {accounts} accounts, {days} days</text>
<text class="dim" x="{LEFT}" y="38">solid: mean, pale: busiest second; credentials for {ttl} s; shaded: an hour's outage, a restart of all clients</text>
"##,
        ttl = timeline.ttl / SECOND,
    );
    for (at, (policy, load, _)) in loads.iter().enumerate() {
        panel(&mut svg, timeline, *policy, load, TOP + at * (PANEL + GAP));
    }
    for day in 0..=days {
        if days <= 10 || day % (days / 6).max(1) == 0 {
            let x = LEFT as f64 + COLUMNS as f64 * day as f64 / days as f64;
            let y = height - 14;
            line(
                &mut svg,
                &format!(
                    r#"<text class="dim" x="{x:.0}" y="{y}" text-anchor="middle">{day} d</text>"#
                ),
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, timeline: &Timeline, policy: Policy, load: &Load, top: usize) {
    let bottom = (top + PANEL) as f64;
    for decade in (0..=DECADES).step_by(2) {
        let y = height_of(10_f64.powi(decade as i32), bottom);
        let label = match decade {
            0 => "1",
            2 => "100",
            4 => "10,000",
            _ => "1,000,000",
        };
        line(
            svg,
            &format!(
                r#"<path class="grid" d="M{LEFT} {y:.1}h{COLUMNS}"/><text class="dim" x="{}" y="{:.1}" text-anchor="end" font-size="11">{label}</text>"#,
                LEFT - 6,
                y + 4.0
            ),
        );
    }
    let span = (timeline.end - timeline.warm) as f64;
    let [_, outage, _, restart, _] = timeline.windows();
    for trouble in [outage, restart] {
        let x = LEFT as f64 + COLUMNS as f64 * (trouble.start - timeline.warm) as f64 / span;
        let width = COLUMNS as f64 * (trouble.end - trouble.start) as f64 / span;
        line(
            svg,
            &format!(
                r#"<rect class="trouble" x="{x:.1}" y="{top}" width="{:.1}" height="{PANEL}"/>"#,
                width.max(2.0)
            ),
        );
    }
    let seconds = load.seconds();
    let columns: Vec<(f64, u32)> = (0..COLUMNS)
        .map(|column| {
            let at = |column: usize| column * seconds.len() / COLUMNS;
            mean_and_peak(&seconds[at(column)..at(column + 1)])
        })
        .collect();
    let class = if policy == Policy::WidgetTurn {
        "ours"
    } else {
        "other"
    };
    area(svg, class, bottom, columns.iter().map(|(mean, _)| *mean));
    let peaks = columns.iter().map(|(_, peak)| f64::from(*peak));
    area(svg, &format!("{class} peak"), bottom, peaks);
    line(
        svg,
        &format!(
            r#"<text x="{LEFT}" y="{}" font-weight="600">{}</text>"#,
            top - 6,
            policy.name()
        ),
    );
}

fn area(svg: &mut String, class: &str, bottom: f64, values: impl Iterator<Item = f64>) {
    let mut path = format!("M{LEFT} {bottom}");
    for value in values {
        // Writing into a string cannot fail.
        let _ = write!(path, "V{:.1}h1", height_of(value, bottom));
    }
    line(
        svg,
        &format!(r#"<path class="{class}" d="{path}V{bottom}z"/>"#),
    );
}

/// Where a value stands: a logarithmic scale that begins at 1.
fn height_of(value: f64, bottom: f64) -> f64 {
    bottom - PANEL as f64 * value.max(1.0).log10() / f64::from(DECADES)
}

fn line(svg: &mut String, text: &str) {
    svg.push_str(text);
    svg.push('\n');
}
