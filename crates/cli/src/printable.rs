//! Text that somebody else wrote, on a terminal: what a terminal would obey is shown, and not done.

use std::borrow::Cow;

/// The text with every control character but line ends and tabs, and every character that moves its neighbours, as an escape.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |letter| commands(letter) && !matches!(letter, '\n' | '\t'))
}

/// The same for a text that stands within one line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, commands)
}

fn escape(text: &str, obeyed: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if obeyed(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

fn commands(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Makes a stream of bytes printable that may be cut anywhere, also within a character.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    cut: Vec<u8>,
}

impl Stream {
    /// What may be printed of the stream now.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> String {
        self.cut.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.cut) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // What is no text is shown as the replacement character.
            _ => self.cut.len(),
        };
        let rest = self.cut.split_off(whole);
        let whole = std::mem::replace(&mut self.cut, rest);
        // A line of CSV ends in both; alone, the first of them would write over the line.
        lines(&String::from_utf8_lossy(&whole).replace("\r\n", "\n")).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(lines("a\u{1b}[2J\u{7}b\nc\td\r"), "a\\u{1b}[2J\\u{7}b\nc\td\\r");
        assert_eq!(lines("\u{9b}2J \u{202e}abc é 😀"), "\\u{9b}2J \\u{202e}abc é 😀");
        assert_eq!(one_line("a\nb"), "a\\nb");
        assert_eq!(one_line("plain"), "plain");
    }

    #[test]
    fn a_stream_is_the_same_wherever_it_is_cut() {
        let text = "row,é😀\u{1b}]0;x\u{7}\r\nnext\u{9b}\n";
        for size in 1..text.len() {
            let mut stream = Stream::default();
            let shown: String = text.as_bytes().chunks(size).map(|chunk| stream.next(chunk)).collect();
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{size}: {shown:?}");
            assert!(shown.contains("é😀\\u{1b}]0;x\\u{7}") && shown.ends_with("next\\u{9b}\n"), "{size}: {shown:?}");
        }
    }
}
