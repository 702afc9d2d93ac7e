//! Internationalised labels of host names, as DNS has them: `xn--` and punycode (RFC 3492).
//!
//! Firefox decodes them, and throws on those that no name stands behind; Chromium leaves them to the resolver.

/// Whether `label` is no such label, or one that may stand for a name.
///
/// Without tables of all that a name may hold, what no registrar gives out may pass, on which Firefox throws: better than
/// to drop a server whose name is in a script that we do not know.
pub(super) fn is_plausible(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    let Some(encoded) = label.strip_prefix("xn--") else {
        return true;
    };
    decode(encoded).is_some_and(|name| {
        let mut others = name.iter().filter(|letter| !letter.is_ascii()).peekable();
        // A letter in capitals is one that its label would not have.
        let fits = |letter: &char| !letter.is_control() && !letter.is_uppercase();
        others.peek().is_some() && others.all(fits)
    })
}

/// RFC 3492, section 6.2.
fn decode(encoded: &str) -> Option<Vec<char>> {
    let (plain, digits) = match encoded.rsplit_once('-') {
        Some(("", _)) => return None,
        Some(parts) => parts,
        None => ("", encoded),
    };
    let mut name: Vec<char> = plain.chars().collect();
    let mut digits = digits.bytes().peekable();
    let (mut code, mut at, mut bias) = (0x80_u32, 0_u32, 72_u32);
    while digits.peek().is_some() {
        let (before, mut weight, mut position) = (at, 1_u32, 36_u32);
        loop {
            let digit = match digits.next()? {
                letter @ b'a'..=b'z' => letter - b'a',
                figure @ b'0'..=b'9' => figure - b'0' + 26,
                _ => return None,
            };
            at = at.checked_add(u32::from(digit).checked_mul(weight)?)?;
            let threshold = position.saturating_sub(bias).clamp(1, 26);
            if u32::from(digit) < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
            position += 36;
        }
        let length = u32::try_from(name.len()).ok()? + 1;
        bias = adapted(at - before, length, before == 0);
        code = code.checked_add(at / length)?;
        at %= length;
        name.insert(usize::try_from(at).ok()?, char::from_u32(code)?);
        at += 1;
    }
    Some(name)
}

/// RFC 3492, section 6.1.
fn adapted(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / length;
    let mut bias = 0;
    while delta > 455 {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::{decode, is_plausible};

    #[test]
    fn labels_are_decoded_by_rfc_3492() {
        for (encoded, name) in [
            ("trn-hoa", "türn"),
            ("bcher-kva", "bücher"),
            ("j6w193g", "香港"),
            ("wgbh1c", "مصر"),
            ("3e0b707e", "한국"),
            ("11b5bs3a9aj6g", "परीक्षा"),
            ("", ""),
        ] {
            let decoded = decode(encoded).map(String::from_iter);
            assert_eq!(decoded.as_deref(), Some(name), "{encoded}");
        }
        for encoded in ["zzzzzz99", "-", "-a", "a_", "é", "99999999999999"] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }

    #[test]
    fn w9_labels_that_no_name_stands_behind_do_not_pass() {
        for label in [
            "a",
            "xn-",
            "xn-a",
            "xn--trn-hoa",
            "XN--TRN-HOA",
            "xn--wgbh1c",
            "xn--11b5bs3a9aj6g",
        ] {
            assert!(is_plausible(label), "{label}");
        }
        // Nothing, a control character, ASCII alone, a capital letter, no code point.
        for label in [
            "xn--",
            "xn--a",
            "xn--abc-",
            "xn--trn-tka",
            "xn--zzzzzz99",
            "XN--A",
        ] {
            assert!(!is_plausible(label), "{label}");
        }
    }
}
