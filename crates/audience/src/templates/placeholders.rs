//! What other programs put a name into, and this one sends as it stands.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    TemplateError,
    error::Sources,
    variants::{Sign, Text},
};
use crate::letters::is_blank;

/// What may be meant for a column.
pub(super) struct Placeholder {
    offset: usize,
    /// As it is written.
    written: String,
    /// The name in it.
    pub(super) name: String,
    /// Whether it is one of several variants.
    variant: bool,
}

/// `[name]`, `%name%`, `<<name>>` and `«name»`.
static MARKED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r"([^\[\]%<>«»{}\n]{1,200})";
    Regex::new(&format!("\\[{name}\\]|%{name}%|<<{name}>>|«{name}»")).ok()
});

/// Everything in a template's text that looks like one.
pub(super) fn find(source: &str, text: &Text) -> Vec<Placeholder> {
    let marked = text.ranges.iter().flat_map(|range| {
        let found = MARKED.iter().flat_map(|marked| marked.captures_iter(&source[range.clone()]));
        found.filter_map(|found| {
            let (whole, name) = (found.get(0)?, found.iter().skip(1).flatten().next()?);
            let (offset, written) = (range.start + whole.start(), whole.as_str().to_owned());
            Some(Placeholder { offset, written, name: name.as_str().trim().to_owned(), variant: false })
        })
    });
    marked.chain(variants(source, text)).collect()
}

/// Alternatives of groups that are one word.
fn variants<'s>(source: &'s str, text: &'s Text) -> impl Iterator<Item = Placeholder> + 's {
    text.marks.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let begins = matches!(before.sign, Sign::Open | Sign::Bar);
        let ends = matches!(after.sign, Sign::Bar | Sign::Close);
        let whole = matches!(before.sign, Sign::Open) && matches!(after.sign, Sign::Close);
        let alternative = source.get(before.offset + 1..after.offset)?;
        (begins && ends && !whole && alternative.len() <= 200 && !is_blank(alternative)).then(|| {
            let name = alternative.trim().to_owned();
            Placeholder { offset: before.offset + 1, written: name.clone(), name, variant: true }
        })
    })
}

impl Placeholder {
    /// As an error, where the name is that of a column, which a template knows as `column`.
    pub(super) fn tell(&self, column: &str, sources: &Sources<'_>) -> TemplateError {
        let Self { written, .. } = self;
        let message = if self.variant {
            format!(
                "{written:?} is a variant here and is sent as it stands, but also a column; write {{{{ {column} or 'text' }}}} for the column, or {{{{ {written:?} }}}} for the word"
            )
        } else {
            format!(
                "{written} is sent as it stands; write {{{{ {column} }}}} for the column, or {{{{ {written:?} }}}} for the text"
            )
        };
        sources.error(self.offset, message)
    }
}
