//! Tells a brace that opens a group of variants from the first half of `{{`.
//!
//! `{{Hi|Hello} there|Hey}` begins with a group inside of a group, and `{{{ name }}|you}` with an expression inside of one,
//! yet the engine's tokenizer takes the first two braces of both for the beginning of an expression.

/// Stands for a group's brace while the engine reads the source. One byte, as the brace is, so that no place moves.
pub(super) const SHIELD: char = '\u{1}';

/// The source with a shield in place of every brace that opens a group right before another brace.
pub(super) fn shield(source: &str) -> String {
    let mut shielded = source.as_bytes().to_vec();
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        at += found;
        let rest = &source[at..];
        at += match rest.as_bytes().get(1) {
            Some(b'#') => rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'%') => tag_length(rest),
            Some(b'{') => expression_length(rest).unwrap_or_else(|| {
                shielded[at] = SHIELD as u8;
                1
            }),
            _ => 1,
        };
    }
    // Only whole ASCII characters were exchanged for others.
    String::from_utf8(shielded).unwrap_or_else(|_| source.to_owned())
}

/// The length of a tag, or of a whole raw block.
fn tag_length(rest: &str) -> usize {
    let end = rest.find("%}").map_or(rest.len(), |end| end + 2);
    let name = rest[2..end].trim_start_matches(['-', '+']).trim_start();
    if !name.starts_with("raw") {
        return end;
    }
    rest[end..].find("endraw").map_or(rest.len(), |inner| end + inner)
}

/// The length of the expression that begins here, unless a brace within it shows that it is none. Three braces in a row
/// are a group that begins with an expression.
fn expression_length(rest: &str) -> Option<usize> {
    if rest.starts_with("{{{") {
        return None;
    }
    let (mut quote, mut escaped, mut depth) = (None, false, 0_usize);
    for (place, byte) in rest.bytes().enumerate().skip(2) {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') => return rest[place..].starts_with("}}").then_some(place + 2),
            _ => {}
        }
    }
    // Not closed at all: the engine says so better.
    Some(rest.len())
}
