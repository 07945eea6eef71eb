//! From a file's bytes to UTF-8, in whatever encoding it was saved.
//!
//! A declared charset and a byte-order mark are believed. Without either, a file is UTF-8 while nothing speaks against it; the first
//! bytes that are not begin a guess, which holds only when the whole file agrees with it. A wrong letter is a wrong name, so a file
//! that contradicts itself is refused as a whole.

use std::io::{ErrorKind, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::{AudienceRefusal, refusal};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// How much is looked at, from the first letter that is not ASCII, before an encoding is guessed.
const EVIDENCE: usize = 256 * 1024;

/// What programs of the time of DOS write at the end of a text.
const END_OF_TEXT: u8 = 0x1A;

/// A file as UTF-8.
pub(super) struct Decoded<R> {
    reader: R,
    /// Bytes as read, not decoded yet.
    raw: Vec<u8>,
    ended: bool,
    mode: Mode,
    /// The top-level domain that fits the campaign's region, for guesses between neighbours.
    region: Option<[u8; 2]>,
    /// Marks of the end of a text that belong to it only if something follows.
    held: usize,
    /// The line on which the raw bytes begin, counted from 1.
    line: u64,
}

enum Mode {
    /// UTF-8; `only_ascii` while no letter has shown that it is.
    Utf8 { only_ascii: bool },
    /// By the byte-order mark, or as declared.
    Told { decoder: Box<Decoder>, encoding: &'static Encoding },
    /// Guessed, as long as every line agrees.
    Guessed { decoder: Box<Decoder>, detector: Box<EncodingDetector>, encoding: &'static Encoding },
}

impl<R: Read> Decoded<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// When the file is no text, or its charset is unknown.
    pub(super) fn open(reader: R, charset: Option<&str>, region: Option<[u8; 2]>) -> Result<Self, AudienceRefusal> {
        let mode = Mode::Utf8 { only_ascii: true };
        let mut decoded = Self { reader, raw: Vec::new(), ended: false, mode, region, held: 0, line: 1 };
        decoded.read_raw(refusal::PROBE_BYTES)?;
        let declared = charset.map(known_charset).transpose()?;
        let marked = Encoding::for_bom(&decoded.raw).map(|(encoding, _)| encoding);
        let told = marked.or(declared);
        if let Some(encoding) = told {
            decoded.mode = Mode::Told { decoder: Box::new(encoding.new_decoder_with_bom_removal()), encoding };
        }
        let wide = told.is_some_and(|encoding| encoding == UTF_16LE || encoding == UTF_16BE);
        refusal::inspect(&decoded.raw, wide)?;
        Ok(decoded)
    }

    /// The encoding that the file was read in, by its name in the Encoding Standard.
    pub(super) fn encoding(&self) -> &'static str {
        match &self.mode {
            Mode::Utf8 { .. } => UTF_8.name(),
            Mode::Told { encoding, .. } | Mode::Guessed { encoding, .. } => encoding.name(),
        }
    }

    /// Appends what comes next to `text`. Answers whether anything may follow.
    ///
    /// # Errors
    /// When the bytes are not of the file's encoding.
    pub(super) fn read_into(&mut self, text: &mut Vec<u8>) -> Result<bool, AudienceRefusal> {
        self.read_raw(self.raw.len() + 1)?;
        // Lines are judged as a whole.
        while matches!(self.mode, Mode::Guessed { .. }) && !self.ended && !self.raw.contains(&b'\n') {
            if self.raw.len() >= EVIDENCE {
                break;
            }
            self.read_raw(self.raw.len() + 1)?;
        }
        let before = text.len();
        text.extend(std::iter::repeat_n(END_OF_TEXT, std::mem::take(&mut self.held)));
        match self.mode {
            Mode::Utf8 { .. } => self.read_utf_8(text)?,
            Mode::Told { .. } => self.decode(text)?,
            Mode::Guessed { .. } => {
                self.agree()?;
                self.decode(text)?;
            }
        }
        let marks = text[before..].iter().rev().take_while(|byte| **byte == END_OF_TEXT).count();
        self.line += text[before..].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        text.truncate(text.len() - marks);
        let more = !self.ended || !self.raw.is_empty();
        if more {
            self.held = marks;
        }
        Ok(more)
    }

    /// Reads until there are so many raw bytes, or the file ends.
    fn read_raw(&mut self, wanted: usize) -> Result<(), AudienceRefusal> {
        while self.raw.len() < wanted && !self.ended {
            let start = self.raw.len();
            self.raw.resize(start + CHUNK, 0);
            let count = loop {
                match self.reader.read(&mut self.raw[start..]) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(AudienceRefusal::Unreadable(error)),
                    Ok(count) => break count,
                }
            };
            self.raw.truncate(start + count);
            self.ended = count == 0;
        }
        Ok(())
    }

    fn read_utf_8(&mut self, text: &mut Vec<u8>) -> Result<(), AudienceRefusal> {
        let Mode::Utf8 { only_ascii } = &mut self.mode else { return Ok(()) };
        let (valid, broken) = match std::str::from_utf8(&self.raw) {
            Ok(all) => (all.len(), false),
            // A character that the end of what was read cuts in two.
            Err(error) if error.error_len().is_none() && !self.ended => (error.valid_up_to(), false),
            Err(error) => (error.valid_up_to(), true),
        };
        *only_ascii &= self.raw[..valid].is_ascii();
        let only_ascii = *only_ascii;
        text.extend_from_slice(&self.raw[..valid]);
        let lines = self.raw[..valid].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.raw.drain(..valid);
        if !broken {
            return Ok(());
        }
        if !only_ascii {
            return Err(AudienceRefusal::MixedEncodings { line: self.line + lines });
        }
        self.begin_guess()
    }

    /// Takes the encoding that the bytes from here on look most like.
    fn begin_guess(&mut self) -> Result<(), AudienceRefusal> {
        self.read_raw(EVIDENCE)?;
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(&self.raw, false);
        let encoding = guess(&detector, self.region);
        if !encoding.is_single_byte() {
            // A guess between these is wrong too often: names would come out as other names.
            return Err(AudienceRefusal::UnknownEncoding { likely: encoding.name() });
        }
        let decoder = Box::new(encoding.new_decoder_without_bom_handling());
        // What it has seen is given to it again, line by line, with the rest of the file.
        self.mode =
            Mode::Guessed { decoder, detector: Box::new(EncodingDetector::new(Iso2022JpDetection::Deny)), encoding };
        Ok(())
    }

    /// Looks whether what is decoded next agrees with the guess: no line with letters is UTF-8, and at the end the guess is the same.
    fn agree(&mut self) -> Result<(), AudienceRefusal> {
        let (end, region) = (self.whole_lines(), self.region);
        let last = self.ended && end == self.raw.len();
        let Mode::Guessed { detector, encoding, .. } = &mut self.mode else { return Ok(()) };
        for (place, line) in (0..).zip(self.raw[..end].split(|byte| *byte == b'\n')) {
            if !line.is_ascii() && std::str::from_utf8(line).is_ok() {
                return Err(AudienceRefusal::MixedEncodings { line: self.line + place });
            }
        }
        detector.feed(&self.raw[..end], last);
        if last && guess(detector, region) != *encoding {
            return Err(AudienceRefusal::UnknownEncoding { likely: encoding.name() });
        }
        Ok(())
    }

    /// How many of the raw bytes are whole lines; all of them where a line does not end.
    fn whole_lines(&self) -> usize {
        let Mode::Guessed { .. } = self.mode else { return self.raw.len() };
        match self.raw.iter().rposition(|byte| *byte == b'\n') {
            Some(place) if !self.ended => place + 1,
            _ => self.raw.len(),
        }
    }

    fn decode(&mut self, text: &mut Vec<u8>) -> Result<(), AudienceRefusal> {
        let end = self.whole_lines();
        let (Mode::Told { decoder, encoding } | Mode::Guessed { decoder, encoding, .. }) = &mut self.mode else {
            return Ok(());
        };
        let last = self.ended && end == self.raw.len();
        let start = text.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(end).unwrap_or(end * 4 + 16);
        text.resize(start + room, 0);
        let (result, _, written) =
            decoder.decode_to_utf8_without_replacement(&self.raw[..end], &mut text[start..], last);
        text.truncate(start + written);
        if let DecoderResult::Malformed(..) = result {
            let line = self.line + text[start..].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            return Err(AudienceRefusal::NotOfCharset { charset: encoding.name(), line });
        }
        self.raw.drain(..end);
        Ok(())
    }
}

/// Between neighbours, the region's own is the more likely one. UTF-8 is out of the question by then.
fn guess(detector: &EncodingDetector, region: Option<[u8; 2]>) -> &'static Encoding {
    detector.guess(region.as_ref().map(<[u8; 2]>::as_slice), Utf8Detection::Deny)
}

fn known_charset(label: &str) -> Result<&'static Encoding, AudienceRefusal> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| AudienceRefusal::UnknownCharset { charset: label.chars().take(40).collect() })
}
