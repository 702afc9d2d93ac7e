//! The `Retry-After` header (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

/// How long a `Retry-After` header asks to wait: seconds, or an HTTP date. What has passed is no time at all; `None` for
/// garbage. For [`read_response`](crate::read_response), in sources of one's own.
///
/// A date is by the homeserver's clock, so it is counted from the `Date` header of the same answer where there is one, and
/// only else from `now`. In the browser, where `SystemTime::now()` panics, `now` is `UNIX_EPOCH` plus `Date.now()`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use widget_turn::read_retry_after;
///
/// let now = SystemTime::now();
/// assert_eq!(read_retry_after("120", None, now), Some(Duration::from_secs(120)));
/// let date = Some("Tue, 24 Nov 2026 18:00:00 GMT");
/// assert_eq!(read_retry_after("Tue, 24 Nov 2026 18:00:30 GMT", date, now), Some(Duration::from_secs(30)));
/// assert_eq!(read_retry_after("soon", None, now), None);
/// ```
pub fn read_retry_after(
    retry_after: &str,
    date: Option<&str>,
    now: SystemTime,
) -> Option<Duration> {
    let text = retry_after.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = if text.starts_with('-') {
            0
        } else {
            // What does not fit is a very long time.
            digits.parse().unwrap_or(u64::MAX)
        };
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Mon, 23 Nov 2026 12:00:00 GMT";

    fn noon() -> SystemTime {
        httpdate::parse_http_date(NOON).unwrap()
    }

    fn seconds(retry_after: &str, date: Option<&str>) -> Option<u64> {
        read_retry_after(retry_after, date, noon()).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read() {
        assert_eq!(seconds("0", None), Some(0));
        assert_eq!(seconds(" 120 ", None), Some(120));
    }

    #[test]
    fn seconds_beyond_all_measure_are_a_very_long_time() {
        assert_eq!(seconds("99999999999999999999999", None), Some(u64::MAX));
    }

    #[test]
    fn negative_seconds_are_no_time() {
        assert_eq!(seconds("-5", None), Some(0));
        assert_eq!(seconds("-99999999999999999999999", None), Some(0));
    }

    #[test]
    fn a_date_counts_from_the_date_of_the_answer() {
        let wait = seconds(
            "Tue, 24 Nov 2026 18:00:30 GMT",
            Some("Tue, 24 Nov 2026 18:00:00 GMT"),
        );
        assert_eq!(wait, Some(30));
    }

    #[test]
    fn a_date_counts_from_the_system_clock_where_the_answer_has_none() {
        assert_eq!(seconds("Mon, 23 Nov 2026 12:01:00 GMT", None), Some(60));
        assert_eq!(
            seconds("Mon, 23 Nov 2026 12:01:00 GMT", Some("noon")),
            Some(60)
        );
    }

    #[test]
    fn the_old_forms_of_a_date_are_read() {
        assert_eq!(seconds("Monday, 23-Nov-26 12:01:00 GMT", None), Some(60));
        assert_eq!(seconds("Mon Nov 23 12:01:00 2026", None), Some(60));
    }

    #[test]
    fn a_date_in_the_past_is_no_time() {
        assert_eq!(seconds("Sun, 22 Nov 2026 12:00:00 GMT", None), Some(0));
        assert_eq!(
            seconds(NOON, Some("Tue, 24 Nov 2026 12:00:00 GMT")),
            Some(0)
        );
    }

    #[test]
    fn garbage_is_ignored() {
        for garbage in [
            "",
            "-",
            "soon",
            "1.5",
            "1e9",
            "5, 5",
            "0x10",
            "+5",
            "Mon, 99 Nov 2026",
        ] {
            assert_eq!(seconds(garbage, None), None, "{garbage:?}");
        }
    }
}
