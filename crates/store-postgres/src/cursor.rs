//! Page cursors: the sort key of the last item, as hexadecimal digits. A cursor that is none is a conflict, never a panic.

use chrono::{DateTime, Utc};
use paceline_store::{Page, PageRequest};
use sqlx::types::Uuid;

use crate::{
    error::{Fallible, conflict},
    values::hex,
};

/// The most items of a page.
const MAX_LIMIT: u32 = 1_000;

/// The beginning of PostgreSQL's times, in November of the year 4714 before ours. Their end lies beyond that of `DateTime`.
const FIRST_SECOND: i64 = -210_866_803_200;

/// Where a page begins and how much of it is wanted.
pub(crate) struct Cursor<const N: usize> {
    /// The sort key of the last item of the page before.
    pub(crate) after: Option<[u8; N]>,
    /// The most items wanted.
    limit: usize,
}

impl<const N: usize> Cursor<N> {
    /// Reads a request.
    pub(crate) fn read(request: &PageRequest) -> Fallible<Self> {
        let after = match &request.after {
            None => None,
            Some(text) => Some(decode(text).ok_or_else(|| conflict("cursor"))?),
        };
        Ok(Self { after, limit: request.limit.clamp(1, MAX_LIMIT) as usize })
    }

    /// How many rows to ask for: one more than wanted, which tells whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// The page made of the rows that were fetched.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> [u8; N]) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|item| hex(&key(item)));
        Page { items, next }
    }
}

/// A key of a time and an id.
pub(crate) fn key_of(at: DateTime<Utc>, id: [u8; 16]) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&at.timestamp_micros().to_be_bytes());
    key[8..].copy_from_slice(&id);
    key
}

/// The time and the id of a key. A time that no row can have is a conflict: the cursor is none.
pub(crate) fn split_key(key: [u8; 24]) -> Fallible<(DateTime<Utc>, Uuid)> {
    let micros = i64::from_be_bytes(std::array::from_fn(|index| key[index]));
    let at = DateTime::from_timestamp_micros(micros).filter(|at| at.timestamp() >= FIRST_SECOND);
    let at = at.ok_or_else(|| conflict("cursor"))?;
    Ok((at, Uuid::from_bytes(std::array::from_fn(|index| key[8 + index]))))
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use sqlx::types::Uuid;

    use super::{decode, key_of, split_key};
    use crate::values::hex;

    #[test]
    fn a_key_survives_the_way_through_a_cursor() {
        let at = DateTime::from_timestamp_micros(-7).unwrap();
        let read = decode(&hex(&key_of(at, [9; 16]))).unwrap();
        assert_eq!(split_key(read).unwrap(), (at, Uuid::from_bytes([9; 16])));
        for far in [[0x7f; 24], [0x80; 24], key_of(DateTime::<chrono::Utc>::MIN_UTC, [9; 16])] {
            assert!(split_key(far).is_err(), "no time of PostgreSQL is so far away");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "zz", "0é", "00000", &"g".repeat(48)] {
            assert_eq!(decode::<24>(text), None, "{text:?}");
        }
    }
}
