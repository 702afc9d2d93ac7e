//! Asks an address for a relay.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use turn_types::AddressFamily;

use super::address::Session;
use crate::check::client::Client;
use crate::check::fault::{Asked, Fault};
use crate::check::lint;
use crate::check::report::{Outcome, Step, StepName};
use crate::stun::transaction::Response;

/// Address Family not Supported (RFC 8656).
pub(super) const FAMILY: u16 = 440;
/// Allocation Quota Reached (RFC 8656).
pub(super) const QUOTA: u16 = 486;
/// Between two tries while the quota may come down.
const PAUSE: Duration = Duration::from_millis(300);

/// What is said of a relay that the quota let through only after a wait.
pub(super) const SECOND_TRY: &str = "a relay was refused with 486, and granted at the second try";
pub(super) const QUOTA_ADVICE: &str = "The quota counted relays that were deleted a moment ago, perhaps by an earlier check, or those of a call that has \
     just ended. If it happens at other times, raise it (coturn: user-quota).";

/// An allocation that was granted.
pub(crate) struct Granted {
    pub(crate) response: Response,
    /// Whether the first try was refused because of the quota, for no reason that this process knows of.
    pub(crate) at_second_try: bool,
    /// How long the quota was waited for.
    pub(crate) waited: Duration,
}

/// An allocation that was got.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    /// The family that had to be asked for, if any.
    pub(super) asked: Option<AddressFamily>,
}

/// What is wrong with the lifetime that was granted, if anything.
pub(super) fn lifetime_fault(name: StepName, lifetime: Option<Duration>) -> Option<Step> {
    match lifetime {
        None => Some(
            Step::seen(name, Outcome::Warning, "granted without a lifetime").advise(
                "The server breaks RFC 8656, and clients do not know when to refresh the relay: update it.",
            ),
        ),
        Some(Duration::ZERO) => Some(
            Step::seen(name, Outcome::Failed, "granted for 0 s").advise(
                "The relay ends as it begins: let the server grant ten minutes (coturn: max-allocate-lifetime), or \
                 update it.",
            ),
        ),
        Some(_) => None,
    }
}

impl Session<'_> {
    /// Asks for the relay that everything else is tried with. `None` if there is none, which is then in the report.
    pub(super) async fn allocate(&mut self, client: &mut Client) -> Option<Relay> {
        self.show(StepName::Allocate);
        let started = Instant::now();
        let mut asked = None;
        let mut result = self.ask_for_relay(client, None).await;
        if matches!(&result, Err((fault, _)) if fault.code() == Some(FAMILY)) {
            // RFC 8656 means IPv4 where no family is named, and a server may have none.
            asked = Some(if self.server.is_ipv6() {
                AddressFamily::IPV6
            } else {
                AddressFamily::IPV4
            });
            // coturn 4.6 grants a relay at 0.0.0.0 to a client that it has refused one.
            result = match self.second_client().await {
                Ok(fresh) => {
                    *client = fresh;
                    self.ask_for_relay(client, asked).await
                }
                Err(fault) => Err((fault, Duration::ZERO)),
            };
        }
        self.report.realm = client
            .realm()
            .map(|realm| realm.chars().take(128).collect());
        let (fault, waited) = match result {
            Ok(Granted {
                response,
                at_second_try,
                waited,
            }) => {
                self.excuse_binding();
                self.report.software = response.software.or_else(|| self.report.software.take());
                self.report.lifetime_seconds = response.lifetime.map(|lifetime| lifetime.as_secs());
                self.report.relayed_address = response.relayed.map(|relay| relay.to_string());
                if let Some(mapped) = response.mapped {
                    self.report.mapped_address = Some(mapped.to_string());
                }
                let open = client.realm().is_none();
                let step = |outcome, detail: &str| Step::seen(StepName::Allocate, outcome, detail);
                let step = match response.relayed {
                    None => step(Outcome::Failed, "granted without a relay address")
                        .advise("The server breaks RFC 8656: update it."),
                    Some(_) if open => step(Outcome::Warning, "relays for anybody").advise(
                        "The server asked for no credentials: set up authentication (coturn: \
                         use-auth-secret, or lt-cred-mech).",
                    ),
                    Some(_) => match lifetime_fault(StepName::Allocate, response.lifetime) {
                        Some(fault) => fault,
                        None if at_second_try => {
                            step(Outcome::Warning, SECOND_TRY).advise(QUOTA_ADVICE)
                        }
                        None => {
                            let mut step = step(Outcome::Ok, "");
                            step.detail =
                                asked.map(|_| "only to clients that ask for the family".to_owned());
                            step
                        }
                    },
                };
                let step = step.took_but_for(started.elapsed(), waited);
                self.report.steps.push(step);
                let address = response.relayed?;
                return Some(Relay { address, asked });
            }
            Err(fault) => fault,
        };
        if fault.code().is_some() {
            self.excuse_binding();
        }
        self.alternate = fault
            .alternate()
            .filter(|other| fault.code() == Some(300) && !lint::is_nobodys(*other));
        self.failed(StepName::Allocate, started, &fault, Asked::Allocation);
        if let Some(step) = self.report.steps.pop() {
            let step = step.took_but_for(started.elapsed(), waited);
            self.report.steps.push(step);
        }
        None
    }

    /// Asks for a relay; for a while again if the user's quota may still count what was deleted a moment ago, and once again
    /// after the first refusal because of it.
    ///
    /// # Errors
    ///
    /// The last fault, and how long the quota was waited for.
    pub(crate) async fn ask_for_relay(
        &self,
        client: &mut Client,
        family: Option<AddressFamily>,
    ) -> Result<Granted, (Fault, Duration)> {
        let quota = &self.probe.quota;
        let mut tries = 1;
        let mut at_second_try = false;
        let mut waited = Duration::ZERO;
        loop {
            let asked = client.allocate(family, self.probe.limit);
            let fault = match self.probe.unless_interrupted(asked).await {
                Ok(response) => {
                    return Ok(Granted {
                        response,
                        at_second_try,
                        waited,
                    });
                }
                Err(fault) => fault,
            };
            let pause = if fault.code() != Some(QUOTA) || at_second_try {
                return Err((fault, waited));
            } else if quota.has_just_deleted() {
                PAUSE
            } else if tries == 1 && quota.is_first_refusal() {
                at_second_try = true;
                quota.lag
            } else {
                return Err((fault, waited));
            };
            tries += 1;
            let since = Instant::now();
            let pause = async {
                sleep(pause).await;
                Ok(())
            };
            let paused = self.probe.unless_interrupted(pause).await;
            waited += since.elapsed();
            paused.map_err(|fault| (fault, waited))?;
            let fresh = self.second_client().await;
            *client = fresh.map_err(|fault| (fault, waited))?;
        }
    }

    /// A server that answers Allocate is there, whatever it thinks of Binding.
    fn excuse_binding(&mut self) {
        let binding = self
            .report
            .steps
            .iter_mut()
            .find(|step| step.name == StepName::Binding);
        if let Some(binding) = binding.filter(|binding| binding.outcome == Outcome::Failed) {
            binding.outcome = Outcome::Warning;
            if binding.code.is_none() {
                binding.advice = Some(
                    "The server answers Allocate but not Binding (coturn: no-stun): relaying does not need it, but \
                     clients learn their address elsewhere."
                        .to_owned(),
                );
            }
        }
    }
}
