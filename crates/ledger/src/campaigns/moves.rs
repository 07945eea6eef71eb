//! The moves of a campaign, by compare-and-set, each with its event.

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignMove, CampaignState, EventKind, MoveRefused, WorkspaceId};
use paceline_store::campaigns::CampaignOutcome;
use serde::Serialize;

use crate::{
    Fallible,
    events::NewEvent,
    locks::Locked,
    rows::{CampaignRow, CampaignTimes, Gate},
    transaction::Tx,
};

#[derive(Serialize)]
struct CampaignData<'a> {
    campaign_id: CampaignId,
    name: &'a str,
    state: CampaignState,
}

/// Makes a move, unless the campaign's state or what it lacks speaks against it.
pub(super) async fn move_campaign(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: CampaignId,
    attempted: CampaignMove,
    now: DateTime<Utc>,
) -> Fallible<CampaignOutcome> {
    let Some(campaign) = super::lock(tx, workspace, id).await? else { return Ok(CampaignOutcome::NotFound) };
    let later = campaign.start_at.is_some_and(|start_at| start_at > now);
    let real = if attempted == CampaignMove::Start && later { CampaignMove::Schedule } else { attempted };
    let Ok(to) = campaign.state.after(real) else {
        return Ok(CampaignOutcome::Refused(MoveRefused { state: campaign.state, attempted }));
    };
    if matches!(real, CampaignMove::Start | CampaignMove::Schedule)
        && let Some(refusal) = why_not_start(tx, &campaign).await?
    {
        return Ok(refusal);
    }
    if matches!(real, CampaignMove::Pause | CampaignMove::Cancel) {
        // Intents that saw the campaign running commit before this does; those that come later see what it wrote.
        tx.rows.close_gates(&[Gate::Campaign(id)]).await?;
    }
    change_state(tx, &campaign, real, to, now).await?;
    Ok(CampaignOutcome::Changed(Box::new(super::known_view(tx, id).await?)))
}

async fn why_not_start(tx: &mut Tx<'_>, campaign: &Locked<CampaignRow>) -> Fallible<Option<CampaignOutcome>> {
    let open = tx.rows.find_open_upload(campaign.id).await?;
    let uploading = open.is_some_and(|upload| !upload.has_run_out);
    if campaign.accepted == 0 && !uploading {
        return Ok(Some(CampaignOutcome::NoRecipients));
    }
    if !tx.rows.has_active_sender(campaign.workspace, &campaign.pool).await? {
        return Ok(Some(CampaignOutcome::NoSenders { pool: campaign.pool.clone() }));
    }
    Ok(uploading.then_some(CampaignOutcome::UploadInProgress))
}

/// Stores a move that is lawful, and notes its event.
pub(crate) async fn change_state(
    tx: &mut Tx<'_>,
    campaign: &Locked<CampaignRow>,
    happened: CampaignMove,
    to: CampaignState,
    now: DateTime<Utc>,
) -> Fallible<()> {
    let first_start = (to == CampaignState::Running).then_some(now);
    let started_at = campaign.started_at.or(first_start);
    let times = CampaignTimes { started_at, ended_at: to.has_ended().then_some(now) };
    tx.rows.set_campaign_state(campaign, to, times).await?;
    if let Some(kind) = event_of(happened) {
        let data = CampaignData { campaign_id: campaign.id, name: &campaign.name, state: to };
        tx.events.add(NewEvent::new(campaign.workspace, kind, now, &data));
    }
    Ok(())
}

const fn event_of(happened: CampaignMove) -> Option<EventKind> {
    match happened {
        CampaignMove::Start => Some(EventKind::CampaignStarted),
        CampaignMove::Schedule => None,
        CampaignMove::Pause => Some(EventKind::CampaignPaused),
        CampaignMove::Resume => Some(EventKind::CampaignResumed),
        CampaignMove::Reopen => Some(EventKind::CampaignReopened),
        CampaignMove::Cancel => Some(EventKind::CampaignCancelled),
        CampaignMove::Complete => Some(EventKind::CampaignCompleted),
    }
}
