//! Messages.

use chrono::DateTime;
use paceline_domain::{CampaignState, Generation, PoolId, SenderId};
use paceline_store::messages::{Message, ReleaseView};

use crate::{
    Fallible,
    columns::{Cells, Columns},
    locks::Locked,
    rows::{AnsweredRow, MessageRow, WantedRow},
};

/// A message's own columns.
pub fn message_row<R: Columns>(row: &R) -> Fallible<MessageRow> {
    let cells = Cells::new("messages", row);
    Ok(MessageRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.opt_id("campaign_id")?,
        row: cells.opt_number("row_no")?,
        sender: cells.opt_id("sender_id")?,
        binding: cells.word("binding")?,
        to: cells.address()?,
        state: cells.word("state")?,
        attempts: cells.small("attempts")?,
        sent_at: cells.opt_time("sent_at")?,
        delivered_at: cells.opt_time("delivered_at")?,
        read_at: cells.opt_time("read_at")?,
    })
}

/// A message that is about to be sent. It is locked.
pub fn wanted<R: Columns>(row: &R) -> Fallible<WantedRow> {
    let cells = Cells::new("messages", row);
    let suppression = match cells.opt_word("scope")? {
        None => None,
        Some(scope) => Some((scope, cells.word("suppressed_for")?)),
    };
    let release = cells.opt_number("release")?.map(i32::try_from).transpose();
    Ok(WantedRow {
        message: Locked::new(message_row(row)?),
        release: release.map_err(|_| cells.corrupt("release_generation"))?.map(Generation),
        lane: cells.word("lane")?,
        expires_at: cells.opt_time("expires_at")?,
        wa_id: cells.wa_id("wa_id")?,
        content: cells.string("content")?,
        campaign: cells.opt_word("campaign_state")?,
        suppression,
    })
}

/// A message to one of several people, with the person's place. It is locked.
pub fn open_of_person<R: Columns>(row: &R) -> Fallible<(usize, Locked<MessageRow>)> {
    Ok((Cells::new("messages", row).place()?, Locked::new(message_row(row)?)))
}

/// A message that was answered.
pub fn answered<R: Columns>(row: &R) -> Fallible<AnsweredRow> {
    let cells = Cells::new("messages", row);
    Ok(AnsweredRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        campaign: cells.opt_id("campaign_id")?,
        replied_at: cells.opt_time("replied_at")?,
        opted_out_at: cells.opt_time("opted_out_at")?,
    })
}

/// A pool, and the sender in it that a person knows.
pub fn pool_route<R: Columns>(row: &R) -> Fallible<(PoolId, Option<SenderId>)> {
    let cells = Cells::new("pools", row);
    Ok((cells.id("id")?, cells.opt_id("sticky")?))
}

/// A message as others see it.
pub fn message<R: Columns>(row: &R) -> Fallible<Message> {
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

/// A message with the row that pages go by.
pub fn numbered_message<R: Columns>(row: &R) -> Fallible<(i64, Message)> {
    Ok((Cells::new("messages", row).number("seq")?, message(row)?))
}

/// A message as others see it, with the state of its campaign.
pub fn message_and_campaign<R: Columns>(row: &R) -> Fallible<(Message, Option<CampaignState>)> {
    Ok((message(row)?, Cells::new("campaigns", row).opt_word("campaign_state")?))
}
