//! A statement with its values. How a value is written is a matter of the database.

use std::{borrow::Cow, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, ChannelKind, Id, IdKind, WorkspaceId};

/// A statement with its values, in order.
#[derive(Debug)]
pub struct Statement<'v> {
    /// The text.
    pub text: &'static str,
    /// The values.
    pub values: Vec<Value<'v>>,
}

impl<'v> Statement<'v> {
    /// A statement without values.
    pub const fn new(text: &'static str) -> Self {
        Self { text, values: Vec::new() }
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, value: impl Into<Value<'v>>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// A value of a statement.
#[derive(Debug)]
pub enum Value<'v> {
    /// An id.
    Id(Option<[u8; 16]>),
    /// Ids of one kind, each once.
    Ids(Vec<[u8; 16]>),
    /// A text.
    Text(Option<Cow<'v, str>>),
    /// Channels, as a set to look into.
    Channels(&'v [ChannelKind]),
    /// Bytes.
    Bytes(Cow<'v, [u8]>),
    /// A number.
    Number(i64),
    /// A number of 32 bits.
    Small(i32),
    /// A condition.
    Flag(bool),
    /// A time.
    Time(Option<DateTime<Utc>>),
    /// A duration that the database reckons with.
    Duration(Duration),
    /// Two values: a time and an id that others come after; `None` is before all.
    After(Option<(DateTime<Utc>, [u8; 16])>),
    /// Two values: a time and an id that others come before; `None` is after all.
    Before(Option<(DateTime<Utc>, [u8; 16])>),
    /// Two values: people of a workspace.
    People(WorkspaceId, &'v [AddressHash]),
}

impl Value<'_> {
    /// Ids of one kind.
    pub fn ids<K: IdKind>(ids: impl IntoIterator<Item = Id<K>>) -> Self {
        Self::Ids(ids.into_iter().map(Id::to_bytes).collect())
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $made:expr;)+) => {
        $(impl<'v> From<$type> for Value<'v> {
            fn from($value: $type) -> Self {
                $made
            }
        })+
    };
}

from! {
    &'v str: text => Self::Text(Some(Cow::Borrowed(text)));
    String: text => Self::Text(Some(Cow::Owned(text)));
    Option<&'v str>: text => Self::Text(text.map(Cow::Borrowed));
    &'v [u8]: bytes => Self::Bytes(Cow::Borrowed(bytes));
    Vec<u8>: bytes => Self::Bytes(Cow::Owned(bytes));
    i64: number => Self::Number(number);
    u32: number => Self::Number(i64::from(number));
    i32: number => Self::Small(number);
    bool: flag => Self::Flag(flag);
    DateTime<Utc>: at => Self::Time(Some(at));
    Option<DateTime<Utc>>: at => Self::Time(at);
    Duration: duration => Self::Duration(duration);
}

impl<K: IdKind> From<Id<K>> for Value<'_> {
    fn from(id: Id<K>) -> Self {
        Self::Id(Some(id.to_bytes()))
    }
}

impl<K: IdKind> From<Option<Id<K>>> for Value<'_> {
    fn from(id: Option<Id<K>>) -> Self {
        Self::Id(id.map(Id::to_bytes))
    }
}
