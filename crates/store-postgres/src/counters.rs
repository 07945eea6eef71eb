//! Counters, each spread over sixteen rows.

use crate::prelude::*;

/// Writers are spread over so many rows of each sum. A connection of the server has one shard, so that two transactions meet at
/// a row only when their connections have numbers alike.
const ADD: &str = "INSERT INTO campaign_counts (workspace_id, campaign_id, bucket, shard, count) \
    SELECT v.workspace_id, v.campaign_id, v.bucket, pg_backend_pid() % 16, v.count \
    FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) AS v (workspace_id, campaign_id, bucket, count) \
    ON CONFLICT (workspace_id, campaign_id, bucket, shard) DO UPDATE SET count = campaign_counts.count + excluded.count \
    RETURNING pg_current_xact_id()::text AS transaction";

/// An SQL expression: the counts of the campaign whose row is named `c`, as a JSON object.
macro_rules! counts_of_campaign {
    () => {
        "(SELECT coalesce(json_object_agg(n.bucket, n.count), '{}')::text FROM \
            (SELECT k.bucket, sum(k.count)::bigint AS count FROM campaign_counts k \
             WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id GROUP BY k.bucket) n) AS counts"
    };
}
pub(crate) use counts_of_campaign;

#[async_trait]
impl CounterRows for Tx {
    /// Learns the transaction's name on the way, by which a lost commit is looked up.
    async fn add_counts(&mut self, changes: &[CountChange]) -> Fallible<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(ADD)
            .bind(column(changes, |change| uuid(change.workspace)))
            .bind(column(changes, |change| uuid(change.campaign)))
            .bind(column(changes, |change| change.bucket.as_str()))
            .bind(column(changes, |change| change.by));
        if let Some(row) = self.all(add).await?.first() {
            self.name = Some(Cells::new("campaign_counts", row).string("transaction")?);
        }
        Ok(())
    }
}

/// The texts.
pub(crate) const TEXTS: CounterTexts = CounterTexts {
    list: "SELECT bucket, sum(count)::bigint AS count FROM campaign_counts \
             WHERE workspace_id = $1 AND campaign_id = $2 GROUP BY bucket",
};
