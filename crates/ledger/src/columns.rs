//! How a row of a result is read: once for every database that has columns, one file for each topic.
//!
//! A database says how it holds the few kinds of values that there are ([`Columns`]); what a row means is said here. Whatever no version
//! of Paceline writes becomes `Corrupt` with its place, and never its value.

mod attempts;
mod campaigns;
mod cells;
mod counters;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod fleet;
mod health;
mod idempotency;
mod leases;
mod messages;
mod plan;
mod release;
mod resolutions;
mod results;
mod senders;
mod sign_ins;
mod suppressions;
mod uploads;
mod waiting;
mod workspaces;

use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind};

use crate::Fallible;

pub use attempts::{adoptable, attempt, attempt_row, ended_attempt, sending, unapplied};
pub use campaigns::{campaign, campaign_row, excluded_row, share};
pub use cells::{Cells, hex, push_hex};
pub use counters::count;
pub use dead_letters::dead_letter;
pub use deliveries::{claimed_delivery, held_delivery};
pub use endpoints::{delivery, endpoint, numbered_delivery, standing};
pub use events::{event, subscription, unwanted_events};
pub use fleet::{leases_held, sender_count, worker};
pub use health::figures;
pub use idempotency::response;
pub use leases::{lease, session};
pub use messages::{
    answered, message, message_and_campaign, message_row, numbered_message, open_of_person, pool_route, wanted,
};
pub use plan::{planning, suppressed, undecided};
pub use release::{due, round, source, takers, window};
pub use resolutions::{resolution, resolved, settleable};
pub use results::{inbox_id, reporter};
pub use senders::{number_holder, pool, sender, sender_row};
pub use sign_ins::sign_in;
pub use suppressions::suppression;
pub use uploads::{committed_upload, earlier_row, open_upload, recipient, upload_row};
pub use waiting::waiting;
pub use workspaces::{api_key, workspace};

/// A column cannot be read as what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// A row of a database's result: its columns by name.
pub trait Columns {
    /// The number of the first place, where the database counts the values that a statement was given.
    const FIRST_PLACE: i64;

    /// A number.
    ///
    /// # Errors
    /// [`Unreadable`], here and below.
    fn opt_number(&self, column: &str) -> Result<Option<i64>, Unreadable>;

    /// Whether a condition held, if that is known.
    fn opt_flag(&self, column: &str) -> Result<Option<bool>, Unreadable>;

    /// A text.
    fn opt_text(&self, column: &str) -> Result<Option<&str>, Unreadable>;

    /// Bytes.
    fn opt_bytes(&self, column: &str) -> Result<Option<&[u8]>, Unreadable>;

    /// A time.
    fn opt_time(&self, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable>;

    /// An id.
    fn opt_id(&self, column: &str) -> Result<Option<[u8; 16]>, Unreadable>;
}

/// Reads the column `id` of rows of a table.
pub fn id<R: Columns, K: IdKind>(table: &'static str) -> impl Fn(&R) -> Fallible<Id<K>> {
    move |row| Cells::new(table, row).id("id")
}

/// Reads a column of numbers of rows of a table.
pub fn number<R: Columns>(table: &'static str, column: &'static str) -> impl Fn(&R) -> Fallible<i64> {
    move |row| Cells::new(table, row).number(column)
}

/// Puts what rows hold where their column `place` says; a row may hold nothing.
///
/// # Errors
/// A row holds what no version of Paceline writes.
pub fn put_by_place<R: Columns, T>(
    rows: &[R],
    table: &'static str,
    slots: &mut [Option<T>],
    read: impl Fn(Cells<'_, R>) -> Fallible<Option<T>>,
) -> Fallible<()> {
    for row in rows {
        let cells = Cells::new(table, row);
        if let Some(slot) = slots.get_mut(cells.place()?) {
            *slot = read(cells)?;
        }
    }
    Ok(())
}
