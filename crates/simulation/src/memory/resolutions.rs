//! Decisions about messages of unknown outcome.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{AttemptNumber, MessageId, MessageState, Resolution, Resolver, UnknownPolicy};
use paceline_ledger::{
    Fallible, Fault,
    rows::{ResolutionReads, ResolutionRows, ResolutionWrite},
};
use paceline_store::resolutions::Resolved;

use super::{Memory, MessageEntry, Tables};

impl Tables {
    /// The decisions about a message, by attempt.
    fn resolutions_of(&self, message: MessageId) -> impl Iterator<Item = &Resolved> {
        let all = (message, AttemptNumber::MIN)..=(message, AttemptNumber::MAX);
        self.resolutions.range(all).map(|(_, resolved)| resolved)
    }

    /// What the policy of its workspace decides about a message, if it does.
    fn policy_about(&self, message: &MessageEntry) -> Option<UnknownPolicy> {
        let policy = self.workspaces.get(&message.workspace)?.unknown_policy;
        let resent = |resolved: &Resolved| resolved.by == Resolver::Policy && resolved.resolution == Resolution::Resend;
        let decides = match policy {
            UnknownPolicy::Hold => false,
            UnknownPolicy::Fail => true,
            UnknownPolicy::Resend => !self.resolutions_of(message.id).any(resent),
        };
        decides.then_some(policy)
    }
}

#[async_trait]
impl ResolutionRows for Tables {
    async fn find_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>> {
        Ok(self.resolutions.get(&(message, attempt)).map(|resolved| resolved.resolution))
    }

    async fn list_settleable(
        &mut self,
        now: DateTime<Utc>,
        grace: Duration,
        limit: u32,
    ) -> Fallible<Vec<(MessageId, UnknownPolicy)>> {
        let grace = TimeDelta::from_std(grace).ok();
        let before = grace.and_then(|grace| now.checked_sub_signed(grace)).unwrap_or(DateTime::<Utc>::MIN_UTC);
        if self.workspaces.values().all(|workspace| workspace.unknown_policy == UnknownPolicy::Hold) {
            return Ok(Vec::new());
        }
        let unknown = self.messages.values().filter(|message| message.state == MessageState::Unknown);
        let old = unknown.filter(|message| message.ended_at.is_some_and(|at| at <= before));
        let mut found: Vec<_> =
            old.filter_map(|message| Some((message.ended_at, message.id, self.policy_about(message)?))).collect();
        found.sort_unstable_by_key(|&(ended_at, id, _)| (ended_at, id));
        Ok(found.into_iter().take(limit as usize).map(|(_, id, policy)| (id, policy)).collect())
    }

    async fn add_resolutions(&mut self, resolutions: &[ResolutionWrite<'_>]) -> Fallible<()> {
        for ResolutionWrite { message, resolution, by, at } in resolutions {
            let (attempt, resolution, by, at) = (message.attempts, *resolution, *by, *at);
            if !self.resolutions.add((message.id, attempt), Resolved { attempt, resolution, by, at }) {
                return Err(Fault::conflict("resolutions"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ResolutionReads for Memory {
    async fn list_resolutions(&self, message: MessageId) -> Fallible<Vec<Resolved>> {
        Ok(self.read().await?.resolutions_of(message).cloned().collect())
    }
}
