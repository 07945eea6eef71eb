//! Suppressions, and the cancelling of what a suppressed person would still have received.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, CancelReason, MessageMove, PhoneNumber, SuppressionId, SuppressionScope, WorkspaceId,
};
use paceline_store::{
    Page, PageRequest, StoreResult,
    suppressions::{Suppression, SuppressionAddition, SuppressionStore},
};
use sqlx::sqlite::SqliteRow;

use crate::{
    bulk::Bulk,
    cells::Cells,
    cursor::Cursor,
    error::Fallible,
    moves::{Happening, Moved, held_columns, read_held},
    open::SqliteStore,
    transaction::Tx,
    values::{blob, json_blobs, micros},
};

/// The columns of a suppression; the table is named `s`.
macro_rules! suppression_columns {
    () => {
        "s.id, s.workspace_id, s.hash, s.phone, s.business_scoped_id, s.linked_id, s.scope, s.reason, s.since"
    };
}
pub(crate) use suppression_columns;

/// Reads a suppression.
pub(crate) fn read_suppression(row: &SqliteRow) -> Fallible<Suppression> {
    let cells = Cells::new("suppressions", row);
    let address = cells.address()?;
    let nobody = Address { phone: None, business_scoped_id: None, linked_id: None };
    Ok(Suppression {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        hash: cells.hash("hash")?,
        address: Some(address).filter(|address| *address != nobody),
        scope: cells.word("scope")?,
        reason: cells.word("reason")?,
        since: cells.time("since")?,
    })
}

#[async_trait]
impl SuppressionStore for SqliteStore {
    async fn add_suppression(&self, suppression: Suppression, now: DateTime<Utc>) -> StoreResult<SuppressionAddition> {
        self.write(move |tx| Box::pin(tx.add_suppression(suppression, now))).await
    }

    async fn list_suppressions(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Suppression>> {
        let cursor = Cursor::<16>::read(&page)?;
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM suppressions s WHERE s.workspace_id = ?1 AND s.id > ?2 ORDER BY s.id LIMIT ?3"
        ));
        let after = cursor.after.map_or_else(Vec::new, Vec::from);
        let rows = self.all(query.bind(blob(workspace)).bind(after).bind(cursor.fetch())).await?;
        let suppressions = rows.iter().map(read_suppression).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(suppressions, |suppression| suppression.id.to_bytes()))
    }

    async fn find_suppression(&self, workspace: WorkspaceId, hash: AddressHash) -> StoreResult<Option<Suppression>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM suppressions s WHERE s.workspace_id = ?1 AND s.hash = ?2"
        ));
        let row = self.one(query.bind(blob(workspace)).bind(hash.to_bytes().to_vec())).await?;
        Ok(row.as_ref().map(read_suppression).transpose()?)
    }

    async fn remove_suppression(&self, workspace: WorkspaceId, suppression: SuppressionId) -> StoreResult<bool> {
        self.write(move |tx| {
            Box::pin(async move {
                let delete = sqlx::query("DELETE FROM suppressions WHERE workspace_id = ?1 AND id = ?2");
                Ok(tx.execute(delete.bind(blob(workspace)).bind(blob(suppression))).await? > 0)
            })
        })
        .await
    }
}

const WRITE: Bulk = Bulk {
    head: "INSERT INTO suppressions \
           (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, reason, since) VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    tail: "ON CONFLICT (workspace_id, hash) DO UPDATE SET scope = excluded.scope \
           WHERE scope = 'marketing' AND excluded.scope = 'all'",
};

impl Tx {
    async fn add_suppression(&mut self, new: Suppression, now: DateTime<Utc>) -> Fallible<SuppressionAddition> {
        let (workspace, hash) = (new.workspace, new.hash);
        let existing = self.suppression(workspace, hash).await?;
        let scope = new.scope;
        let reached = self.suppress(&[new]).await?;
        let mut cancelled = 0;
        if reached > 0 {
            let why = Happening {
                happened: MessageMove::Cancel,
                at: now,
                reason: Some(CancelReason::Suppressed.as_str()),
                not_before: None,
                place: usize::MAX,
            };
            cancelled = self.cancel_waiting(workspace, scope, &[(hash, why)]).await?;
        }
        Ok(match existing {
            None => SuppressionAddition::Added { cancelled },
            Some(before) => {
                let now_is = self.suppression(workspace, hash).await?;
                SuppressionAddition::Existing(now_is.unwrap_or(before))
            }
        })
    }

    /// The suppression of a person.
    pub(crate) async fn suppression(
        &mut self,
        workspace: WorkspaceId,
        hash: AddressHash,
    ) -> Fallible<Option<Suppression>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM suppressions s WHERE s.workspace_id = ?1 AND s.hash = ?2"
        ));
        let row = self.one(query.bind(blob(workspace)).bind(hash.to_bytes().to_vec())).await?;
        row.as_ref().map(read_suppression).transpose()
    }

    /// Writes suppressions, or widens those there are. Answers how many forbid more than before.
    pub(crate) async fn suppress(&mut self, suppressions: &[Suppression]) -> Fallible<u64> {
        let done = WRITE
            .run(
                self,
                suppressions,
                |_| {},
                |values, new| {
                    let address = new.address.as_ref();
                    values.add(blob(new.workspace)).add(new.hash.to_bytes().to_vec()).add(blob(new.id));
                    values.add(address.and_then(|address| address.phone.as_ref()).map(PhoneNumber::as_e164));
                    values.add(address.and_then(|address| address.business_scoped_id.as_deref()));
                    values.add(address.and_then(|address| address.linked_id.as_deref()));
                    values.add(new.scope.as_str()).add(new.reason.as_str()).add(micros(new.since));
                },
            )
            .await?;
        Ok(done.written)
    }

    /// Cancels what waits for people of a workspace, released messages included, as far as a scope forbids it; for each
    /// person with what happened.
    pub(crate) async fn cancel_waiting(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[(AddressHash, Happening)],
    ) -> Fallible<u64> {
        // Those of campaigns by way of the recipients, so that planning needs no index by person.
        let waiting = sqlx::query(concat!(
            "SELECT j.key AS person, ",
            held_columns!(),
            " FROM json_each(?2) j CROSS JOIN campaigns c CROSS JOIN recipients r CROSS JOIN messages m \
             WHERE c.workspace_id = ?1 AND c.state IN ('scheduled', 'running', 'paused') \
                AND r.campaign_id = c.id AND r.hash = unhex(j.value) \
                AND m.campaign_id = c.id AND m.row_no = r.row_no AND m.state = 'waiting' \
             UNION ALL SELECT j.key AS person, ",
            held_columns!(),
            " FROM json_each(?2) j CROSS JOIN messages m \
             WHERE ?3 AND m.workspace_id = ?1 AND m.hash = unhex(j.value) AND m.state = 'waiting' AND m.campaign_id IS NULL"
        ));
        let hashes = json_blobs(people.iter().map(|(hash, _)| hash.to_bytes()));
        let waiting = waiting.bind(blob(workspace)).bind(hashes).bind(scope == SuppressionScope::All);
        let mut ended = Vec::new();
        for row in &self.all(waiting).await? {
            let person: usize = Cells::new("messages", row).small("person")?;
            let Some((_, happening)) = people.get(person) else { continue };
            let mut moved = Moved::start(read_held(row)?);
            if self.move_message(&mut moved, happening) {
                ended.push(moved);
            }
        }
        let cancelled = u64::try_from(ended.len()).unwrap_or(0);
        self.write_moved(ended).await?;
        Ok(cancelled)
    }
}
