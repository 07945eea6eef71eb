//! Writes a report page by page: messages, exclusions, then what planning has not reached.
//!
//! Planning may go on meanwhile. A row that is decided after its table was read is caught by the next one: undecided rows are
//! listed whether or not they have been decided since, and if planning moved, the exclusions are read again. [`Once`] drops
//! what would be written twice.

use std::{collections::HashMap, sync::Arc};

use axum::body::Bytes;
use paceline_audience::{REPORT_COLUMNS, guard_cell};
use paceline_domain::SenderId;
use paceline_store::{PageRequest, Store, StoreError, campaigns::Campaign, messages::MessageFilter};
use tokio::sync::mpsc::Sender;

use super::{
    line::{self, Line},
    once::Once,
};

/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// Why a report breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The client went away.
    #[error("the client went away")]
    Abandoned,
    /// A page could not be formatted.
    #[error("a page could not be formatted: {0}")]
    Format(#[from] csv::Error),
}

/// Writes one report.
pub(super) struct ReportWriter {
    store: Arc<dyn Store>,
    campaign: Campaign,
    pages: Sender<Result<Bytes, Interrupted>>,
    once: Once,
    /// Senders' numbers, looked up as they appear.
    senders: HashMap<SenderId, String>,
}

impl ReportWriter {
    pub(super) fn new(store: Arc<dyn Store>, campaign: Campaign, pages: Sender<Result<Bytes, Interrupted>>) -> Self {
        Self { store, campaign, pages, once: Once::default(), senders: HashMap::new() }
    }

    pub(super) async fn write(mut self) -> Result<(), Interrupted> {
        self.send(vec![REPORT_COLUMNS.map(str::to_owned)]).await?;
        self.write_messages().await?;
        self.write_exclusions().await?;
        self.write_undecided().await?;
        let now = self.store.find_campaign(self.campaign.workspace, self.campaign.id).await?;
        if now.is_some_and(|now| now.planned_through != self.campaign.planned_through) {
            self.write_exclusions().await?;
        }
        Ok(())
    }

    async fn write_messages(&mut self) -> Result<(), Interrupted> {
        let filter = MessageFilter { campaign: Some(self.campaign.id), state: None, sender: None };
        let mut after = None;
        loop {
            let page = self.store.list_messages(self.campaign.workspace, filter, request(after)).await?;
            let mut lines = Vec::with_capacity(page.items.len());
            for message in &page.items {
                if message.row.is_none_or(|row| self.once.insert(row)) {
                    let sender = self.sender(message.sender).await?;
                    lines.push(line::of_message(message, sender));
                }
            }
            self.send(lines).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn write_exclusions(&mut self) -> Result<(), Interrupted> {
        let mut after = None;
        loop {
            let page = self.store.list_exclusions(self.campaign.workspace, self.campaign.id, request(after)).await?;
            let once = &mut self.once;
            let new = page.items.iter().filter(|excluded| once.insert(excluded.row));
            let lines = new.map(line::of_exclusion).collect();
            self.send(lines).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn write_undecided(&mut self) -> Result<(), Interrupted> {
        let Campaign { workspace, id, state, planned_through: mut after, .. } = self.campaign;
        loop {
            let rows = self.store.list_recipients(workspace, id, after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.row;
            let once = &mut self.once;
            let new = rows.iter().filter(|recipient| once.insert(recipient.row));
            let lines = new.map(|recipient| line::of_undecided(recipient, state)).collect();
            self.send(lines).await?;
        }
    }

    /// The number of a sender, or its id where it is no longer known.
    async fn sender(&mut self, sender: Option<SenderId>) -> Result<String, Interrupted> {
        let Some(id) = sender else { return Ok(String::new()) };
        if let Some(known) = self.senders.get(&id) {
            return Ok(known.clone());
        }
        let found = self.store.find_sender(self.campaign.workspace, id).await?;
        let shown = found.map_or_else(|| id.to_string(), |sender| sender.phone.as_e164().to_owned());
        self.senders.insert(id, shown.clone());
        Ok(shown)
    }

    async fn send(&self, lines: Vec<Line>) -> Result<(), Interrupted> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut page = csv::Writer::from_writer(Vec::new());
        for line in lines {
            page.write_record(line.iter().map(|cell| guard_cell(cell).into_owned()))?;
        }
        let bytes = page.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        self.pages.send(Ok(bytes.into())).await.map_err(|_| Interrupted::Abandoned)
    }
}

fn request(after: Option<String>) -> PageRequest {
    PageRequest { after, limit: PAGE }
}
