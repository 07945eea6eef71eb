//! CSV, by the parser of the `csv` crate.
//!
//! `csv-core` is driven here rather than through `csv::Reader`, because a quote that is never closed must cost one row and
//! not the rest of the file, and because a row's length must be bounded while it is read.

use std::{io::Read, sync::Arc};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{
    AudienceOptions, AudienceRefusal, Content, MAX_COLUMNS, RawRow,
    columns::{Columns, flaw, looks_like_phone, shown},
    source::Source,
};
use crate::{REPORT_COLUMNS, Variables, report::unguard_cell};

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// More values than this in one row are not counted further.
const MAX_VALUES: usize = 1024;

/// The variable that a column provides, if any.
type Variable = Option<Arc<str>>;

/// A CSV file after its header.
pub(super) struct CsvRows {
    parser: Parser,
    /// The columns in order; the phone column and columns without a name have no variable.
    columns: Vec<Variable>,
    phone: usize,
    /// Whether it is a campaign's report, in which every cell may be guarded.
    report: bool,
}

impl CsvRows {
    /// Finds the delimiter, reads the header and finds the phone column in it.
    pub(super) fn open<R: Read>(
        source: &mut Source<R>,
        columns: &mut Columns,
        options: &AudienceOptions,
    ) -> Result<Self, AudienceRefusal> {
        let wanted = options.phone_column.as_deref().unwrap_or("phone").trim();
        let too_long = || AudienceRefusal::HeaderTooLong { limit: options.max_row_bytes };
        let delimiter = find_delimiter(source, wanted, options.max_row_bytes)?;
        let mut parser = Parser::new(delimiter, options.max_row_bytes);
        match parser.read(source, options.max_row_bytes)? {
            None => return Err(AudienceRefusal::Empty),
            Some(Record { end: End::Complete, .. }) => {}
            Some(_) => return Err(too_long()),
        }
        let header = parser.text().map_err(|_| AudienceRefusal::NotText {
            found: "in another encoding than UTF-8",
            cure: "save it as UTF-8 and send that",
        })?;
        let names: Vec<String> = parser.fields().map(|range| header[range].trim().to_owned()).collect();
        let (phone, kept) = arrange(&names, wanted, columns)?;
        let report = names == REPORT_COLUMNS;
        Ok(Self { parser, columns: kept, phone, report })
    }

    pub(super) fn read_row<R: Read>(
        &mut self,
        source: &mut Source<R>,
        limit: usize,
    ) -> Result<Option<RawRow>, AudienceRefusal> {
        let Some(record) = self.parser.read(source, limit)? else { return Ok(None) };
        let content = match record.end {
            End::Complete => self.content(&record),
            End::TooLong => Err(format!("the row is longer than {limit} bytes")),
            End::TooManyValues => Err(format!("more than {MAX_VALUES} values; the header has {}", self.columns.len())),
            End::OpenQuote => Err(format!("a quote that is opened on line {} is never closed", record.line)),
        };
        Ok(Some(RawRow { line: record.line, content }))
    }

    fn content(&self, record: &Record) -> Result<Content, String> {
        let (expected, found) = (self.columns.len(), self.parser.value_count);
        if found != expected {
            let lines = match record.last_line {
                last if last > record.line => format!(" on lines {} to {last}", record.line),
                _ => String::new(),
            };
            return Err(format!("expected {expected} values as in the header, found {found}{lines}"));
        }
        let text = self.parser.text().map_err(|place| match self.columns.get(place) {
            Some(Some(name)) => format!("column {:?} is not UTF-8; save the file as UTF-8", shown(name)),
            _ => format!("column {} is not UTF-8; save the file as UTF-8", place + 1),
        })?;
        if text.contains('\0') {
            return Err("the row holds a NUL character".to_owned());
        }
        let mut phone = String::new();
        let mut variables = Variables::default();
        for (place, range) in self.parser.fields().enumerate() {
            // In a number, what keeps a spreadsheet from calculating it is never meant.
            let guarded = self.report || place == self.phone;
            let value = if guarded { unguard_cell(&text[range]) } else { &text[range] };
            if place == self.phone {
                value.clone_into(&mut phone);
            } else if let Some(name) = &self.columns[place]
                && !value.trim().is_empty()
            {
                variables.push(Arc::clone(name), value.to_owned());
            }
        }
        Ok((phone, variables))
    }
}

/// Finds the phone column and gives every other column that has a name its variable.
fn arrange(names: &[String], wanted: &str, columns: &mut Columns) -> Result<(usize, Vec<Variable>), AudienceRefusal> {
    let is_phone = |name: &str| name.to_lowercase() == wanted.to_lowercase();
    if names.len() > MAX_COLUMNS {
        return Err(AudienceRefusal::TooManyColumns { found: names.len(), limit: MAX_COLUMNS });
    }
    let phone = names.iter().position(|name| is_phone(name)).ok_or_else(|| no_phone_column(names, wanted))?;
    let mut kept = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let repeated = names[..place].contains(name) || (place != phone && is_phone(name));
        if repeated && !name.is_empty() {
            return Err(AudienceRefusal::DuplicateColumn { name: shown(name) });
        }
        if place != phone
            && let Some(flaw) = flaw(name)
        {
            return Err(AudienceRefusal::UnlawfulColumn { place: place + 1, flaw });
        }
        kept.push(if place == phone || name.is_empty() { None } else { columns.intern(name) });
    }
    Ok((phone, kept))
}

fn no_phone_column(names: &[String], wanted: &str) -> AudienceRefusal {
    const SHOWN: usize = 20;
    let listed: Vec<_> = names.iter().take(SHOWN).map(|name| format!("{:?}", shown(name))).collect();
    let more = names.len().saturating_sub(SHOWN);
    let found = match (names.len(), more) {
        (1, _) => format!("the one column {}", listed.join(", ")),
        (_, 0) => format!("the columns {}", listed.join(", ")),
        _ => format!("the columns {} and {more} more", listed.join(", ")),
    };
    let looks_like_data = names.iter().any(|name| looks_like_phone(name));
    AudienceRefusal::NoPhoneColumn { wanted: wanted.to_owned(), found, looks_like_data }
}

/// The delimiter under which the header holds the phone column and most columns.
fn find_delimiter<R: Read>(source: &mut Source<R>, wanted: &str, limit: usize) -> Result<u8, AudienceRefusal> {
    let header = loop {
        let (line, complete) = header_line(source.window());
        if complete || line.len() > limit || !source.fill()? {
            break header_line(source.window()).0.to_vec();
        }
    };
    let wanted = wanted.to_lowercase();
    let merit = |delimiter: u8| {
        let mut parts = split_outside_quotes(&header, delimiter);
        let count = parts.len();
        let holds_phone =
            parts.any(|part| String::from_utf8_lossy(part).trim().trim_matches('"').trim().to_lowercase() == wanted);
        (holds_phone, count)
    };
    // The first of equals wins: a header of one column is a file with commas.
    Ok(DELIMITERS.into_iter().rev().max_by_key(|delimiter| merit(*delimiter)).unwrap_or(b','))
}

/// The first line that is not blank, and whether it ends within the bytes. A line break inside quotes does not end it.
fn header_line(bytes: &[u8]) -> (&[u8], bool) {
    let begin = bytes.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(bytes.len());
    let mut quoted = false;
    for (place, byte) in bytes.iter().enumerate().skip(begin) {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => return (&bytes[begin..place], true),
            _ => {}
        }
    }
    (&bytes[begin..], false)
}

fn split_outside_quotes(line: &[u8], delimiter: u8) -> std::vec::IntoIter<&[u8]> {
    let mut quoted = false;
    let parts: Vec<_> = line
        .split(|byte| {
            quoted ^= *byte == b'"';
            *byte == delimiter && !quoted
        })
        .collect();
    parts.into_iter()
}

/// How the reading of a record ended.
enum End {
    Complete,
    TooLong,
    TooManyValues,
    OpenQuote,
}

struct Record {
    line: u64,
    last_line: u64,
    end: End,
}

/// One record at a time, its values unquoted.
struct Parser {
    core: Reader,
    delimiter: u8,
    values: Vec<u8>,
    ends: Vec<usize>,
    value_count: usize,
}

impl Parser {
    fn new(delimiter: u8, limit: usize) -> Self {
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        Self { core, delimiter, values: vec![0; limit], ends: vec![0; MAX_VALUES], value_count: 0 }
    }

    /// The byte ranges of the values in [`Parser::text`].
    fn fields(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let mut start = 0;
        self.ends[..self.value_count].iter().map(move |end| std::mem::replace(&mut start, *end)..*end)
    }

    /// All values, one after the other; or the place of the value that is not UTF-8.
    fn text(&self) -> Result<&str, usize> {
        let end = self.value_count.checked_sub(1).map_or(0, |last| self.ends[last]);
        let broken = |value: std::ops::Range<usize>| std::str::from_utf8(&self.values[value]).is_err();
        match std::str::from_utf8(&self.values[..end]) {
            // A character must not be put together from the end of one value and the beginning of the next.
            Ok(text) if self.ends[..self.value_count].iter().all(|end| text.is_char_boundary(*end)) => Ok(text),
            _ => Err(self.fields().position(broken).unwrap_or(0)),
        }
    }

    /// Reads the next record; blank lines are none. Leaves the source after it, or after its first line when the record
    /// opens a quote and does not close it.
    fn read<R: Read>(&mut self, source: &mut Source<R>, limit: usize) -> Result<Option<Record>, AudienceRefusal> {
        if source.skip_while(|byte| byte == b'\r' || byte == b'\n')?.is_none() {
            return Ok(None);
        }
        let line = source.line();
        let (mut taken, mut written, mut count) = (0, 0, 0);
        let end = loop {
            let at_end = taken == source.window().len() && !source.fill()?;
            let input = &source.window()[taken..];
            let (outcome, read, wrote, ended) =
                self.core.read_record(input, &mut self.values[written..], &mut self.ends[count..]);
            (taken, written, count) = (taken + read, written + wrote, count + ended);
            let open = || leaves_quote_open(&source.window()[..taken], self.delimiter);
            match outcome {
                ReadRecordResult::Record if at_end && open() => break End::OpenQuote,
                ReadRecordResult::Record | ReadRecordResult::End => break End::Complete,
                ReadRecordResult::OutputEndsFull => break End::TooManyValues,
                ReadRecordResult::OutputFull if open() => break End::OpenQuote,
                ReadRecordResult::OutputFull => break End::TooLong,
                ReadRecordResult::InputEmpty if taken > limit => {
                    break if open() { End::OpenQuote } else { End::TooLong };
                }
                ReadRecordResult::InputEmpty => {}
            }
        };
        self.value_count = count;
        let terminated = source.window()[..taken].ends_with(b"\n");
        match end {
            End::Complete => source.advance(taken),
            End::OpenQuote | End::TooLong | End::TooManyValues => {
                self.core.reset();
                source.skip_line()?;
            }
        }
        let last_line = source.line() - u64::from(terminated);
        Ok(Some(Record { line, last_line, end }))
    }
}

/// Whether a record's bytes end inside a quoted value, by the parser's rules: a quote opens at the beginning of a value
/// only, and within it two quotes are one.
fn leaves_quote_open(record: &[u8], delimiter: u8) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Bare,
        Quoted,
        AfterQuote,
    }
    let end = record.iter().fold(At::Start, |at, byte| match (at, byte) {
        (At::Quoted, b'"') => At::AfterQuote,
        (At::Quoted, _) | (At::Start | At::AfterQuote, b'"') => At::Quoted,
        (_, b'\r' | b'\n') => At::Start,
        (_, other) if *other == delimiter => At::Start,
        _ => At::Bare,
    });
    end == At::Quoted
}
