//! Campaigns from the draft to planned messages.

use paceline_domain::{CampaignId, CampaignMove, Content, MessageId};

use super::{HOUR, World, address};
use crate::{
    campaigns::{Campaign, CampaignDefinition, CampaignOutcome, NewCampaign},
    plan::{PlannedBatch, PlannedMessage, UnplannedRow},
    recipients::{OpenUpload, UploadOpening, UploadRow, UploadSummary},
};

/// How many rows one planning batch of a world takes.
const PLAN_BATCH: u32 = 500;

impl World {
    /// A definition with nothing special about it.
    pub fn definition(&self, pool: &str) -> CampaignDefinition {
        CampaignDefinition {
            name: "Spring".to_owned(),
            template: "Hello {{ name }}".to_owned(),
            pool: pool.to_owned(),
            default_region: None,
            phone_column: None,
            start_at: None,
            expires_at: None,
        }
    }

    /// Creates a draft.
    pub async fn draft(&self, definition: CampaignDefinition) -> CampaignId {
        let campaign = NewCampaign { id: self.id(), workspace: self.workspace, definition, created_at: self.now };
        self.store.create_campaign(campaign).await.unwrap().id
    }

    /// Opens a new upload.
    pub async fn open_upload(&self, campaign: CampaignId) -> OpenUpload {
        match self.store.open_upload(self.workspace, campaign, self.id(), HOUR).await.unwrap() {
            UploadOpening::Opened(upload) => upload,
            refused => panic!("{refused:?}"),
        }
    }

    /// The row of a numbered person.
    pub fn row(&self, row: i64, person: u32) -> UploadRow {
        let variables = format!(r#"{{"name":"Person {person}"}}"#);
        UploadRow::Recipient { row, address: address(person), hash: self.hash(person), variables }
    }

    /// The rows of numbered people, from `first_row` on.
    pub fn rows(&self, first_row: i64, people: impl IntoIterator<Item = u32>) -> Vec<UploadRow> {
        (first_row..).zip(people).map(|(row, person)| self.row(row, person)).collect()
    }

    /// Uploads people in one batch.
    pub async fn upload(&self, campaign: CampaignId, people: impl IntoIterator<Item = u32>) -> UploadSummary {
        let upload = self.open_upload(campaign).await;
        let rows = self.rows(upload.first_row, people);
        self.store.append_recipients(upload, rows, HOUR).await.unwrap();
        self.store.commit_upload(upload, vec!["name".to_owned()]).await.unwrap()
    }

    /// Attempts a move.
    pub async fn attempt_move(&self, campaign: CampaignId, attempted: CampaignMove) -> CampaignOutcome {
        self.store.move_campaign(self.workspace, campaign, attempted, self.now).await.unwrap()
    }

    /// Makes a move that is lawful.
    pub async fn move_campaign(&self, campaign: CampaignId, attempted: CampaignMove) -> Campaign {
        match self.attempt_move(campaign, attempted).await {
            CampaignOutcome::Changed(campaign) => *campaign,
            refused => panic!("{refused:?}"),
        }
    }

    /// A started campaign to numbered people, nothing planned yet. Its pool must have an active sender.
    pub async fn started(&self, definition: CampaignDefinition, people: impl IntoIterator<Item = u32>) -> CampaignId {
        let campaign = self.draft(definition).await;
        self.upload(campaign, people).await;
        self.move_campaign(campaign, CampaignMove::Start).await;
        campaign
    }

    /// A running campaign to numbered people, all planned. Its pool must have an active sender.
    pub async fn planned(&self, pool: &str, people: impl IntoIterator<Item = u32>) -> (CampaignId, Vec<MessageId>) {
        let campaign = self.started(self.definition(pool), people).await;
        (campaign, self.plan(campaign).await)
    }

    /// The message that an undecided row becomes.
    pub fn planned_message(&self, row: UnplannedRow) -> PlannedMessage {
        let id = self.id();
        PlannedMessage {
            id,
            wa_id: self.key.wa_id(id),
            content: text(&format!("Hello {}", row.recipient.row)),
            recipient: row.recipient,
            sticky: row.sticky,
        }
    }

    /// The next decision of a planner to whom every row is a message.
    pub async fn next_plan(&self, campaign: CampaignId, limit: u32) -> PlannedBatch {
        let campaign = self.campaign(campaign).await;
        let rows = self.store.list_unplanned(&campaign, campaign.planned_through, limit).await.unwrap();
        let through_row = if rows.len() < usize::try_from(limit).unwrap() {
            campaign.rows
        } else {
            rows.last().map_or(campaign.rows, |row| row.recipient.row)
        };
        PlannedBatch {
            campaign: campaign.id,
            after_row: campaign.planned_through,
            through_row,
            messages: rows.into_iter().map(|row| self.planned_message(row)).collect(),
            exclusions: Vec::new(),
            now: self.now,
        }
    }

    /// Plans all undecided rows of a campaign; the ids of its messages by row.
    pub async fn plan(&self, campaign: CampaignId) -> Vec<MessageId> {
        let mut planned = Vec::new();
        loop {
            let batch = self.next_plan(campaign, PLAN_BATCH).await;
            if batch.after_row == batch.through_row {
                return planned;
            }
            planned.extend(batch.messages.iter().map(|message| message.id));
            self.store.record_plan(batch).await.unwrap();
        }
    }
}

/// A text message.
pub fn text(body: &str) -> Content {
    Content::Text { body: body.to_owned() }
}
