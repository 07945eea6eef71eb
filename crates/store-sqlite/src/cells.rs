//! Reading rows. Whatever no version of Paceline writes becomes `Corrupt` with its place, and never its value.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use paceline_domain::{Address, AddressHash, Id, IdKind, PhoneNumber, UnknownWord, WaId};
use paceline_ledger::{Fallible, Fault};
use paceline_store::StoreError;
use serde::de::DeserializeOwned;
use sqlx::{Row, sqlite::SqliteRow};

use crate::values::hex;

/// One row of a result, with the table it is about.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'r> {
    row: &'r SqliteRow,
    table: &'static str,
}

impl<'r> Cells<'r> {
    /// A row about something of a table.
    pub(crate) fn new(table: &'static str, row: &'r SqliteRow) -> Self {
        Self { row, table }
    }

    /// A number.
    pub(crate) fn number(self, column: &'static str) -> Fallible<i64> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    /// A number that may be absent.
    pub(crate) fn opt_number(self, column: &'static str) -> Fallible<Option<i64>> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    /// A number of a smaller type.
    pub(crate) fn small<T: TryFrom<i64>>(self, column: &'static str) -> Fallible<T> {
        T::try_from(self.number(column)?).map_err(|_| self.corrupt(column))
    }

    /// Whether a condition held.
    pub(crate) fn flag(self, column: &'static str) -> Fallible<bool> {
        Ok(self.opt_number(column)?.is_some_and(|number| number != 0))
    }

    /// A text.
    pub(crate) fn text(self, column: &'static str) -> Fallible<&'r str> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    /// A text that may be absent.
    pub(crate) fn opt_text(self, column: &'static str) -> Fallible<Option<&'r str>> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    /// A text of one's own.
    pub(crate) fn string(self, column: &'static str) -> Fallible<String> {
        self.text(column).map(str::to_owned)
    }

    /// A text of one's own that may be absent.
    pub(crate) fn opt_string(self, column: &'static str) -> Fallible<Option<String>> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    /// Bytes of any length.
    pub(crate) fn bytes(self, column: &'static str) -> Fallible<&'r [u8]> {
        self.row.try_get(column).map_err(|_| self.corrupt(column))
    }

    /// Bytes of a fixed length.
    pub(crate) fn array<const N: usize>(self, column: &'static str) -> Fallible<[u8; N]> {
        self.bytes(column)?.try_into().map_err(|_| self.corrupt(column))
    }

    /// An id.
    pub(crate) fn id<K: IdKind>(self, column: &'static str) -> Fallible<Id<K>> {
        Id::from_slice(self.bytes(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// An id that may be absent.
    pub(crate) fn opt_id<K: IdKind>(self, column: &'static str) -> Fallible<Option<Id<K>>> {
        let bytes: Option<&[u8]> = self.row.try_get(column).map_err(|_| self.corrupt(column))?;
        bytes.map(|bytes| Id::from_slice(bytes).ok_or_else(|| self.corrupt(column))).transpose()
    }

    /// A time.
    pub(crate) fn time(self, column: &'static str) -> Fallible<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.number(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// A time that may be absent.
    pub(crate) fn opt_time(self, column: &'static str) -> Fallible<Option<DateTime<Utc>>> {
        let micros = self.opt_number(column)?;
        micros.map(|micros| DateTime::from_timestamp_micros(micros).ok_or_else(|| self.corrupt(column))).transpose()
    }

    /// A word of one of the domain's enums, or anything else that is read from text.
    pub(crate) fn word<T: FromStr<Err = UnknownWord>>(self, column: &'static str) -> Fallible<T> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    /// A word that may be absent.
    pub(crate) fn opt_word<T: FromStr<Err = UnknownWord>>(self, column: &'static str) -> Fallible<Option<T>> {
        self.opt_text(column)?.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    /// A value kept as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self, column: &'static str) -> Fallible<T> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    /// A phone number.
    pub(crate) fn phone(self, column: &'static str) -> Fallible<PhoneNumber> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    /// The person of the columns `phone`, `business_scoped_id` and `linked_id`.
    pub(crate) fn address(self) -> Fallible<Address> {
        let phone = self.opt_text("phone")?.map(|text| text.parse().map_err(|_| self.corrupt("phone")));
        Ok(Address {
            phone: phone.transpose()?,
            business_scoped_id: self.opt_string("business_scoped_id")?,
            linked_id: self.opt_string("linked_id")?,
        })
    }

    /// The hash of a person.
    pub(crate) fn hash(self, column: &'static str) -> Fallible<AddressHash> {
        self.array(column).map(AddressHash::from_bytes)
    }

    /// A WhatsApp id.
    pub(crate) fn wa_id(self, column: &'static str) -> Fallible<WaId> {
        self.text(column).map(WaId::from_network)
    }

    /// A column that holds what no version of Paceline writes.
    pub(crate) fn corrupt(self, column: &'static str) -> Fault {
        let id: Option<Vec<u8>> = self.row.try_get("id").ok();
        let number = |name: &str| self.row.try_get::<i64, _>(name).ok().map(|number| number.to_string());
        let row = id.map(|id| hex(&id)).or_else(|| number("row_no")).or_else(|| number("seq"));
        let row = row.unwrap_or_else(|| "unnamed".to_owned());
        Fault::from(StoreError::Corrupt { table: self.table, column, row })
    }
}
