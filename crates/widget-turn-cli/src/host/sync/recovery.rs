//! Syncs, for as long as the session lasts: what goes wrong on the way is tried again, ever more rarely.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The longest first wait; each further one is up to twice as long as that before.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A sync that has not failed for so long after an outage is one that waits for news.
const SETTLED: Duration = Duration::from_secs(3);

/// A homeserver that has nothing to tell waits with its answer. One that does not, beyond this, is asked more rarely.
const SOON: Duration = Duration::from_secs(1);
/// How many answers with nothing may come soon, one after the other: device lists and keys are not seen as news.
const IN_VAIN: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a sync brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    News,
    Nothing,
}

/// Why a sync did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The homeserver does not know the session any more.
    Over,
    /// It can be begun anew at once.
    Again,
    /// Nothing came, or nothing of use.
    Lost {
        reason: String,
        /// For how long the homeserver wants to be left alone.
        retry_after: Option<Duration>,
    },
}

/// Calls `sync` over and over, until the session is over. After a failure it waits, and asks `probe` whether the homeserver
/// answers before it syncs again. `tell` hears why the homeserver is lost, and `None` when it is back.
pub(super) async fn keep_up<S, P>(
    mut sync: impl FnMut() -> S,
    mut probe: impl FnMut() -> P,
    mut tell: impl FnMut(Option<String>),
) where
    S: Future<Output = Result<Brought, Trouble>>,
    P: Future<Output = bool>,
{
    let (mut lost, mut failures, mut begun_anew) = (false, 0, false);
    let mut in_vain = 0;
    loop {
        let began = Instant::now();
        let synced = {
            let mut syncing = pin!(sync());
            tokio::select! {
                synced = &mut syncing => synced,
                () = sleep(SETTLED), if lost => {
                    (lost, failures) = (false, 0);
                    tell(None);
                    syncing.await
                }
            }
        };
        let (reason, retry_after) = match synced {
            Ok(brought) => {
                if std::mem::take(&mut lost) {
                    tell(None);
                }
                (failures, begun_anew) = (0, false);
                in_vain = match brought {
                    Brought::Nothing if began.elapsed() < SOON => in_vain + 1,
                    _ => 0,
                };
                if in_vain > IN_VAIN {
                    sleep(pause(in_vain - IN_VAIN)).await;
                }
                continue;
            }
            Err(Trouble::Over) => return,
            Err(Trouble::Again) if !begun_anew => {
                begun_anew = true;
                continue;
            }
            Err(Trouble::Again) => ("it keeps forgetting where the sync was".to_owned(), None),
            Err(Trouble::Lost {
                reason,
                retry_after,
            }) => (reason, retry_after),
        };
        if !std::mem::replace(&mut lost, true) {
            tell(Some(reason));
        }
        let mut at_least = retry_after.unwrap_or_default();
        loop {
            sleep(wait(failures).max(at_least)).await;
            failures += 1;
            at_least = Duration::ZERO;
            if probe().await {
                break;
            }
        }
    }
}

/// After so many answers with nothing that came too soon, from the first on.
fn pause(number: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << (number - 1).min(16))
        .min(LONGEST_PAUSE)
}

/// Half of it is left to chance, so that not all come back at the same moment.
fn wait(failures: u32) -> Duration {
    let longest = FIRST_WAIT
        .saturating_mul(1 << failures.min(16))
        .min(LONGEST_WAIT);
    // Without randomness, all of it is waited for.
    let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    longest.mul_f64(0.5 + part / 2.0)
}

#[cfg(test)]
mod tests {
    use super::{Brought, LONGEST_PAUSE, LONGEST_WAIT, Trouble, keep_up};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::future::ready;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    fn lost(reason: &str) -> Result<Brought, Trouble> {
        Err(Trouble::Lost {
            reason: reason.to_owned(),
            retry_after: None,
        })
    }

    /// What was told, and how long all took, with these results of syncs and probes.
    async fn told(
        syncs: Vec<Result<Brought, Trouble>>,
        probes: Vec<bool>,
    ) -> (Vec<Option<String>>, Duration) {
        let (mut syncs, mut probes) = (VecDeque::from(syncs), VecDeque::from(probes));
        let told = RefCell::new(Vec::new());
        let began = Instant::now();
        keep_up(
            || ready(syncs.pop_front().unwrap_or(Err(Trouble::Over))),
            || ready(probes.pop_front().unwrap_or(true)),
            |change| told.borrow_mut().push(change),
        )
        .await;
        assert!(probes.is_empty(), "the homeserver was not asked");
        (told.into_inner(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_told_once_and_so_is_its_end() {
        let syncs = vec![
            Ok(Brought::News),
            lost("down"),
            lost("still"),
            lost("still"),
            Ok(Brought::News),
            Ok(Brought::News),
        ];
        let (told, took) = told(syncs, vec![false, false, true]).await;
        assert_eq!(told, [Some("down".to_owned()), None]);
        assert!(took < Duration::from_secs(20), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_retry_is_quick() {
        let (_, took) = told(vec![lost("down"), Ok(Brought::News)], vec![]).await;
        assert!(took <= Duration::from_millis(500), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_outage_is_asked_about_every_ten_seconds_at_most() {
        let (_, took) = told(
            vec![lost("down"), Ok(Brought::News)],
            [vec![false; 100], vec![true]].concat(),
        )
        .await;
        assert!(
            took <= LONGEST_WAIT * 101 && took >= LONGEST_WAIT / 2 * 90,
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_homeservers_own_pause_is_kept() {
        let limited = Err(Trouble::Lost {
            reason: "limited".into(),
            retry_after: Some(Duration::from_secs(60)),
        });
        let (_, took) = told(vec![limited, Ok(Brought::News)], vec![]).await;
        assert!(took >= Duration::from_secs(60), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sync_that_waits_for_news_after_an_outage_is_a_good_sign() {
        let told = RefCell::new(Vec::new());
        let began = Instant::now();
        let mut number = 0;
        keep_up(
            || {
                number += 1;
                async move {
                    match number {
                        1 => lost("down"),
                        2 => {
                            sleep(Duration::from_secs(30)).await;
                            Ok(Brought::News)
                        }
                        _ => Err(Trouble::Over),
                    }
                }
            },
            || ready(true),
            |change| told.borrow_mut().push((change.is_some(), began.elapsed())),
        )
        .await;
        let told = told.into_inner();
        assert!(told[0].0 && !told[1].0 && told.len() == 2, "{told:?}");
        assert!(told[1].1 < Duration::from_secs(5), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_position_is_no_outage_unless_it_is_always_forgotten() {
        let again = || Err(Trouble::Again);
        assert_eq!(
            told(
                vec![
                    Ok(Brought::News),
                    again(),
                    Ok(Brought::News),
                    again(),
                    Ok(Brought::News)
                ],
                vec![]
            )
            .await
            .0,
            []
        );
        let (told, _) = told(vec![again(), again(), Ok(Brought::News)], vec![]).await;
        assert_eq!(told.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_with_nothing_that_come_at_once_are_asked_for_ever_more_rarely() {
        let nothing = |count| (0..count).map(|_| Ok(Brought::Nothing)).collect::<Vec<_>>();
        let (_, took) = told(nothing(3), vec![]).await;
        assert_eq!(took, Duration::ZERO, "some may be about keys");
        let (_, took) = told(nothing(103), vec![]).await;
        assert!(
            took >= LONGEST_PAUSE * 95 && took <= LONGEST_PAUSE * 100,
            "{took:?}"
        );
        let news = (0..1000).map(|_| Ok(Brought::News)).collect();
        let (_, took) = told(news, vec![]).await;
        assert_eq!(took, Duration::ZERO, "news wait for nothing");
        let mixed = [nothing(3), vec![Ok(Brought::News)], nothing(3)]
            .into_iter()
            .flatten()
            .collect();
        let (_, took) = told(mixed, vec![]).await;
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_with_nothing_that_were_waited_for_cost_no_pause() {
        let began = Instant::now();
        let mut number = 0;
        keep_up(
            || {
                number += 1;
                async move {
                    if number > 10 {
                        return Err(Trouble::Over);
                    }
                    sleep(Duration::from_secs(30)).await;
                    Ok(Brought::Nothing)
                }
            },
            || ready(true),
            |_| {},
        )
        .await;
        assert_eq!(began.elapsed(), Duration::from_secs(300));
    }
}
