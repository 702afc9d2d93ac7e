//! Tells a page from the one that a reload puts in its place.

/// The two signs of life that a page gives, in either order, each once: the frame's load event, which the client sees, and
/// `content_loaded`, which the page may send. The second sign of one kind is another page's (rule H6).
///
/// For inner hosts of one's own, which must notice a reload themselves.
///
/// ```
/// use widget_turn_proto::{Page, Sign};
///
/// let mut page = Page::default();
/// assert_eq!(page.load(), Sign::First);
/// assert_eq!(page.content_loaded(), Sign::Same);
/// assert_eq!(page.content_loaded(), Sign::Reloaded);
/// ```
#[derive(Debug, Default)]
pub struct Page {
    loaded: bool,
    content_loaded: bool,
}

/// What a sign of life tells.
///
/// ```
/// use widget_turn_proto::{Page, Sign};
///
/// assert_eq!(Page::default().content_loaded(), Sign::First);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The first page is there.
    First,
    /// The page that gave the other sign gives this one.
    Same,
    /// Another page took its place.
    Reloaded,
}

impl Page {
    /// The frame's load event.
    ///
    /// ```
    /// # use widget_turn_proto::{Page, Sign};
    /// let mut page = Page::default();
    /// assert_eq!([page.load(), page.load()], [Sign::First, Sign::Reloaded]);
    /// ```
    pub fn load(&mut self) -> Sign {
        let known = self.content_loaded;
        let again = std::mem::replace(&mut self.loaded, true);
        if again {
            self.content_loaded = false;
        }
        sign(again, known)
    }

    /// The page's own `content_loaded`.
    ///
    /// ```
    /// # use widget_turn_proto::{Page, Sign};
    /// let mut page = Page::default();
    /// assert_eq!([page.content_loaded(), page.load()], [Sign::First, Sign::Same]);
    /// ```
    pub fn content_loaded(&mut self) -> Sign {
        let known = self.loaded;
        let again = std::mem::replace(&mut self.content_loaded, true);
        if again {
            self.loaded = false;
        }
        sign(again, known)
    }
}

fn sign(again: bool, known: bool) -> Sign {
    match (again, known) {
        (true, _) => Sign::Reloaded,
        (false, true) => Sign::Same,
        (false, false) => Sign::First,
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Sign};

    #[test]
    fn h6_both_signs_in_either_order_are_one_page_and_a_second_of_a_kind_is_the_next() {
        let mut page = Page::default();
        assert_eq!(page.load(), Sign::First);
        assert_eq!(page.content_loaded(), Sign::Same);
        assert_eq!(page.load(), Sign::Reloaded);
        assert_eq!(page.content_loaded(), Sign::Same);

        let mut page = Page::default();
        assert_eq!(page.content_loaded(), Sign::First);
        assert_eq!(page.load(), Sign::Same);
        assert_eq!(page.content_loaded(), Sign::Reloaded);
        assert_eq!(page.load(), Sign::Same);
        assert_eq!(page.content_loaded(), Sign::Reloaded);
        assert_eq!(page.content_loaded(), Sign::Reloaded);
    }
}
