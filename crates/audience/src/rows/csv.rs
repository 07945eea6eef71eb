//! CSV, by the parser of the `csv` crate.
//!
//! `csv-core` is driven here rather than through `csv::Reader`, because a quote that is never closed must cost one row and
//! not the rest of the file, and because a row's length must be bounded while it is read. Where people are at stake it is stricter than
//! that parser: text after a closing quote, and a quoted value that runs over lines which look like rows, cost the row that opens the
//! quote, and reading goes on with the next line.

use std::{borrow::Cow, io::Read, sync::Arc};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{
    AudienceOptions, AudienceRefusal, Content, MAX_COLUMNS, RawRow,
    columns::{Columns, flaw, looks_like_phone, shown},
    source::Source,
};
use crate::{
    REPORT_COLUMNS, Variables,
    letters::{clean_name, is_blank, is_invisible},
    report::unguard_cell,
};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Fewer digits than this are no phone number that a row could be about.
const LEAST_DIGITS: usize = 7;

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
    /// The name of the phone column.
    phone_column: String,
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
        let delimiter = match named_delimiter(source)? {
            Some(delimiter) => delimiter,
            None => find_delimiter(source, wanted, options.max_row_bytes)?,
        };
        let mut parser = Parser::new(delimiter, options.max_row_bytes);
        match parser.read(source, options.max_row_bytes, |_| false)? {
            None => return Err(AudienceRefusal::Empty),
            Some(Record { end: End::Complete, .. }) => {}
            Some(_) => return Err(too_long()),
        }
        let header = parser.text();
        let names: Vec<String> =
            parser.fields().map(|range| unwrap_formula(header[range].trim()).into_owned()).collect();
        let (phone, kept) = arrange(&names, wanted, columns)?;
        let report = names == REPORT_COLUMNS;
        let phone_column = clean_name(&names[phone]).into_owned();
        Ok(Self { parser, columns: kept, phone, phone_column, report })
    }

    pub(super) fn delimiter(&self) -> char {
        self.parser.delimiter.into()
    }

    pub(super) fn phone_column(&self) -> &str {
        &self.phone_column
    }

    pub(super) fn read_row<R: Read>(
        &mut self,
        source: &mut Source<R>,
        limit: usize,
    ) -> Result<Option<RawRow>, AudienceRefusal> {
        loop {
            let (phone, columns, delimiter) = (self.phone, self.columns.len(), self.parser.delimiter);
            let is_row = |line: &[u8]| looks_like_row(line, delimiter, phone, columns);
            let Some(record) = self.parser.read(source, limit, is_row)? else { return Ok(None) };
            let line = record.line;
            let content = match record.end {
                End::Complete if self.is_blank() => continue,
                End::Complete => self.content(&record),
                End::TooLong => Err(format!("the row is longer than {limit} bytes")),
                End::TooManyValues => Err(format!("more than {MAX_VALUES} values; the header has {columns}")),
                End::OpenQuote => Err(format!("a quote that is opened on line {line} is never closed")),
                End::TextAfterQuote => Err(format!(
                    "text follows a closing quote (the value begins on line {line}); write a quote within a value twice, and close each quote before the next delimiter"
                )),
                End::Swallowed => Err(format!(
                    "a quote that is opened on line {line} runs over lines that look like rows; close it on its line, or write it twice"
                )),
            };
            return Ok(Some(RawRow { line, content }));
        }
    }

    /// Whether nothing stands in any cell: spreadsheets write rows that were emptied like this.
    fn is_blank(&self) -> bool {
        self.parser.text().chars().all(|letter| letter.is_whitespace() || is_invisible(letter))
    }

    fn content(&self, record: &Record) -> Result<Content, String> {
        let text = self.parser.text();
        let (expected, found) = (self.columns.len(), self.parser.value_count);
        // Spreadsheets leave out the blank cells at the end of a row, or add some. More than that has no column.
        if self.parser.fields().skip(expected).any(|range| !is_blank(&text[range])) {
            let lines = match record.last_line {
                last if last > record.line => format!(" on lines {} to {last}", record.line),
                _ => String::new(),
            };
            return Err(format!("expected {expected} values as in the header, found {found}{lines}"));
        }
        if text.contains('\0') {
            return Err("the row holds a NUL character".to_owned());
        }
        let mut phone = String::new();
        let mut variables = Variables::default();
        for (place, range) in self.parser.fields().take(expected).enumerate() {
            let cell = &text[range];
            // A report is read back as it was written. In a number, what keeps a spreadsheet from calculating it is never meant.
            let value = match (self.report, place == self.phone) {
                (true, _) => unguard_cell(cell).into(),
                (false, true) => unwrap_formula(unguard_cell(cell)),
                (false, false) => unwrap_formula(cell),
            };
            if place == self.phone {
                phone = value.into_owned();
            } else if let Some(name) = &self.columns[place]
                && !is_blank(&value)
            {
                variables.push(Arc::clone(name), value.into_owned());
            }
        }
        Ok((phone, variables))
    }
}

/// Takes off what keeps a spreadsheet from calculating a text: `="007"` is shown as `007`, and means that.
fn unwrap_formula(cell: &str) -> Cow<'_, str> {
    let inner = cell.trim().strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => {
            if inner.contains('"') {
                inner.replace("\"\"", "\"").into()
            } else {
                inner.into()
            }
        }
        _ => cell.into(),
    }
}

/// Whether a line would be a row of its own: about as many cells as there are columns, and a phone number where the phone stands.
fn looks_like_row(line: &[u8], delimiter: u8, phone: usize, columns: usize) -> bool {
    let cells = line.split(|byte| *byte == delimiter).count();
    if cells > columns || cells < columns.min(2) {
        return false;
    }
    let Some(cell) = line.split(|byte| *byte == delimiter).nth(phone) else { return false };
    let mut digits = 0;
    let fits = String::from_utf8_lossy(cell).chars().all(|letter| {
        digits += usize::from(letter.is_numeric());
        letter.is_numeric() || letter.is_whitespace() || is_invisible(letter) || "+-.()/'\"=".contains(letter)
    });
    fits && digits >= LEAST_DIGITS
}

/// Finds the phone column and gives every other column that has a name its variable.
fn arrange(names: &[String], wanted: &str, columns: &mut Columns) -> Result<(usize, Vec<Variable>), AudienceRefusal> {
    if names.len() > MAX_COLUMNS {
        return Err(AudienceRefusal::TooManyColumns { found: names.len(), limit: MAX_COLUMNS });
    }
    let cleaned: Vec<_> = names.iter().map(|name| clean_name(name)).collect();
    let is_phone = |name: &str| name.to_lowercase() == clean_name(wanted).to_lowercase();
    let phone = cleaned.iter().position(|name| is_phone(name)).ok_or_else(|| no_phone_column(names, wanted))?;
    let mut kept = Vec::with_capacity(names.len());
    for (place, name) in cleaned.iter().enumerate() {
        let same = |earlier: &Cow<'_, str>| earlier == name || (is_phone(earlier) && is_phone(name));
        if !name.is_empty()
            && let Some(first) = cleaned[..place].iter().position(same)
        {
            return Err(AudienceRefusal::DuplicateColumn { name: shown(name), first: first + 1, second: place + 1 });
        }
        if place != phone
            && let Some(flaw) = flaw(&names[place])
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

/// The delimiter that the first line names, as Excel reads and writes it: `sep=;`. Takes that line.
fn named_delimiter<R: Read>(source: &mut Source<R>) -> Result<Option<u8>, AudienceRefusal> {
    const LONGEST: usize = 32;
    source.skip_while(|byte| byte == b'\r' || byte == b'\n')?;
    let head = source.peek(LONGEST)?;
    let end = head.iter().position(|byte| b"\r\n".contains(byte));
    let line = String::from_utf8_lossy(&head[..end.unwrap_or(head.len())]).into_owned();
    let line = line.trim_start_matches('"').trim_end_matches('"');
    let Some((key, named)) = line.split_once('=') else { return Ok(None) };
    if !key.eq_ignore_ascii_case("sep") {
        return Ok(None);
    }
    let delimiter = match named.as_bytes() {
        [one] if one.is_ascii() && !one.is_ascii_alphanumeric() && *one != b'"' => *one,
        _ => return Err(AudienceRefusal::NoDelimiter { found: shown(named) }),
    };
    source.skip_while(|byte| byte != b'\r' && byte != b'\n')?;
    Ok(Some(delimiter))
}

/// The delimiter under which the header holds the phone column and most columns.
fn find_delimiter<R: Read>(source: &mut Source<R>, wanted: &str, limit: usize) -> Result<u8, AudienceRefusal> {
    let header = loop {
        let (line, complete) = header_line(source.window());
        if complete || line.len() > limit || !source.fill()? {
            break header_line(source.window()).0.to_vec();
        }
    };
    let wanted = clean_name(wanted).to_lowercase();
    let merit = |delimiter: u8| {
        let mut parts = split_outside_quotes(&header, delimiter);
        let count = parts.len();
        let holds_phone = parts.any(|part| {
            clean_name(String::from_utf8_lossy(part).trim().trim_matches(['=', '"'])).to_lowercase() == wanted
        });
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
    TextAfterQuote,
    /// A quoted value runs over what would be rows.
    Swallowed,
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

    /// All values, one after the other.
    ///
    /// # Panics
    /// Never: the source is UTF-8, and delimiters, quotes and line ends cut no character.
    fn text(&self) -> &str {
        let end = self.value_count.checked_sub(1).map_or(0, |last| self.ends[last]);
        std::str::from_utf8(&self.values[..end]).expect("the source is UTF-8")
    }

    /// Reads the next record; blank lines are none. Leaves the source after it, or after its first line when that cannot be right: so
    /// that a stray quote costs the row that has it. `is_row` tells whether a line is a row by the looks of it.
    fn read<R: Read>(
        &mut self,
        source: &mut Source<R>,
        limit: usize,
        is_row: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Record>, AudienceRefusal> {
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
            let quoting = || Quoting::of(&source.window()[..taken], self.delimiter);
            match outcome {
                ReadRecordResult::Record if at_end && quoting().open => break End::OpenQuote,
                ReadRecordResult::Record | ReadRecordResult::End => {
                    let Quoting { text_after_quote, lines, .. } = quoting();
                    let record = &source.window()[..taken];
                    // A row has one number, on whichever of its lines.
                    let rows = || record.split(|byte| *byte == b'\n').filter(|line| is_row(line)).count();
                    break match () {
                        () if text_after_quote => End::TextAfterQuote,
                        () if lines && rows() > 1 => End::Swallowed,
                        () => End::Complete,
                    };
                }
                ReadRecordResult::OutputEndsFull => break End::TooManyValues,
                ReadRecordResult::OutputFull if quoting().open => break End::OpenQuote,
                ReadRecordResult::OutputFull => break End::TooLong,
                ReadRecordResult::InputEmpty if taken > limit => {
                    break if quoting().open { End::OpenQuote } else { End::TooLong };
                }
                ReadRecordResult::InputEmpty => {}
            }
        };
        self.value_count = count;
        let terminated = source.window()[..taken].ends_with(b"\n");
        if matches!(end, End::Complete) {
            source.advance(taken);
        } else {
            self.core.reset();
            source.skip_line()?;
        }
        let last_line = source.line() - u64::from(terminated);
        Ok(Some(Record { line, last_line, end }))
    }
}

/// How a record's bytes quote, by the parser's rules: a quote opens at the beginning of a value only, and within it two quotes are one.
struct Quoting {
    /// The record ends inside a quoted value.
    open: bool,
    /// Something stands between the end of a quoted value and the next delimiter.
    text_after_quote: bool,
    /// A quoted value holds a line break.
    lines: bool,
}

impl Quoting {
    fn of(record: &[u8], delimiter: u8) -> Self {
        #[derive(Clone, Copy, PartialEq)]
        enum At {
            Start,
            Bare,
            Quoted,
            AfterQuote,
        }
        let mut quoting = Self { open: false, text_after_quote: false, lines: false };
        if !record.contains(&b'"') {
            return quoting;
        }
        let mut at = At::Start;
        for byte in record {
            at = match (at, byte) {
                (At::Quoted, b'"') => At::AfterQuote,
                (At::Quoted, other) => {
                    quoting.lines |= *other == b'\n';
                    At::Quoted
                }
                (At::Start | At::AfterQuote, b'"') => At::Quoted,
                (_, b'\r' | b'\n') => At::Start,
                (_, other) if *other == delimiter => At::Start,
                // White space there is nobody's.
                (At::AfterQuote, b' ') => At::AfterQuote,
                (At::AfterQuote, _) => {
                    quoting.text_after_quote = true;
                    At::Bare
                }
                _ => At::Bare,
            };
        }
        quoting.open = at == At::Quoted;
        quoting
    }
}
