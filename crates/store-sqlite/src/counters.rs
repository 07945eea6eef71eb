//! Counters. With one writer each has one shard.

use crate::prelude::*;

const ADD: Bulk = Bulk {
    head: "INSERT INTO campaign_counts (workspace_id, campaign_id, bucket, shard, count) VALUES",
    row: "(?, ?, ?, 0, ?)",
    tail: "ON CONFLICT DO UPDATE SET count = count + excluded.count",
};

/// An SQL expression: the counts of the campaign whose row is named `c`, as a JSON object.
macro_rules! counts_of_campaign {
    () => {
        "(SELECT json_group_object(bucket, count) FROM \
            (SELECT k.bucket, sum(k.count) AS count FROM campaign_counts k \
             WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id GROUP BY k.bucket)) AS counts"
    };
}
pub(crate) use counts_of_campaign;

#[async_trait]
impl CounterRows for Tx {
    async fn add_counts(&mut self, changes: &[CountChange]) -> Fallible<()> {
        ADD.write(self, changes, |values, change| {
            values.add(blob(change.workspace)).add(blob(change.campaign));
            values.add(change.bucket.as_str()).add(change.by);
        })
        .await
    }
}

/// The texts.
pub(crate) const TEXTS: CounterTexts = CounterTexts {
    list: "SELECT bucket, sum(count) AS count FROM campaign_counts \
             WHERE workspace_id = ?1 AND campaign_id = ?2 GROUP BY bucket ORDER BY bucket",
};
