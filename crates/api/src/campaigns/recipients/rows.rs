//! The second stage, on a blocking thread: from bytes to batches of rows with phone numbers and hashes.

use std::io::{self, Read};

use axum::{
    body::Bytes,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use paceline_audience::{
    AudienceOptions, AudienceReader, AudienceRefusal, AudienceRow, Format, MalformedRow, Region, Row, parse_phone,
};
use paceline_domain::{Address, Exclusion, WorkspaceKey};
use paceline_store::recipients::UploadRow;
use tokio::sync::mpsc::{Receiver, Sender};

use super::{ReadAs, RowError, SHOWN_ERRORS};
use crate::campaigns::view::detail;

/// How many rows are appended at once, and about how many bytes they may have: long rows take no more memory than short ones.
const BATCH: usize = 2_000;
const BATCH_BYTES: usize = 1 << 20;

/// How much of a phone that is none is kept, in characters.
const KEPT_PHONE: usize = 40;

/// Rows that follow each other.
pub(super) struct Batch {
    pub(super) first_row: i64,
    pub(super) rows: Vec<UploadRow>,
    /// Where each of them starts in the file.
    pub(super) lines: Vec<u64>,
    /// Those that are excluded already, as far as they are shown.
    pub(super) errors: Vec<RowError>,
    /// About how many bytes the rows have.
    bytes: usize,
}

/// How to read one file.
pub(super) struct RowReading {
    pub(super) content_type: Option<String>,
    pub(super) options: AudienceOptions,
    pub(super) region: Option<Region>,
    pub(super) key: WorkspaceKey,
    pub(super) first_row: i64,
}

/// What was read.
pub(super) struct RowsRead {
    pub(super) rows: u64,
    pub(super) read_as: ReadAs,
    pub(super) columns: Vec<String>,
}

impl RowReading {
    /// How to read a file that comes with these headers.
    pub(super) fn new(
        headers: &HeaderMap,
        region: Option<Region>,
        key: WorkspaceKey,
        options: AudienceOptions,
    ) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let charset = content_type.and_then(charset).map(str::to_owned);
        let options = AudienceOptions { charset, region, ..options };
        Self { content_type: content_type.map(str::to_owned), options, region, key, first_row: 1 }
    }

    /// Reads the file to its end, or until nobody wants the rest.
    pub(super) fn read(
        self,
        bytes: Receiver<io::Result<Bytes>>,
        batches: &Sender<Batch>,
    ) -> Result<RowsRead, AudienceRefusal> {
        let mut source = Chunks { chunks: bytes, current: Bytes::new() };
        let head = source.peek().map_err(AudienceRefusal::Unreadable)?;
        let format = Format::detect(self.content_type.as_deref(), &head);
        let mut reader = AudienceReader::open(source, format, self.options.clone())?;
        let mut rows = 0;
        let mut shown = 0;
        let mut batch = self.batch(rows);
        while let Some(row) = reader.next() {
            rows += 1;
            self.add(&mut batch, row?, &reader);
            if batch.rows.len() == BATCH || batch.bytes >= BATCH_BYTES {
                shown = cap_errors(&mut batch, shown);
                let full = std::mem::replace(&mut batch, self.batch(rows));
                if batches.blocking_send(full).is_err() {
                    break;
                }
            }
        }
        if !batch.rows.is_empty() {
            cap_errors(&mut batch, shown);
            // Nobody wants it only when the upload has failed already.
            let _ = batches.blocking_send(batch);
        }
        let read_as = ReadAs {
            encoding: reader.encoding().to_owned(),
            delimiter: reader.delimiter(),
            phone_column: reader.phone_column().map(str::to_owned),
        };
        Ok(RowsRead { rows, read_as, columns: reader.columns().iter().map(ToString::to_string).collect() })
    }

    fn batch(&self, rows_before: u64) -> Batch {
        let before = i64::try_from(rows_before).unwrap_or(i64::MAX);
        Batch {
            first_row: self.first_row.saturating_add(before),
            rows: Vec::new(),
            lines: Vec::new(),
            errors: Vec::new(),
            bytes: 0,
        }
    }

    fn add<R: Read>(&self, batch: &mut Batch, row: Row, reader: &AudienceReader<R>) {
        let number = batch.first_row.saturating_add(i64::try_from(batch.rows.len()).unwrap_or(i64::MAX));
        let (line, upload_row) = match row {
            Row::Malformed(MalformedRow { line, detail, .. }) => {
                let exclusion = Exclusion::MalformedRow { detail };
                (line, UploadRow::Excluded { row: number, phone: None, exclusion })
            }
            Row::Read(row) => (row.line, self.recipient(number, &row, reader)),
        };
        batch.bytes += size_of::<UploadRow>();
        if let UploadRow::Recipient { variables, .. } = &upload_row {
            batch.bytes += variables.len();
        }
        if let UploadRow::Excluded { row, exclusion, .. } = &upload_row
            && batch.errors.len() < SHOWN_ERRORS
        {
            let (reason, detail) = (exclusion.reason(), detail(exclusion));
            batch.errors.push(RowError { row: *row, line, reason, detail });
        }
        batch.rows.push(upload_row);
        batch.lines.push(line);
    }

    fn recipient<R: Read>(&self, number: i64, row: &AudienceRow, reader: &AudienceReader<R>) -> UploadRow {
        match parse_phone(&row.phone, self.region) {
            Ok(phone) => {
                let address = Address::phone(phone);
                let hash = self.key.hash_address(&address);
                UploadRow::Recipient { row: number, address, hash, variables: reader.stored(&row.variables) }
            }
            Err(refused) => {
                let written: String = row.phone.chars().take(KEPT_PHONE).collect();
                let phone = Some(written).filter(|written| !written.is_empty());
                UploadRow::Excluded { row: number, phone, exclusion: refused.into() }
            }
        }
    }
}

/// The charset of a media type: `windows-1252` of `text/csv; charset="windows-1252"` (RFC 9110, 8.3.2).
fn charset(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// Keeps the errors that may still be shown, and answers how many have been kept so far.
fn cap_errors(batch: &mut Batch, shown: usize) -> usize {
    batch.errors.truncate(SHOWN_ERRORS.saturating_sub(shown));
    shown + batch.errors.len()
}

/// The body as a file.
struct Chunks {
    chunks: Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Chunks {
    /// How the file begins: through its first byte that is not white space, or to its end.
    fn peek(&mut self) -> io::Result<Bytes> {
        let mut seen = Vec::new();
        while seen.iter().all(u8::is_ascii_whitespace) {
            let Some(chunk) = self.chunks.blocking_recv().transpose()? else { break };
            seen.extend_from_slice(&chunk);
        }
        self.current = Bytes::from(seen);
        Ok(self.current.clone())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv().transpose()? {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
