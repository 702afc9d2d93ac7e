//! The crate's own clock reading.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on a clock that never goes back, as the time since an origin that the caller picks.
///
/// It is not [`std::time::Instant`]: that one panics on `wasm32-unknown-unknown` and cannot be written down in a test.
/// The caller's clock should count the time that the machine sleeps, since credentials expire meanwhile.
///
/// ```
/// use std::time::Duration;
/// use widget_turn_proto::Timestamp;
///
/// let start = Timestamp::from_secs(10);
/// let later = start + Duration::from_millis(500);
/// assert!(later > start);
/// assert_eq!(later - start, Duration::from_millis(500));
/// // The span between two moments in the wrong order is none.
/// assert_eq!(start - later, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The origin of the clock.
    ///
    /// ```
    /// # use widget_turn_proto::Timestamp;
    /// assert_eq!(Timestamp::ZERO, Timestamp::from_secs(0));
    /// ```
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment `since_origin` after the origin.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use widget_turn_proto::Timestamp;
    /// assert_eq!(Timestamp::new(Duration::from_secs(3)), Timestamp::from_secs(3));
    /// ```
    pub const fn new(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The moment `seconds` after the origin.
    ///
    /// ```
    /// # use widget_turn_proto::Timestamp;
    /// assert!(Timestamp::from_secs(1) < Timestamp::from_secs(2));
    /// ```
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The time since the origin.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use widget_turn_proto::Timestamp;
    /// assert_eq!(Timestamp::from_secs(2).since_origin(), Duration::from_secs(2));
    /// ```
    pub const fn since_origin(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t+{:?}", self.0)
    }
}
