//! A row of PostgreSQL's, for the readers of rows: ids are `uuid`, times `timestamptz`, and places are counted by `WITH ORDINALITY`.

use chrono::{DateTime, Utc};
use paceline_ledger::columns::{Columns, Unreadable};
use sqlx::{Decode, Postgres, Row as _, Type, postgres::PgRow, types::Uuid};

/// A row of a result.
pub struct Row(pub(crate) PgRow);

impl Row {
    fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(&'r self, column: &str) -> Result<Option<T>, Unreadable> {
        self.0.try_get(column).map_err(|_| Unreadable)
    }
}

impl Columns for Row {
    const FIRST_PLACE: i64 = 1;

    fn opt_number(&self, column: &str) -> Result<Option<i64>, Unreadable> {
        self.get(column).or_else(|Unreadable| Ok(self.get::<i32>(column)?.map(i64::from)))
    }

    fn opt_flag(&self, column: &str) -> Result<Option<bool>, Unreadable> {
        self.get(column)
    }

    fn opt_text(&self, column: &str) -> Result<Option<&str>, Unreadable> {
        self.get(column)
    }

    fn opt_bytes(&self, column: &str) -> Result<Option<&[u8]>, Unreadable> {
        self.get(column)
    }

    fn opt_time(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
        self.get(column)
    }

    fn opt_id(&self, column: &str) -> Result<Option<[u8; 16]>, Unreadable> {
        Ok(self.get(column)?.map(Uuid::into_bytes))
    }
}
