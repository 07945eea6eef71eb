//! One upload from its opening to its commit, or to its end without one.

use std::time::Duration;

use axum::{body::BodyDataStream, http::HeaderMap};
use paceline_audience::{AudienceOptions, Region};
use paceline_domain::{UploadId, kind};
use paceline_store::{
    campaigns::Campaign,
    recipients::{OpenUpload, UploadOpening, UploadSummary},
};
use tokio::sync::mpsc;

use super::{
    ReadAs, RowError, UploadBody,
    append::append,
    pump, refusal,
    rows::{RowReading, RowsRead},
};
use crate::{api::Api, params::not_found, phones, problem::Problem};

/// How long an upload stays open without an append, in real time.
pub(super) const TTL: Duration = Duration::from_mins(1);

/// The file as it arrives.
pub(super) struct File<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) phone_column: Option<String>,
    pub(super) body: &'a mut BodyDataStream,
}

/// Adds the file's recipients to the campaign, all or none.
pub(super) async fn add(
    api: &Api,
    campaign: &Campaign,
    upload: UploadId,
    file: File<'_>,
) -> Result<UploadBody, Problem> {
    let open = match api.store().open_upload(campaign.workspace, campaign.id, upload, TTL).await? {
        UploadOpening::Opened(open) => open,
        // The answer was lost in a crash, and with it how the file was read and the list of row errors; the exclusions have them.
        UploadOpening::Committed(summary) => {
            let kept = Kept { summary, read_as: None, columns: campaign.columns.clone(), errors: Vec::new() };
            return Ok(kept.answer(campaign, upload));
        }
        UploadOpening::NotFound => return Err(not_found::<kind::Campaign>()),
        UploadOpening::NotDraft(state) => return Err(Problem::CampaignNotDraft(state)),
        UploadOpening::Busy => return Err(Problem::UploadInProgress),
    };
    let kept = run(api, campaign, open, file).await;
    if kept.is_err()
        && let Err(error) = api.store().abort_upload(open).await
    {
        // Its rows are invisible, and the sweeper removes them once its time is over.
        tracing::warn!(campaign.id = %campaign.id, error = %error, "an upload could not be aborted");
    }
    Ok(kept?.answer(campaign, upload))
}

async fn run(api: &Api, campaign: &Campaign, open: OpenUpload, file: File<'_>) -> Result<Kept, Problem> {
    // As it is now that nobody else can add to it: values are kept by the place of their columns.
    let found = api.store().find_campaign(campaign.workspace, campaign.id).await?;
    let campaign = found.ok_or(not_found::<kind::Campaign>())?;
    Uploading { api, campaign: &campaign, open }.run(file).await
}

/// An upload in progress.
struct Uploading<'a> {
    api: &'a Api,
    campaign: &'a Campaign,
    open: OpenUpload,
}

/// An upload that was kept.
struct Kept {
    summary: UploadSummary,
    read_as: Option<ReadAs>,
    columns: Vec<String>,
    errors: Vec<RowError>,
}

impl Uploading<'_> {
    async fn run(&self, file: File<'_>) -> Result<Kept, Problem> {
        let options = self.api.options();
        let reading = self.reading(file.phone_column, file.headers).await?;
        let (bytes_in, bytes_out) = mpsc::channel(16);
        let (batches_in, batches_out) = mpsc::channel(2);
        let reader = tokio::task::spawn_blocking(move || reading.read(bytes_out, &batches_in));
        let (pumped, appended) = tokio::join!(
            pump::pump(file.body, bytes_in, options.max_upload_bytes),
            append(self.api.store(), self.open, batches_out),
        );
        let read = reader.await.map_err(Problem::internal)?;
        // A body that broke off is also seen by the reader, and a reader that gave up by nobody else: in this order, each
        // reason is the first cause.
        pumped?;
        let errors = appended?;
        let RowsRead { rows, read_as, columns } =
            read.map_err(|refused| refusal::problem(refused, options.max_recipients))?;
        if rows == 0 {
            return Err(refusal::no_rows());
        }
        let summary = self.api.store().commit_upload(self.open, columns.clone()).await?;
        Ok(Kept { summary, read_as: Some(read_as), columns, errors })
    }

    async fn reading(&self, phone_column: Option<String>, headers: &HeaderMap) -> Result<RowReading, Problem> {
        let limit = self.api.options().max_recipients;
        let taken = u64::try_from(self.open.first_row - 1).unwrap_or(0);
        let definition = &self.campaign.definition;
        // Checked when the campaign was made.
        let region = definition.default_region.as_deref().and_then(|region| Region::parse(region).ok());
        let options = AudienceOptions {
            phone_column: phone_column.or_else(|| definition.phone_column.clone()),
            max_rows: limit.saturating_sub(taken),
            known_columns: self.campaign.columns.clone(),
            ..AudienceOptions::default()
        };
        let key = phones::workspace_key(self.api, self.campaign.workspace).await?;
        Ok(RowReading { first_row: self.open.first_row, ..RowReading::new(headers, region, key, options) })
    }
}

impl Kept {
    fn answer(self, campaign: &Campaign, upload: UploadId) -> UploadBody {
        let UploadSummary { rows, accepted, excluded } = self.summary;
        let Self { read_as, columns, errors, .. } = self;
        UploadBody { upload_id: upload, campaign_id: campaign.id, rows, accepted, excluded, read_as, columns, errors }
    }
}
