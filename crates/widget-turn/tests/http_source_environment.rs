//! What `HttpTurnSource` takes from the environment of its process: root certificates and proxies.
//!
//! Both are read from variables, so each test runs itself again as a child process that has them set. The child logs all
//! there is to log, and its output must not hold a secret.
#![cfg(all(feature = "http", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers fail the test that calls them")]

#[path = "http_source/server.rs"]
mod server;

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use server::{Server, answer, read_request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use widget_turn::{HttpTurnSource, Secret, TurnSource};

/// Set in the child: the homeserver to ask.
const HOMESERVER: &str = "WIDGET_TURN_TEST_HOMESERVER";
const TOKEN: &str = "syt_canary_token";
const PASSWORD: &str = "canary-password";
const GOOD: &str = r#"{"username":"alice","password":"canary-password","uris":["turn:turn.example.com"],"ttl":60}"#;

/// In the child: fetches, with everything logged to the standard output. Else nothing.
async fn is_child() -> bool {
    let Ok(homeserver) = env::var(HOMESERVER) else {
        return false;
    };
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .init();
    let source = HttpTurnSource::new(homeserver.parse().unwrap(), Secret::new(TOKEN)).unwrap();
    println!("fetched: {:?}", source.fetch().await);
    true
}

/// Runs the test `name` again, to ask `homeserver` with `variables` set. Returns all that it wrote.
async fn child(name: &str, homeserver: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .env(HOMESERVER, homeserver);
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
        .env_remove("SSL_CERT_DIR")
        .envs(variables.iter().copied());
    let output = command.output().await.unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{text}");
    assert!(!text.contains(TOKEN), "the token was logged: {text}");
    assert!(!text.contains(PASSWORD), "the password was logged: {text}");
    text
}

/// Answers one connection, and returns its request; empty if the handshake failed.
fn https(listener: TcpListener, certified: &CertifiedKey<rcgen::KeyPair>) -> JoinHandle<String> {
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certified.cert.der().clone()],
            PrivateKeyDer::Pkcs8(key),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let Ok(mut connection) = acceptor.accept(connection).await else {
            return String::new();
        };
        let request = read_request(&mut connection).await;
        let good = answer("200 OK", "", GOOD);
        connection.write_all(good.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        request
    })
}

/// A certificate for loopback, and the same as a file of trusted roots, which goes when it is dropped.
struct Roots {
    certified: CertifiedKey<rcgen::KeyPair>,
    file: String,
}

impl Roots {
    fn new(name: &str) -> Self {
        let certified = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = env::temp_dir().join(format!("widget-turn-{name}-{}.pem", std::process::id()));
        std::fs::write(&file, certified.cert.pem()).unwrap();
        Self {
            certified,
            file: file.into_os_string().into_string().unwrap(),
        }
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new(&self.file));
    }
}

#[tokio::test]
async fn a_homeserver_by_https_is_known_by_the_roots_of_the_system() {
    if is_child().await {
        return;
    }
    let roots = Roots::new("known");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = https(listener, &roots.certified);
    let name = "a_homeserver_by_https_is_known_by_the_roots_of_the_system";
    let said = child(name, &url, &[("SSL_CERT_FILE", &roots.file)]).await;
    assert!(said.contains("fetched: Credentials"), "{said}");
    // All of them have had their say, or the search for secrets was for nothing.
    for library in ["rustls", "hyper_util", "reqwest", "widget_turn"] {
        assert!(said.contains(&format!(" {library}::")), "{library}: {said}");
    }
    let request = server.await.unwrap();
    assert!(
        request.contains("authorization: Bearer syt_canary_token\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_homeserver_whose_certificate_nobody_knows_does_not_get_the_token() {
    if is_child().await {
        return;
    }
    let (roots, other) = (Roots::new("unknown"), Roots::new("other"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = https(listener, &other.certified);
    let name = "a_homeserver_whose_certificate_nobody_knows_does_not_get_the_token";
    let said = child(name, &url, &[("SSL_CERT_FILE", &roots.file)]).await;
    assert!(said.contains("fetched: Failed"), "{said}");
    assert!(
        said.contains("invalid peer certificate"),
        "the log says why: {said}"
    );
    assert_eq!(server.await.unwrap(), "");
}

#[tokio::test]
async fn the_proxy_of_the_system_is_asked_for_hosts_elsewhere() {
    if is_child().await {
        return;
    }
    let proxy = Server::answering(answer("200 OK", "", GOOD)).await;
    let name = "the_proxy_of_the_system_is_asked_for_hosts_elsewhere";
    let homeserver = "http://homeserver.test";
    let said = child(name, homeserver, &[("http_proxy", proxy.url.as_str())]).await;
    assert!(said.contains("fetched: Credentials"), "{said}");
    let request = &proxy.requests()[0];
    let line = "GET http://homeserver.test/_matrix/client/v3/voip/turnServer HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
}

#[tokio::test]
async fn a_homeserver_on_loopback_is_asked_without_the_proxy() {
    if is_child().await {
        return;
    }
    let proxy = Server::answering(answer("502 Bad Gateway", "", "")).await;
    let homeserver = Server::answering(answer("200 OK", "", GOOD)).await;
    let name = "a_homeserver_on_loopback_is_asked_without_the_proxy";
    // Nor are roots needed for it: those that are told of are not there.
    let variables = [
        ("http_proxy", proxy.url.as_str()),
        ("SSL_CERT_FILE", "/nonexistent/roots.pem"),
    ];
    let said = child(name, homeserver.url.as_str(), &variables).await;
    assert!(said.contains("fetched: Credentials"), "{said}");
    assert_eq!(proxy.requests(), [""; 0]);
}
