//! Every text of a report that is not this program's own, for whoever escapes or hides.

use super::expiry::ExpiryReport;
use super::{AddressReport, CredentialsReport, HomeserverReport, Report, ServerReport, Step};
use crate::check::tls::TlsSeen;

impl Report {
    /// Sees every text that names somebody or something, or that came from the network. A member that is new does not
    /// compile before somebody has thought of it here.
    pub(crate) fn each_text(&mut self, f: &mut dyn FnMut(&mut String)) {
        let Self {
            homeserver,
            credentials,
            servers,
            version: _,
            checked_at: _,
            ms: _,
            grade: _,
            next_grade: _,
            interrupted: _,
            exit_code: _,
        } = self;
        if let Some(HomeserverReport {
            name,
            base_url,
            steps,
            errcode,
            ttl,
            status: _,
            no_turn: _,
            retry_after_seconds: _,
            clock_skew_seconds: _,
        }) = homeserver
        {
            f(name);
            base_url.iter_mut().for_each(&mut *f);
            errcode.iter_mut().for_each(&mut *f);
            if let Some(serde_json::Value::String(ttl)) = ttl {
                f(ttl);
            }
            each_step(steps, f);
        }
        if let Some(CredentialsReport {
            username,
            steps,
            expires_at: _,
            expires_in_seconds: _,
        }) = credentials
        {
            f(username);
            each_step(steps, f);
        }
        for server in servers {
            let ServerReport {
                uri,
                steps,
                addresses,
                transport: _,
                port: _,
                outcome: _,
            } = server;
            f(uri);
            each_step(steps, f);
            for address in addresses {
                address.each_text(f);
            }
        }
    }
}

impl AddressReport {
    fn each_text(&mut self, f: &mut dyn FnMut(&mut String)) {
        let Self {
            address,
            alternate_of,
            steps,
            software,
            realm,
            mapped_address,
            relayed_address,
            tls,
            expiry,
            family: _,
            outcome: _,
            relays: _,
            lifetime_seconds: _,
            round_trip: _,
        } = self;
        f(address);
        for text in [
            alternate_of,
            mapped_address,
            relayed_address,
            software,
            realm,
        ] {
            text.iter_mut().for_each(&mut *f);
        }
        each_step(steps, f);
        if let Some(ExpiryReport {
            steps,
            checked_on: _,
            meaning: _,
        }) = expiry
        {
            each_step(steps, f);
        }
        if let Some(TlsSeen {
            certificate: Some(certificate),
            ..
        }) = tls
        {
            certificate.names.iter_mut().for_each(&mut *f);
            f(&mut certificate.issuer);
        }
    }
}

fn each_step(steps: &mut [Step], f: &mut dyn FnMut(&mut String)) {
    for step in steps {
        let Step {
            detail,
            advice,
            name: _,
            outcome: _,
            ms: _,
            waited_ms: _,
            code: _,
        } = step;
        detail.iter_mut().for_each(&mut *f);
        advice.iter_mut().for_each(&mut *f);
    }
}
