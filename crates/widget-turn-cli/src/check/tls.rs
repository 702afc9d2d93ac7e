//! TLS to a TURN server: verified as a browser does, and with a name for what is wrong when it is not.
//!
//! Certificates are looked at while rustls verifies them, so a connection that fails tells as much as one that does not, and
//! none is ever made without verification.

mod certificate;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
};

pub(crate) use certificate::{Certificate, fault};

/// What a handshake showed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TlsSeen {
    /// `TLS 1.2` or `TLS 1.3`; none if the handshake was not finished.
    pub(crate) version: Option<&'static str>,
    /// The server's own certificate, if it showed one that can be read.
    pub(crate) certificate: Option<Certificate>,
    /// How many certificates it sent.
    pub(crate) certificates_sent: usize,
}

/// How certificates are verified.
#[derive(Clone)]
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl Tls {
    /// By the roots of this machine (on Linux also `SSL_CERT_FILE`).
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(crate) fn of_this_machine() -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = rustls_platform_verifier::Verifier::new(provider.clone())?;
        Ok(Self {
            provider,
            verifier: Arc::new(verifier),
        })
    }

    /// By one root alone.
    #[cfg(test)]
    pub(crate) fn trusting(root: CertificateDer<'static>) -> Self {
        use tokio_rustls::rustls::{RootCertStore, client::WebPkiServerVerifier};
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap();
        Self { provider, verifier }
    }

    /// Shakes hands with `name` on a connection; also what was seen of it, whatever came of it.
    pub(crate) async fn connect(
        &self,
        name: ServerName<'static>,
        connection: TcpStream,
    ) -> (Result<TlsStream<TcpStream>, std::io::Error>, TlsSeen) {
        let witness = Arc::new(Witness {
            verifier: self.verifier.clone(),
            chain: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has the ciphers of TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(witness.clone())
            .with_no_client_auth();
        // A resumed session shows no certificate.
        config.resumption = Resumption::disabled();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let result = connector.connect(name, connection).await;
        let version = result.as_ref().ok().and_then(|stream| {
            match stream.get_ref().1.protocol_version()? {
                ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
                ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
                _ => None,
            }
        });
        let chain = witness.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = TlsSeen {
            version,
            certificate: chain.first().and_then(|own| Certificate::read(own)),
            certificates_sent: chain.len(),
        };
        drop(chain);
        (result, seen)
    }
}

/// Keeps what it is shown and leaves the judgement to another.
struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
