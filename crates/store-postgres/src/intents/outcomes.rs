//! Outcomes: the first one of an attempt stays.

use std::collections::HashSet;

use paceline_domain::Outcome;
use paceline_store::intents::AttemptOutcome;

use crate::{
    bulk::column,
    error::Fallible,
    transaction::Tx,
    values::{real_now, storable, uuids},
};

/// The rows are locked in their order, because those who write outcomes of one attempt are the worker that sent it, the one that
/// took over, the results role and the sweeper.
const WRITE: &str = concat!(
    "WITH v AS (SELECT a.seq, v.epoch, v.sent, v.outcome, v.ended_at, v.provider_id \
        FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::boolean[], $5::text[], $6::timestamptz[], $7::text[]) \
            AS v (message_id, number, epoch, sent, outcome, ended_at, provider_id) \
        JOIN attempts a ON a.message_id = v.message_id AND a.number = v.number ORDER BY a.seq), \
     open AS (SELECT a.seq, v.outcome, v.ended_at, v.provider_id FROM v CROSS JOIN LATERAL \
        (SELECT a.seq FROM attempts a WHERE a.seq = v.seq AND a.outcome IS NULL AND (v.sent OR a.epoch = v.epoch) FOR UPDATE) a) \
     UPDATE attempts SET outcome = open.outcome, ended_at = open.ended_at, provider_id = open.provider_id, recorded_at = ",
    real_now!(),
    " FROM open WHERE attempts.seq = open.seq"
);

impl Tx {
    /// Writes outcomes to attempts that have none, of those who may say so.
    pub(crate) async fn record_outcomes(&mut self, outcomes: &[AttemptOutcome]) -> Fallible<()> {
        let mut named = HashSet::with_capacity(outcomes.len());
        let first = outcomes.iter().filter(|outcome| named.insert((outcome.message, outcome.attempt)));
        let outcomes: Vec<&AttemptOutcome> = first.collect();
        if outcomes.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE)
            .bind(uuids(outcomes.iter().map(|outcome| outcome.message)))
            .bind(column(&outcomes, |outcome| outcome.attempt))
            .bind(column(&outcomes, |outcome| outcome.epoch.0))
            .bind(column(&outcomes, |outcome| matches!(outcome.outcome, Outcome::Sent { .. })))
            .bind(column(&outcomes, |outcome| serde_json::to_string(&outcome.outcome).unwrap_or_default()))
            .bind(column(&outcomes, |outcome| outcome.at))
            .bind(column(&outcomes, |outcome| provider_id(&outcome.outcome)));
        self.execute(write).await?;
        Ok(())
    }
}

fn provider_id(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Sent { provider_id } => provider_id.as_deref().map(|id| storable(id).into_owned()),
        _ => None,
    }
}
