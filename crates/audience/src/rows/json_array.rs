//! A JSON array of rows, taken apart element by element, so that a long array needs no more memory than its longest row.

use std::io::Read;

use super::{AudienceRefusal, RawRow, columns::Columns, json_row, source::Source};

/// Where the reader stands in the array.
enum Place {
    First,
    AfterElement,
    Ended,
}

/// The elements of a JSON array.
pub(super) struct JsonArrayRows {
    place: Place,
}

impl JsonArrayRows {
    /// Enters the array.
    pub(super) fn open<R: Read>(source: &mut Source<R>) -> Result<Self, AudienceRefusal> {
        match source.skip_while(|byte| byte.is_ascii_whitespace())? {
            Some(b'[') => source.advance(1),
            None => return Err(AudienceRefusal::Empty),
            Some(byte) if byte.is_ascii() => return Err(AudienceRefusal::NotAnArray { found: char::from(byte) }),
            Some(_) => return Err(AudienceRefusal::NotAnArray { found: char::REPLACEMENT_CHARACTER }),
        }
        Ok(Self { place: Place::First })
    }

    pub(super) fn read_row<R: Read>(
        &mut self,
        source: &mut Source<R>,
        columns: &mut Columns,
        limit: usize,
    ) -> Result<Option<RawRow>, AudienceRefusal> {
        if matches!(self.place, Place::Ended) {
            return Ok(None);
        }
        let mut next = next_byte(source)?;
        let mut comma_missing = false;
        if matches!(self.place, Place::AfterElement) {
            if next == b',' {
                source.advance(1);
                next = next_byte(source)?;
            } else {
                comma_missing = next != b']';
            }
        }
        if next == b']' {
            source.advance(1);
            self.place = Place::Ended;
            return read_trailer(source);
        }
        self.place = Place::AfterElement;
        let line = source.line();
        let length = find_element_end(source, limit)?;
        let content = match length {
            Err(Oversized) => Err(format!("the element is longer than {limit} bytes")),
            Ok(_) if comma_missing => Err("a comma is missing before this element".to_owned()),
            Ok(length) => json_row::read(&source.window()[..length], columns),
        };
        source.advance(length.unwrap_or(0));
        Ok(Some(RawRow { line, content }))
    }
}

/// The next byte that is not white space; the array must not end before it.
fn next_byte<R: Read>(source: &mut Source<R>) -> Result<u8, AudienceRefusal> {
    let next = source.skip_while(|byte| byte.is_ascii_whitespace())?;
    next.ok_or_else(|| AudienceRefusal::UnfinishedArray { line: source.line() })
}

/// What stands after the array counts as one row that cannot be read, so that it is not passed over in silence.
fn read_trailer<R: Read>(source: &mut Source<R>) -> Result<Option<RawRow>, AudienceRefusal> {
    let rest = source.skip_while(|byte| byte.is_ascii_whitespace())?;
    let detail = "text follows the end of the array and is not read".to_owned();
    Ok(rest.map(|_| RawRow { line: source.line(), content: Err(detail) }))
}

/// The element was over the limit and has been dropped.
#[derive(Clone, Copy)]
struct Oversized;

/// Finds the length of the element at the beginning of the window. One that is over the limit is dropped as it is read.
fn find_element_end<R: Read>(
    source: &mut Source<R>,
    limit: usize,
) -> Result<Result<usize, Oversized>, AudienceRefusal> {
    let line = source.line();
    let mut scan = ElementScan::default();
    let (mut scanned, mut oversized) = (0, false);
    loop {
        let window = source.window();
        let end = window[scanned..].iter().position(|byte| scan.ends_before(*byte)).map(|place| scanned + place);
        scanned = end.unwrap_or(window.len());
        oversized |= scanned > limit;
        if oversized {
            source.advance(scanned);
            scanned = 0;
        }
        if end.is_some() {
            return Ok(if oversized { Err(Oversized) } else { Ok(scanned) });
        }
        if !source.fill()? {
            return Err(AudienceRefusal::UnfinishedArray { line });
        }
    }
}

/// Follows brackets and strings through an element.
#[derive(Default)]
struct ElementScan {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// A bracket has been closed at depth zero: the element is complete.
    closed: bool,
}

impl ElementScan {
    /// Whether the element ends before this byte.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.closed {
            return true;
        }
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
            }
            _ => {}
        }
        false
    }
}
