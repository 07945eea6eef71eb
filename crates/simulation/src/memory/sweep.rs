//! Sweeping: what acts when a deadline has passed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use paceline_domain::{
    CampaignId, CampaignMove, CampaignState, CancelReason, MessageId, MessageMove, MessageState, Outcome, ResultBody,
    SenderState, SessionState, WorkerResult,
};
use paceline_store::{campaigns::Campaign, intents::AttemptOutcome};

use super::{Memory, MessageRow, moves::Happening};

impl Memory {
    pub(crate) fn start_scheduled(&mut self, now: DateTime<Utc>, limit: u32) -> u64 {
        let due = |campaign: &Campaign| {
            campaign.state == CampaignState::Scheduled && campaign.definition.start_at.is_none_or(|at| at <= now)
        };
        self.move_campaigns(due, CampaignMove::Start, now, limit)
    }

    pub(crate) fn complete_campaigns(&mut self, now: DateTime<Utc>, limit: u32) -> u64 {
        let done = |campaign: &Campaign| {
            campaign.state == CampaignState::Running
                && campaign.planned_through >= campaign.rows
                && campaign.account.waiting == 0
        };
        self.move_campaigns(done, CampaignMove::Complete, now, limit)
    }

    fn move_campaigns(
        &mut self,
        which: impl Fn(&Campaign) -> bool,
        attempted: CampaignMove,
        now: DateTime<Utc>,
        limit: u32,
    ) -> u64 {
        let found: Vec<CampaignId> = self
            .campaigns
            .values()
            .filter(|campaign| which(campaign))
            .map(|campaign| campaign.id)
            .take(limit as usize)
            .collect();
        found.into_iter().map(|id| u64::from(self.move_campaign(id, attempted, now))).sum()
    }

    pub(crate) fn expire_messages(&mut self, now: DateTime<Utc>, limit: u32) -> u64 {
        let late = |message: &MessageRow| {
            message.state == MessageState::Waiting && message.expires_at.is_some_and(|at| at <= now)
        };
        self.end_all(late, Happening::new(MessageMove::Expire, now), limit)
    }

    pub(crate) fn cancel_messages(&mut self, now: DateTime<Utc>, limit: u32) -> u64 {
        let cancelled: Vec<CampaignId> = self
            .campaigns
            .values()
            .filter(|campaign| campaign.state == CampaignState::Cancelled && campaign.account.waiting > 0)
            .map(|campaign| campaign.id)
            .collect();
        if cancelled.is_empty() {
            return 0;
        }
        let theirs = |message: &MessageRow| {
            message.state == MessageState::Waiting && message.campaign.is_some_and(|id| cancelled.contains(&id))
        };
        let reason = CancelReason::CampaignCancelled.as_str();
        self.end_all(theirs, Happening::new(MessageMove::Cancel, now).because(reason), limit)
    }

    fn end_all(&mut self, which: impl Fn(&MessageRow) -> bool, happening: Happening, limit: u32) -> u64 {
        let found: Vec<MessageId> = self
            .messages
            .values()
            .filter(|message| which(message))
            .map(|message| message.id)
            .take(limit as usize)
            .collect();
        found.into_iter().map(|id| u64::from(self.move_message(id, happening))).sum()
    }

    pub(crate) fn reclaim_releases(&mut self, limit: u32) -> u64 {
        let now = self.now;
        let late = self.messages.values_mut().filter(|message| message.release_deadline.is_some_and(|at| at <= now));
        let mut reclaimed = 0;
        for message in late.take(limit as usize) {
            message.unclaim();
            reclaimed += 1;
        }
        reclaimed
    }

    pub(crate) fn list_unapplied_outcomes(&self, age: Duration, limit: u32) -> Vec<WorkerResult> {
        let before = self.before(age);
        let lost = self.messages.values().filter(|message| message.state == MessageState::Sending);
        let mut found: Vec<_> = lost
            .filter_map(|message| {
                let attempt = message.attempts.last()?;
                let recorded_at = attempt.recorded_at.filter(|at| *at <= before)?;
                let (outcome, at) = attempt.outcome.clone()?;
                let (id, number, epoch) = (message.id, message.attempt(), attempt.epoch);
                let body = ResultBody::Attempt { message: id, attempt: number, epoch, outcome };
                Some((recorded_at, message.id, WorkerResult { sender: attempt.sender, at, body }))
            })
            .collect();
        found.sort_by_key(|(recorded_at, id, _)| (*recorded_at, *id));
        found.into_iter().take(limit as usize).map(|(_, _, result)| result).collect()
    }

    pub(crate) fn lose_abandoned(&mut self, now: DateTime<Utc>, age: Duration, limit: u32) -> u64 {
        let before = self.before(age);
        let gone = |message: &MessageRow| {
            let row = message.sender.and_then(|sender| self.senders.get(&sender));
            row.is_some_and(|row| {
                row.sender.state == SenderState::Removed || row.sender.session == SessionState::Banned
            })
        };
        let lost: Vec<AttemptOutcome> = self
            .messages
            .values()
            .filter(|message| message.state == MessageState::Sending && gone(message))
            .filter(|message| {
                message.attempts.last().is_some_and(|last| last.outcome.is_none() && last.intended_really_at <= before)
            })
            .take(limit as usize)
            .filter_map(|message| {
                let (id, attempt, epoch) = (message.id, message.attempt(), message.attempts.last()?.epoch);
                Some(AttemptOutcome { message: id, attempt, epoch, outcome: Outcome::Unknown, at: now })
            })
            .collect();
        self.record_outcomes(&lost);
        u64::try_from(lost.len()).unwrap_or(0)
    }

    /// Inbox rows go when they are old.
    pub(crate) fn purge_before(&mut self, age: Duration, limit: u32) -> u64 {
        let before = self.before(age);
        let old: Vec<_> =
            self.inbox.iter().filter(|(_, at)| **at <= before).map(|(id, _)| *id).take(limit as usize).collect();
        for id in &old {
            self.inbox.remove(id);
        }
        u64::try_from(old.len()).unwrap_or(0)
    }
}
