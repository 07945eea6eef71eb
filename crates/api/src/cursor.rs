//! Opaque cursors: the store's cursor with a keyed sum over it and the list that it belongs to, so that a cursor that was cut,
//! invented, or taken from another list or workspace is refused instead of reaching the store.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use paceline_domain::WorkspaceKey;
use paceline_store::{Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    problem::{FieldError, Problem},
};

/// The page size unless the request names one.
const DEFAULT_LIMIT: u32 = 100;
/// The largest page.
const MAX_LIMIT: u32 = 1000;
/// The longest cursor, in characters.
pub(crate) const MAX_CURSOR: usize = 512;

/// A list that is read page by page.
pub(crate) struct List {
    name: String,
    key: WorkspaceKey,
}

impl List {
    /// The list of this name in the caller's workspace. The name says what a cursor may be used for.
    pub(crate) async fn of(api: &Api, caller: Caller, name: impl Into<String>) -> Result<Self, Problem> {
        let workspace = api.store().find_workspace(caller.workspace).await?;
        // Of a workspace that is not there nothing is listed, so that no cursor is given out.
        let key = workspace.map_or_else(|| WorkspaceKey::from_bytes(api.minter().bytes()), |workspace| workspace.key);
        Ok(Self { name: name.into(), key })
    }

    /// The page that a request asks for.
    pub(crate) fn request(&self, cursor: Option<&str>, limit: Option<u32>) -> Result<PageRequest, Problem> {
        let limit = checked_limit(limit)?;
        let after = match cursor {
            None => None,
            Some(cursor) => Some(self.unseal(cursor).ok_or_else(invalid_cursor)?),
        };
        Ok(PageRequest { after, limit })
    }

    /// A page of the store as the API shows it.
    pub(crate) fn page<U, T>(&self, page: Page<U>, view: impl FnMut(U) -> T) -> Listing<T> {
        Listing {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next.map(|cursor| self.seal(&cursor)),
        }
    }

    /// What a request passes to see what comes after the store's cursor.
    pub(crate) fn seal(&self, cursor: &str) -> String {
        let mut bytes = self.key.sum(&self.name, cursor).to_vec();
        bytes.extend_from_slice(cursor.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The store's cursor; `None` when this list never gave it out.
    pub(crate) fn unseal(&self, sealed: &str) -> Option<String> {
        if sealed.len() > MAX_CURSOR {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (sum, cursor) = bytes.split_first_chunk::<16>()?;
        let cursor = std::str::from_utf8(cursor).ok()?;
        // Comparing in constant time would hide nothing: a sum is of use with its own cursor only.
        (*sum == self.key.sum(&self.name, cursor)).then(|| cursor.to_owned())
    }
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The items, in the list's order.
    pub(crate) items: Vec<T>,
    /// Pass it as `cursor` to see the next page; `null` on the last one.
    #[schema(max_length = 512)]
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A list that is never long enough for a second page.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, key: u8) -> List {
        List { name: name.to_owned(), key: WorkspaceKey::from_bytes([key; 32]) }
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only_and_only_whole() {
        let campaigns = list("campaigns", 1);
        let sealed = campaigns.seal("abc|17");
        assert_eq!(campaigns.unseal(&sealed).as_deref(), Some("abc|17"));
        assert_eq!(list("messages", 1).unseal(&sealed), None, "another list");
        assert_eq!(list("campaigns", 2).unseal(&sealed), None, "another workspace");
        assert_eq!(campaigns.unseal(&sealed[..sealed.len() - 2]), None);
        for invented in ["17", "§", "", &"A".repeat(10_000)] {
            assert_eq!(campaigns.unseal(invented), None);
        }
    }

    #[test]
    fn a_cursor_of_which_any_bit_was_changed_is_refused() {
        let campaigns = list("campaigns", 1);
        let whole = URL_SAFE_NO_PAD.decode(campaigns.seal("abc|17")).unwrap();
        for place in 0..whole.len() * 8 {
            let mut forged = whole.clone();
            forged[place / 8] ^= 1 << (place % 8);
            assert_eq!(campaigns.unseal(&URL_SAFE_NO_PAD.encode(forged)), None, "bit {place}");
        }
    }
}
