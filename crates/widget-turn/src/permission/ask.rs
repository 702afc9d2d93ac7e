//! Asking a person.

use tokio::sync::mpsc;

use super::{PermissionPolicy, Verdict, VerdictFuture};
#[cfg(not(target_family = "wasm"))]
use crate::grants::Grants;
use crate::request::PermissionRequest;

/// Asks a person: sends an [`Inquiry`] to whatever talks to them and waits for the answer, for as long as it takes
/// (rule H4).
///
/// It always decides: an inquiry that is dropped denies, and so does a channel that nobody receives from.
///
/// ```
/// use tokio::sync::mpsc;
/// use widget_turn::{Answer, Ask, PermissionPolicy, PermissionRequest, Verdict};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (inquiries, mut prompt) = mpsc::channel(8);
/// let policy = Ask::new(inquiries);
///
/// let asked = ["m.turn_servers"].into_iter().collect();
/// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
/// let person = async {
///     let inquiry = prompt.recv().await.unwrap();
///     assert_eq!(inquiry.request().origin.to_string(), "https://example.org");
///     inquiry.answer(Answer::Once);
/// };
/// let (verdict, ()) = tokio::join!(policy.decide(&request), person);
/// assert_eq!(verdict, Verdict::Grant);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Ask {
    inquiries: mpsc::Sender<Inquiry>,
    #[cfg(not(target_family = "wasm"))]
    grants: Option<Grants>,
}

/// A question to a person: may this widget have the account's TURN credentials?
///
/// Dropping it denies. It may stop mattering while the person thinks, as when the page is reloaded: then take the prompt
/// away, or the person answers a question that nobody asks.
///
/// ```
/// use widget_turn::{Answer, Inquiry, PermissionRequest};
///
/// # async fn show(_: &PermissionRequest) -> Answer { Answer::Deny }
/// async fn prompt(inquiry: Inquiry) {
///     tokio::select! {
///         answer = show(inquiry.request()) => inquiry.answer(answer),
///         () = inquiry.withdrawn() => {}
///     }
/// }
/// # use widget_turn::{Ask, PermissionPolicy, Verdict};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (inquiries, mut receiver) = tokio::sync::mpsc::channel(8);
/// # let policy = Ask::new(inquiries);
/// # let asked = ["m.turn_servers"].into_iter().collect();
/// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
/// # let person = async { prompt(receiver.recv().await.unwrap()).await };
/// # let (verdict, ()) = tokio::join!(policy.decide(&request), person);
/// # assert_eq!(verdict, Verdict::Deny);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Inquiry {
    request: PermissionRequest,
    // A channel of one, not a oneshot: its sender can be waited on by reference.
    answer: mpsc::Sender<Answer>,
    can_remember: bool,
}

/// What a person says.
///
/// ```
/// use widget_turn::Answer;
///
/// assert_ne!(Answer::Once, Answer::Always);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, until the page is loaded again.
    Once,
    /// Yes, and do not ask again for this origin, account and room.
    Always,
    /// No.
    Deny,
}

impl Ask {
    /// Sends inquiries to `inquiries`. [`Answer::Always`] counts as [`Answer::Once`], since there is nowhere to keep it.
    ///
    /// ```
    /// use tokio::sync::mpsc;
    /// use widget_turn::{Ask, PermissionPolicy, PermissionRequest, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (inquiries, prompt) = mpsc::channel(8);
    /// let policy = Ask::new(inquiries);
    /// // Nobody is there to be asked.
    /// drop(prompt);
    ///
    /// let asked = ["m.turn_servers"].into_iter().collect();
    /// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// assert_eq!(policy.decide(&request).await, Verdict::Deny);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(inquiries: mpsc::Sender<Inquiry>) -> Self {
        Self {
            inquiries,
            #[cfg(not(target_family = "wasm"))]
            grants: None,
        }
    }

    /// Sends inquiries to `inquiries`, and writes what is answered with [`Answer::Always`] to `grants`. Put
    /// [`Remembered`](crate::Remembered) with the same grants before it.
    ///
    /// Where the grant cannot be written, the widget gets its credentials this time and a log line says what went wrong.
    ///
    /// ```
    /// use tokio::sync::mpsc;
    /// use widget_turn::{Answer, Ask, Grants, PermissionPolicy, PermissionRequest, Remembered, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("widget-turn-doc-ask-{}", std::process::id()));
    /// let grants = Grants::open(folder.join("grants.json"))?;
    /// let (inquiries, mut prompt) = mpsc::channel(8);
    /// let policy = Remembered::new(grants.clone()).or(Ask::remembering(inquiries, grants));
    ///
    /// let asked = ["m.turn_servers"].into_iter().collect();
    /// let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// let person = async { prompt.recv().await.unwrap().answer(Answer::Always) };
    /// let (first, ()) = tokio::join!(policy.decide(&request), person);
    /// assert_eq!(first, Verdict::Grant);
    /// // The second time nobody is asked.
    /// assert_eq!(policy.decide(&request).await, Verdict::Grant);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(not(target_family = "wasm"))]
    pub fn remembering(inquiries: mpsc::Sender<Inquiry>, grants: Grants) -> Self {
        Self {
            inquiries,
            grants: Some(grants),
        }
    }

    async fn ask(&self, request: &PermissionRequest) -> Verdict {
        let (answer, mut answered) = mpsc::channel(1);
        let inquiry = Inquiry {
            request: request.clone(),
            answer,
            can_remember: self.remembers() && !request.origin.is_opaque(),
        };
        if self.inquiries.send(inquiry).await.is_err() {
            return Verdict::Deny;
        }
        match answered.recv().await {
            Some(Answer::Once) => Verdict::Grant,
            Some(Answer::Always) => {
                self.remember(request).await;
                Verdict::Grant
            }
            Some(Answer::Deny) | None => Verdict::Deny,
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn remembers(&self) -> bool {
        self.grants.is_some()
    }

    #[cfg(not(target_family = "wasm"))]
    async fn remember(&self, request: &PermissionRequest) {
        let Some(grants) = self.grants.clone() else {
            return;
        };
        let request = request.clone();
        // Writing waits for the disk, and for other processes that write.
        let written = tokio::task::spawn_blocking(move || grants.remember(&request)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "cannot remember what was granted");
        }
    }
}

/// A page has no file to remember in.
#[cfg(target_family = "wasm")]
impl Ask {
    fn remembers(&self) -> bool {
        false
    }

    async fn remember(&self, _: &PermissionRequest) {}
}

impl PermissionPolicy for Ask {
    fn decide<'a>(&'a self, request: &'a PermissionRequest) -> VerdictFuture<'a> {
        Box::pin(self.ask(request))
    }
}

impl Inquiry {
    /// What is asked for, and by whom. Show the origin and the account.
    ///
    /// ```
    /// fn headline(inquiry: &widget_turn::Inquiry) -> String {
    ///     format!("May {} use the TURN servers of {}?", inquiry.request().origin, inquiry.request().account)
    /// }
    /// # use widget_turn::{Ask, PermissionPolicy, PermissionRequest};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (inquiries, mut receiver) = tokio::sync::mpsc::channel(8);
    /// # let policy = Ask::new(inquiries);
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// # let person = async {
    /// #     let inquiry = receiver.recv().await.unwrap();
    /// assert_eq!(headline(&inquiry), "May https://example.org use the TURN servers of @alice:example.com?");
    /// # };
    /// # tokio::join!(policy.decide(&request), person);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self) -> &PermissionRequest {
        &self.request
    }

    /// Whether [`Answer::Always`] would be remembered: not without grants to write to, and not for an opaque origin. Offer
    /// it only then.
    ///
    /// ```
    /// # use widget_turn::{Ask, PermissionPolicy, PermissionRequest};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (inquiries, mut prompt) = tokio::sync::mpsc::channel(8);
    /// let policy = Ask::new(inquiries);
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// let person = async {
    ///     let inquiry = prompt.recv().await.unwrap();
    ///     assert!(!inquiry.can_remember());
    /// };
    /// # tokio::join!(policy.decide(&request), person);
    /// # Ok(())
    /// # }
    /// ```
    pub fn can_remember(&self) -> bool {
        self.can_remember
    }

    /// Hands the person's answer in. If the inquiry was withdrawn meanwhile, nothing comes of it: nothing is remembered
    /// either.
    ///
    /// ```
    /// # use widget_turn::{Answer, Ask, PermissionPolicy, PermissionRequest, Verdict};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (inquiries, mut prompt) = tokio::sync::mpsc::channel(8);
    /// # let policy = Ask::new(inquiries);
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// let person = async { prompt.recv().await.unwrap().answer(Answer::Deny) };
    /// let (verdict, ()) = tokio::join!(policy.decide(&request), person);
    /// assert_eq!(verdict, Verdict::Deny);
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer(self, answer: Answer) {
        // The one place in the channel is free, and that the asker has gone is no matter of ours.
        let _ = self.answer.try_send(answer);
    }

    /// Waits until the answer no longer matters, as when the page is reloaded or its layer is gone.
    ///
    /// ```
    /// # use widget_turn::{Ask, PermissionPolicy, PermissionRequest};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (inquiries, mut prompt) = tokio::sync::mpsc::channel(8);
    /// # let policy = Ask::new(inquiries);
    /// # let asked = ["m.turn_servers"].into_iter().collect();
    /// # let request = PermissionRequest::new("https://example.org".parse()?, "@alice:example.com", None, asked);
    /// let inquiry = tokio::select! {
    ///     inquiry = prompt.recv() => inquiry.unwrap(),
    ///     _ = policy.decide(&request) => unreachable!("nobody has answered"),
    /// };
    /// // `select!` has dropped the decision.
    /// inquiry.withdrawn().await;
    /// assert_eq!(inquiry.request(), &request);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn withdrawn(&self) {
        self.answer.closed().await;
    }
}
