//! Whether a server looks at the expiry of credentials, and when: what a host can rely on.

use serde::Serialize;

use super::{Outcome, Step, StepName};

/// What credentials were good for after they had expired.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ExpiryReport {
    pub(crate) checked_on: CheckedOn,
    /// What that means for calls.
    pub(crate) meaning: &'static str,
    /// What was tried with expired credentials: a new relay, then each request that keeps an old one going.
    pub(crate) steps: Vec<Step>,
}

/// Which requests a server refuses to expired credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckedOn {
    /// Only new relays, as draft-uberti-behave-turn-rest-00 has it: coturn, eturnal, LiveKit.
    Allocation,
    /// New relays and all that keeps an old one going: pion and what is built on it, eturnal with `strict_expiry`.
    EveryRequest,
    /// New relays and some of the rest.
    SomeRequests,
    /// None.
    Never,
    /// It could not be found out.
    Unknown,
}

impl ExpiryReport {
    /// Concludes from what was tried.
    pub(crate) fn of(steps: Vec<Step>) -> Self {
        let checked_on = CheckedOn::of(&steps);
        Self {
            checked_on,
            meaning: checked_on.meaning(),
            steps,
        }
    }
}

impl CheckedOn {
    /// Refusals are told by their code; whatever else went wrong says nothing about expiry.
    fn of(steps: &[Step]) -> Self {
        let refused = |step: &Step| step.outcome == Outcome::Info && step.code.is_some();
        let granted = |step: &Step| step.outcome == Outcome::Ok;
        let keeping = |step: &&Step| {
            matches!(
                step.name,
                StepName::Refresh | StepName::Permission | StepName::Channel
            )
        };
        let Some(allocate) = steps.iter().find(|step| step.name == StepName::Allocate) else {
            return Self::Unknown;
        };
        let no = steps
            .iter()
            .filter(keeping)
            .filter(|it| refused(it))
            .count();
        let yes = steps
            .iter()
            .filter(keeping)
            .filter(|it| granted(it))
            .count();
        match (granted(allocate), refused(allocate), no, yes) {
            (true, _, 0, _) => Self::Never,
            (_, true, 0, 1..) => Self::Allocation,
            (_, true, 1.., 0) => Self::EveryRequest,
            (_, _, 1.., 1..) => Self::SomeRequests,
            _ => Self::Unknown,
        }
    }

    /// For people, after "expiry is checked".
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Allocation => "checked when a relay is asked for, and not after",
            Self::EveryRequest => "checked on every request",
            Self::SomeRequests => "checked on some requests",
            Self::Never => "not checked",
            Self::Unknown => "nobody knows whether it is checked",
        }
    }

    /// A server that ends calls, or serves for ever, is to be looked at.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Allocation => Outcome::Ok,
            Self::EveryRequest | Self::SomeRequests | Self::Never => Outcome::Warning,
            Self::Unknown => Outcome::Skipped,
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Allocation => {
                "A call keeps its relay after its credentials have expired; only a new connection or an ICE restart \
                 needs fresh ones."
            }
            Self::EveryRequest | Self::SomeRequests => {
                "A call loses its relay some minutes after its credentials have expired, unless its client has taken \
                 fresh ones and restarted ICE by then, which few do: let credentials live longer than calls (Synapse: \
                 turn_user_lifetime), or let the server check only who asks for a relay (eturnal: strict_expiry: false)."
            }
            Self::Never => {
                "Whoever has seen the credentials can use the server for ever: let it check the expiry (coturn: \
                 use-auth-secret), and look whether its clock is behind."
            }
            Self::Unknown => "What came of it says nothing about calls.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepName::{Allocate, Channel, Permission, Refresh};

    #[test]
    fn the_family_is_told_by_what_is_refused() {
        let step = |name, result: Result<(), Option<u16>>| {
            let outcome = match result {
                Ok(()) => Outcome::Ok,
                Err(Some(_)) => Outcome::Info,
                Err(None) => Outcome::Failed,
            };
            let mut step = Step::seen(name, outcome, "");
            step.code = result.err().flatten();
            step
        };
        let (yes, no, lost) = (Ok(()), Err(Some(401)), Err(None));
        for (allocate, refresh, permission, channel, checked_on) in [
            (no, yes, yes, yes, CheckedOn::Allocation),
            (no, yes, lost, lost, CheckedOn::Allocation),
            (no, no, no, no, CheckedOn::EveryRequest),
            (no, no, lost, no, CheckedOn::EveryRequest),
            (no, no, yes, yes, CheckedOn::SomeRequests),
            (yes, yes, yes, yes, CheckedOn::Never),
            (yes, no, yes, yes, CheckedOn::SomeRequests),
            (lost, yes, yes, yes, CheckedOn::Unknown),
            (no, lost, lost, lost, CheckedOn::Unknown),
        ] {
            let steps = vec![
                step(Allocate, allocate),
                step(Refresh, refresh),
                step(Permission, permission),
                step(Channel, channel),
            ];
            assert_eq!(ExpiryReport::of(steps).checked_on, checked_on);
        }
        assert_eq!(CheckedOn::of(&[]), CheckedOn::Unknown);
    }
}
