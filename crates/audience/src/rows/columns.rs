//! The names of an audience's variables, each kept once.

use std::{collections::HashSet, sync::Arc};

/// The most variables that an audience may have.
pub const MAX_COLUMNS: usize = 256;

/// Names in order of first appearance.
#[derive(Default)]
pub(super) struct Columns {
    names: Vec<Arc<str>>,
    known: HashSet<Arc<str>>,
}

impl Columns {
    pub(super) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// The one copy of a name, which is added when it is new and there is room.
    pub(super) fn intern(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        if self.names.len() == MAX_COLUMNS {
            return None;
        }
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.known.insert(Arc::clone(&name));
        Some(name)
    }
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
