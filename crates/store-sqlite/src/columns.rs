//! A row of SQLite's, for the readers of rows: conditions are numbers, times microseconds and ids bytes, and places are the keys of
//! `json_each`.

use chrono::{DateTime, Utc};
use paceline_ledger::columns::{Columns, Unreadable};
use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};

/// A row of a result.
pub struct Row(pub(crate) SqliteRow);

impl Row {
    fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(&'r self, column: &str) -> Result<Option<T>, Unreadable> {
        self.0.try_get(column).map_err(|_| Unreadable)
    }
}

impl Columns for Row {
    const FIRST_PLACE: i64 = 0;

    fn opt_number(&self, column: &str) -> Result<Option<i64>, Unreadable> {
        self.get(column)
    }

    fn opt_flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        Ok(self.get(column)?.map(|number: i64| number != 0))
    }

    fn opt_text(&self, column: &str) -> Result<Option<&str>, Unreadable> {
        self.get(column)
    }

    fn opt_bytes(&self, column: &str) -> Result<Option<&[u8]>, Unreadable> {
        self.get(column)
    }

    fn opt_time(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        let at = |micros| DateTime::from_timestamp_micros(micros).ok_or(Unreadable);
        self.get(column)?.map(at).transpose()
    }

    fn opt_id(&self, column: &str) -> Result<Option<[u8; 16]>, Unreadable> {
        self.get::<&[u8]>(column)?.map(|bytes| bytes.try_into().map_err(|_| Unreadable)).transpose()
    }
}
