//! Suppressions, and the cancelling of what a suppressed person would still have received.

use std::borrow::Cow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, CancelReason, MessageMove, MessageState, PhoneNumber, SuppressionId, SuppressionScope,
    WorkspaceId,
};
use paceline_store::{
    Page, PageRequest, StoreResult,
    suppressions::{Suppression, SuppressionAddition, SuppressionStore},
};
use sqlx::{postgres::PgRow, types::Uuid};

use crate::{
    bulk::column,
    cells::Cells,
    cursor::Cursor,
    error::Fallible,
    gates::Gate,
    moves::{Happening, Moved, held_columns, read_held},
    open::PostgresStore,
    transaction::Tx,
    values::{hash as hash_bytes, storable, uuid},
};

/// The columns of a suppression; the table is named `s`.
macro_rules! suppression_columns {
    () => {
        "s.id, s.workspace_id, s.hash, s.phone, s.business_scoped_id, s.linked_id, s.scope, s.reason, s.since"
    };
}
pub(crate) use suppression_columns;

/// Reads a suppression.
pub(crate) fn read_suppression(row: &PgRow) -> Fallible<Suppression> {
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
impl SuppressionStore for PostgresStore {
    async fn add_suppression(&self, suppression: Suppression, now: DateTime<Utc>) -> StoreResult<SuppressionAddition> {
        self.write(move |tx| Box::pin(tx.add_suppression(suppression, now))).await
    }

    async fn list_suppressions(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Suppression>> {
        let cursor = Cursor::<16>::read(&page)?;
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM suppressions s WHERE s.workspace_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3"
        ));
        let after = Uuid::from_bytes(cursor.after.unwrap_or([0; 16]));
        let rows = self.all(query.bind(uuid(workspace)).bind(after).bind(cursor.fetch())).await?;
        let suppressions = rows.iter().map(read_suppression).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(suppressions, |suppression| suppression.id.to_bytes()))
    }

    async fn find_suppression(&self, workspace: WorkspaceId, hash: AddressHash) -> StoreResult<Option<Suppression>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM suppressions s WHERE s.workspace_id = $1 AND s.hash = $2"
        ));
        let row = self.one(query.bind(uuid(workspace)).bind(hash_bytes(hash))).await?;
        Ok(row.as_ref().map(read_suppression).transpose()?)
    }

    async fn remove_suppression(&self, workspace: WorkspaceId, suppression: SuppressionId) -> StoreResult<bool> {
        self.write(move |tx| {
            Box::pin(async move {
                let delete = sqlx::query("DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2");
                Ok(tx.execute(delete.bind(uuid(workspace)).bind(uuid(suppression))).await? > 0)
            })
        })
        .await
    }
}

/// Written in the order of the people, so that two writers do not wait for each other in a circle.
const WRITE: &str = "INSERT INTO suppressions \
        (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, reason, since) \
    SELECT * FROM (SELECT DISTINCT ON (v.workspace_id, v.hash) v.workspace_id, v.hash, v.id, v.phone, v.business_scoped_id, \
            v.linked_id, v.scope, v.reason, v.since \
        FROM UNNEST($1::uuid[], $2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
            $9::timestamptz[]) WITH ORDINALITY AS v (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, \
            reason, since, place) ORDER BY v.workspace_id, v.hash, v.place) o \
    ON CONFLICT (workspace_id, hash) DO UPDATE SET scope = excluded.scope \
        WHERE suppressions.scope = 'marketing' AND excluded.scope = 'all'";

impl Tx {
    async fn add_suppression(&mut self, new: Suppression, now: DateTime<Utc>) -> Fallible<SuppressionAddition> {
        let (workspace, hash) = (new.workspace, new.hash);
        // Until the commit nobody writes a message to the person, nor records an intent, that this would not find.
        self.close_gates(vec![Gate::Person(hash)]).await?;
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
            " FROM suppressions s WHERE s.workspace_id = $1 AND s.hash = $2"
        ));
        let row = self.one(query.bind(uuid(workspace)).bind(hash_bytes(hash))).await?;
        row.as_ref().map(read_suppression).transpose()
    }

    /// Writes suppressions, or widens those there are. Answers how many forbid more than before.
    pub(crate) async fn suppress(&mut self, suppressions: &[Suppression]) -> Fallible<u64> {
        if suppressions.is_empty() {
            return Ok(0);
        }
        let write = sqlx::query(WRITE)
            .bind(column(suppressions, |new| uuid(new.workspace)))
            .bind(column(suppressions, |new| hash_bytes(new.hash)))
            .bind(column(suppressions, |new| uuid(new.id)))
            .bind(column(suppressions, |new| part(new, |address| address.phone.as_ref().map(PhoneNumber::as_e164))))
            .bind(column(suppressions, |new| part(new, |address| address.business_scoped_id.as_deref())))
            .bind(column(suppressions, |new| part(new, |address| address.linked_id.as_deref())))
            .bind(column(suppressions, |new| new.scope.as_str()))
            .bind(column(suppressions, |new| new.reason.as_str()))
            .bind(column(suppressions, |new| new.since));
        self.execute(write).await
    }

    /// Cancels what waits for people of a workspace, released messages included, as far as a scope forbids it; for each
    /// person with what happened.
    pub(crate) async fn cancel_waiting(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[(AddressHash, Happening)],
    ) -> Fallible<u64> {
        // Each person's rows are looked up, however many of them the planner thinks there are: hence LATERAL and its OFFSET.
        // Locked in the order of their rows, those that are being sent too: one of these that comes back to wait does so after this
        // commit, and its next intent sees the suppression. Who was found may have been sent or ended before its row was locked.
        let waiting = sqlx::query(concat!(
            "WITH person AS MATERIALIZED (SELECT v.hash, v.place FROM UNNEST($2::bytea[]) WITH ORDINALITY AS v (hash, place)), \
             wanted AS MATERIALIZED ( \
                SELECT m.seq, p.place FROM person p JOIN campaigns c \
                    ON c.workspace_id = $1 AND c.state IN ('scheduled', 'running', 'paused') \
                    CROSS JOIN LATERAL (SELECT row_no FROM recipients \
                        WHERE campaign_id = c.id AND hash = p.hash OFFSET 0) r \
                    CROSS JOIN LATERAL (SELECT seq, state FROM messages \
                        WHERE campaign_id = c.id AND row_no = r.row_no OFFSET 0) m \
                    WHERE m.state IN ('waiting', 'sending') \
                UNION ALL \
                SELECT m.seq, p.place FROM person p CROSS JOIN LATERAL (SELECT seq FROM messages \
                    WHERE workspace_id = $1 AND hash = p.hash AND state = 'waiting' AND campaign_id IS NULL OFFSET 0) m WHERE $3 \
                UNION ALL \
                SELECT m.seq, p.place FROM person p CROSS JOIN LATERAL (SELECT seq FROM messages \
                    WHERE hash = p.hash AND attempts > 0 AND workspace_id = $1 AND state = 'sending' AND campaign_id IS NULL \
                    OFFSET 0) m WHERE $3) \
             SELECT w.place, ",
            held_columns!(),
            " FROM wanted w JOIN messages m ON m.seq = w.seq WHERE m.state IN ('waiting', 'sending') \
             ORDER BY m.seq FOR UPDATE OF m"
        ));
        let hashes = column(people, |(hash, _)| hash_bytes(*hash));
        let waiting = waiting.bind(uuid(workspace)).bind(hashes).bind(scope == SuppressionScope::All);
        let mut ended = Vec::new();
        for row in &self.all(waiting).await? {
            let place: usize = Cells::new("messages", row).small("place")?;
            let Some((_, happening)) = place.checked_sub(1).and_then(|place| people.get(place)) else { continue };
            let mut moved = Moved::start(read_held(row)?);
            if moved.held.state == MessageState::Waiting && self.move_message(&mut moved, happening) {
                ended.push(moved);
            }
        }
        let cancelled = u64::try_from(ended.len()).unwrap_or(0);
        self.write_moved(ended).await?;
        Ok(cancelled)
    }
}

/// A part of the person's address as it can be stored.
fn part(new: &Suppression, of: fn(&Address) -> Option<&str>) -> Option<Cow<'_, str>> {
    new.address.as_ref().and_then(of).map(storable)
}
