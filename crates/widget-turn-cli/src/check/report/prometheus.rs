//! A report as metrics, in the text format of Prometheus, for the textfile collector of its node_exporter. Names and labels
//! are described in `docs/check.md`; there is no user name among them, and no secret.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::{AddressReport, Outcome, Report, ServerReport};
use crate::terminal::escaped;

type Labels = Vec<(&'static str, String)>;

/// All metrics of a report. Whatever came from the network is escaped.
pub(crate) fn render(report: &Report) -> String {
    let mut metrics = Metrics::default();
    round(&mut metrics, report);
    let uris = report.servers.iter();
    metrics.family(
        "uri_up",
        "Whether a TURN URI relays on at least one of its addresses.",
        uris.filter_map(uri_up),
    );
    let addresses = report.servers.iter().flat_map(address_up);
    let help = "Whether an address of a TURN URI relays, or one of a STUN URI answers.";
    metrics.family("address_up", help, addresses);
    for (name, help, value) in OF_ADDRESS {
        let addresses = places(report);
        let samples = addresses.filter_map(|(labels, address)| Some((labels, value(address)?)));
        metrics.family(name, help, samples);
    }
    steps(&mut metrics, report);
    let checked_on = places(report).filter_map(|(mut labels, address)| {
        let checked_on = address.expiry.as_ref()?.checked_on;
        labels.push(("checked_on", named(checked_on)));
        Some((labels, 1.0))
    });
    let help = "Which requests an address refuses to expired credentials, if that was tried.";
    metrics.family("expiry_info", help, checked_on);
    metrics.text
}

fn round(metrics: &mut Metrics, report: &Report) {
    let mut one = |name, help, value: Option<f64>| {
        metrics.family(name, help, value.map(|value| (Labels::new(), value)));
    };
    let float = |number: u64| number as f64;
    one(
        "timestamp_seconds",
        "When the last round began.",
        Some(float(report.checked_at)),
    );
    one(
        "duration_seconds",
        "How long it took.",
        Some(report.ms / 1000.0),
    );
    one(
        "grade",
        "0 fail, 1 good, 2 great, 3 excellent.",
        Some(f64::from(report.grade as u8)),
    );
    one(
        "exit_code",
        "What the command without --watch would end with.",
        Some(report.exit_code.into()),
    );
    let expiry = report.credentials.as_ref().and_then(|it| it.expires_at);
    one(
        "credentials_expiry_timestamp_seconds",
        "When the credentials expire by their user name.",
        expiry.map(float),
    );
    let Some(homeserver) = &report.homeserver else {
        return;
    };
    let up = f64::from(u8::from(report.credentials.is_some()));
    one(
        "homeserver_up",
        "Whether the homeserver gave TURN servers.",
        Some(up),
    );
    let status = homeserver.status.map(f64::from);
    one(
        "homeserver_http_status",
        "The HTTP status of its answer.",
        status,
    );
    let skew = homeserver.clock_skew_seconds.map(|skew| skew as f64);
    one(
        "homeserver_clock_skew_seconds",
        "How far its clock is ahead of this machine's.",
        skew,
    );
}

/// Nothing for what cannot relay: STUN, and what is not tried.
fn uri_up(server: &ServerReport) -> Option<(Labels, f64)> {
    if server.outcome == Outcome::Skipped || server.is_stun() {
        return None;
    }
    let labels = vec![("uri", server.uri.clone())];
    Some((labels, f64::from(u8::from(server.relays()))))
}

/// Nothing for what is not tried.
fn address_up(server: &ServerReport) -> impl Iterator<Item = (Labels, f64)> {
    let tried = server.addresses.iter();
    let tried = tried.filter(|address| address.outcome != Outcome::Skipped);
    tried.map(|address| {
        let up = match server.is_stun() {
            true => matches!(address.outcome, Outcome::Ok | Outcome::Warning),
            false => address.relays,
        };
        (labels(server, address), f64::from(u8::from(up)))
    })
}

fn labels(server: &ServerReport, address: &AddressReport) -> Labels {
    vec![
        ("uri", server.uri.clone()),
        ("address", address.address.clone()),
    ]
}

type OfAddress = (
    &'static str,
    &'static str,
    fn(&AddressReport) -> Option<f64>,
);

const OF_ADDRESS: [OfAddress; 5] = [
    (
        "relay_loss_ratio",
        "The part of the datagrams through two relays and back that was lost.",
        |it| it.round_trip.map(|it| it.loss_percent / 100.0),
    ),
    (
        "relay_rtt_min_seconds",
        "The fastest datagram through two relays and back.",
        |it| it.round_trip?.rtt_ms.map(|rtt| rtt.min / 1000.0),
    ),
    (
        "relay_rtt_median_seconds",
        "The median of the datagrams through two relays and back.",
        |it| it.round_trip?.rtt_ms.map(|rtt| rtt.median / 1000.0),
    ),
    (
        "relay_rtt_max_seconds",
        "The slowest datagram through two relays and back.",
        |it| it.round_trip?.rtt_ms.map(|rtt| rtt.max / 1000.0),
    ),
    (
        "certificate_expiry_timestamp_seconds",
        "When the server's own certificate expires.",
        |it| {
            it.tls
                .as_ref()?
                .certificate
                .as_ref()
                .map(|it| it.not_after_unix as f64)
        },
    ),
];

fn places(report: &Report) -> impl Iterator<Item = (Labels, &AddressReport)> {
    report.servers.iter().flat_map(|server| {
        server
            .addresses
            .iter()
            .map(|address| (labels(server, address), address))
    })
}

fn steps(metrics: &mut Metrics, report: &Report) {
    let steps = || {
        places(report).flat_map(|(labels, address)| {
            address.steps.iter().map(move |step| {
                let mut labels = labels.clone();
                labels.push(("step", named(step.name)));
                (labels, step)
            })
        })
    };
    let times = steps().filter_map(|(labels, step)| Some((labels, step.ms? / 1000.0)));
    metrics.family("step_duration_seconds", "How long a step took.", times);
    let codes = steps().filter_map(|(labels, step)| Some((labels, step.code?.into())));
    metrics.family(
        "step_error_code",
        "The STUN error code that ended a step.",
        codes,
    );
}

/// The text, family by family.
#[derive(Default)]
struct Metrics {
    text: String,
}

impl Metrics {
    /// A family of gauges; nothing if it has no sample. Of two samples with the same labels the first counts.
    fn family(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let name = format!("widget_turn_check_{name}");
        let mut seen = HashSet::new();
        for (labels, value) in samples {
            if seen.is_empty() {
                let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
            }
            let labels: Vec<_> = labels.iter().map(label).collect();
            let labels = labels.join(",");
            if !seen.insert(labels.clone()) {
                continue;
            }
            let _ = match labels.as_str() {
                "" => writeln!(self.text, "{name} {value}"),
                labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
            };
        }
    }
}

/// As the JSON has it.
fn named(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn label((name, value): &(&'static str, String)) -> String {
    let value = escaped(value).replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::expiry::ExpiryReport;
    use crate::check::report::{CredentialsReport, HomeserverReport, Step, StepName};

    fn server(uri: &str, addresses: &[&str]) -> ServerReport {
        let address = |address: &&str| {
            let mut report = AddressReport::new(address.parse().unwrap());
            report.relays = !uri.starts_with("stun:");
            report.outcome = Outcome::Ok;
            let mut step = Step::seen(StepName::RoundTrip, Outcome::Failed, "");
            step.ms = Some(12.5);
            step.code = Some(486);
            report.steps.push(step);
            report
        };
        ServerReport {
            uri: uri.to_owned(),
            transport: None,
            port: Some(3478),
            outcome: Outcome::Failed,
            steps: Vec::new(),
            addresses: addresses.iter().map(address).collect(),
        }
    }

    #[test]
    fn metrics_are_named_by_their_unit_and_labelled_without_secrets() {
        let mut report = Report::begun(1_795_440_550);
        report.ms = 1500.0;
        report.homeserver = Some(HomeserverReport {
            status: Some(200),
            clock_skew_seconds: Some(-3),
            ..HomeserverReport::default()
        });
        report.credentials = Some(CredentialsReport {
            username: "1795444150:@alice:example.org".to_owned(),
            expires_at: Some(1_795_444_150),
            expires_in_seconds: None,
            steps: Vec::new(),
        });
        report.servers = vec![
            server("turn:a.example", &["192.0.2.1:3478", "[2001:db8::1]:3478"]),
            server("stun:a.example", &["192.0.2.1:3478"]),
            // A homeserver may list the same URI twice.
            server("turn:a.example", &["192.0.2.1:3478"]),
        ];
        let mut skipped = AddressReport::new("[2001:db8::2]:3478".parse().unwrap());
        skipped.outcome = Outcome::Skipped;
        report.servers[0].addresses.push(skipped);
        report.servers[0].addresses[0].expiry = Some(ExpiryReport::of(Vec::new()));
        let text = render(&report);
        for line in [
            "# TYPE widget_turn_check_timestamp_seconds gauge",
            "widget_turn_check_timestamp_seconds 1795440550",
            "widget_turn_check_duration_seconds 1.5",
            "widget_turn_check_grade 0",
            "widget_turn_check_exit_code 2",
            "widget_turn_check_credentials_expiry_timestamp_seconds 1795444150",
            "widget_turn_check_homeserver_up 1",
            "widget_turn_check_homeserver_clock_skew_seconds -3",
            r#"widget_turn_check_uri_up{uri="turn:a.example"} 1"#,
            r#"widget_turn_check_address_up{uri="turn:a.example",address="[2001:db8::1]:3478"} 1"#,
            r#"widget_turn_check_address_up{uri="stun:a.example",address="192.0.2.1:3478"} 1"#,
            r#"widget_turn_check_step_duration_seconds{uri="turn:a.example",address="192.0.2.1:3478",step="round_trip"} 0.0125"#,
            r#"widget_turn_check_step_error_code{uri="turn:a.example",address="192.0.2.1:3478",step="round_trip"} 486"#,
            r#"widget_turn_check_expiry_info{uri="turn:a.example",address="192.0.2.1:3478",checked_on="unknown"} 1"#,
        ] {
            let count = text.lines().filter(|it| *it == line).count();
            assert_eq!(count, 1, "{line} in\n{text}");
        }
        assert!(
            !text.contains("alice") && !text.contains("uri_up{uri=\"stun"),
            "{text}"
        );
        assert!(!text.contains("db8::2"), "{text}");
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: Vec<_> = names.map(|name| name.split(' ').next().unwrap()).collect();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(names.contains(&series.split('{').next().unwrap()), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }

    #[test]
    fn labels_are_escaped() {
        let pair = ("uri", "a\"b\\c\nd\u{1b}".to_owned());
        assert_eq!(label(&pair), r#"uri="a\"b\\c\\u{a}d\\u{1b}""#);
    }
}
