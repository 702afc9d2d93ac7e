//! The connection to an address: TCP, and TLS over it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::address::Session;
use crate::check::client::Client;
use crate::check::fault::{Asked, Fault};
use crate::check::report::{Outcome, Step, StepName};
use crate::check::target::Transport;
use crate::check::tls;
use crate::stun::transaction::Failure;

/// A certificate with fewer days left is to be renewed now.
const FEW_DAYS: i64 = 14;

impl Session<'_> {
    /// Opens the connection that everything else goes over, step by step.
    pub(super) async fn connect(&mut self) -> Result<Client, ()> {
        self.show(StepName::Connect);
        let started = Instant::now();
        let signer = self.probe.signer();
        if self.transport() == Transport::Udp {
            // There is nothing to connect; a failure is this machine's.
            return match Client::over_udp(self.server, signer).await {
                Ok(client) => Ok(client),
                Err(error) => {
                    self.failed(StepName::Connect, started, &error.into(), Asked::Connection);
                    Err(())
                }
            };
        }
        let connection = self
            .probe
            .unless_interrupted(tcp(self.server, self.probe.limit))
            .await;
        let connection = match connection {
            Ok(connection) => connection,
            Err(fault) => {
                self.failed(StepName::Connect, started, &fault, Asked::Connection);
                return Err(());
            }
        };
        self.ok(StepName::Connect, started, None);
        if self.transport() == Transport::Tcp {
            return Ok(Client::over_stream(connection, signer));
        }
        self.show(StepName::Tls);
        let started = Instant::now();
        let (step, stream) = self.shake_hands(connection).await;
        self.report.steps.push(step.took(started.elapsed()));
        stream.map(|stream| Client::over_stream(stream, signer))
    }

    async fn shake_hands(
        &mut self,
        connection: TcpStream,
    ) -> (Step, Result<TlsStream<TcpStream>, ()>) {
        let step = |outcome, detail: String| Step::seen(StepName::Tls, outcome, detail);
        let tls = match &self.probe.tls {
            Ok(tls) => tls,
            Err(why) => {
                let detail = format!("this machine cannot verify certificates ({why})");
                let advice = "Install root certificates (Debian: ca-certificates), or name a file by SSL_CERT_FILE.";
                return (step(Outcome::Skipped, detail).advise(advice), Err(()));
            }
        };
        let Some(name) = self.target.server_name() else {
            let detail = format!("no certificate can be for {}", self.target.host);
            return (
                step(Outcome::Failed, detail).advise("Correct the host in the URI."),
                Err(()),
            );
        };
        let shaken = self.probe.unless_interrupted(async {
            timeout(self.probe.limit, tls.connect(name, connection))
                .await
                .map_err(|_| Fault::Stun(Failure::NoAnswer(None)))
        });
        let (result, seen) = match shaken.await {
            Ok(shaken) => shaken,
            Err(Fault::Interrupted) => {
                return (step(Outcome::Skipped, "interrupted".to_owned()), Err(()));
            }
            Err(fault) => {
                let advice = "The connection stands but no TLS handshake comes: look whether this port speaks TLS.";
                return (
                    step(Outcome::Failed, fault.happened()).advise(advice),
                    Err(()),
                );
            }
        };
        let summed = match &result {
            Err(error) => {
                let (detail, advice) = tls::fault(error, &seen, &self.target.host);
                step(Outcome::Failed, detail).advise(advice)
            }
            Ok(_) => {
                let version = seen.version.unwrap_or("TLS");
                match &seen.certificate {
                    None => step(Outcome::Ok, version.to_owned()),
                    Some(own) if own.days_left < FEW_DAYS => step(
                        Outcome::Warning,
                        format!("{version}, the certificate expires in {} days", own.days_left),
                    )
                    .advise("Renew the certificate and make the server load it (coturn: restart, or SIGUSR2)."),
                    Some(own) => step(
                        Outcome::Ok,
                        format!("{version}, the certificate has {} days left", own.days_left),
                    ),
                }
            }
        };
        self.report.tls = Some(seen);
        (summed, result.map_err(|_| ()))
    }

    /// A connection beside the first, with no report of its own.
    pub(crate) async fn second_client(&self) -> Result<Client, Fault> {
        let signer = self.probe.signer();
        if self.transport() == Transport::Udp {
            return Ok(Client::over_udp(self.server, signer).await?);
        }
        let connection = self
            .probe
            .unless_interrupted(tcp(self.server, self.probe.limit))
            .await?;
        let (Transport::Tls, Ok(tls), Some(name)) =
            (self.transport(), &self.probe.tls, self.target.server_name())
        else {
            return Ok(Client::over_stream(connection, signer));
        };
        let shaken = self.probe.unless_interrupted(async {
            timeout(self.probe.limit, tls.connect(name, connection))
                .await
                .map_err(|_| Fault::NoConnection)
        });
        let (stream, _) = shaken.await?;
        Ok(Client::over_stream(stream?, signer))
    }
}

async fn tcp(server: SocketAddr, limit: Duration) -> Result<TcpStream, Fault> {
    match timeout(limit, TcpStream::connect(server)).await {
        Ok(connected) => {
            let connection = connected?;
            // Requests are small and each waits for its answer.
            let _ = connection.set_nodelay(true);
            Ok(connection)
        }
        Err(_) => Err(Fault::NoConnection),
    }
}
