//! Campaigns: definition, views, and their moves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Account, CampaignId, CampaignMove, CampaignState, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    campaigns::{Campaign, CampaignOutcome, CampaignStore, DefinitionChange, ExcludedRow, NewCampaign, SenderShare},
};

use crate::{
    Database, Fallible, Fault, Ledger,
    cursor::Cursor,
    locks::Locked,
    rows::{CampaignRow, ShareRow},
    transaction::Tx,
};

mod moves;

pub(crate) use moves::change_state;

#[async_trait]
impl<D: Database> CampaignStore for Ledger<D> {
    async fn create_campaign(&self, campaign: NewCampaign) -> StoreResult<Campaign> {
        self.write(move |tx| Box::pin(create_campaign(tx, campaign))).await
    }

    async fn find_campaign(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Option<Campaign>> {
        Ok(self.database.find_campaign(workspace, campaign).await?)
    }

    async fn list_campaigns(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Campaign>> {
        let cursor = Cursor::read(&page)?;
        let campaigns = self.database.list_campaigns(workspace, cursor.after, cursor.fetch()).await?;
        Ok(cursor.page(campaigns, |campaign| (campaign.created_at, campaign.id)))
    }

    async fn update_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        change: DefinitionChange,
    ) -> StoreResult<CampaignOutcome> {
        self.write(move |tx| Box::pin(update_campaign(tx, workspace, campaign, change))).await
    }

    async fn move_campaign(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        attempted: CampaignMove,
        now: DateTime<Utc>,
    ) -> StoreResult<CampaignOutcome> {
        self.write(move |tx| Box::pin(moves::move_campaign(tx, workspace, campaign, attempted, now))).await
    }

    async fn list_exclusions(
        &self,
        workspace: WorkspaceId,
        campaign: CampaignId,
        page: PageRequest,
    ) -> StoreResult<Page<ExcludedRow>> {
        let cursor = Cursor::read(&page)?;
        let after = cursor.after.unwrap_or(0);
        let rows = self.database.list_exclusions(workspace, campaign, after, cursor.fetch()).await?;
        Ok(cursor.page(rows, |row| row.row))
    }

    async fn list_sender_shares(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Vec<SenderShare>> {
        let mut shares: Vec<SenderShare> = Vec::new();
        for row in self.database.count_messages(workspace, campaign).await? {
            if shares.last().is_none_or(|share| share.sender != row.sender) {
                shares.push(SenderShare { sender: row.sender, account: Account::default() });
            }
            if let Some(share) = shares.last_mut() {
                add_share(&mut share.account, &row);
            }
        }
        Ok(shares)
    }

    async fn count_account(&self, workspace: WorkspaceId, campaign: CampaignId) -> StoreResult<Account> {
        let mut account = Account::default();
        for row in self.database.count_messages(workspace, campaign).await? {
            add_share(&mut account, &row);
        }
        Ok(account)
    }
}

fn add_share(account: &mut Account, row: &ShareRow) {
    account.planned += row.messages;
    account.add(row.state, row.messages);
    account.replied += row.replied;
    account.opted_out += row.opted_out;
}

/// A campaign by its id, in whatever workspace, with what this transaction has counted so far.
pub(crate) async fn view(tx: &mut Tx<'_>, campaign: CampaignId) -> Fallible<Option<Campaign>> {
    tx.counters.flush(tx.rows).await?;
    tx.rows.find_campaign(campaign).await
}

/// A campaign that this transaction knows to be there.
async fn known_view(tx: &mut Tx<'_>, campaign: CampaignId) -> Fallible<Campaign> {
    view(tx, campaign).await?.ok_or_else(|| Fault::missing("campaigns", campaign))
}

/// Locks a campaign of a workspace: of several moves, uploads and batches of planning at once, each sees what the one before it
/// left.
pub(crate) async fn lock(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    campaign: CampaignId,
) -> Fallible<Option<Locked<CampaignRow>>> {
    let locked = tx.rows.lock_campaigns(&[campaign]).await?;
    Ok(locked.into_iter().find(|campaign| campaign.workspace == workspace))
}

async fn create_campaign(tx: &mut Tx<'_>, new: NewCampaign) -> Fallible<Campaign> {
    tx.rows.add_campaign(&new).await?;
    known_view(tx, new.id).await
}

async fn update_campaign(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: CampaignId,
    change: DefinitionChange,
) -> Fallible<CampaignOutcome> {
    let Some(campaign) = lock(tx, workspace, id).await? else { return Ok(CampaignOutcome::NotFound) };
    if campaign.state != CampaignState::Draft {
        return Ok(CampaignOutcome::NotDraft(campaign.state));
    }
    if known_view(tx, id).await?.definition != change.from {
        return Ok(CampaignOutcome::Overtaken);
    }
    tx.rows.set_definition(&campaign, &change.to).await?;
    Ok(CampaignOutcome::Changed(Box::new(known_view(tx, id).await?)))
}
