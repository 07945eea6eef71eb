//! Files that are refused as a whole, before a row of them counts.

/// How many bytes are looked at before a file is believed to be text.
pub(super) const PROBE_BYTES: usize = 8 * 1024;

/// Why a file as a whole cannot be an audience. Every message says what was found and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum AudienceRefusal {
    /// Nothing, or nothing but white space.
    #[error("the file is empty; it needs a header with a phone column and one row per recipient")]
    Empty,
    /// A file of another kind, recognised by how it begins.
    #[error("the file is {found}, not text; {cure}")]
    NotText {
        /// What it looks like.
        found: &'static str,
        /// What to do about it.
        cure: &'static str,
    },
    /// No column of a CSV file is the phone column.
    #[error(
        "no column is called {wanted:?}; the first row has {found}{}; name the phone column with --phone-column (phone_column in the API){}",
        if *.looks_like_data { ", which looks like data rather than names" } else { "" },
        if *.looks_like_data { ", or put a row of column names first" } else { "" }
    )]
    NoPhoneColumn {
        /// The name that was looked for.
        wanted: String,
        /// The columns found, shortened, digits hidden.
        found: String,
        /// Whether the first row is probably no header at all.
        looks_like_data: bool,
    },
    /// The charset that was declared is none.
    #[error("{charset:?} is not a charset; name the one that the file was saved in, such as utf-8 or windows-1252")]
    UnknownCharset {
        /// The charset found.
        charset: String,
    },
    /// A byte that the file's charset does not have.
    #[error("line {line} is not {charset}; save the file as UTF-8, or name the charset that it was saved in")]
    NotOfCharset {
        /// The charset that was declared, marked or guessed.
        charset: &'static str,
        /// The line, counted from 1.
        line: u64,
    },
    /// Some lines are UTF-8 and others are not.
    #[error(
        "line {line} is in another encoding than the lines before it; save the whole file as UTF-8, or name the charset that it was saved in"
    )]
    MixedEncodings {
        /// The first line that contradicts those before it, counted from 1.
        line: u64,
    },
    /// No encoding fits the whole file well enough.
    #[error(
        "the file is not UTF-8, and its encoding cannot be told for sure (it may be {likely}); save it as UTF-8, or name the charset that it was saved in"
    )]
    UnknownEncoding {
        /// The encoding that comes closest.
        likely: &'static str,
    },
    /// Two columns have the same name.
    #[error(
        "columns {first} and {second} are both called {name:?}; rename one, so that a template can say which it means"
    )]
    DuplicateColumn {
        /// The name.
        name: String,
        /// Which column has it first, from 1.
        first: usize,
        /// Which column has it again.
        second: usize,
    },
    /// The first line names a delimiter that can be none.
    #[error("the line sep= names {found:?}, which cannot be a delimiter; use one character such as , or ;")]
    NoDelimiter {
        /// What it names.
        found: String,
    },
    /// A column's name is too long, or passes for another.
    #[error("the name of column {place} {flaw}; rename it")]
    UnlawfulColumn {
        /// Which column, from 1.
        place: usize,
        /// What is wrong with its name.
        flaw: String,
    },
    /// More columns than an audience may have.
    #[error("the header has {found} columns; the limit is {limit}: leave out those that the template does not use")]
    TooManyColumns {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The header does not end.
    #[error(
        "the header row does not end within {limit} bytes; check that the first line is a row of column names and that its quotes are closed"
    )]
    HeaderTooLong {
        /// How many bytes a row may have.
        limit: usize,
    },
    /// More rows than one file may bring.
    #[error("the file has more than {limit} rows; split it and send the parts one after the other")]
    TooManyRows {
        /// How many rows one file may have.
        limit: u64,
    },
    /// JSON that is no array.
    #[error(
        "expected a JSON array of {{\"phone\": …, \"variables\": {{…}}}}, but the file begins with {found:?}; begin with \"[\", or send one object a line as application/x-ndjson"
    )]
    NotAnArray {
        /// The first character.
        found: char,
    },
    /// A JSON array that is not closed.
    #[error("the JSON array ends inside the element that begins on line {line}; check that the file is complete")]
    UnfinishedArray {
        /// Where the last element begins.
        line: u64,
    },
    /// The file could not be read to its end.
    #[error("the file could not be read to its end")]
    Unreadable(#[source] std::io::Error),
}

const SPREADSHEET: &str = "export it as CSV (UTF-8) and send that";
const AS_TEXT: &str = "send CSV, NDJSON or a JSON array";

/// How files of other kinds begin, what they are and what to do about them.
const SIGNATURES: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a spreadsheet or another ZIP archive", SPREADSHEET),
    (b"\xD0\xCF\x11\xE0", "an old Excel or Office file", SPREADSHEET),
    (b"\x89PNG", "a PNG picture", AS_TEXT),
    (b"\xFF\xD8\xFF", "a JPEG picture", AS_TEXT),
    (b"GIF8", "a GIF picture", AS_TEXT),
    (b"%PDF", "a PDF document", AS_TEXT),
    (b"\x1F\x8B", "compressed with gzip", "unpack it first"),
    (b"SQLite format 3", "an SQLite database", AS_TEXT),
];

/// Looks at the first bytes of a file; `wide` where its encoding has NUL bytes in every letter of English.
pub(super) fn inspect(probe: &[u8], wide: bool) -> Result<(), AudienceRefusal> {
    let whole = probe.len() < PROBE_BYTES;
    let probe = &probe[..probe.len().min(PROBE_BYTES)];
    if let Some((_, found, cure)) = SIGNATURES.iter().find(|(signature, ..)| probe.starts_with(signature)) {
        return Err(AudienceRefusal::NotText { found, cure });
    }
    if !wide && probe.contains(&0) {
        return Err(AudienceRefusal::NotText { found: "binary (it holds NUL bytes)", cure: AS_TEXT });
    }
    let text = probe.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(probe);
    if text.iter().all(u8::is_ascii_whitespace) && whole { Err(AudienceRefusal::Empty) } else { Ok(()) }
}
