//! Messages: transactional sends, and the story of any message.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Content, Epoch, Generation, MessageId, MessageState, Outcome, PoolId, SenderId, SuppressionScope, WorkspaceId,
};
use paceline_store::{
    Page, PageRequest, StoreResult,
    messages::{
        Attempt, Message, MessageAcceptance, MessageFilter, MessageStore, MessageStory, NewMessage, ReleaseView, Route,
    },
};
use sqlx::{AssertSqlSafe, sqlite::SqliteRow};

use crate::{
    bulk::Bulk,
    cells::Cells,
    counters::Ledger,
    cursor::Cursor,
    error::Fallible,
    open::SqliteStore,
    transaction::Tx,
    values::{blob, micros, opt_blob, opt_micros, real_now},
};

/// The columns of a message; the tables are named as in `message_tables`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.lane, m.phone, m.business_scoped_id, m.linked_id, \
             t.content, m.wa_id, m.state, m.reason, m.sender_id, iif(m.binding = 'free', coalesce(c.pool, p.name), NULL) AS pool, \
             m.not_before, m.waits_for, m.expires_at, m.release_generation, iif(m.release_deadline > ",
            real_now!(),
            ", m.release_deadline, NULL) AS release_deadline, m.attempts, m.created_at, m.sent_at, m.delivered_at, m.read_at, \
             m.replied_at, m.ended_at, c.state AS campaign_state"
        )
    };
}

macro_rules! message_tables {
    () => {
        " messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id LEFT JOIN pools p ON p.id = m.pool_id "
    };
}

fn read_message(row: &SqliteRow) -> Fallible<Message> {
    let cells = Cells::new("messages", row);
    let generation = Generation(cells.small("release_generation")?);
    let deadline = cells.opt_time("release_deadline")?;
    let not_before = cells.number("not_before")?;
    Ok(Message {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.opt_id("campaign_id")?,
        row: cells.opt_number("row_no")?,
        lane: cells.word("lane")?,
        to: cells.address()?,
        content: cells.json("content")?,
        wa_id: cells.wa_id("wa_id")?,
        state: cells.word("state")?,
        reason: cells.opt_string("reason")?,
        sender: cells.opt_id("sender_id")?,
        pool: cells.opt_string("pool")?,
        not_before: if not_before == 0 { None } else { Some(cells.time("not_before")?) },
        waits_for: cells.opt_string("waits_for")?,
        expires_at: cells.opt_time("expires_at")?,
        release: deadline.map(|deadline| ReleaseView { generation, deadline }),
        attempts: cells.small("attempts")?,
        created_at: cells.time("created_at")?,
        sent_at: cells.opt_time("sent_at")?,
        delivered_at: cells.opt_time("delivered_at")?,
        read_at: cells.opt_time("read_at")?,
        replied_at: cells.opt_time("replied_at")?,
        ended_at: cells.opt_time("ended_at")?,
    })
}

/// Reads an attempt's outcome and when it ended.
pub(crate) fn read_outcome(cells: Cells<'_>) -> Fallible<Option<(Outcome, DateTime<Utc>)>> {
    match cells.opt_text("outcome")? {
        None => Ok(None),
        Some(_) => Ok(Some((cells.json("outcome")?, cells.time("ended_at")?))),
    }
}

fn read_attempt(row: &SqliteRow) -> Fallible<Attempt> {
    let cells = Cells::new("attempts", row);
    let outcome = read_outcome(cells)?;
    Ok(Attempt {
        number: cells.small("number")?,
        sender: cells.id("sender_id")?,
        worker: cells.id("worker_id")?,
        epoch: Epoch(cells.number("epoch")?),
        intended_at: cells.time("intended_at")?,
        sends: cells.small("sends")?,
        profile_version: cells.small("profile_version")?,
        pace_inputs: cells.json("pace_inputs")?,
        ended_at: outcome.as_ref().map(|(_, at)| *at),
        outcome: outcome.map(|(outcome, _)| outcome),
    })
}

#[async_trait]
impl MessageStore for SqliteStore {
    async fn create_message(&self, message: NewMessage) -> StoreResult<MessageAcceptance> {
        self.write(move |tx| Box::pin(tx.create_message(message))).await
    }

    async fn find_message(&self, workspace: WorkspaceId, message: MessageId) -> StoreResult<Option<MessageStory>> {
        Ok(self.read_story(workspace, message).await?)
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        page: PageRequest,
    ) -> StoreResult<Page<Message>> {
        Ok(self.read_page(workspace, filter, page).await?)
    }
}

impl SqliteStore {
    /// The attempts are read after the message: they may be newer than it, never older.
    async fn read_story(&self, workspace: WorkspaceId, message: MessageId) -> Fallible<Option<MessageStory>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            message_columns!(),
            " FROM",
            message_tables!(),
            "WHERE m.id = ?1 AND m.workspace_id = ?2"
        ));
        let Some(row) = self.one(query.bind(blob(message)).bind(blob(workspace))).await? else { return Ok(None) };
        let attempts = sqlx::query(
            "SELECT number, sender_id, worker_id, epoch, intended_at, sends, profile_version, pace_inputs, outcome, ended_at \
             FROM attempts WHERE message_id = ?1 ORDER BY number",
        );
        let attempts = self.all(attempts.bind(blob(message))).await?;
        Ok(Some(MessageStory {
            message: read_message(&row)?,
            attempts: attempts.iter().map(read_attempt).collect::<Fallible<_>>()?,
            resolutions: self.read_resolutions(message).await?,
            campaign_state: Cells::new("campaigns", &row).opt_word("campaign_state")?,
        }))
    }

    async fn read_page(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        page: PageRequest,
    ) -> Fallible<Page<Message>> {
        let cursor = Cursor::<16>::read(&page)?;
        let query = sqlx::query(AssertSqlSafe(list_text(filter)))
            .bind(blob(workspace))
            .bind(cursor.after.map_or_else(Vec::new, Vec::from))
            .bind(cursor.fetch())
            .bind(opt_blob(filter.campaign))
            .bind(filter.state.map(MessageState::as_str))
            .bind(opt_blob(filter.sender));
        let rows = self.all(query).await?;
        let messages = rows.iter().map(read_message).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(messages, |message| message.id.to_bytes()))
    }
}

/// One of eight fixed texts, so that each filter has the plan that suits it.
fn list_text(filter: MessageFilter) -> String {
    let mut text = String::from(concat!(
        "SELECT ",
        message_columns!(),
        " FROM",
        message_tables!(),
        "WHERE m.workspace_id = ?1 AND m.id > ?2"
    ));
    if filter.campaign.is_some() {
        text.push_str(" AND m.campaign_id = ?4");
    }
    if filter.state.is_some() {
        text.push_str(" AND m.state = ?5");
    }
    if filter.sender.is_some() {
        text.push_str(" AND m.sender_id = ?6");
    }
    text.push_str(" ORDER BY m.id LIMIT ?3");
    text
}

const WRITE_CONTENTS: Bulk = Bulk {
    head: "INSERT INTO message_contents (message_seq, workspace_id, content) VALUES",
    row: "(?, ?1, ?)",
    tail: "",
};

/// Where a transactional message may go.
struct Routed {
    sender: Option<SenderId>,
    pool: Option<PoolId>,
    binding: &'static str,
}

impl Tx {
    async fn create_message(&mut self, new: NewMessage) -> Fallible<MessageAcceptance> {
        if let Some(existing) = self.message(new.id).await? {
            return Ok(MessageAcceptance::Existing(Box::new(existing)));
        }
        let suppression = self.suppression(new.workspace, new.hash).await?;
        if let Some(suppression) = suppression.filter(|suppression| suppression.scope == SuppressionScope::All) {
            return Ok(MessageAcceptance::Suppressed(suppression));
        }
        let Some(routed) = self.find_route(&new).await? else { return Ok(MessageAcceptance::NoSender) };
        let insert = sqlx::query(
            "INSERT INTO messages (id, workspace_id, lane, state, sender_id, binding, pool_id, not_before, expires_at, \
                created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) \
             VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) RETURNING seq",
        );
        let insert = insert
            .bind(blob(new.id))
            .bind(blob(new.workspace))
            .bind(new.lane.as_str())
            .bind(opt_blob(routed.sender))
            .bind(routed.binding)
            .bind(opt_blob(routed.pool))
            .bind(new.not_before.map_or(0, micros))
            .bind(opt_micros(new.expires_at))
            .bind(micros(new.created_at))
            .bind(new.hash.to_bytes().to_vec())
            .bind(new.to.phone.as_ref().map(|phone| phone.as_e164().to_owned()))
            .bind(new.to.business_scoped_id)
            .bind(new.to.linked_id)
            .bind(new.wa_id.as_str().to_owned())
            .bind(new.content.typed_chars());
        let row = self.one(insert).await?.ok_or(sqlx::Error::RowNotFound)?;
        let seq = Cells::new("messages", &row).number("seq")?;
        self.write_contents(new.workspace, seq, &[&new.content]).await?;
        self.count_new(Ledger::of(new.workspace, None), MessageState::Waiting, 1);
        let accepted = self.message(new.id).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(MessageAcceptance::Accepted(Box::new(accepted)))
    }

    /// Writes what new messages say; `last` is the row of the last of them. With one writer, rows written together follow
    /// each other.
    pub(crate) async fn write_contents(
        &mut self,
        workspace: WorkspaceId,
        last: i64,
        contents: &[&Content],
    ) -> Fallible<()> {
        let first = last + 1 - i64::try_from(contents.len()).unwrap_or(0);
        let rows: Vec<(i64, &Content)> = (first..).zip(contents.iter().copied()).collect();
        WRITE_CONTENTS
            .run(
                self,
                &rows,
                |values| {
                    values.add(blob(workspace));
                },
                |values, (seq, content)| {
                    values.add(*seq).add(serde_json::to_string(content).unwrap_or_default());
                },
            )
            .await?;
        Ok(())
    }

    pub(crate) async fn message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        let query = sqlx::query(concat!("SELECT ", message_columns!(), " FROM", message_tables!(), "WHERE m.id = ?1"));
        let row = self.one(query.bind(blob(message))).await?;
        row.as_ref().map(read_message).transpose()
    }

    async fn find_route(&mut self, new: &NewMessage) -> Fallible<Option<Routed>> {
        match &new.route {
            Route::Sender(sender) => {
                let query =
                    sqlx::query("SELECT 1 FROM senders WHERE id = ?1 AND workspace_id = ?2 AND state = 'active'");
                let found = self.one(query.bind(blob(*sender)).bind(blob(new.workspace))).await?;
                Ok(found.map(|_| Routed { sender: Some(*sender), pool: None, binding: "routed" }))
            }
            Route::Pool(name) => {
                let query = sqlx::query(
                    "SELECT p.id, (SELECT m.sender_id FROM messages m INDEXED BY messages_to_person \
                        WHERE m.hash = ?3 AND m.attempts > 0 AND m.workspace_id = ?1 AND m.sent_at IS NOT NULL \
                            AND m.sender_id IN (SELECT s.id FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                                WHERE pm.pool_id = p.id AND s.state = 'active' AND s.session_state <> 'banned') \
                        ORDER BY m.attempted_at DESC LIMIT 1) AS sticky \
                     FROM pools p WHERE p.workspace_id = ?1 AND p.name = ?2 \
                        AND EXISTS (SELECT 1 FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                            WHERE pm.pool_id = p.id AND s.state = 'active')",
                );
                let query = query.bind(blob(new.workspace)).bind(name).bind(new.hash.to_bytes().to_vec());
                let Some(row) = self.one(query).await? else { return Ok(None) };
                let cells = Cells::new("pools", &row);
                let (pool, sender) = (Some(cells.id("id")?), cells.opt_id("sticky")?);
                let binding = if sender.is_some() { "sticky" } else { "free" };
                Ok(Some(Routed { sender, pool, binding }))
            }
        }
    }
}
