//! Letters that nobody sees.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Characters without width: soft hyphens, joiners, direction marks, variation selectors and the byte-order mark. Copying from a chat, a
/// page or an address book leaves them behind.
pub(crate) fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Whether a text shows nothing: it is empty, white space, or invisible.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| letter.is_whitespace() || is_invisible(letter))
}

/// A name in the form in which names are compared: NFC, without what nobody sees and without white space around it.
pub(crate) fn clean_name(name: &str) -> Cow<'_, str> {
    let trimmed = name.trim();
    if trimmed.is_ascii() || (is_nfc(trimmed) && !trimmed.contains(is_invisible)) {
        return Cow::Borrowed(trimmed);
    }
    let visible: String = trimmed.chars().filter(|letter| !is_invisible(*letter)).nfc().collect();
    Cow::Owned(visible.trim().to_owned())
}

/// How a template calls a column whose name is no identifier, or is written in capitals: `First Name` is `first_name`, `2nd` is `_2nd`.
/// `None` where nothing is left of the name, or the name is one already.
pub(crate) fn alias(name: &str) -> Option<String> {
    let mut alias = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() || unicode_normalization::char::is_combining_mark(letter) {
            alias.push(letter);
        } else if !alias.ends_with('_') {
            alias.push('_');
        }
    }
    let mut alias = alias.trim_matches('_').to_owned();
    if alias.starts_with(|first: char| first.is_numeric()) {
        alias.insert(0, '_');
    }
    Some(alias).filter(|alias| !alias.is_empty() && alias != name)
}
