//! Page cursors: the sort key of the last item, as hexadecimal digits. A cursor that is none is a conflict, never a panic.
//!
//! Databases are only told after which key to go on, and how many rows are wanted.

use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind};
use paceline_store::{Page, PageRequest};

use crate::{Fallible, Fault};

/// The most items of a page.
const MAX_LIMIT: u32 = 1_000;

/// The beginning of PostgreSQL's times, in November of the year 4714 before ours. Their end lies beyond that of `DateTime`. No
/// database has a row of a time before.
const FIRST_SECOND: i64 = -210_866_803_200;

/// What a list is sorted by.
pub(crate) trait SortKey: Sized {
    /// Appends the key's bytes, of which there are always as many.
    fn write(&self, bytes: &mut Vec<u8>);

    /// The key that has these bytes; `None`: no row has it.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// Where a page begins and how much of it is wanted.
#[derive(Debug)]
pub(crate) struct Cursor<K> {
    /// The sort key of the last item of the page before.
    pub(crate) after: Option<K>,
    /// The most items wanted.
    limit: u32,
}

impl<K: SortKey> Cursor<K> {
    /// Reads a request.
    pub(crate) fn read(request: &PageRequest) -> Fallible<Self> {
        let after = match &request.after {
            None => None,
            Some(text) => Some(decode(text).ok_or_else(|| Fault::conflict("cursor"))?),
        };
        Ok(Self { after, limit: request.limit.clamp(1, MAX_LIMIT) })
    }

    /// How many rows to ask for: one more than wanted, which tells whether there is a next page.
    pub(crate) const fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// The page made of the rows that were fetched.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| encode(&key(item)));
        Page { items, next }
    }

    /// The page made of rows that were fetched with their keys.
    pub(crate) fn page_of_keyed<T>(&self, items: Vec<(K, T)>) -> Page<T>
    where
        K: Copy,
    {
        let page = self.page(items, |(key, _)| *key);
        Page { items: page.items.into_iter().map(|(_, item)| item).collect(), next: page.next }
    }
}

impl Cursor<i64> {
    /// A page of rows with their numbers that ends before it is full, because rows up to `through` have been looked at.
    pub(crate) fn short_page<T>(&self, items: Vec<(i64, T)>, through: i64) -> Page<T> {
        let page = self.page_of_keyed(items);
        Page { next: page.next.or_else(|| Some(encode(&through))), items: page.items }
    }
}

impl SortKey for i64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl<K: IdKind> SortKey for Id<K> {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes)
    }
}

impl<K: IdKind> SortKey for (DateTime<Utc>, Id<K>) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.timestamp_micros().write(bytes);
        self.1.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (micros, id) = bytes.split_at_checked(size_of::<i64>())?;
        let at = DateTime::from_timestamp_micros(i64::read(micros)?)?;
        (at.timestamp() >= FIRST_SECOND).then_some((at, Id::read(id)?))
    }
}

fn encode(key: &impl SortKey) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = Vec::new();
    key.write(&mut bytes);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn decode<K: SortKey>(text: &str) -> Option<K> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        u8::try_from(high? * 16 + low?).ok()
    };
    K::read(&pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use paceline_domain::CampaignId;
    use paceline_store::PageRequest;

    use super::{Cursor, decode, encode};

    type Key = (DateTime<Utc>, CampaignId);

    #[test]
    fn a_key_survives_the_way_through_a_cursor() {
        let id = CampaignId::from_bytes([9; 16]);
        let key = (DateTime::from_timestamp_micros(-7).unwrap(), id);
        assert_eq!(encode(&key), format!("fffffffffffffff9{}", "09".repeat(16)));
        assert_eq!(decode(&encode(&key)), Some(key));
        assert_eq!(decode(&encode(&-7_i64)), Some(-7_i64));
        assert_eq!(decode(&encode(&id)), Some(id));
        for far in ["7f".repeat(24), "80".repeat(24), encode(&(DateTime::<Utc>::MIN_UTC, id))] {
            assert_eq!(decode::<Key>(&far), None, "no row's time is so far away");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "zz", "0é", "00000", &"g".repeat(48), &"0".repeat(46), &"0".repeat(50)] {
            assert_eq!(decode::<Key>(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_page_has_a_next_one_only_when_more_was_found_than_wanted() {
        let request = |limit| PageRequest { after: None, limit };
        let cursor = Cursor::<i64>::read(&request(2)).unwrap();
        assert_eq!(cursor.page(vec![1, 2], |row| *row).next, None);
        let page = cursor.page_of_keyed(vec![(1, 'a'), (2, 'b'), (3, 'c')]);
        assert_eq!((page.items, page.next), (vec!['a', 'b'], Some(encode(&2_i64))));
        let short = cursor.short_page(vec![(1, 'a')], 900);
        assert_eq!((short.items, short.next), (vec!['a'], Some(encode(&900_i64))), "there may be more");
        assert_eq!(Cursor::<i64>::read(&request(0)).unwrap().fetch(), 2);
        assert_eq!(Cursor::<i64>::read(&request(u32::MAX)).unwrap().fetch(), 1_001);
    }
}
