//! Whether an incoming message is, as a whole, a wish to be left alone.

use std::{collections::HashSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization;

use crate::letters::is_invisible;

/// The list, one phrase a line, with where each was read.
const LIST: &str = include_str!("opt_out_words.txt");

/// What may stand around a phrase of the list.
const COURTESIES: &str = include_str!("opt_out_courtesies.txt");

/// Longer messages are not folded: no phrase of the list comes near, whatever stands around it.
const MAX_CHARS: usize = 160;

/// How a mail program or a phone begins what nobody wrote: a quoted text, or a signature.
const ADDED: [&str; 5] = ["> ", "--", "__", "sent from ", "gesendet von "];

/// The folded phrases. A constant of the program, derived from the list.
static PHRASES: LazyLock<HashSet<String>> = LazyLock::new(|| phrases(LIST).collect());

/// The folded courtesies, each as its words. A constant of the program, derived from the list.
static COURTEOUS: LazyLock<Vec<Vec<String>>> =
    LazyLock::new(|| phrases(COURTESIES).map(|phrase| phrase.split(' ').map(str::to_owned).collect()).collect());

fn phrases(list: &str) -> impl Iterator<Item = String> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('[')).map(fold)
}

/// Whether a message is an opt-out word or phrase and nothing else: case, accents, punctuation, emoji and white space around and between
/// the words do not count, as in `STOP`, ` stop!! `, `Stop-All` and `ÇIK`. Nor do courtesies around it, its repetition, and a signature or a
/// quoted text below it.
pub fn is_opt_out(text: &str) -> bool {
    let said = own_words(text);
    if said.chars().nth(MAX_CHARS).is_some() {
        return false;
    }
    let folded = fold(said);
    let words: Vec<&str> = folded.split(' ').collect();
    is_phrase(&words) || is_phrase(without_courtesies(&words))
}

/// What stands above a blank line, a quoted text or a signature.
fn own_words(text: &str) -> &str {
    let text = text.trim_start();
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let begins = line.trim_start().to_lowercase();
        if begins.trim().is_empty() || ADDED.iter().any(|added| begins.starts_with(added)) {
            break;
        }
        end += line.len();
        if end > MAX_CHARS * 4 {
            break;
        }
    }
    &text[..end]
}

/// Whether the words are a phrase of the list, or one word of it again and again.
fn is_phrase(words: &[&str]) -> bool {
    let repeated = words.len() > 1 && words.windows(2).all(|pair| pair[0] == pair[1]);
    PHRASES.contains(&words.join(" ")) || (repeated && PHRASES.contains(words[0]))
}

/// Takes courtesies off both ends.
fn without_courtesies<'w>(words: &'w [&'w str]) -> &'w [&'w str] {
    let mut left = words;
    loop {
        let before = left.len();
        for courtesy in COURTEOUS.iter() {
            if left.len() > courtesy.len() {
                let (head, tail) = (&left[..courtesy.len()], &left[left.len() - courtesy.len()..]);
                if head == courtesy.as_slice() {
                    left = &left[courtesy.len()..];
                } else if tail == courtesy.as_slice() {
                    left = &left[..left.len() - courtesy.len()];
                }
            }
        }
        if left.len() == before {
            return left;
        }
    }
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
