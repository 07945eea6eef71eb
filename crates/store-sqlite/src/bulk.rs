//! Statements over many rows at once.
//!
//! A bulk statement is written once with one row's template; it is sent in chunks whose sizes are powers of two, so that the
//! statement cache holds a handful of prepared forms whatever the number of rows. In a template, `?` is a value of the row and
//! `?1`, `?2`, … are values that all rows share, there and in the tail.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use paceline_ledger::Fallible;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Sqlite, Type, sqlite::SqliteArguments};

use crate::{error::fault, transaction::Tx};

/// The largest chunk. Larger ones gain nothing measurable and cost memory for each prepared form.
const MAX_CHUNK: usize = 512;

/// A statement over rows.
pub(crate) struct Bulk {
    /// What comes before the rows.
    pub(crate) head: &'static str,
    /// One row.
    pub(crate) row: &'static str,
    /// What comes after the rows.
    pub(crate) tail: &'static str,
}

/// The texts of bulk statements by head, tail and size, kept with the connection whose cache holds their prepared forms.
pub(crate) type BulkTexts = HashMap<(&'static str, &'static str, usize), Arc<str>>;

/// The values of one statement, in order.
#[derive(Default)]
pub(crate) struct Values(SqliteArguments);

impl Values {
    /// Adds a value.
    pub(crate) fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        // Encoding what is bound here (numbers, text, bytes) has no way to fail.
        let _ = self.0.add(value);
        self
    }
}

/// What a bulk statement did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// How many rows were written.
    pub(crate) written: u64,
    /// The rowid of the last one.
    pub(crate) last: i64,
}

impl Bulk {
    /// Runs the statement over `rows`: `shared` adds the values that all share, `row` those of one row.
    pub(crate) async fn run<T: Sync>(
        &self,
        tx: &mut Tx,
        rows: &[T],
        shared: impl Fn(&mut Values) + Send,
        row: impl Fn(&mut Values, &T) + Send,
    ) -> Fallible<Done> {
        let mut done = Done::default();
        let mut rest = rows;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunk_size(rest.len()));
            rest = after;
            let mut values = Values::default();
            for item in chunk {
                row(&mut values, item);
            }
            shared(&mut values);
            let text = tx
                .texts
                .entry((self.head, self.tail, chunk.len()))
                .or_insert_with(|| self.text(chunk.len()).into())
                .clone();
            let result = sqlx::query_with(AssertSqlSafe(text), values.0).execute(&mut tx.conn).await.map_err(fault)?;
            done.written += result.rows_affected();
            done.last = result.last_insert_rowid();
        }
        Ok(done)
    }

    /// Runs the statement over `rows`, which share no values: `row` adds the values of one row.
    pub(crate) async fn write<T: Sync>(
        &self,
        tx: &mut Tx,
        rows: &[T],
        row: impl Fn(&mut Values, &T) + Send,
    ) -> Fallible<()> {
        self.run(tx, rows, |_| {}, row).await.map(|_| ())
    }

    /// Values of rows are anonymous and come first; shared ones are named by their place after all of those. The driver asks
    /// SQLite for the name of every parameter, and SQLite looks through all names to find one: a name for each value of
    /// each row would cost the square of their number.
    fn text(&self, rows: usize) -> String {
        let of_a_row =
            self.row.split('?').skip(1).filter(|after| !after.starts_with(|char: char| char.is_ascii_digit()));
        let values = of_a_row.count() * rows;
        let mut text = String::with_capacity(self.head.len() + self.tail.len() + rows * (self.row.len() + 24));
        text.push_str(self.head);
        for index in 0..rows {
            text.push_str(if index == 0 { " " } else { "," });
            push_named(&mut text, self.row, values);
        }
        text.push(' ');
        push_named(&mut text, self.tail, values);
        text
    }
}

/// Appends a template with its shared values named by their place after `values` others.
fn push_named(text: &mut String, template: &str, values: usize) {
    let mut parts = template.split('?');
    text.extend(parts.next());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|char: char| char.is_ascii_digit()).len();
        match part[..digits].parse::<usize>() {
            Ok(shared) => {
                // Writing to a string cannot fail.
                let _ = write!(text, "${}", values + shared);
            }
            Err(_) => text.push('?'),
        }
        text.push_str(&part[digits..]);
    }
}

/// The largest power of two that is at most `rows` and the largest chunk.
fn chunk_size(rows: usize) -> usize {
    if rows >= MAX_CHUNK { MAX_CHUNK } else { 1 << rows.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::{Bulk, chunk_size};

    #[test]
    fn values_of_rows_come_before_the_shared_ones() {
        let bulk = Bulk { head: "INSERT INTO t VALUES", row: "(?, ?1, 'x', ?)", tail: "SET y = ?2" };
        assert_eq!(bulk.text(2), "INSERT INTO t VALUES (?, $5, 'x', ?),(?, $5, 'x', ?) SET y = $6");
    }

    #[test]
    fn chunks_are_powers_of_two() {
        assert_eq!([1, 2, 3, 7, 64, 511, 512, 5_000].map(chunk_size), [1, 2, 2, 4, 64, 256, 512, 512]);
    }
}
