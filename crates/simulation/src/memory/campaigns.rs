//! What people do: campaigns and their moves, single messages, suppressions, senders. Called by the simulation itself, never
//! through a port.

use chrono::{DateTime, Utc};
use paceline_domain::{
    AddressHash, CampaignId, CampaignMove, CampaignState, CancelReason, EventKind, Lane, MessageMove, MessageState,
    SenderId, SenderState, SuppressionScope,
};
use paceline_store::suppressions::Suppression;

use super::{Memory, MessageRow, moves::Happening};

impl Memory {
    /// Moves a campaign by compare-and-set. `false`: its state does not allow it.
    pub(crate) fn move_campaign(&mut self, id: CampaignId, attempted: CampaignMove, now: DateTime<Utc>) -> bool {
        let Some(campaign) = self.campaigns.get_mut(&id) else { return false };
        let Ok(to) = campaign.state.after(attempted) else { return false };
        campaign.state = to;
        if to == CampaignState::Running {
            campaign.started_at.get_or_insert(now);
        }
        campaign.ended_at = to.has_ended().then_some(now);
        let kind = match attempted {
            CampaignMove::Start => Some(EventKind::CampaignStarted),
            CampaignMove::Schedule => None,
            CampaignMove::Pause => Some(EventKind::CampaignPaused),
            CampaignMove::Resume | CampaignMove::Reopen => Some(EventKind::CampaignResumed),
            CampaignMove::Cancel => Some(EventKind::CampaignCancelled),
            CampaignMove::Complete => Some(EventKind::CampaignCompleted),
        };
        if let Some(kind) = kind {
            self.add_event(kind, now);
        }
        true
    }

    /// Accepts a message without a campaign.
    pub(crate) fn create_message(&mut self, message: MessageRow) {
        self.singles.planned += 1;
        self.singles.add(message.state, 1);
        self.messages.insert(message.id, message);
    }

    /// Suppresses a person, or widens their suppression, and cancels what waits for them as far as it is forbidden. Answers
    /// whether more is forbidden than before.
    pub(crate) fn suppress(&mut self, suppression: Suppression, reason: CancelReason, at: DateTime<Utc>) -> bool {
        let (hash, scope) = (suppression.hash, suppression.scope);
        let more = match self.suppressions.get_mut(&hash) {
            None => {
                self.suppressions.insert(hash, suppression);
                true
            }
            Some(known) if known.scope == SuppressionScope::Marketing && scope == SuppressionScope::All => {
                known.scope = scope;
                true
            }
            Some(_) => false,
        };
        for id in self.find_waiting(hash, scope) {
            self.move_message(id, Happening::new(MessageMove::Cancel, at).because(reason.as_str()));
        }
        more
    }

    fn find_waiting(&self, hash: AddressHash, scope: SuppressionScope) -> Vec<paceline_domain::MessageId> {
        let forbids = |message: &&MessageRow| scope == SuppressionScope::All || message.lane == Lane::Campaign;
        let waiting = self.messages.values().filter(|message| message.state == MessageState::Waiting);
        waiting.filter(|message| message.hash == hash).filter(forbids).map(|message| message.id).collect()
    }

    /// Pauses or resumes a sender.
    pub(crate) fn move_sender(&mut self, sender: SenderId, to: SenderState) {
        if let Some(row) = self.senders.get_mut(&sender) {
            row.sender.state = to;
        }
    }
}
