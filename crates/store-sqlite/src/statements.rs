//! The statements that the ledger writes with their values: their texts, and how their values are bound.

use paceline_ledger::statements::{Texts, Value};

use crate::{
    transaction::Bound,
    values::{blob, duration_micros, json_blobs, json_channels, micros, opt_micros},
};

/// The texts by topic.
pub(crate) static TEXTS: Texts = paceline_ledger::texts!(crate);

/// Binds one more value.
pub(crate) fn bind<'v>(query: Bound<'v>, value: Value<'v>) -> Bound<'v> {
    match value {
        Value::Id(id) => query.bind(id.map(|id| id.to_vec())),
        Value::Ids(mut ids) => {
            ids.sort_unstable();
            ids.dedup();
            query.bind(json_blobs(ids))
        }
        Value::Text(text) => query.bind(text),
        Value::Channels(channels) => query.bind(json_channels(channels)),
        Value::Bytes(bytes) => query.bind(bytes.into_owned()),
        Value::Number(number) => query.bind(number),
        Value::Small(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Time(at) => query.bind(opt_micros(at)),
        Value::Duration(duration) => query.bind(duration_micros(duration)),
        // No bytes sort before every id, and seventeen after.
        Value::After(None) => query.bind(i64::MIN).bind(Vec::<u8>::new()),
        Value::Before(None) => query.bind(i64::MAX).bind(vec![0xff_u8; 17]),
        Value::After(Some((at, id))) | Value::Before(Some((at, id))) => query.bind(micros(at)).bind(id.to_vec()),
        Value::People(workspace, people) => {
            query.bind(blob(workspace)).bind(json_blobs(people.iter().map(|person| person.to_bytes())))
        }
    }
}
