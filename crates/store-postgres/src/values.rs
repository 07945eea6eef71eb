//! How values are written: ids as `uuid`, times as `timestamptz`, hashes as `bytea`, sets of keys as arrays.

use std::{borrow::Cow, time::Duration};

use paceline_domain::{AddressHash, Id, IdKind};
use sqlx::types::Uuid;

/// The database's own real clock. It goes on while a statement waits for a lock, and is asked again for a row that was changed
/// meanwhile. No index can be searched by it: see [`statement_now!`].
macro_rules! real_now {
    () => {
        "clock_timestamp()"
    };
}
pub(crate) use real_now;

/// The real clock when the statement began: for ranges that an index is to be searched by.
macro_rules! statement_now {
    () => {
        "statement_timestamp()"
    };
}
pub(crate) use statement_now;

/// An SQL expression: a number of microseconds (see [`duration_micros`]) as an interval, to be added to a time.
macro_rules! micros_of {
    ($place:literal) => {
        concat!("(", $place, "::bigint * interval '1 microsecond')")
    };
}
pub(crate) use micros_of;

/// The longest duration that is written. A deadline further away than a hundred years would only overflow.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// An id as it is bound.
pub(crate) fn uuid<K: IdKind>(id: Id<K>) -> Uuid {
    Uuid::from_bytes(id.to_bytes())
}

/// An id that may be absent.
pub(crate) fn opt_uuid<K: IdKind>(id: Option<Id<K>>) -> Option<Uuid> {
    id.map(uuid)
}

/// Ids as one array.
pub(crate) fn uuids<K: IdKind>(ids: impl IntoIterator<Item = Id<K>>) -> Vec<Uuid> {
    ids.into_iter().map(uuid).collect()
}

/// A person's hash as it is bound.
pub(crate) fn hash(hash: AddressHash) -> Vec<u8> {
    hash.to_bytes().to_vec()
}

/// A duration in microseconds, for deadlines that the database reckons.
pub(crate) fn duration_micros(duration: Duration) -> i64 {
    i64::try_from(duration.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

/// A text from outside as it can be stored. PostgreSQL's `text` holds every character but NUL, which is replaced; the same
/// text is always stored the same way. JSON needs none of this: it writes NUL as an escape.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn the_longest_duration_can_be_added_to_a_time() {
        assert_eq!(super::duration_micros(Duration::from_micros(7)), 7);
        assert_eq!(super::duration_micros(Duration::MAX), 100 * 366 * 24 * 60 * 60 * 1_000_000);
    }

    #[test]
    fn a_nul_is_replaced_and_nothing_else_is() {
        assert_eq!(super::storable("a\0b"), "a\u{fffd}b");
        assert_eq!(super::storable("a\u{1}\u{10ffff}"), "a\u{1}\u{10ffff}");
    }
}
