//! Datagrams from one allocation to another on the same server, and back: the proof that a relay relays, without a third
//! party.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, interval, sleep_until};

use super::client::Client;
use super::fault::Fault;
use super::report::{RoundTrip, Rtt, milliseconds};

/// Between two datagrams.
const SPACING: Duration = Duration::from_millis(20);
/// How long a datagram may be under way before it is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a datagram of ours begins with; whatever else reaches the relay is somebody else's.
const MARK: &[u8; 17] = b"widget-turn check";

/// Sends `count` datagrams from `near` to the relay `to` of `far`, which sends each back. Both have permitted each other.
pub(crate) async fn measure(
    near: &mut Client,
    far: &mut Client,
    to: SocketAddr,
    count: u32,
) -> Result<RoundTrip, Fault> {
    let mut sent: Vec<Instant> = Vec::new();
    let mut times: Vec<Option<Duration>> = vec![None; count as usize];
    let mut ticks = interval(SPACING);
    let mut patience = Instant::now() + PATIENCE;
    while times.iter().any(Option::is_none) {
        tokio::select! {
            _ = ticks.tick(), if sent.len() < times.len() => {
                near.send_to_peer(to, &datagram(sent.len())).await?;
                sent.push(Instant::now());
                patience = Instant::now() + PATIENCE;
            }
            arrived = far.receive_from_peer() => {
                let (from, data) = arrived?;
                if number(&data).is_some() {
                    far.send_to_peer(from, &data).await?;
                }
            }
            returned = near.receive_from_peer() => {
                let (_, data) = returned?;
                let number = number(&data).filter(|number| *number < sent.len());
                if let Some(number) = number {
                    times[number].get_or_insert_with(|| sent[number].elapsed());
                }
            }
            () = sleep_until(patience) => break,
        }
    }
    Ok(summary(count, times.into_iter().flatten().collect()))
}

fn datagram(number: usize) -> Vec<u8> {
    let mut data = MARK.to_vec();
    data.extend_from_slice(&(number as u64).to_be_bytes());
    data
}

fn number(data: &[u8]) -> Option<usize> {
    let bytes = data.strip_prefix(MARK)?.try_into().ok()?;
    usize::try_from(u64::from_be_bytes(bytes)).ok()
}

fn summary(sent: u32, mut times: Vec<Duration>) -> RoundTrip {
    times.sort();
    let received = u32::try_from(times.len()).unwrap_or(u32::MAX).min(sent);
    let lost = f64::from(sent - received) / f64::from(sent.max(1));
    RoundTrip {
        sent,
        received,
        loss_percent: (lost * 1000.0).round() / 10.0,
        rtt_ms: times.first().zip(times.last()).map(|(min, max)| Rtt {
            min: milliseconds(*min),
            median: milliseconds(times[times.len() / 2]),
            max: milliseconds(*max),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_times_are_summed_up() {
        let times = [5, 1, 9].map(Duration::from_millis).to_vec();
        assert_eq!(
            summary(4, times),
            RoundTrip {
                sent: 4,
                received: 3,
                loss_percent: 25.0,
                rtt_ms: Some(Rtt {
                    min: 1.0,
                    median: 5.0,
                    max: 9.0
                }),
            }
        );
        assert_eq!(summary(10, Vec::new()).loss_percent, 100.0);
        assert_eq!(summary(10, Vec::new()).rtt_ms, None);
    }

    #[test]
    fn datagrams_carry_their_number() {
        assert_eq!(number(&datagram(7)), Some(7));
        assert_eq!(number(b"something else"), None);
        assert_eq!(number(MARK), None);
    }
}
