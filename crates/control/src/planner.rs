//! The planner: every undecided row of a running campaign becomes a message or an exclusion.
//!
//! While the store records one batch, the next is read and rendered: the database and the templates work side by side.

mod batch;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_audience::{ColumnNames, Template};
use paceline_domain::{CampaignId, Clock, MessageId, Minter};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::{
    StoreError, StoreResult,
    plan::{PlanStore, PlannedBatch, PlanningCampaign},
};
use tokio_util::sync::CancellationToken;

use crate::{Meters, PlanOptions, Role, StepError};
use batch::{RowsToDecide, Time};

/// How many campaigns a step looks at, and how many of them have a turn in it: those that have had least of the planner's time.
const CAMPAIGNS: u32 = 256;
const TURNS: usize = 16;

/// How many rows of a plain template are decided without a thread of their own.
const FEW_ROWS: usize = 32;

/// How many rows of a campaign are read before it is known how long they are.
const FIRST_ROWS: u32 = 200;

/// The planner.
pub struct Planner {
    store: Arc<dyn PlanStore>,
    clock: Arc<dyn Clock>,
    minter: Arc<Minter>,
    meters: Arc<Meters>,
    options: PlanOptions,
    /// Compiled once for each campaign: a campaign's template is fixed once it has started.
    templates: HashMap<CampaignId, Arc<Template>>,
    /// Campaigns whose template does not work, so that the log says so once.
    unplannable: HashSet<CampaignId>,
    /// What each campaign has had so far.
    had: HashMap<CampaignId, Had>,
    /// The time in the last batch's ids, so that those of the next one sort behind them even when the clock stands still.
    minted_at: DateTime<Utc>,
}

/// What a campaign has had of the planner.
#[derive(Debug, Clone, Copy, Default)]
struct Had {
    time: TimeDelta,
    /// About how many bytes a row has; nothing before the first was read.
    row_bytes: Option<usize>,
}

/// Whether a campaign's turn decided rows.
#[derive(PartialEq, Eq)]
enum Turn {
    Taken,
    Skipped,
}

impl Planner {
    /// A planner over this store.
    pub fn new(store: Arc<dyn PlanStore>, clock: Arc<dyn Clock>, minter: Arc<Minter>, meters: Arc<Meters>) -> Self {
        let (templates, unplannable) = (HashMap::new(), HashSet::new());
        let (options, minted_at) = (PlanOptions::default(), DateTime::<Utc>::MIN_UTC);
        let had = HashMap::new();
        Self { store, clock, minter, meters, options, templates, unplannable, had, minted_at }
    }

    /// The same with other cadences and sizes.
    #[must_use]
    pub fn with_options(mut self, options: PlanOptions) -> Self {
        self.options = options;
        self
    }

    /// One turn of a campaign: some batches, each recorded while the next is made ready. Another planner may get there first,
    /// or the campaign be paused; then the next step reads again.
    async fn plan_campaign(&mut self, planning: &PlanningCampaign, stop: &CancellationToken) -> StoreResult<Turn> {
        let Some(template) = self.find_template(planning) else { return Ok(Turn::Skipped) };
        let began = self.clock.real_now();
        let over = began + self.options.turn;
        let planned = self.plan_until(planning, &template, over, stop).await;
        self.had.entry(planning.campaign.id).or_default().time +=
            (self.clock.real_now() - began).max(TimeDelta::zero());
        planned
    }

    async fn plan_until(
        &mut self,
        planning: &PlanningCampaign,
        template: &Arc<Template>,
        over: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> StoreResult<Turn> {
        let mut ready = self.decide_next(planning, template, planning.campaign.planned_through, over).await?;
        if ready.is_none() {
            return Ok(Turn::Skipped);
        }
        for turn in 1.. {
            let Some(batch) = ready.take() else { break };
            let through = batch.through_row;
            let over_now = turn >= self.options.batches_per_turn || self.clock.real_now() >= over;
            let last = over_now || through >= planning.campaign.rows || stop.is_cancelled();
            let recording = record(Arc::clone(&self.store), Arc::clone(&self.meters), batch);
            if last {
                recording.await?;
                break;
            }
            let (recorded, next) = tokio::join!(recording, self.decide_next(planning, template, through, over));
            recorded?;
            ready = next?;
        }
        Ok(Turn::Taken)
    }

    /// Reads the rows after `after_row` and decides as many as there is time for, one at least; `None` when all are decided.
    async fn decide_next(
        &mut self,
        planning: &PlanningCampaign,
        template: &Arc<Template>,
        after_row: i64,
        over: DateTime<Utc>,
    ) -> StoreResult<Option<PlannedBatch>> {
        let campaign = &planning.campaign;
        if after_row >= campaign.rows {
            return Ok(None);
        }
        let limit = self.row_limit(campaign.id);
        let rows = self.store.list_unplanned(campaign, after_row, limit).await?;
        if !rows.is_empty() {
            let bytes: usize = rows.iter().map(|row| row.recipient.variables.len()).sum();
            self.had.entry(campaign.id).or_default().row_bytes = Some(bytes / rows.len());
        }
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let through_row = rows.last().filter(|_| full).map_or(campaign.rows, |last| last.recipient.row);
        let now = self.clock.now();
        let ids = self.mint_ids(rows.len(), now);
        let columns = ColumnNames::new(&campaign.columns);
        let (key, template) = (planning.key.clone(), Arc::clone(template));
        let campaign = campaign.id;
        let plain = template.is_plain();
        let time = Time { clock: Arc::clone(&self.clock), over, row: self.options.row };
        let to_decide = RowsToDecide { campaign, key, template, columns, after_row, through_row, rows, ids, now, time };
        // A few rows are decided sooner than another thread wakes up for them; but what may take long is kept from the threads that
        // leases are renewed on.
        let deciding = if plain && to_decide.rows.len() <= FEW_ROWS {
            tokio::spawn(async move { to_decide.decide() })
        } else {
            tokio::task::spawn_blocking(move || to_decide.decide())
        };
        match deciding.await {
            Ok(batch) => Ok(Some(batch)),
            Err(error) => {
                self.templates.remove(&campaign);
                self.unplannable.insert(campaign);
                tracing::error!(campaign.id = %campaign, error = %error, "rendering broke off; its rows stay undecided");
                Ok(None)
            }
        }
    }

    /// How many of the campaign's rows are read at once.
    fn row_limit(&self, campaign: CampaignId) -> u32 {
        let most = self.options.batch_rows;
        match self.had.get(&campaign).and_then(|had| had.row_bytes) {
            None => most.min(FIRST_ROWS),
            Some(bytes) => {
                let fitting = self.options.batch_bytes / bytes.max(1);
                u32::try_from(fitting).unwrap_or(u32::MAX).clamp(1, most)
            }
        }
    }

    /// Ids in ascending order: messages are released in the order of their ids, and that is to be the order of their rows.
    fn mint_ids(&mut self, count: usize, now: DateTime<Utc>) -> Vec<MessageId> {
        self.minted_at = now.max(self.minted_at + TimeDelta::milliseconds(1));
        let mut ids: Vec<MessageId> = (0..count).map(|_| self.minter.mint(self.minted_at)).collect();
        ids.sort_unstable();
        ids
    }

    fn find_template(&mut self, planning: &PlanningCampaign) -> Option<Arc<Template>> {
        let campaign = &planning.campaign;
        if self.unplannable.contains(&campaign.id) {
            return None;
        }
        if let Some(template) = self.templates.get(&campaign.id) {
            return Some(Arc::clone(template));
        }
        match Template::parse(&campaign.definition.template) {
            Ok(template) => {
                let template = Arc::new(template);
                self.templates.insert(campaign.id, Arc::clone(&template));
                Some(template)
            }
            Err(error) => {
                self.unplannable.insert(campaign.id);
                tracing::error!(
                    campaign.id = %campaign.id,
                    error = %error,
                    "the template of a running campaign does not compile; its rows stay undecided"
                );
                None
            }
        }
    }

    fn forget_all_but(&mut self, campaigns: &[PlanningCampaign]) {
        let listed: HashSet<_> = campaigns.iter().map(|planning| planning.campaign.id).collect();
        self.templates.retain(|campaign, _| listed.contains(campaign));
        self.unplannable.retain(|campaign| listed.contains(campaign));
        self.had.retain(|campaign, _| listed.contains(campaign));
    }
}

impl Role for Planner {
    fn name(&self) -> &'static str {
        "planner"
    }

    async fn step(&mut self, stop: &CancellationToken) -> Result<Duration, StepError> {
        let mut campaigns = self.store.list_planning(CAMPAIGNS).await?;
        self.forget_all_but(&campaigns);
        // The oldest start goes first among those that have had as much.
        campaigns.sort_by_key(|planning| self.had.get(&planning.campaign.id).map_or(TimeDelta::zero(), |had| had.time));
        campaigns.truncate(TURNS);
        let mut worked = false;
        for planning in &campaigns {
            match self.plan_campaign(planning, stop).await {
                Ok(turn) => worked |= turn == Turn::Taken,
                Err(StoreError::Conflict { .. }) => {
                    tracing::debug!(campaign.id = %planning.campaign.id, "somebody else was first; reading again");
                }
                Err(error) => return Err(error.into()),
            }
            if stop.is_cancelled() {
                break;
            }
        }
        Ok(if worked { Duration::ZERO } else { self.options.idle })
    }
}

async fn record(store: Arc<dyn PlanStore>, meters: Arc<Meters>, batch: PlannedBatch) -> StoreResult<()> {
    let messages = batch.messages.len();
    let reasons: Vec<_> = batch.exclusions.iter().map(|(_, exclusion)| exclusion.reason()).collect();
    store.record_plan(batch).await?;
    failpoints::pass(Failpoint::PlannerRecorded);
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    meters.planned_rows.with_label_values(&["message"]).inc_by(count(messages));
    meters.planned_rows.with_label_values(&["exclusion"]).inc_by(count(reasons.len()));
    for reason in reasons {
        meters.exclusions.with_label_values(&[reason]).inc();
    }
    Ok(())
}
