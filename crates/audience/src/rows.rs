//! Streams the rows of an audience file, whatever its format, in memory that does not grow with the file.

use std::{io::Read, sync::Arc};

use paceline_domain::Exclusion;

use crate::{Region, Variables};

mod columns;
mod csv;
mod decode;
mod format;
mod json_array;
mod json_row;
mod ndjson;
mod refusal;
mod source;

use columns::Columns;
pub use columns::{MAX_COLUMN_NAME, MAX_COLUMNS};
use decode::Decoded;
pub use format::Format;
pub use refusal::AudienceRefusal;
use source::Source;

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceOptions {
    /// The phone column of a CSV file; `phone` unless named. Compared without regard to case. JSON rows always say `phone`.
    pub phone_column: Option<String>,
    /// The charset that the file is said to have (a label of the Encoding Standard). A byte-order mark goes before it.
    pub charset: Option<String>,
    /// Where most of the people are: of several encodings that fit a file without a charset, its own is the more likely.
    pub region: Option<Region>,
    /// A file with more rows than this is refused.
    pub max_rows: u64,
    /// A row with more bytes than this is malformed. Bounds the memory that a file takes.
    pub max_row_bytes: usize,
    /// A row of which one value has more bytes than this is malformed: no message is that long.
    pub max_value_bytes: usize,
    /// The names of the variables that the campaign has already, in order: values are kept by their place among all names.
    pub known_columns: Vec<String>,
}

impl Default for AudienceOptions {
    fn default() -> Self {
        Self {
            phone_column: None,
            charset: None,
            region: None,
            max_rows: 5_000_000,
            max_row_bytes: 64 * 1024,
            max_value_bytes: 60 * 1024,
            known_columns: Vec::new(),
        }
    }
}

/// A row that could be read. Whether its phone is a phone number is the next question.
#[derive(Clone, PartialEq, Eq)]
pub struct AudienceRow {
    /// Its number among the file's data rows, malformed ones included, counted from 1.
    pub number_in_file: u64,
    /// The line on which it starts, counted from 1.
    pub line: u64,
    /// The phone as written; may be empty.
    pub phone: String,
    /// What else it says. A blank CSV cell is a variable that the row does not have, and so is a JSON `null`.
    pub variables: Variables,
}

// The phone must not reach a log line through `{:?}`.
impl std::fmt::Debug for AudienceRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number_in_file, line, phone: _, variables } = self;
        write!(f, "AudienceRow({number_in_file}, line {line}, {variables:?})")
    }
}

/// A row that could not be read. The rows after it are read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedRow {
    /// Its number among the file's data rows, counted from 1.
    pub number_in_file: u64,
    /// The line on which it starts, counted from 1.
    pub line: u64,
    /// What is wrong with it. Holds no phone number.
    pub detail: String,
}

impl From<MalformedRow> for Exclusion {
    fn from(row: MalformedRow) -> Self {
        Self::MalformedRow { detail: row.detail }
    }
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A row that could be read.
    Read(AudienceRow),
    /// A row that could not.
    Malformed(MalformedRow),
}

/// What a format hands over for one row: where it starts and what it says, or why it cannot be read.
struct RawRow {
    line: u64,
    content: Result<Content, String>,
}

/// Phone and variables.
type Content = (String, Variables);

enum Rows {
    Csv(Box<csv::CsvRows>),
    Ndjson,
    JsonArray(json_array::JsonArrayRows),
}

/// Reads an audience file row by row. After a refusal the iterator ends.
pub struct AudienceReader<R> {
    source: Source<R>,
    rows: Rows,
    columns: Columns,
    options: AudienceOptions,
    read: u64,
    ended: bool,
}

impl<R: Read> AudienceReader<R> {
    /// Looks at the beginning of a file and, for CSV, reads its header.
    ///
    /// # Errors
    /// When the file as a whole cannot be an audience; each reason says what was found and what to do.
    pub fn open(reader: R, format: Format, options: AudienceOptions) -> Result<Self, AudienceRefusal> {
        let domain = options.region.map(Region::top_level_domain);
        let mut source = Source::new(Decoded::open(reader, options.charset.as_deref(), domain)?);
        source.skip_byte_order_marks()?;
        let mut columns = Columns::after(&options.known_columns);
        let rows = match format {
            Format::Csv => Rows::Csv(Box::new(csv::CsvRows::open(&mut source, &mut columns, &options)?)),
            Format::Ndjson => Rows::Ndjson,
            Format::JsonArray => Rows::JsonArray(json_array::JsonArrayRows::open(&mut source)?),
        };
        Ok(Self { source, rows, columns, options, read: 0, ended: false })
    }

    /// The encoding that the file is read in, by its name in the Encoding Standard: `UTF-8` unless it was declared, marked, or, at the
    /// first letter that shows it, guessed. At the end of the file, all of it agrees.
    pub fn encoding(&self) -> &'static str {
        self.source.encoding()
    }

    /// The character between the cells of a CSV file.
    pub fn delimiter(&self) -> Option<char> {
        match &self.rows {
            Rows::Csv(rows) => Some(rows.delimiter()),
            Rows::Ndjson | Rows::JsonArray(_) => None,
        }
    }

    /// The phone column of a CSV file, as its header calls it.
    pub fn phone_column(&self) -> Option<&str> {
        match &self.rows {
            Rows::Csv(rows) => Some(rows.phone_column()),
            Rows::Ndjson | Rows::JsonArray(_) => None,
        }
    }

    /// The names of the variables in order of first appearance: of a CSV file all of them, of JSON those seen so far.
    pub fn columns(&self) -> &[Arc<str>] {
        self.columns.names()
    }

    /// A row's variables as stores keep them: by the places of their names, [`AudienceOptions::known_columns`] first.
    pub fn stored(&self, variables: &Variables) -> String {
        variables.to_stored(|name| self.columns.place(name))
    }

    fn read_row(&mut self) -> Result<Option<Row>, AudienceRefusal> {
        let (source, columns, limit) = (&mut self.source, &mut self.columns, self.options.max_row_bytes);
        let raw = match &mut self.rows {
            Rows::Csv(rows) => rows.read_row(source, limit)?,
            Rows::Ndjson => ndjson::read_row(source, columns, limit)?,
            Rows::JsonArray(rows) => rows.read_row(source, columns, limit)?,
        };
        let Some(RawRow { line, content }) = raw else { return Ok(None) };
        self.read += 1;
        if self.read > self.options.max_rows {
            return Err(AudienceRefusal::TooManyRows { limit: self.options.max_rows });
        }
        let number_in_file = self.read;
        let content = content.and_then(|(phone, variables)| {
            let most = self.options.max_value_bytes;
            let long = variables.iter().find(|(_, value)| value.len() > most).map(|(name, _)| columns::shown(name));
            match long {
                Some(name) => Err(format!("the value of {name:?} is longer than {most} bytes")),
                None => Ok((phone, variables)),
            }
        });
        Ok(Some(match content {
            Ok((phone, variables)) => Row::Read(AudienceRow { number_in_file, line, phone, variables }),
            Err(detail) => Row::Malformed(MalformedRow { number_in_file, line, detail }),
        }))
    }
}

impl<R: Read> Iterator for AudienceReader<R> {
    type Item = Result<Row, AudienceRefusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.read_row().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

impl<R> std::fmt::Debug for AudienceReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AudienceReader(after row {})", self.read)
    }
}
