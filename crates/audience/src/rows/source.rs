//! A window onto the text of a file that grows only as far as one row needs.

use std::io::Read;

use super::{AudienceRefusal, decode::Decoded};

/// The unread part of a file.
pub(super) struct Source<R> {
    text: Decoded<R>,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    /// The line of the first byte of the window, counted from 1.
    line: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(text: Decoded<R>) -> Self {
        Self { text, buffer: Vec::new(), start: 0, ended: false, line: 1 }
    }

    /// The text that was read and not yet taken. It may end within a character.
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The line on which the window begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The encoding that the file is read in.
    pub(super) fn encoding(&self) -> &'static str {
        self.text.encoding()
    }

    /// Reads on. Answers whether the window has grown; it has not only at the end of the file.
    pub(super) fn fill(&mut self) -> Result<bool, AudienceRefusal> {
        self.buffer.drain(..std::mem::take(&mut self.start));
        let before = self.buffer.len();
        while !self.ended && self.buffer.len() == before {
            self.ended = !self.text.read_into(&mut self.buffer)?;
        }
        Ok(self.buffer.len() > before)
    }

    /// The window, with at least `wanted` bytes unless the file is shorter.
    pub(super) fn peek(&mut self, wanted: usize) -> Result<&[u8], AudienceRefusal> {
        while self.window().len() < wanted && self.fill()? {}
        Ok(self.window())
    }

    /// Takes bytes off the window.
    pub(super) fn advance(&mut self, count: usize) {
        let taken = &self.window()[..count];
        self.line += taken.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.start += count;
    }

    /// Passes over byte-order marks: a program that adds one does not look whether there is one.
    pub(super) fn skip_byte_order_marks(&mut self) -> Result<(), AudienceRefusal> {
        const MARK: &[u8] = "\u{FEFF}".as_bytes();
        while self.peek(MARK.len())?.starts_with(MARK) {
            self.start += MARK.len();
        }
        Ok(())
    }

    /// The next byte that `skipped` does not hold of, which stays in the window.
    pub(super) fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) -> Result<Option<u8>, AudienceRefusal> {
        loop {
            let found = self.window().iter().position(|byte| !skipped(*byte));
            self.advance(found.unwrap_or(self.window().len()));
            if found.is_some() {
                return Ok(self.window().first().copied());
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Drops everything through the end of the line.
    pub(super) fn skip_line(&mut self) -> Result<(), AudienceRefusal> {
        if self.skip_while(|byte| byte != b'\n')?.is_some() {
            self.advance(1);
        }
        Ok(())
    }
}
