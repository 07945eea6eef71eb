//! What every long-running command is made from: the checked configuration turned into the options of the parts.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use paceline_api::{ApiOptions, ServerLimits, Timeouts};
use paceline_config::{Config, ExposeSecret as _};
use paceline_control::ControlOptions;
use paceline_domain::{Clock, Minter};
use paceline_pacing::Profiles;
use paceline_telemetry::Metrics;
use paceline_webhooks::WebhookOptions;
use paceline_worker::WorkerOptions;

use crate::{descriptors, entropy, session_key};

/// The options of the parts, and what they share.
pub(crate) struct Setup {
    /// Campaign time and real time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Ids, secrets and seeds.
    pub(crate) minter: Arc<Minter>,
    /// The pacing profiles.
    pub(crate) profiles: Arc<Profiles>,
    /// Where the process counts.
    pub(crate) metrics: Arc<Metrics>,
    /// Where the process listens; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where its metrics are, when not there.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How many callers at once, and how long each may take.
    pub(crate) server: ServerLimits,
    /// The simulated network's address, for senders of that channel.
    pub(crate) simulator_url: String,
    /// The key that seals sessions.
    pub(crate) session_key: [u8; 32],
    /// Limits of the API.
    pub(crate) api: ApiOptions,
    /// The control plane's options.
    pub(crate) control: ControlOptions,
    /// The dispatcher's options.
    pub(crate) webhooks: WebhookOptions,
    /// The worker's options.
    pub(crate) worker: WorkerOptions,
}

impl Setup {
    /// What the configuration says. The session key is made in `data_dir` when it is neither configured nor there.
    pub(crate) fn of(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let minter = Arc::new(Minter::new(entropy::seed()?));
        let session_key = match &config.sessions.master_key {
            Some(key) => *key.expose_secret(),
            None => session_key::find_or_make(&config.data_dir, minter.bytes())?,
        };
        let metrics = Arc::new(Metrics::new());
        metrics.add_process_figures();
        metrics.add_build(env!("CARGO_PKG_VERSION"));
        metrics.add_disk_figures(&config.data_dir);
        let webhooks = config.webhooks.clone();
        Ok(Self {
            profiles: Arc::new(config.pacing.profiles.clone()),
            metrics,
            listen: config.server.listen,
            metrics_listen: config.server.metrics_listen,
            server: server(config),
            simulator_url: without_token(&config.simulator.url),
            session_key,
            api: ApiOptions {
                max_upload_bytes: config.server.max_upload_bytes,
                sender_metrics: config.server.sender_metrics,
                max_recipients: config.campaigns.max_recipients,
                webhook_egress: webhooks.egress.clone(),
                default_profile: config.pacing.default_profile.clone(),
                max_streams: usize::try_from(config.server.max_streams_per_key).unwrap_or(usize::MAX),
                max_endpoints: usize::try_from(config.webhooks.max_endpoints).unwrap_or(usize::MAX),
            },
            control: control(config),
            webhooks: WebhookOptions {
                egress: webhooks.egress,
                timeout: webhooks.timeout,
                concurrency: webhooks.concurrency,
                per_endpoint: webhooks.per_endpoint,
                hold: webhooks.hold,
                schedule: webhooks.schedule,
                disable_after: webhooks.disable_after,
                ..Default::default()
            },
            worker: WorkerOptions {
                slots: config.worker.slots,
                renew_every: config.worker.renew,
                send_timeout: config.worker.send_timeout,
                host: host_name(),
                ..leasing_for(config.worker.lease, WorkerOptions::new(minter.mint(clock.real_now())))
            },
            minter,
            clock,
        })
    }
}

/// A session needs no token, and what needs none is not given one.
fn without_token(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => url.to_owned(),
    }
}

fn server(config: &Config) -> ServerLimits {
    let server = &config.server;
    let connections = descriptors::connections(config);
    ServerLimits {
        connections,
        per_address: usize::try_from(server.max_connections_per_address).unwrap_or(usize::MAX).min(connections),
        timeouts: Timeouts { head: server.header_timeout, idle: server.idle_timeout, pause: server.pause_timeout },
        drain: server.drain_timeout,
    }
}

fn control(config: &Config) -> ControlOptions {
    let mut options = ControlOptions::default();
    options.sweep.unknown_grace = config.control.unknown_grace;
    options
}

/// Whoever has not reported itself for four times as long as it should counts as gone, and keeps its share of the senders until then.
/// That must not be later than its leases are over, however short these are: its senders are to be had then.
fn leasing_for(lease: Duration, options: WorkerOptions) -> WorkerOptions {
    WorkerOptions { lease_ttl: lease, report_every: options.report_every.min(lease / 4), ..options }
}

/// The machine's name, as the kernel knows it.
pub(crate) fn host_name() -> String {
    let read = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).unwrap_or_default();
    let name = read.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use paceline_domain::WorkerId;
    use paceline_worker::WorkerOptions;

    use super::leasing_for;

    #[test]
    fn a_dead_worker_counts_as_gone_no_later_than_its_leases_are_over() {
        for (lease, silent_after) in [(5, 5), (10, 10), (30, 12), (120, 12)] {
            let options = leasing_for(Duration::from_secs(lease), WorkerOptions::new(WorkerId::from_bytes([1; 16])));
            assert_eq!(options.lease_ttl, Duration::from_secs(lease));
            assert_eq!(options.report_every * 4, Duration::from_secs(silent_after), "with leases of {lease} s");
        }
    }
}
