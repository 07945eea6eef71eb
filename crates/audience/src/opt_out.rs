//! Whether an incoming message is, as a whole, a wish to be left alone.

use std::{collections::HashSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use crate::letters::is_invisible;

/// The list, one phrase a line, with where each was read.
const LIST: &str = include_str!("opt_out_words.txt");

/// Longer messages are not folded: no phrase of the list comes near.
const MAX_CHARS: usize = 80;

/// The folded phrases. A constant of the program, derived from the list.
static PHRASES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let phrases = LIST.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    phrases.filter(|phrase| !phrase.is_empty() && !phrase.starts_with('[')).map(fold).collect()
});

/// Whether a message is an opt-out word or phrase and nothing else. Case, accents, punctuation, emoji and white space
/// around and between the words do not count: `STOP`, ` stop!! `, `Stop-All` and `ÇIK` all are.
pub fn is_opt_out(text: &str) -> bool {
    text.chars().nth(MAX_CHARS).is_none() && PHRASES.contains(&fold(text))
}

/// Brings a message into the form in which it is compared: compatibility forms and case made equal, accents taken off
/// Latin, Greek, Cyrillic, Hebrew and Arabic letters, words separated by one space.
fn fold(text: &str) -> String {
    let letters = text.nfkd().filter(|letter| !is_accent(*letter) && !is_invisible(*letter));
    let lower = letters.flat_map(char::to_lowercase).filter(|letter| !is_accent(*letter));
    let folded: String = lower.map(unify).collect::<String>().nfc().collect();
    let words = folded.split(|letter: char| !is_part_of_word(letter)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Marks that are written or left out at will. Vowel signs of Indic scripts and Thai are not among them: without them, the
/// word is another.
fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0487}' | '\u{0591}'..='\u{05C7}' | '\u{0610}'..='\u{061A}'
        | '\u{0640}' | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}' | '\u{06DF}'..='\u{06E8}')
}

/// Letters that keyboards mix up: the dotless i of Turkish (its capital is everyone's I), and the Persian and Arabic forms
/// of yeh and kaf.
fn unify(letter: char) -> char {
    match letter {
        'ı' => 'i',
        'ی' | 'ى' => 'ي',
        'ک' => 'ك',
        'ё' => 'е',
        'ς' => 'σ',
        other => other,
    }
}

fn is_part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || unicode_normalization::char::is_combining_mark(letter)
}
