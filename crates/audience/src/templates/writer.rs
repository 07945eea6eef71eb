//! Keeps what may be sent and counts the rest, so that a template that writes without end takes no memory.

use std::{
    io::{self, Write},
    sync::Arc,
};

use paceline_domain::Content;

use super::work::Work;

/// Rendering stops here.
const GIVE_UP_AT: usize = 1_000_000;

/// The text written so far, as long as it may be sent.
pub(super) struct BoundedText {
    bytes: Vec<u8>,
    chars: usize,
    work: Arc<Work>,
}

impl BoundedText {
    pub(super) fn new(work: Arc<Work>) -> Self {
        Self { bytes: Vec::new(), chars: 0, work }
    }

    /// How many characters were written.
    pub(super) fn chars(&self) -> usize {
        self.chars
    }

    pub(super) fn into_string(self) -> String {
        // The engine writes strings, so the bytes are UTF-8; were they not, the text must still not be lost.
        String::from_utf8(self.bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chars += bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        if self.chars <= Content::MAX_TEXT {
            self.bytes.extend_from_slice(bytes);
        }
        // The text's length has a bound of its own; only the time is looked at.
        self.work.spend(0).map_err(io::Error::other)?;
        if self.chars > GIVE_UP_AT { Err(io::Error::other("the text does not end")) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
