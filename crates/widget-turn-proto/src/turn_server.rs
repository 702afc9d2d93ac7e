//! TURN servers with credentials for them, and the type that keeps the password in.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::uri::check_uri;

/// The longest user name that libwebrtc takes, in bytes.
const MAX_USERNAME: usize = 509;
/// More URIs than this help nobody: browsers warn from five on (rule C9).
pub(crate) const MAX_URIS: usize = 16;

/// A secret by type: it has no `Display`, its `Debug` shows nothing, and its memory is wiped when it is dropped (rule C8).
///
/// ```
/// use widget_turn_proto::Secret;
///
/// let password = Secret::new("JlKfBy1QwLrO20385QyAtEyIv0=");
/// assert_eq!(format!("{password:?}"), "Secret(…)");
/// assert_eq!(password.expose(), "JlKfBy1QwLrO20385QyAtEyIv0=");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` as a secret.
    ///
    /// ```
    /// # use widget_turn_proto::Secret;
    /// assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, for the one place that must send it.
    ///
    /// ```
    /// # use widget_turn_proto::Secret;
    /// assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// TURN servers that a browser takes, with the credentials for them. Cheap to clone.
///
/// Whatever a homeserver said, `new RTCPeerConnection` does not throw on this (rule W9).
///
/// ```
/// use widget_turn_proto::{Secret, TurnServer};
///
/// let uris = ["turn:turn.example.com?transport=udp", "bogus:1"].map(String::from);
/// let server = TurnServer::new(uris, "1443779631:@user:example.com", Secret::new("JlKf"))?;
/// assert_eq!(server.uris(), ["turn:turn.example.com?transport=udp"]);
/// assert_eq!(server.username(), "1443779631:@user:example.com");
/// assert!(!format!("{server:?}").contains("JlKf"));
/// # Ok::<(), widget_turn_proto::NoTurn>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    uris: Vec<String>,
    username: String,
    password: Secret,
    /// The `data` of MSC3846's update, as JSON text: made once for all the widgets that get it.
    data: Secret,
}

/// Which form of "no TURN here" a homeserver chose.
///
/// ```
/// use widget_turn_proto::{NoTurn, Secret, TurnServer};
///
/// let nothing = TurnServer::new([], "u", Secret::new("p"));
/// assert_eq!(nothing, Err(NoTurn::NoUris));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoTurn {
    /// `200 {}`, as Synapse and Dendrite answer.
    EmptyObject,
    /// No `uris`, or an empty list.
    NoUris,
    /// URIs, but none that a browser takes.
    NoUsableUri,
    /// An empty or missing `username` or `password`.
    NoCredentials,
    /// A `username` of more than 509 bytes, on which browsers throw.
    UsernameTooLong,
    /// 404, as MSC4166 proposes.
    NotFound,
}

impl fmt::Display for NoTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyObject => "the homeserver answered with an empty object",
            Self::NoUris => "the homeserver answered without TURN URIs",
            Self::NoUsableUri => "none of the homeserver's TURN URIs is one that browsers take",
            Self::NoCredentials => {
                "the homeserver answered without a user name or without a password"
            }
            Self::UsernameTooLong => {
                "the TURN user name is longer than the 509 bytes that browsers take"
            }
            Self::NotFound => "the homeserver answered that it has no TURN servers",
        })
    }
}

impl std::error::Error for NoTurn {}

impl TurnServer {
    /// Keeps of `uris` those that [`check_uri`] passes, each once, in their order (which is their priority), 16 at most.
    ///
    /// # Errors
    ///
    /// What is missing, where nothing usable is left.
    ///
    /// ```
    /// use widget_turn_proto::{NoTurn, Secret, TurnServer};
    ///
    /// let uris = || ["turn:turn.example.com".to_owned()];
    /// assert!(TurnServer::new(uris(), "alice", Secret::new("p")).is_ok());
    /// assert_eq!(TurnServer::new(uris(), "", Secret::new("p")), Err(NoTurn::NoCredentials));
    /// assert_eq!(TurnServer::new(["x:y".to_owned()], "alice", Secret::new("p")), Err(NoTurn::NoUsableUri));
    /// ```
    pub fn new(
        uris: impl IntoIterator<Item = String>,
        username: impl Into<String>,
        password: Secret,
    ) -> Result<Self, NoTurn> {
        let mut usable: Vec<String> = Vec::new();
        let mut any = false;
        for uri in uris {
            any = true;
            let uri = uri.trim();
            if usable.len() < MAX_URIS
                && check_uri(uri).is_ok()
                && !usable.iter().any(|known| known == uri)
            {
                usable.push(uri.to_owned());
            }
        }
        let username = username.into();
        if !any {
            return Err(NoTurn::NoUris);
        }
        if username.is_empty() || password.expose().is_empty() {
            return Err(NoTurn::NoCredentials);
        }
        if username.len() > MAX_USERNAME {
            return Err(NoTurn::UsernameTooLong);
        }
        if usable.is_empty() {
            return Err(NoTurn::NoUsableUri);
        }
        let data = serde_json::json!({
            "uris": usable,
            "username": username,
            "password": password.expose(),
        });
        Ok(Self(Arc::new(Inner {
            uris: usable,
            username,
            password,
            data: Secret::new(data.to_string()),
        })))
    }

    /// The URIs in the homeserver's order; at least one.
    ///
    /// ```
    /// # use widget_turn_proto::{Secret, TurnServer};
    /// let server = TurnServer::new(["turn:a".into(), "turn:a".into()], "u", Secret::new("p"))?;
    /// assert_eq!(server.uris().len(), 1);
    /// # Ok::<(), widget_turn_proto::NoTurn>(())
    /// ```
    pub fn uris(&self) -> &[String] {
        &self.0.uris
    }

    /// The user name, often `expiry:user` with the expiry in seconds since 1970.
    ///
    /// ```
    /// # use widget_turn_proto::{Secret, TurnServer};
    /// let server = TurnServer::new(["turn:a".into()], "1443779631:@user:example.com", Secret::new("p"))?;
    /// assert!(server.username().ends_with("@user:example.com"));
    /// # Ok::<(), widget_turn_proto::NoTurn>(())
    /// ```
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// The password, which must only go to the widget.
    ///
    /// ```
    /// # use widget_turn_proto::{Secret, TurnServer};
    /// let server = TurnServer::new(["turn:a".into()], "u", Secret::new("p"))?;
    /// assert_eq!(server.password().expose(), "p");
    /// # Ok::<(), widget_turn_proto::NoTurn>(())
    /// ```
    pub fn password(&self) -> &Secret {
        &self.0.password
    }

    /// The same as the `RTCIceServer` of browsers, as JSON text: what `new RTCPeerConnection` takes in `iceServers`.
    ///
    /// ```
    /// # use widget_turn_proto::{Secret, TurnServer};
    /// let server = TurnServer::new(["turn:a".into()], "u", Secret::new("p"))?;
    /// assert_eq!(server.ice_server().expose(), r#"{"credential":"p","urls":["turn:a"],"username":"u"}"#);
    /// # Ok::<(), widget_turn_proto::NoTurn>(())
    /// ```
    pub fn ice_server(&self) -> Secret {
        let server = serde_json::json!({
            "urls": self.0.uris,
            "username": self.0.username,
            "credential": self.0.password.expose(),
        });
        Secret::new(server.to_string())
    }
}

impl TurnServer {
    /// The `data` of MSC3846's update, as JSON text.
    pub(crate) fn data(&self) -> &Secret {
        &self.0.data
    }
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer")
            .field("uris", &self.0.uris)
            .field("username", &self.0.username)
            .field("password", &self.0.password)
            .finish()
    }
}
