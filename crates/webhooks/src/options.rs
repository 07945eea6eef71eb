//! What an operator can turn, and what cannot be right about it.

use std::time::Duration;

use paceline_domain::EgressPolicy;

/// A longer delay is a slip of the keyboard.
const DELAY_MOST: Duration = Duration::from_hours(30 * 24);

/// How deliveries are made.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookOptions {
    /// The egress policy: which network addresses may be connected to.
    pub egress: EgressPolicy,
    /// How long one try may take, from resolving the name to the answer's headers. Standard Webhooks advises 15 to 30 s.
    pub timeout: Duration,
    /// The most tries at a time.
    pub concurrency: u32,
    /// The most tries at a time for one webhook endpoint.
    pub per_endpoint: u32,
    /// How long a claim on a delivery is held. Longer than `timeout`, so that nobody else takes a delivery that is being tried.
    pub hold: Duration,
    /// The delay before each try, the first of which is zero; its length is the number of tries.
    pub schedule: Vec<Duration>,
    /// How long nothing may reach a webhook endpoint before it is switched off, in real time.
    pub disable_after: Duration,
    /// How often the store is asked for due deliveries while none come, in real time.
    pub poll: Duration,
    /// What we call ourselves.
    pub user_agent: String,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        // The first seven steps of the schedule that Standard Webhooks 1.0.0 proposes.
        let seconds = [0, 5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600];
        Self {
            egress: EgressPolicy::PublicOnly,
            timeout: Duration::from_secs(15),
            concurrency: 64,
            per_endpoint: 8,
            hold: Duration::from_mins(1),
            schedule: seconds.into_iter().map(Duration::from_secs).collect(),
            disable_after: Duration::from_hours(7 * 24),
            poll: Duration::from_millis(500),
            user_agent: concat!("Paceline-Webhooks/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a dispatcher cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// An option that makes no sense.
    #[error("webhooks.{key} {problem}")]
    Option {
        /// The option.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

impl WebhookOptions {
    pub(crate) fn check(&self) -> Result<(), WebhooksError> {
        let refused = |key, problem| Err(WebhooksError::Option { key, problem });
        if self.timeout.is_zero() {
            return refused("timeout", "must be above 0");
        }
        if self.hold <= self.timeout {
            return refused("hold", "must be longer than timeout");
        }
        if self.concurrency == 0 || self.per_endpoint == 0 {
            return refused("concurrency", "and per_endpoint must be above 0");
        }
        if self.disable_after.is_zero() {
            return refused("disable_after", "must be above 0");
        }
        if self.poll.is_zero() {
            return refused("poll", "must be above 0");
        }
        if self.schedule.first() != Some(&Duration::ZERO) {
            return refused("schedule", "must begin with 0: the store makes a new delivery due at once");
        }
        if self.schedule.iter().any(|&delay| delay > DELAY_MOST) {
            return refused("schedule", "must not hold a delay of more than 30 days");
        }
        Ok(())
    }
}
