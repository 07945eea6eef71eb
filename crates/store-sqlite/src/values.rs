//! How values are written: ids as bytes, times as microseconds, sets of keys as one JSON array.

use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, Id, IdKind};
use paceline_ledger::columns::push_hex;

/// The database's own real clock in microseconds. SQLite counts milliseconds, which is enough for deadlines.
macro_rules! real_now {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
}
pub(crate) use real_now;

/// An id as the bytes that are bound.
pub(crate) fn blob<K: IdKind>(id: Id<K>) -> Vec<u8> {
    id.to_bytes().to_vec()
}

/// An id that may be absent.
pub(crate) fn opt_blob<K: IdKind>(id: Option<Id<K>>) -> Option<Vec<u8>> {
    id.map(blob)
}

/// A time as the microseconds that are bound.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A time that may be absent.
pub(crate) fn opt_micros(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(micros)
}

/// A duration in microseconds, for deadlines that the database reckons.
pub(crate) fn duration_micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// `[1,2,3]`, for `json_each`.
pub(crate) fn json_numbers(numbers: impl IntoIterator<Item = i64>) -> String {
    use std::fmt::Write as _;
    let mut json = String::from("[");
    for number in numbers {
        let separator = if json.len() == 1 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(json, "{separator}{number}");
    }
    json.push(']');
    json
}

/// Ids as [`json_blobs`], in order, each once.
pub(crate) fn json_ids<K: IdKind>(ids: impl IntoIterator<Item = Id<K>>) -> String {
    let mut ids: Vec<[u8; 16]> = ids.into_iter().map(Id::to_bytes).collect();
    ids.sort_unstable();
    ids.dedup();
    json_blobs(ids)
}

/// `["0a1b…","…"]`, for `json_each` and `unhex`.
pub(crate) fn json_blobs<const N: usize>(blobs: impl IntoIterator<Item = [u8; N]>) -> String {
    let mut json = String::from("[");
    for blob in blobs {
        json.push_str(if json.len() == 1 { "\"" } else { ",\"" });
        push_hex(&mut json, &blob);
        json.push('"');
    }
    json.push(']');
    json
}

/// `["simulator","…"]`, for `json_each`, and for a column.
pub(crate) fn json_channels(channels: &[ChannelKind]) -> String {
    let words: Vec<&str> = channels.iter().copied().map(ChannelKind::as_str).collect();
    serde_json::json!(words).to_string()
}

#[cfg(test)]
mod tests {
    use paceline_domain::SenderId;

    #[test]
    fn ids_are_in_order_and_each_once() {
        let ids = [[0xbb; 16], [0xaa; 16], [0xbb; 16]].map(SenderId::from_bytes);
        assert_eq!(super::json_ids(ids), format!(r#"["{}","{}"]"#, "aa".repeat(16), "bb".repeat(16)));
    }

    #[test]
    fn key_sets_are_json_arrays() {
        assert_eq!(super::json_numbers([]), "[]");
        assert_eq!(super::json_numbers([1, -2]), "[1,-2]");
        assert_eq!(super::json_blobs([[0x0a, 0xf1], [0, 0x10]]), r#"["0af1","0010"]"#);
    }
}
