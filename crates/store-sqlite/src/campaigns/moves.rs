//! The moves of a campaign, by compare-and-set, each with its event.

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignMove, CampaignState, EventKind, MoveRefused, WorkspaceId};
use paceline_store::campaigns::{Campaign, CampaignOutcome};
use serde::Serialize;

use crate::{
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    transaction::Tx,
    values::{blob, micros, real_now},
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
        let Some(campaign) = self.campaign(id).await?.filter(|campaign| campaign.workspace == workspace) else {
            return Ok(CampaignOutcome::NotFound);
        };
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
             FROM campaigns c WHERE c.id = ?1"
        ));
        let row = self.one(query.bind(blob(campaign.id))).await?.ok_or(sqlx::Error::RowNotFound)?;
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

    /// Stores a move that is lawful, and notes its event.
    pub(crate) async fn set_campaign_state(
        &mut self,
        campaign: &Campaign,
        happened: CampaignMove,
        to: CampaignState,
        now: DateTime<Utc>,
    ) -> Fallible<()> {
        let update = sqlx::query(
            "UPDATE campaigns SET state = ?2, started_at = iif(?3, coalesce(started_at, ?5), started_at), \
             ended_at = iif(?4, ?5, NULL) WHERE id = ?1",
        );
        let update = update
            .bind(blob(campaign.id))
            .bind(to.as_str())
            .bind(to == CampaignState::Running)
            .bind(to.has_ended())
            .bind(micros(now));
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
