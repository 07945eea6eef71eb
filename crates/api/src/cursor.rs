//! Opaque cursors: the store's cursor with a checksum over it and the list it belongs to, so that a cursor that was cut,
//! invented, or taken from another list is refused instead of reaching the store.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use paceline_store::{Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{FieldError, Problem};

/// The page size unless the request names one.
const DEFAULT_LIMIT: u32 = 100;
/// The largest page.
const MAX_LIMIT: u32 = 1000;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The items, in the list's order.
    pub(crate) items: Vec<T>,
    /// Pass it as `cursor` to see the next page; `null` on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A page of the store as the API shows it.
    pub(crate) fn of<U>(list: &str, page: Page<U>, view: impl FnMut(U) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next.map(|cursor| seal(list, &cursor)),
        }
    }

    /// A list that is never long enough for a second page.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// The page that a request asks for. `list` names the list, and with it what a cursor may be used for.
pub(crate) fn page_request(list: &str, cursor: Option<&str>, limit: Option<u32>) -> Result<PageRequest, Problem> {
    let limit = checked_limit(limit)?;
    let after = match cursor {
        None => None,
        Some(cursor) => Some(unseal(list, cursor).ok_or_else(invalid_cursor)?),
    };
    Ok(PageRequest { after, limit })
}

/// The refusal of a text that is no cursor of the list.
pub(crate) fn invalid_cursor() -> Problem {
    FieldError::parameter("cursor", "must be the next_cursor of an earlier page of this list").into()
}

/// A page size within its bounds.
pub(crate) fn checked_limit(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(FieldError::parameter("limit", format!("must be from 1 to {MAX_LIMIT}")).into())
    }
}

fn seal(list: &str, cursor: &str) -> String {
    let mut bytes = checksum(list, cursor).to_vec();
    bytes.extend_from_slice(cursor.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unseal(list: &str, sealed: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (sum, cursor) = bytes.split_first_chunk::<4>()?;
    let cursor = std::str::from_utf8(cursor).ok()?;
    (*sum == checksum(list, cursor)).then(|| cursor.to_owned())
}

fn checksum(list: &str, cursor: &str) -> [u8; 4] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(list.as_bytes());
    hash.update(b"\n");
    hash.update(cursor.as_bytes());
    hash.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only_and_only_whole() {
        let sealed = seal("campaigns", "abc|17");
        assert_eq!(unseal("campaigns", &sealed).as_deref(), Some("abc|17"));
        assert_eq!(unseal("messages", &sealed), None);
        assert_eq!(unseal("campaigns", &sealed[..sealed.len() - 2]), None);
        assert_eq!(unseal("campaigns", "17"), None);
        assert_eq!(unseal("campaigns", "§"), None);
    }
}
