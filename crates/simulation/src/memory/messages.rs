//! Messages.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AddressHash, CampaignId, CampaignState, MessageId, MessageState, PoolId, SenderId, SuppressionScope, WaId,
    WorkspaceId,
};
use paceline_ledger::{
    Fallible,
    locks::{Line, Locked},
    rows::{
        Answer, AnsweredRow, Binding, EndWrite, ForwardWrite, MessageReads, MessageRow, MessageRows, Question,
        ReturnWrite, RoutedTo, Stretch, WantedRow,
    },
};
use paceline_store::messages::{Message, MessageFilter, NewMessage, ReleaseView};

use super::{Memory, Tables};

mod entries;

pub(crate) use entries::{MessageEntry, Messages, NewEntry};

impl Tables {
    /// A message as others see it.
    fn view_message(&self, entry: &MessageEntry) -> Message {
        let campaign = entry.campaign.and_then(|campaign| self.campaigns.get(&campaign));
        let of_campaign = campaign.map(|campaign| &campaign.campaign.definition.pool);
        let pool = of_campaign.or_else(|| entry.pool.and_then(|pool| self.pools.get(&pool)).map(|pool| &pool.name));
        let deadline = entry.release_deadline.filter(|at| *at > self.now);
        Message {
            id: entry.id,
            workspace: entry.workspace,
            campaign: entry.campaign,
            row: entry.row,
            lane: entry.lane,
            to: entry.to.clone(),
            content: entry.content.clone(),
            wa_id: entry.wa_id.clone(),
            state: entry.state,
            reason: entry.reason.map(ToOwned::to_owned),
            sender: entry.sender,
            pool: pool.filter(|_| entry.binding == Binding::Free).cloned(),
            not_before: Some(entry.not_before).filter(|at| *at != DateTime::UNIX_EPOCH),
            waits_for: entry.waits_for.clone(),
            expires_at: entry.expires_at,
            release: deadline.map(|deadline| ReleaseView { generation: entry.generation, deadline }),
            attempts: entry.attempts,
            created_at: entry.created_at,
            sent_at: entry.sent_at,
            delivered_at: entry.delivered_at,
            read_at: entry.read_at,
            replied_at: entry.replied_at,
            ended_at: entry.ended_at,
        }
    }

    fn state_of(&self, campaign: Option<CampaignId>) -> Option<CampaignState> {
        campaign.and_then(|campaign| self.campaigns.get(&campaign)).map(|entry| entry.campaign.state)
    }

    fn wanted(&self, entry: &MessageEntry) -> WantedRow {
        let suppression = self.suppressions.get(&(entry.workspace, entry.hash));
        WantedRow {
            message: Locked::new(entry.row()),
            release: entry.release_deadline.filter(|at| *at > self.now).map(|_| entry.generation),
            lane: entry.lane,
            expires_at: entry.expires_at,
            wa_id: entry.wa_id.clone(),
            content: entry.content_json(),
            campaign: self.state_of(entry.campaign),
            suppression: suppression.map(|suppression| (suppression.scope, suppression.reason)),
        }
    }

    /// The message that an incoming one answers: one that is certainly out goes before one that may be on its way.
    fn answered(&self, question: Question) -> Option<i64> {
        use MessageState::{Delivered, Read, Sending, Sent, Unknown};
        let out = self.messages.of_person(question.hash).filter(|message| {
            message.sender == Some(question.sender)
                && message.attempted_at.is_some_and(|at| at >= question.since)
                && matches!(message.state, Sending | Unknown | Sent | Delivered | Read)
        });
        out.max_by_key(|message| (message.sent_at.is_some(), message.attempted_at)).map(|message| message.seq)
    }
}

#[async_trait]
impl MessageRows for Tables {
    async fn add_message(&mut self, new: &NewMessage, routed: RoutedTo) -> Fallible<bool> {
        // Whoever adds the same one at the same time waits.
        self.wait_for(Line::Messages);
        let seq = self.next_seq();
        let new = NewEntry {
            id: new.id,
            workspace: new.workspace,
            campaign: None,
            lane: new.lane,
            to: &new.to,
            hash: new.hash,
            content: &new.content,
            wa_id: &new.wa_id,
            sender: routed.sender,
            binding: routed.binding,
            pool: routed.pool,
            not_before: new.not_before.unwrap_or(DateTime::UNIX_EPOCH),
            expires_at: new.expires_at,
            created_at: new.created_at,
        };
        Ok(self.messages.add(new.waits(seq)))
    }

    async fn find_pool_route(
        &mut self,
        workspace: WorkspaceId,
        pool: &str,
        person: AddressHash,
    ) -> Fallible<Option<(PoolId, Option<SenderId>)>> {
        let pool = self.find_pool(workspace, pool).filter(|pool| self.has_active_member(*pool));
        Ok(pool.map(|pool| (pool, self.find_sticky(workspace, pool, person))))
    }

    async fn find_message(&mut self, message: MessageId) -> Fallible<Option<Message>> {
        Ok(self.messages.find(message).map(|entry| self.view_message(entry)))
    }

    async fn list_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<MessageRow>> {
        Ok(self.messages.find_all(messages).into_iter().map(MessageEntry::row).collect())
    }

    async fn lock_messages(&mut self, messages: &[MessageId]) -> Fallible<Vec<Locked<MessageRow>>> {
        self.wait_for(Line::Messages);
        Ok(self.messages.find_all(messages).into_iter().map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_wanted(&mut self, messages: &[MessageId]) -> Fallible<Vec<WantedRow>> {
        self.wait_for(Line::Messages);
        Ok(self.messages.find_all(messages).into_iter().map(|entry| self.wanted(entry)).collect())
    }

    async fn lock_expired(&mut self, now: DateTime<Utc>, limit: u32) -> Fallible<Vec<Locked<MessageRow>>> {
        let waiting = self.messages.all_open().filter(|entry| entry.is_waiting());
        let mut late: Vec<_> = waiting.filter(|entry| entry.expires_at.is_some_and(|at| at <= now)).collect();
        late.sort_by_key(|entry| entry.expires_at);
        Ok(late.into_iter().take(limit as usize).map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_waiting_of_campaign(
        &mut self,
        campaign: CampaignId,
        limit: u32,
    ) -> Fallible<Vec<Locked<MessageRow>>> {
        let waiting = self.messages.open_of(Some(campaign)).filter(|entry| entry.is_waiting());
        Ok(waiting.take(limit as usize).map(|entry| Locked::new(entry.row())).collect())
    }

    async fn lock_open_of_people(
        &mut self,
        workspace: WorkspaceId,
        scope: SuppressionScope,
        people: &[AddressHash],
    ) -> Fallible<Vec<(usize, Locked<MessageRow>)>> {
        self.wait_for(Line::Messages);
        let is_meant = |entry: &MessageEntry| match self.state_of(entry.campaign) {
            Some(state) => !state.has_ended(),
            None => scope == SuppressionScope::All,
        };
        let mut found = Vec::new();
        for (place, person) in people.iter().enumerate() {
            let open = self.messages.of_person(*person).filter(|entry| entry.workspace == workspace && entry.is_open());
            found.extend(open.filter(|entry| is_meant(entry)).map(|entry| (place, entry)));
        }
        found.sort_by_key(|(_, entry)| entry.seq);
        Ok(found.into_iter().map(|(place, entry)| (place, Locked::new(entry.row()))).collect())
    }

    async fn move_forward(&mut self, moved: &[ForwardWrite<'_>]) -> Fallible<()> {
        for write in moved {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = write.state;
                entry.sent_at = write.sent_at;
                entry.delivered_at = write.delivered_at;
                entry.read_at = write.read_at;
                entry.reason = None;
                entry.ended_at = None;
            })?;
        }
        Ok(())
    }

    async fn end_messages(&mut self, ended: &[EndWrite<'_>]) -> Fallible<()> {
        for write in ended {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = write.state;
                entry.reason = write.reason;
                entry.ended_at = write.ended_at;
                entry.sender = write.sender;
                entry.release_deadline = None;
            })?;
        }
        Ok(())
    }

    async fn return_messages(&mut self, returned: &[ReturnWrite<'_>]) -> Fallible<()> {
        for write in returned {
            self.messages.edit(write.message.seq, |entry| {
                entry.state = MessageState::Waiting;
                entry.sender = write.sender;
                entry.binding = write.binding;
                entry.not_before = write.not_before;
                entry.waits_for = Some(write.waits_for.to_owned());
                entry.reason = None;
                entry.ended_at = None;
                entry.release_deadline = None;
            })?;
        }
        Ok(())
    }

    async fn find_answered(&mut self, questions: &[Question]) -> Fallible<Vec<Option<i64>>> {
        Ok(questions.iter().map(|question| self.answered(*question)).collect())
    }

    async fn lock_answered(&mut self, seqs: &[i64]) -> Fallible<Vec<Locked<AnsweredRow>>> {
        self.wait_for(Line::Messages);
        let seqs: BTreeSet<&i64> = seqs.iter().collect();
        let row = |entry: &MessageEntry| AnsweredRow {
            seq: entry.seq,
            id: entry.id,
            campaign: entry.campaign,
            replied_at: entry.replied_at,
            opted_out_at: entry.opted_out_at,
        };
        Ok(seqs.into_iter().filter_map(|seq| self.messages.get(seq)).map(|entry| Locked::new(row(entry))).collect())
    }

    async fn write_answers(&mut self, answers: &[Answer<'_>]) -> Fallible<()> {
        for answer in answers {
            self.messages.edit(answer.message.seq, |entry| {
                entry.replied_at = answer.replied_at;
                entry.opted_out_at = answer.opted_out_at;
            })?;
        }
        Ok(())
    }

    async fn find_by_receipt(&mut self, receipts: &[(SenderId, &str)]) -> Fallible<Vec<Option<MessageId>>> {
        let named = receipts.iter().map(|&(sender, id)| {
            let ours = self.messages.find_sent_as(sender, &WaId::from_network(id));
            ours.or_else(|| self.attempts.find_provided(sender, id))
        });
        Ok(named.collect())
    }
}

#[async_trait]
impl MessageReads for Memory {
    async fn find_message(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Fallible<Option<(Message, Option<CampaignState>)>> {
        let tables = self.read().await?;
        let found = tables.messages.find(message).filter(|entry| entry.workspace == workspace);
        Ok(found.map(|entry| (tables.view_message(entry), tables.state_of(entry.campaign))))
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        stretch: Stretch,
        limit: u32,
    ) -> Fallible<Vec<(i64, Message)>> {
        let tables = self.read().await?;
        let rows = tables.messages.list_after(stretch.after).take_while(|entry| entry.seq <= stretch.through);
        let entries = rows.filter(|entry| {
            is_of(entry, workspace, &filter)
                && filter.state.is_none_or(|state| state == entry.state)
                && (filter.sender.is_none() || filter.sender == entry.sender)
        });
        Ok(entries.take(limit as usize).map(|entry| (entry.seq, tables.view_message(entry))).collect())
    }

    async fn find_reach(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: i64,
        rows: u32,
    ) -> Fallible<Option<i64>> {
        let tables = self.read().await?;
        let mut theirs = tables.messages.list_after(after).filter(|entry| is_of(entry, workspace, &filter));
        Ok(theirs.nth(rows.saturating_sub(1) as usize).map(|entry| entry.seq))
    }
}

/// Whether a message is of the filter's campaign, or else of the workspace.
fn is_of(entry: &MessageEntry, workspace: WorkspaceId, filter: &MessageFilter) -> bool {
    entry.workspace == workspace && (filter.campaign.is_none() || filter.campaign == entry.campaign)
}
