//! Many rows at once: arrays for `UNNEST`, one for each column, and `COPY` where rows are very many.

use chrono::{DateTime, Utc};
use paceline_ledger::Fallible;
use sqlx::types::Uuid;

use crate::transaction::Tx;

/// One column of many rows, to be bound to an `UNNEST`.
pub(crate) fn column<'r, R, T>(rows: &'r [R], value: impl FnMut(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The signature, flags and extension that begin a binary `COPY` (PostgreSQL's manual, `COPY`, "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The length of a null.
const NULL: i32 = -1;

/// Rows for a `COPY … FROM STDIN (FORMAT binary)`. The values of a row are added in the order of the statement's columns,
/// each by the method of its type: the format converts nothing.
pub(crate) struct Copy {
    columns: i16,
    rows: u64,
    data: Vec<u8>,
}

impl Copy {
    /// No rows yet, of so many columns.
    pub(crate) fn new(columns: i16) -> Self {
        Self { columns, rows: 0, data: HEADER.to_vec() }
    }

    /// Begins a row.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.rows += 1;
        self.data.extend_from_slice(&self.columns.to_be_bytes());
        self
    }

    /// An id.
    pub(crate) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.value(value.as_bytes())
    }

    /// An id that may be absent.
    pub(crate) fn opt_uuid(&mut self, value: Option<Uuid>) -> &mut Self {
        match value {
            Some(value) => self.uuid(value),
            None => self.null(),
        }
    }

    /// A `bigint`.
    pub(crate) fn number(&mut self, value: i64) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// An `integer`.
    pub(crate) fn small(&mut self, value: i32) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    /// A `text`.
    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.value(value.as_bytes())
    }

    /// A `text` that may be absent.
    pub(crate) fn opt_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A `bytea`.
    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.value(value)
    }

    /// A `timestamptz`.
    pub(crate) fn time(&mut self, value: DateTime<Utc>) -> &mut Self {
        /// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
        const BEGIN: i64 = 946_684_800_000_000;
        self.number(value.timestamp_micros().saturating_sub(BEGIN))
    }

    /// A `timestamptz` that may be absent.
    pub(crate) fn opt_time(&mut self, value: Option<DateTime<Utc>>) -> &mut Self {
        match value {
            Some(value) => self.time(value),
            None => self.null(),
        }
    }

    fn null(&mut self) -> &mut Self {
        self.data.extend_from_slice(&NULL.to_be_bytes());
        self
    }

    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        // A value that long is refused by the server, as is the sum of all.
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.data.extend_from_slice(&length.to_be_bytes());
        self.data.extend_from_slice(bytes);
        self
    }

    /// Sends the rows to the statement.
    pub(crate) async fn run(mut self, tx: &mut Tx, statement: &'static str) -> Fallible<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.data.extend_from_slice(&(-1_i16).to_be_bytes());
        tx.copy(statement, self.data).await
    }
}
