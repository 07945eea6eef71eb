//! The digits in what a person wrote, whatever they put between them.

use super::InvalidPhone;
use crate::letters::is_invisible;

/// More digits than any number has, even with `00` and a trunk prefix in front.
const MAX_DIGITS: usize = 24;

/// Code points of the digit zero in scripts whose ten digits follow each other (Unicode, general category Nd).
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0xFF10,
];

/// A number as written: its digits, and whether a plus sign stands before them.
pub(super) struct Written {
    digits: [u8; MAX_DIGITS],
    length: usize,
    plus: bool,
}

impl Written {
    /// Picks the digits out of a cell.
    pub(super) fn read(raw: &str) -> Result<Self, InvalidPhone> {
        let text = strip_decimals(strip_wrapping(raw))?;
        if text.is_empty() {
            return Err(InvalidPhone::Empty);
        }
        if holds_several(text) {
            return Err(InvalidPhone::Several);
        }
        let mut written = Self { digits: [0; MAX_DIGITS], length: 0, plus: false };
        for letter in text.chars() {
            written.push(letter).map_err(|refusal| refine(refusal, text))?;
        }
        if written.length == 0 { Err(InvalidPhone::NotANumber) } else { Ok(written) }
    }

    pub(super) fn digits(&self) -> &str {
        // Only ASCII digits are pushed.
        std::str::from_utf8(&self.digits[..self.length]).unwrap_or_default()
    }

    pub(super) fn is_international(&self) -> bool {
        self.plus
    }

    fn push(&mut self, letter: char) -> Result<(), InvalidPhone> {
        if let Some(digit) = digit(letter) {
            *self.digits.get_mut(self.length).ok_or(InvalidPhone::TooLong)? = b'0' + digit;
            self.length += 1;
            return Ok(());
        }
        match letter {
            '+' | '＋' if self.length == 0 => self.plus = true,
            _ if is_separator(letter) => {}
            _ => return Err(InvalidPhone::NotANumber),
        }
        Ok(())
    }
}

/// Takes off what surrounds a number in spreadsheets and links: the apostrophe that marks text, and `tel:`.
fn strip_wrapping(raw: &str) -> &str {
    let mut text = raw.trim_matches(|letter: char| letter.is_whitespace() || is_invisible(letter));
    text = text.strip_prefix('\'').unwrap_or(text);
    for scheme in ["tel:", "whatsapp:"] {
        if let Some(head) = text.get(..scheme.len())
            && head.eq_ignore_ascii_case(scheme)
        {
            text = text[scheme.len()..].trim_start();
        }
    }
    text
}

/// Fewer digits than this before a point are an area code, and what follows is the rest of the number.
const WHOLE_DIGITS: usize = 7;

/// Takes off the decimals of a number that a program read as a fraction: zeros behind the one point or comma in it. Other decimals are
/// those of some other number.
fn strip_decimals(text: &str) -> Result<&str, InvalidPhone> {
    let Some((whole, decimals)) = text.split_once(['.', ',']) else { return Ok(text) };
    let is_digits = |part: &str| !part.is_empty() && part.chars().all(|letter| digit(letter).is_some());
    if !is_digits(whole.trim_start_matches(['+', '-'])) || !is_digits(decimals) || whole.len() < WHOLE_DIGITS {
        return Ok(text);
    }
    if decimals.chars().all(|letter| digit(letter) == Some(0)) {
        Ok(whole)
    } else if decimals.chars().count() <= 2 {
        Err(InvalidPhone::Decimals)
    } else {
        Ok(text)
    }
}

/// Whether a cell lists numbers: two of its parts have as many digits as a number.
fn holds_several(text: &str) -> bool {
    let parts = text.split(['/', '\n', '\r', ';', ',', '|', '&']);
    let long = |part: &&str| part.chars().filter(|letter| digit(*letter).is_some()).count() >= WHOLE_DIGITS;
    parts.filter(long).count() > 1
}

/// Says more exactly what a text that is not a number looks like.
fn refine(refusal: InvalidPhone, text: &str) -> InvalidPhone {
    let number_so_far = |at: usize| text[..at].chars().filter(char::is_ascii_digit).count() >= 5;
    let scientific = |at: usize| {
        let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
        let exponent = exponent.trim_start_matches('+');
        !exponent.is_empty()
            && exponent.bytes().all(|byte| byte.is_ascii_digit())
            && mantissa.bytes().all(|byte| byte.is_ascii_digit() || b".,+".contains(&byte))
    };
    match text.find(|letter: char| "eExX#;".contains(letter)) {
        Some(at) if text[at..].starts_with(['e', 'E']) && scientific(at) => InvalidPhone::ScientificNotation,
        Some(at) if refusal == InvalidPhone::NotANumber && number_so_far(at) && names_extension(&text[at..]) => {
            InvalidPhone::Extension
        }
        _ => refusal,
    }
}

fn names_extension(tail: &str) -> bool {
    let mark = tail.trim_start_matches(';').trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let word = &tail[..tail.len() - mark.len()];
    let known = [";ext", "ext", "extn", "extension", "ex", "x", "#"];
    let rest = mark.trim_start_matches(['.', '=', ':', '#', ' ']);
    (known.iter().any(|name| word.eq_ignore_ascii_case(name)) || tail.starts_with('#'))
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn digit(letter: char) -> Option<u8> {
    if letter.is_ascii() {
        return letter.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    let code = u32::from(letter);
    ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).and_then(|zero| u8::try_from(code - zero).ok())
}

/// What libphonenumber accepts between digits (its `VALID_PUNCTUATION` without the letter x), white space, and marks that
/// copying from a chat or an address book leaves behind.
fn is_separator(letter: char) -> bool {
    matches!(
        letter,
        '-' | '.' | '(' | ')' | '[' | ']' | '/' | '~' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}'
            | '\u{FF0D}'..='\u{FF0F}' | '\u{FF08}' | '\u{FF09}' | '\u{FF3B}' | '\u{FF3D}' | '\u{2053}' | '\u{223C}'
            | '\u{FF5E}' | '\u{00B7}' | '\u{2022}'
    ) || letter.is_whitespace()
        || is_invisible(letter)
}
