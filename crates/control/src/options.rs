//! The cadences and sizes of the roles. All durations are real time.

use std::time::Duration;

use paceline_store::release::RELEASE_HOLD;

/// Cadences and sizes of every role.
#[derive(Debug, Clone, Default)]
pub struct ControlOptions {
    /// The planner's.
    pub plan: PlanOptions,
    /// The releaser's.
    pub release: ReleaseOptions,
    /// The results role's.
    pub results: ResultOptions,
    /// The sweeper's.
    pub sweep: SweepOptions,
}

/// The planner's.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Rows that one transaction decides.
    pub batch_rows: u32,
    /// About how many bytes of variables one transaction's rows may have, so that long rows take no more memory than short ones.
    pub batch_bytes: usize,
    /// The most batches of one campaign before the next campaign has its turn, however little time they take.
    pub batches_per_turn: u32,
    /// How long a campaign has its turn before the next one has, however much or little it got done.
    pub turn: Duration,
    /// How long the rendering of one row may take. What a template does is bounded anyway; this is for a machine that is too slow
    /// for it.
    pub row: Duration,
    /// How long to wait when no campaign has undecided rows.
    pub idle: Duration,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            batch_rows: 2_000,
            batch_bytes: 4 << 20,
            batches_per_turn: 10,
            turn: Duration::from_millis(250),
            row: Duration::from_secs(2),
            idle: Duration::from_millis(100),
        }
    }
}

/// The releaser's.
#[derive(Debug, Clone)]
pub struct ReleaseOptions {
    /// How far ahead a sender's slots are filled with messages that are due; the longest that a job may wait at its worker.
    pub horizon: Duration,
    /// How long a claim holds: a little longer than a job may be on its way and wait at its worker. A job that comes later
    /// than that is stale, and its message is released again. A worker that misses the job of a claim has it back sooner.
    pub hold: Duration,
    /// How often the whole fleet is looked at. In between only those senders are that had room the last time, or soon have it again: a paced
    /// sender that is full has work for longer than that.
    pub whole: Duration,
    /// The pause after a step that released something.
    pub busy: Duration,
    /// The longest pause while nothing is to be released.
    pub idle: Duration,
    /// About how many messages one transaction claims at most. A sender's share never falls below eight.
    pub claim_limit: u32,
    /// How long a sender whose queue was full is left alone.
    pub full_pause: Duration,
    /// How long a sender is left alone whose queue the broker refuses to have.
    pub refused_pause: Duration,
}

impl Default for ReleaseOptions {
    fn default() -> Self {
        Self {
            horizon: Duration::from_mins(2),
            hold: RELEASE_HOLD,
            whole: Duration::from_secs(1),
            busy: Duration::from_millis(50),
            idle: Duration::from_millis(250),
            claim_limit: 4_096,
            full_pause: Duration::from_secs(1),
            refused_pause: Duration::from_secs(30),
        }
    }
}

/// The results role's.
#[derive(Debug, Clone)]
pub struct ResultOptions {
    /// About how many results one transaction applies.
    pub batch: usize,
    /// How often results that the store refused are tried again.
    pub retry_refused: Duration,
    /// How long a result is tried that the store refuses while it takes others.
    pub give_up_after: Duration,
    /// How long a result is tried while the store takes none at all.
    pub give_up_all_after: Duration,
    /// How many refused deliveries a shard sets aside before it stops taking new ones.
    pub refused_limit: usize,
}

impl Default for ResultOptions {
    fn default() -> Self {
        Self {
            batch: 500,
            retry_refused: Duration::from_secs(1),
            give_up_after: Duration::from_secs(10),
            give_up_all_after: Duration::from_mins(10),
            refused_limit: 32,
        }
    }
}

/// The sweeper's.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Between two looks at what people wait for: starts, completions, cancellations.
    pub prompt: Duration,
    /// Between two looks at deadlines: expiry, claims.
    pub steady: Duration,
    /// Between two looks at what went wrong: lost results, abandoned intents, stale uploads.
    pub slow: Duration,
    /// Between two purges.
    pub purge: Duration,
    /// Rows that one transaction moves at most.
    pub limit: u32,
    /// How old an outcome is before its result counts as lost on the way.
    pub unapplied_age: Duration,
    /// How old an intent of a sender that is gone is before its outcome counts as unknown.
    pub abandoned_age: Duration,
    /// How long an outcome may be unknown before its workspace's policy decides, in campaign time: a late receipt goes first.
    pub unknown_grace: Duration,
    /// How long events, inbox rows, finished deliveries, idempotency keys and dead letters that are done with are kept.
    pub keep: Duration,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            prompt: Duration::from_millis(200),
            steady: Duration::from_secs(1),
            slow: Duration::from_secs(5),
            purge: Duration::from_hours(1),
            limit: 1_000,
            unapplied_age: Duration::from_secs(10),
            abandoned_age: Duration::from_mins(10),
            unknown_grace: Duration::from_mins(10),
            keep: Duration::from_hours(30 * 24),
        }
    }
}
