//! The moves of a campaign, by compare-and-set, each with its event.

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignMove, CampaignState, EventKind, MoveRefused, WorkspaceId};
use paceline_store::campaigns::{Campaign, CampaignOutcome};
use serde::Serialize;

use crate::{
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    gates::Gate,
    transaction::Tx,
    values::{real_now, uuid},
};

#[derive(Serialize)]
struct CampaignData<'a> {
    campaign_id: CampaignId,
    name: &'a str,
    state: CampaignState,
}

impl Tx {
    pub(super) async fn move_campaign(
        &mut self,
        workspace: WorkspaceId,
        id: CampaignId,
        attempted: CampaignMove,
        now: DateTime<Utc>,
    ) -> Fallible<CampaignOutcome> {
        // Of several moves, uploads and batches of planning at once, each sees what the one before it left.
        let lock = sqlx::query("SELECT id FROM campaigns WHERE id = $1 AND workspace_id = $2 FOR UPDATE");
        if self.one(lock.bind(uuid(id)).bind(uuid(workspace))).await?.is_none() {
            return Ok(CampaignOutcome::NotFound);
        }
        let campaign = self.campaign(id).await?.ok_or(sqlx::Error::RowNotFound)?;
        let later = campaign.definition.start_at.is_some_and(|start_at| start_at > now);
        let real = if attempted == CampaignMove::Start && later { CampaignMove::Schedule } else { attempted };
        let Ok(to) = campaign.state.after(real) else {
            return Ok(CampaignOutcome::Refused(MoveRefused { state: campaign.state, attempted }));
        };
        if matches!(real, CampaignMove::Start | CampaignMove::Schedule)
            && let Some(refusal) = self.why_not_start(&campaign).await?
        {
            return Ok(refusal);
        }
        if matches!(real, CampaignMove::Pause | CampaignMove::Cancel) {
            // Intents that saw the campaign running commit before this does; those that come later see what it wrote.
            self.close_gates(vec![Gate::Campaign(id)]).await?;
        }
        self.set_campaign_state(&campaign, real, to, now).await?;
        let moved = self.campaign(id).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(CampaignOutcome::Changed(Box::new(moved)))
    }

    async fn why_not_start(&mut self, campaign: &Campaign) -> Fallible<Option<CampaignOutcome>> {
        let query = sqlx::query(concat!(
            "SELECT accepted, \
                EXISTS (SELECT 1 FROM uploads u WHERE u.campaign_id = c.id AND u.state = 'open' AND u.expires_at > ",
            real_now!(),
            ") AS uploading, \
                EXISTS (SELECT 1 FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
                    WHERE p.workspace_id = c.workspace_id AND p.name = c.pool AND s.state = 'active') AS has_senders \
             FROM campaigns c WHERE c.id = $1"
        ));
        let row = self.one(query.bind(uuid(campaign.id))).await?.ok_or(sqlx::Error::RowNotFound)?;
        let cells = Cells::new("campaigns", &row);
        let uploading = cells.flag("uploading")?;
        if cells.number("accepted")? == 0 && !uploading {
            return Ok(Some(CampaignOutcome::NoRecipients));
        }
        if !cells.flag("has_senders")? {
            return Ok(Some(CampaignOutcome::NoSenders { pool: campaign.definition.pool.clone() }));
        }
        Ok(uploading.then_some(CampaignOutcome::UploadInProgress))
    }

    /// Stores a move that is lawful, and notes its event. The caller has locked the campaign's row before it looked.
    pub(crate) async fn set_campaign_state(
        &mut self,
        campaign: &Campaign,
        happened: CampaignMove,
        to: CampaignState,
        now: DateTime<Utc>,
    ) -> Fallible<()> {
        let update = sqlx::query(
            "UPDATE campaigns SET state = $2, started_at = CASE WHEN $3 THEN coalesce(started_at, $5) ELSE started_at END, \
             ended_at = CASE WHEN $4 THEN $5 END WHERE id = $1",
        );
        let update = update
            .bind(uuid(campaign.id))
            .bind(to.as_str())
            .bind(to == CampaignState::Running)
            .bind(to.has_ended())
            .bind(now);
        self.execute(update).await?;
        if let Some(kind) = event_of(happened) {
            let data = CampaignData { campaign_id: campaign.id, name: &campaign.definition.name, state: to };
            self.event(NewEvent::new(campaign.workspace, kind, now, &data));
        }
        Ok(())
    }
}

const fn event_of(happened: CampaignMove) -> Option<EventKind> {
    match happened {
        CampaignMove::Start => Some(EventKind::CampaignStarted),
        CampaignMove::Schedule => None,
        CampaignMove::Pause => Some(EventKind::CampaignPaused),
        CampaignMove::Resume | CampaignMove::Reopen => Some(EventKind::CampaignResumed),
        CampaignMove::Cancel => Some(EventKind::CampaignCancelled),
        CampaignMove::Complete => Some(EventKind::CampaignCompleted),
    }
}
