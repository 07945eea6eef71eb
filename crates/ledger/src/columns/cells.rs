//! One row of a result, with the table it is about.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use paceline_domain::{Address, AddressHash, Id, IdKind, PhoneNumber, UnknownWord, WaId, WorkspaceKey};
use paceline_store::StoreError;
use serde::de::DeserializeOwned;

use crate::{
    Fallible, Fault,
    columns::{Columns, Unreadable},
};

/// One row of a result, with the table it is about.
#[derive(Debug)]
pub struct Cells<'r, R> {
    row: &'r R,
    table: &'static str,
}

impl<R> Clone for Cells<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Cells<'_, R> {}

/// Every reading fails with `Corrupt` when the column holds what no version of Paceline writes.
impl<'r, R: Columns> Cells<'r, R> {
    /// A row about something of a table.
    pub const fn new(table: &'static str, row: &'r R) -> Self {
        Self { row, table }
    }

    /// A number.
    pub fn number(self, column: &'static str) -> Fallible<i64> {
        self.there(column, self.row.opt_number(column))
    }

    /// A number that may be absent.
    pub fn opt_number(self, column: &'static str) -> Fallible<Option<i64>> {
        self.readable(column, self.row.opt_number(column))
    }

    /// A number of a smaller type.
    pub fn small<T: TryFrom<i64>>(self, column: &'static str) -> Fallible<T> {
        T::try_from(self.number(column)?).map_err(|_| self.corrupt(column))
    }

    /// The column `place`, from zero.
    pub fn place(self) -> Fallible<usize> {
        let place = self.number("place")?.checked_sub(R::FIRST_PLACE);
        place.and_then(|place| usize::try_from(place).ok()).ok_or_else(|| self.corrupt("place"))
    }

    /// Whether a condition held.
    pub fn flag(self, column: &'static str) -> Fallible<bool> {
        Ok(self.readable(column, self.row.opt_flag(column))?.unwrap_or(false))
    }

    /// A text.
    pub fn text(self, column: &'static str) -> Fallible<&'r str> {
        self.there(column, self.row.opt_text(column))
    }

    /// A text that may be absent.
    pub fn opt_text(self, column: &'static str) -> Fallible<Option<&'r str>> {
        self.readable(column, self.row.opt_text(column))
    }

    /// A text of one's own.
    pub fn string(self, column: &'static str) -> Fallible<String> {
        self.text(column).map(str::to_owned)
    }

    /// A text of one's own that may be absent.
    pub fn opt_string(self, column: &'static str) -> Fallible<Option<String>> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    /// Bytes of any length.
    pub fn bytes(self, column: &'static str) -> Fallible<&'r [u8]> {
        self.there(column, self.row.opt_bytes(column))
    }

    /// Bytes of a fixed length.
    pub fn array<const N: usize>(self, column: &'static str) -> Fallible<[u8; N]> {
        self.bytes(column)?.try_into().map_err(|_| self.corrupt(column))
    }

    /// An id.
    pub fn id<K: IdKind>(self, column: &'static str) -> Fallible<Id<K>> {
        self.id_bytes(column).map(Id::from_bytes)
    }

    /// An id that may be absent.
    pub fn opt_id<K: IdKind>(self, column: &'static str) -> Fallible<Option<Id<K>>> {
        Ok(self.readable(column, self.row.opt_id(column))?.map(Id::from_bytes))
    }

    /// An id of another kind, as its bytes.
    pub fn id_bytes(self, column: &'static str) -> Fallible<[u8; 16]> {
        self.there(column, self.row.opt_id(column))
    }

    /// A time.
    pub fn time(self, column: &'static str) -> Fallible<DateTime<Utc>> {
        self.there(column, self.row.opt_time(column))
    }

    /// A time that may be absent.
    pub fn opt_time(self, column: &'static str) -> Fallible<Option<DateTime<Utc>>> {
        self.readable(column, self.row.opt_time(column))
    }

    /// A word of one of the domain's enums, or anything else that is read from text.
    pub fn word<T: FromStr<Err = UnknownWord>>(self, column: &'static str) -> Fallible<T> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    /// A word that may be absent.
    pub fn opt_word<T: FromStr<Err = UnknownWord>>(self, column: &'static str) -> Fallible<Option<T>> {
        self.opt_text(column)?.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    /// A value kept as JSON.
    pub fn json<T: DeserializeOwned>(self, column: &'static str) -> Fallible<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    /// A phone number.
    pub fn phone(self, column: &'static str) -> Fallible<PhoneNumber> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    /// The person of the columns `phone`, `business_scoped_id` and `linked_id`.
    pub fn address(self) -> Fallible<Address> {
        let phone = self.opt_text("phone")?.map(|text| text.parse().map_err(|_| self.corrupt("phone")));
        Ok(Address {
            phone: phone.transpose()?,
            business_scoped_id: self.opt_string("business_scoped_id")?,
            linked_id: self.opt_string("linked_id")?,
        })
    }

    /// The hash of a person.
    pub fn hash(self, column: &'static str) -> Fallible<AddressHash> {
        self.array(column).map(AddressHash::from_bytes)
    }

    /// The key of a workspace, of the column `key`.
    pub fn workspace_key(self) -> Fallible<WorkspaceKey> {
        self.array("key").map(WorkspaceKey::from_bytes)
    }

    /// A WhatsApp id.
    pub fn wa_id(self, column: &'static str) -> Fallible<WaId> {
        self.text(column).map(WaId::from_network)
    }

    /// A column that holds what no version of Paceline writes.
    pub fn corrupt(self, column: &'static str) -> Fault {
        let id = || Some(hex(&self.row.opt_id("id").ok()??));
        let bytes = || Some(hex(self.row.opt_bytes("id").ok()??));
        let number = |name| Some(self.row.opt_number(name).ok()??.to_string());
        let row = id().or_else(bytes).or_else(|| number("row_no")).or_else(|| number("seq"));
        let row = row.unwrap_or_else(|| "unnamed".to_owned());
        Fault::from(StoreError::Corrupt { table: self.table, column, row })
    }

    fn readable<T>(self, column: &'static str, read: Result<T, Unreadable>) -> Fallible<T> {
        read.map_err(|Unreadable| self.corrupt(column))
    }

    fn there<T>(self, column: &'static str, read: Result<Option<T>, Unreadable>) -> Fallible<T> {
        self.readable(column, read)?.ok_or_else(|| self.corrupt(column))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    text
}

/// Appends bytes as lower-case hexadecimal digits.
pub fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
}
