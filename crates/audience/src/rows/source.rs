//! A window onto the bytes of a file that grows only as far as one row needs.

use std::io::{ErrorKind, Read};

use super::AudienceRefusal;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The unread part of a file.
pub(super) struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    /// The line of the first byte of the window, counted from 1.
    line: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, end: 0, ended: false, line: 1 }
    }

    /// The bytes that were read and not yet taken.
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The line on which the window begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Reads on. Answers whether the window has grown; it has not only at the end of the file.
    pub(super) fn fill(&mut self) -> Result<bool, AudienceRefusal> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + CHUNK {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(AudienceRefusal::Unreadable(error)),
            }
            return Ok(!self.ended);
        }
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

    pub(super) fn skip_byte_order_mark(&mut self) {
        if self.window().starts_with("\u{FEFF}".as_bytes()) {
            self.start += '\u{FEFF}'.len_utf8();
        }
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
