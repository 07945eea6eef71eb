//! The names of an audience's variables, each kept once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The most variables that an audience may have.
pub const MAX_COLUMNS: usize = 256;

/// The most characters of a variable's name.
pub const MAX_COLUMN_NAME: usize = 200;

/// Names in order of first appearance: those of the campaign so far, and those of this file.
#[derive(Default)]
pub(super) struct Columns {
    /// Where each name stands among all names of the campaign.
    places: HashMap<Arc<str>, usize>,
    /// The names of this file.
    own: Vec<Arc<str>>,
    known: HashSet<Arc<str>>,
}

impl Columns {
    /// The names that earlier files of the campaign brought.
    pub(super) fn after(earlier: &[String]) -> Self {
        let places = earlier.iter().enumerate().map(|(place, name)| (Arc::from(name.as_str()), place)).collect();
        Self { places, ..Self::default() }
    }

    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.own
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// Where a name stands among all names of the campaign.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The one copy of a name, which is added when it is new and there is room.
    pub(super) fn intern(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        if self.own.len() == MAX_COLUMNS {
            return None;
        }
        let name = self.places.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| Arc::clone(known));
        let next = self.places.len();
        self.places.entry(Arc::clone(&name)).or_insert(next);
        self.own.push(Arc::clone(&name));
        self.known.insert(Arc::clone(&name));
        Some(name)
    }
}

/// What is wrong with a variable's name, if anything.
pub(super) fn flaw(name: &str) -> Option<String> {
    if name.chars().count() > MAX_COLUMN_NAME {
        return Some(format!("is longer than {MAX_COLUMN_NAME} characters"));
    }
    // Such a name passes for another one, on a screen and in a template.
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().any(hidden).then(|| "has a control character, or one that changes the direction of text".to_owned())
}

/// A name as it may be shown in a message: short, and with most digits hidden when it may be a phone number that stands
/// where a name should.
pub(super) fn shown(name: &str) -> String {
    const LENGTH: usize = 40;
    let may_be_phone = looks_like_phone(name);
    let mut digits = 0;
    let mut shown: String = name
        .chars()
        .take(LENGTH)
        .map(|letter| {
            digits += usize::from(letter.is_numeric());
            if may_be_phone && letter.is_numeric() && digits > 3 { '•' } else { letter }
        })
        .collect();
    if name.chars().nth(LENGTH).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a cell of a header holds as many digits as a phone number.
pub(super) fn looks_like_phone(name: &str) -> bool {
    name.chars().filter(|letter| letter.is_numeric()).count() >= 6
}
