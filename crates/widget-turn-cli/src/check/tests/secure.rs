//! TLS, with certificates made here.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use std::sync::Arc;

use super::*;

/// An authority that browsers of this test know.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn tls(&self) -> Tls {
        Tls::trusting(self.0.der().clone())
    }

    /// A certificate for `name` until the end of `year`, and its key.
    fn certify(&self, name: &str, year: i32) -> (Vec<CertificateDer<'static>>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, year).signed_by(&key, &self.0).unwrap();
        (vec![certificate.der().clone()], key)
    }
}

fn params(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2015, 1, 1);
    params.not_after = date_time_ymd(year, 12, 31);
    params
}

fn self_signed(name: &str, year: i32) -> (Vec<CertificateDer<'static>>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = params(name, year).self_signed(&key).unwrap();
    (vec![certificate.der().clone()], key)
}

/// TLS in front of the demo's TURN server, until the test ends.
struct Terminator {
    port: u16,
    task: AbortHandle,
    _behind: Embedded,
}

impl Drop for Terminator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Terminator {
    async fn start((chain, key): (Vec<CertificateDer<'static>>, KeyPair)) -> Self {
        let behind = Embedded::start("127.0.0.1:0").await;
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = behind.address;
        let serving = async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(mut secure) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut plain = TcpStream::connect(to).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut secure, &mut plain).await;
                });
            }
        };
        Self {
            port,
            task: tokio::spawn(serving).abort_handle(),
            _behind: behind,
        }
    }
}

async fn check_tls(tls: Tls, port: u16) -> Report {
    // By its address, so that no name needs to be looked up.
    let mut settings = settings(&[format!("turns:127.0.0.1:{port}?transport=tcp")], GENEROUS);
    settings.tls = Ok(tls);
    settings.round().await
}

#[tokio::test]
async fn a_certificate_that_is_well_lets_through() {
    let authority = Authority::new("Authority of this test");
    let server = Terminator::start(authority.certify("127.0.0.1", 2099)).await;
    let report = check_tls(authority.tls(), server.port).await;
    assert_eq!(report.exit_code, 0);
    let tls = report.servers[0].addresses[0].tls.as_ref().unwrap();
    assert_eq!(tls.version, Some("TLS 1.3"));
    assert_eq!(tls.certificate.as_ref().unwrap().names, ["127.0.0.1"]);
    assert_snapshot("tls-well", &report);
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_named_and_nothing_passes() {
    let authority = Authority::new("Authority of this test");
    for (name, certificate) in [
        ("tls-self-signed", self_signed("127.0.0.1", 2099)),
        ("tls-expired", authority.certify("127.0.0.1", 2020)),
        (
            "tls-wrong-name",
            authority.certify("turn.example.org", 2099),
        ),
        (
            "tls-unknown-issuer",
            Authority::new("Another authority").certify("127.0.0.1", 2099),
        ),
    ] {
        let server = Terminator::start(certificate).await;
        let report = check_tls(authority.tls(), server.port).await;
        assert_eq!(report.exit_code, 2);
        assert_snapshot(name, &report);
    }
}

#[tokio::test]
async fn a_port_without_tls_is_named() {
    let server = Embedded::start("127.0.0.1:0").await;
    let report = check_tls(
        Authority::new("Authority of this test").tls(),
        server.address.port(),
    )
    .await;
    assert_eq!(report.exit_code, 2);
    assert_snapshot("tls-plain-turn", &report);
    let server = servers::Server::tcp(true, |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let report = check_tls(
        Authority::new("Authority of this test").tls(),
        server.address.port(),
    )
    .await;
    assert_snapshot("tls-plain-http", &report);
}

#[tokio::test]
async fn without_roots_tls_is_skipped_and_never_ok() {
    let report = check(&["turns:127.0.0.1:1024".to_owned()], GENEROUS).await;
    assert_eq!(report.exit_code, 2);
    let server = Terminator::start(self_signed("127.0.0.1", 2099)).await;
    let report = check(&[format!("turns:127.0.0.1:{}", server.port)], GENEROUS).await;
    assert_eq!(report.exit_code, 2);
    assert_snapshot("tls-no-roots", &report);
}
