//! All failpoints, and what has happened when a process is at each.

/// A failpoint on the way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A mutation was asked for, and nothing is written of it: not even that its idempotency key is in use.
    ApiReceived,
    /// A request with an idempotency key is committed; its answer is not recorded under the key, so that the key is still claimed.
    ApiCommitted,
    /// A mutation is committed, and its answer recorded where it came with a key; the client has not been answered.
    ApiAccepted,
    /// A batch of a campaign's rows is decided and stored; the next one is not.
    PlannerRecorded,
    /// Messages are claimed; their jobs are not published.
    ReleaserClaimed,
    /// Their jobs are published and confirmed. Nothing is written after that, so that a death between the two leaves the same rows.
    ReleaserPublished,
    /// A job has come out of the queue; nothing was done about it, and it is not acknowledged.
    WorkerJobReceived,
    /// The intent of a message is durable; no byte has left.
    WorkerIntentRecorded,
    /// The bytes of a message have left; its answer has not come.
    WorkerSent,
    /// What became of a message is known to this process, and to nobody else.
    WorkerAnswered,
    /// Outcomes are durable; their results are not published.
    WorkerOutcomeRecorded,
    /// Results are published and confirmed; their jobs are not acknowledged.
    WorkerResultPublished,
    /// Attempts that someone else left open are adopted, under the epoch of this process; none is settled.
    WorkerAdopted,
    /// A receipt or an incoming message has come from the channel; its result is not published.
    WorkerEventReceived,
    /// Its result is published and confirmed; the channel has not been told, and will repeat it.
    WorkerEventReported,
    /// Results about messages have come out of the queue; none is applied.
    ResultsReceived,
    /// They are applied; their deliveries are not acknowledged.
    ResultsApplied,
    /// Webhook deliveries are claimed; none is posted.
    WebhooksClaimed,
    /// The customer has answered a delivery; what they answered is not recorded.
    WebhooksPosted,
    /// The sweeper has acted on deadlines that passed, and that is committed.
    SweeperSwept,
}

impl Failpoint {
    /// Every failpoint, in the order of a message's way.
    pub const ALL: [Self; 20] = [
        Self::ApiReceived,
        Self::ApiCommitted,
        Self::ApiAccepted,
        Self::PlannerRecorded,
        Self::ReleaserClaimed,
        Self::ReleaserPublished,
        Self::WorkerJobReceived,
        Self::WorkerIntentRecorded,
        Self::WorkerSent,
        Self::WorkerAnswered,
        Self::WorkerOutcomeRecorded,
        Self::WorkerResultPublished,
        Self::WorkerAdopted,
        Self::WorkerEventReceived,
        Self::WorkerEventReported,
        Self::ResultsReceived,
        Self::ResultsApplied,
        Self::WebhooksClaimed,
        Self::WebhooksPosted,
        Self::SweeperSwept,
    ];

    /// The failpoint's word: who gets there, and what they have just done.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiReceived => "api.received",
            Self::ApiCommitted => "api.committed",
            Self::ApiAccepted => "api.accepted",
            Self::PlannerRecorded => "planner.recorded",
            Self::ReleaserClaimed => "releaser.claimed",
            Self::ReleaserPublished => "releaser.published",
            Self::WorkerJobReceived => "worker.job_received",
            Self::WorkerIntentRecorded => "worker.intent_recorded",
            Self::WorkerSent => "worker.sent",
            Self::WorkerAnswered => "worker.answered",
            Self::WorkerOutcomeRecorded => "worker.outcome_recorded",
            Self::WorkerResultPublished => "worker.result_published",
            Self::WorkerAdopted => "worker.adopted",
            Self::WorkerEventReceived => "worker.event_received",
            Self::WorkerEventReported => "worker.event_reported",
            Self::ResultsReceived => "results.received",
            Self::ResultsApplied => "results.applied",
            Self::WebhooksClaimed => "webhooks.claimed",
            Self::WebhooksPosted => "webhooks.posted",
            Self::SweeperSwept => "sweeper.swept",
        }
    }
}
