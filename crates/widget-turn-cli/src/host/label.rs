//! Names that others have given, as the page shows them.

/// More than this of a name nobody reads, and a page has no room for.
const LONGEST: usize = 80;

/// In one line, cut where it is long, and without what turns the direction of the words around it or hides.
pub(super) fn label(name: &str) -> String {
    let name: String = name.chars().map(visible).collect();
    let mut words = name.split_whitespace();
    let mut label = words.next().unwrap_or_default().to_owned();
    for word in words {
        label.push(' ');
        label.push_str(word);
    }
    match label.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", label[..end].trim_end()),
        None => label,
    }
}

fn visible(character: char) -> char {
    match character {
        // Marks of direction, and what joins or has no width.
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, label};

    #[test]
    fn names_in_any_script_stay_as_they_are() {
        for name in ["Notes", "לוח", "مفكرة", "白板 2", "Ünï's <b>board</b>"] {
            assert_eq!(label(name), name);
        }
    }

    #[test]
    fn a_name_turns_nothing_around_and_hides_nothing() {
        assert_eq!(
            label("a\u{202e}b\u{2066}c\u{200b}d\u{7}"),
            "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}"
        );
    }

    #[test]
    fn a_name_is_one_line_of_some_words() {
        assert_eq!(label("  Notes\n\n of\tus "), "Notes of us");
        let long = label(&"W".repeat(300));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
        assert_eq!(label(&"ß".repeat(LONGEST)), "ß".repeat(LONGEST));
    }
}
