//! What can happen to a world.

use widget_turn_proto::AskToken;

use crate::account::Stale;

pub(crate) enum Event {
    /// For the widget of this number, if it still has this page.
    Of(usize, u64, Deal),
    Fetched(usize),
    Stale(usize, Stale),
    Spell,
    Sleep,
    WallSet,
    Wake(usize),
    SignOut(usize),
}

/// What a widget, its page, or the person before it does.
pub(crate) enum Deal {
    /// The page begins.
    Loads,
    ContentLoaded,
    Answers(String, String),
    Watches,
    Acts,
    Decided(AskToken, bool),
    Closes,
}
