//! Messages: transactional sends, and the story of any message.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, Generation, MessageId, MessageState, Outcome, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    messages::{
        Attempt, Message, MessageAcceptance, MessageFilter, MessageStore, MessageStory, NewMessage, ReleaseView,
    },
};
use sqlx::{postgres::PgRow, types::Uuid};

use crate::{
    cells::Cells,
    cursor::Cursor,
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{opt_uuid, real_now, uuid},
};

mod create;

/// The columns of a message; the tables are named as in `message_tables`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.lane, m.phone, m.business_scoped_id, m.linked_id, \
             t.content, m.wa_id, m.state, m.reason, m.sender_id, \
             CASE WHEN m.binding = 'free' THEN coalesce(c.pool, p.name) END AS pool, \
             m.not_before, m.waits_for, m.expires_at, m.release_generation, CASE WHEN m.release_deadline > ",
            real_now!(),
            " THEN m.release_deadline END AS release_deadline, m.attempts, m.created_at, m.sent_at, m.delivered_at, m.read_at, \
             m.replied_at, m.ended_at, c.state AS campaign_state"
        )
    };
}

macro_rules! message_tables {
    () => {
        " messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
         LEFT JOIN pools p ON p.id = m.pool_id "
    };
}

fn read_message(row: &PgRow) -> Fallible<Message> {
    let cells = Cells::new("messages", row);
    let generation = Generation(cells.small("release_generation")?);
    let deadline = cells.opt_time("release_deadline")?;
    // Not to be sent before 1970 means at once.
    let not_before = Some(cells.time("not_before")?).filter(|at| *at != DateTime::UNIX_EPOCH);
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
        not_before,
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

fn read_attempt(row: &PgRow) -> Fallible<Attempt> {
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
impl MessageStore for PostgresStore {
    async fn create_message(&self, message: NewMessage) -> StoreResult<MessageAcceptance> {
        self.write(move |tx| Box::pin(async move { tx.create_message(&message).await })).await
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

impl PostgresStore {
    /// The attempts are read after the message: they may be newer than it, never older.
    async fn read_story(&self, workspace: WorkspaceId, message: MessageId) -> Fallible<Option<MessageStory>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            message_columns!(),
            " FROM",
            message_tables!(),
            "WHERE m.id = $1 AND m.workspace_id = $2"
        ));
        let Some(row) = self.one(query.bind(uuid(message)).bind(uuid(workspace))).await? else { return Ok(None) };
        let attempts = sqlx::query(
            "SELECT number, sender_id, worker_id, epoch, intended_at, sends, profile_version, pace_inputs, outcome, ended_at \
             FROM attempts WHERE message_id = $1 ORDER BY number",
        );
        let attempts = self.all(attempts.bind(uuid(message))).await?;
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
        let query = sqlx::query(list_text(filter))
            .bind(uuid(workspace))
            .bind(cursor.after.map_or(Uuid::nil(), Uuid::from_bytes))
            .bind(cursor.fetch())
            .bind(opt_uuid(filter.campaign))
            .bind(filter.state.map(MessageState::as_str))
            .bind(opt_uuid(filter.sender));
        let rows = self.all(query).await?;
        let messages = rows.iter().map(read_message).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(messages, |message| message.id.to_bytes()))
    }
}

/// A list's text with its filters.
macro_rules! list {
    ($($filter:literal),*) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM",
            message_tables!(),
            "WHERE m.workspace_id = $1 AND m.id > $2",
            $($filter,)*
            " ORDER BY m.id LIMIT $3"
        )
    };
}

/// One of eight texts, so that each filter has the plan that suits it.
const fn list_text(filter: MessageFilter) -> &'static str {
    match (filter.campaign.is_some(), filter.state.is_some(), filter.sender.is_some()) {
        (false, false, false) => list!(),
        (false, false, true) => list!(" AND m.sender_id = $6"),
        (false, true, false) => list!(" AND m.state = $5"),
        (false, true, true) => list!(" AND m.state = $5", " AND m.sender_id = $6"),
        (true, false, false) => list!(" AND m.campaign_id = $4"),
        (true, false, true) => list!(" AND m.campaign_id = $4", " AND m.sender_id = $6"),
        (true, true, false) => list!(" AND m.campaign_id = $4", " AND m.state = $5"),
        (true, true, true) => list!(" AND m.campaign_id = $4", " AND m.state = $5", " AND m.sender_id = $6"),
    }
}

impl Tx {
    /// A message by its id, in whatever workspace.
    pub(crate) async fn message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        let query = sqlx::query(concat!("SELECT ", message_columns!(), " FROM", message_tables!(), "WHERE m.id = $1"));
        let row = self.one(query.bind(uuid(message))).await?;
        row.as_ref().map(read_message).transpose()
    }
}
