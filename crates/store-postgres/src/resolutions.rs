//! Decisions about messages of unknown outcome.

use crate::prelude::*;

const LIST_SETTLEABLE: &str = concat!(
    "SELECT m.id, w.unknown_policy FROM workspaces w CROSS JOIN LATERAL (SELECT m.id FROM messages m \
        WHERE m.workspace_id = w.id AND m.state = 'unknown' AND m.ended_at <= $1::timestamptz - ",
    micros_of!("$2"),
    " AND (w.unknown_policy <> 'resend' OR NOT EXISTS (SELECT 1 FROM resolutions r \
            WHERE r.message_id = m.id AND r.resolved_by = 'policy' AND r.resolution = 'resend')) \
        ORDER BY m.ended_at LIMIT $3) m WHERE w.unknown_policy <> 'hold' LIMIT $3"
);

const ADD: &str = "INSERT INTO resolutions (message_id, number, workspace_id, resolution, resolved_by, at) \
     SELECT v.* FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) \
        AS v (message_id, number, workspace_id, resolution, resolved_by, at)";

#[async_trait]
impl ResolutionRows for Tx {
    async fn find_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>> {
        let query = sqlx::query("SELECT resolution FROM resolutions WHERE message_id = $1 AND number = $2");
        self.find(query.bind(uuid(message)).bind(attempt), columns::resolution).await
    }

    async fn list_settleable(
        &mut self,
        now: DateTime<Utc>,
        grace: Duration,
        limit: u32,
    ) -> Fallible<Vec<(MessageId, UnknownPolicy)>> {
        let query = sqlx::query(LIST_SETTLEABLE).bind(now).bind(duration_micros(grace)).bind(i64::from(limit));
        self.list(query, columns::settleable).await
    }

    async fn add_resolutions(&mut self, resolutions: &[ResolutionWrite<'_>]) -> Fallible<()> {
        if resolutions.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(ADD)
            .bind(column(resolutions, |write| uuid(write.message.id)))
            .bind(column(resolutions, |write| write.message.attempts))
            .bind(column(resolutions, |write| uuid(write.message.workspace)))
            .bind(column(resolutions, |write| write.resolution.as_str()))
            .bind(column(resolutions, |write| write.by.to_string()))
            .bind(column(resolutions, |write| write.at));
        self.run(add).await
    }
}

/// The texts.
pub(crate) const TEXTS: ResolutionTexts = ResolutionTexts {
    list: "SELECT number, resolution, resolved_by, at FROM resolutions WHERE message_id = $1 ORDER BY number",
};
