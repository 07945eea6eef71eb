//! The states of a campaign and the moves between them.

use crate::words::words;

words! {
    /// Where a campaign stands.
    pub enum CampaignState("campaign state") {
        /// Being prepared: recipients may be added, the definition changed.
        Draft = "draft",
        /// Started, and waiting for its `start_at`.
        Scheduled = "scheduled",
        /// Sending.
        Running = "running",
        /// Halted by a person; its messages keep their place.
        Paused = "paused",
        /// Nothing is waiting any more.
        Completed = "completed",
        /// Ended by a person; what had not been sent never will be.
        Cancelled = "cancelled",
    }
}

words! {
    /// What can happen to a campaign.
    pub enum CampaignMove("campaign move") {
        /// Start now.
        Start = "start",
        /// Start at a time to come.
        Schedule = "schedule",
        /// Halt.
        Pause = "pause",
        /// Go on.
        Resume = "resume",
        /// End for good.
        Cancel = "cancel",
        /// Nothing is waiting any more.
        Complete = "complete",
        /// A message of unknown outcome is to be sent again, after everything else had ended.
        Reopen = "reopen",
    }
}

words! {
    /// What a person may do with a campaign, as its state allows.
    pub enum CampaignAction("campaign action") {
        /// Change its definition and add recipients.
        Edit = "edit",
        /// Start it, now or at its time.
        Start = "start",
        /// Halt it.
        Pause = "pause",
        /// Let it go on.
        Resume = "resume",
        /// End it for good.
        Cancel = "cancel",
    }
}

/// A move that the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot {attempted} a campaign that is {state}")]
pub struct MoveRefused {
    /// The state the campaign is in.
    pub state: CampaignState,
    /// What was attempted.
    pub attempted: CampaignMove,
}

impl CampaignState {
    /// The state after `attempted`.
    ///
    /// # Errors
    /// The state does not allow the move.
    pub const fn after(self, attempted: CampaignMove) -> Result<Self, MoveRefused> {
        use CampaignMove as M;
        use CampaignState as S;
        match (self, attempted) {
            (S::Draft | S::Scheduled, M::Start) | (S::Paused, M::Resume) | (S::Completed, M::Reopen) => Ok(S::Running),
            (S::Draft, M::Schedule) => Ok(S::Scheduled),
            (S::Running, M::Pause) => Ok(S::Paused),
            (S::Draft | S::Scheduled | S::Running | S::Paused, M::Cancel) => Ok(S::Cancelled),
            (S::Running, M::Complete) => Ok(S::Completed),
            _ => Err(MoveRefused { state: self, attempted }),
        }
    }

    /// What a person may do with the campaign.
    pub fn allowed_actions(self) -> Vec<CampaignAction> {
        let is_allowed = |action: &CampaignAction| match action {
            CampaignAction::Edit => self == Self::Draft,
            CampaignAction::Start => self.after(CampaignMove::Start).is_ok(),
            CampaignAction::Pause => self.after(CampaignMove::Pause).is_ok(),
            CampaignAction::Resume => self.after(CampaignMove::Resume).is_ok(),
            CampaignAction::Cancel => self.after(CampaignMove::Cancel).is_ok(),
        };
        CampaignAction::ALL.iter().copied().filter(is_allowed).collect()
    }

    /// Whether the campaign has come to its end. Only a message of unknown outcome that is to be sent again takes a completed one
    /// back.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}
