//! The statements that the ledger writes with their values: their texts, and how their values are bound.

use paceline_ledger::statements::{Texts, Value};
use sqlx::types::Uuid;

use crate::{
    transaction::Bound,
    values::{duration_micros, hash, storable, uuid},
};

/// The texts by topic.
pub(crate) static TEXTS: Texts = paceline_ledger::texts!(crate);

/// Binds one more value.
pub(crate) fn bind<'v>(query: Bound<'v>, value: Value<'v>) -> Bound<'v> {
    match value {
        Value::Id(id) => query.bind(id.map(Uuid::from_bytes)),
        Value::Ids(ids) => query.bind(ids.into_iter().map(Uuid::from_bytes).collect::<Vec<_>>()),
        Value::Text(Some(text)) if text.contains('\0') => query.bind(storable(&text).into_owned()),
        Value::Text(text) => query.bind(text),
        Value::Channels(channels) => query.bind(channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>()),
        Value::Bytes(bytes) => query.bind(bytes.into_owned()),
        Value::Number(number) => query.bind(number),
        Value::Small(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Time(at) => query.bind(at),
        Value::Duration(duration) => query.bind(duration_micros(duration)),
        Value::After(key) | Value::Before(key) => {
            let (time, id) = key.map(|(time, id)| (time, Uuid::from_bytes(id))).unzip();
            query.bind(time).bind(id)
        }
        Value::People(workspace, people) => {
            let hashes: Vec<_> = people.iter().map(|person| hash(*person)).collect();
            query.bind(vec![uuid(workspace); people.len()]).bind(hashes)
        }
    }
}
