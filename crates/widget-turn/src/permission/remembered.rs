//! What a person has said before.

use tracing::warn;

use super::{PermissionPolicy, Verdict, VerdictFuture};
use crate::grants::Grants;
use crate::request::PermissionRequest;

/// Grants what [`Grants`] remember, and is undecided about all else (rule P3).
///
/// Put it before [`Ask`](crate::Ask), which adds to the same grants. The file is read anew for each decision, so that what
/// was taken back, here or by another process, counts at once. A file that cannot be read grants nothing; a log line says
/// why.
///
/// ```
/// use widget_turn::{Grants, PermissionPolicy, PermissionRequest, Remembered, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-remembered-{}", std::process::id()));
/// let grants = Grants::open(folder.join("grants.json"))?;
/// let policy = Remembered::new(grants.clone());
///
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
/// assert_eq!(policy.decide(&request).await, Verdict::Undecided);
/// grants.remember(&request)?;
/// assert_eq!(policy.decide(&request).await, Verdict::Grant);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Remembered {
    grants: Grants,
}

impl Remembered {
    /// Looks into `grants`.
    ///
    /// ```
    /// use widget_turn::{Grants, Remembered};
    ///
    /// let grants = Grants::open("no-such-folder/grants.json")?;
    /// let policy = Remembered::new(grants);
    /// assert!(format!("{policy:?}").contains("grants.json"));
    /// # Ok::<(), widget_turn::GrantsError>(())
    /// ```
    pub fn new(grants: Grants) -> Self {
        Self { grants }
    }
}

impl PermissionPolicy for Remembered {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        let grants = self.grants.clone();
        let request = request.clone();
        // A home folder may be on a network that is down: no other task should wait for it.
        let look = move || grants.contains(&request);
        Box::pin(async move {
            match tokio::task::spawn_blocking(look).await {
                Ok(Ok(true)) => Verdict::Grant,
                Ok(Ok(false)) => Verdict::Undecided,
                Ok(Err(error)) => {
                    warn!(%error, "cannot look up what was granted before");
                    Verdict::Undecided
                }
                // The runtime is shutting down.
                Err(_) => Verdict::Undecided,
            }
        })
    }
}
