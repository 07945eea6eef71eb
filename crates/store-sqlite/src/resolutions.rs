//! Decisions about messages of unknown outcome.

use crate::prelude::*;

const ADD: Bulk = Bulk {
    head: "INSERT INTO resolutions (message_id, number, workspace_id, resolution, resolved_by, at) VALUES",
    row: "(?, ?, ?, ?, ?, ?)",
    tail: "",
};

#[async_trait]
impl ResolutionRows for Tx {
    async fn find_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>> {
        let query = sqlx::query("SELECT resolution FROM resolutions WHERE message_id = ?1 AND number = ?2");
        self.find(query.bind(blob(message)).bind(attempt), columns::resolution).await
    }

    async fn list_settleable(
        &mut self,
        now: DateTime<Utc>,
        grace: Duration,
        limit: u32,
    ) -> Fallible<Vec<(MessageId, UnknownPolicy)>> {
        let query = sqlx::query(
            "SELECT m.id, w.unknown_policy FROM workspaces w CROSS JOIN messages m INDEXED BY messages_unknown \
             WHERE w.unknown_policy <> 'hold' AND m.workspace_id = w.id AND m.state = 'unknown' AND m.ended_at <= ?1 - ?2 \
                AND (w.unknown_policy <> 'resend' OR NOT EXISTS (SELECT 1 FROM resolutions r \
                    WHERE r.message_id = m.id AND r.resolved_by = 'policy' AND r.resolution = 'resend')) \
             ORDER BY m.ended_at LIMIT ?3",
        );
        let query = query.bind(micros(now)).bind(duration_micros(grace)).bind(limit);
        self.list(query, columns::settleable).await
    }

    async fn add_resolutions(&mut self, resolutions: &[ResolutionWrite<'_>]) -> Fallible<()> {
        ADD.write(self, resolutions, |values, decided| {
            let message = decided.message;
            values.add(blob(message.id)).add(message.attempts).add(blob(message.workspace));
            values.add(decided.resolution.as_str()).add(decided.by.to_string()).add(micros(decided.at));
        })
        .await
    }
}

/// The texts.
pub(crate) const TEXTS: ResolutionTexts = ResolutionTexts {
    list: "SELECT number, resolution, resolved_by, at FROM resolutions WHERE message_id = ?1 ORDER BY number",
};
