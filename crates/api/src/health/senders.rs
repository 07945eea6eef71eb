//! `GET /metrics/senders`: figures by sender, for a scrape of its own.
//!
//! Off unless `server.sender_metrics` says how many senders it may show: each is a handful of series for ever. Senders stand here by
//! their ids, never by their numbers, and nothing is counted: all of it is read from their rows when the page is asked for.

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};
use chrono::{DateTime, Utc};
use paceline_domain::SessionState;
use paceline_pacing::{Pace, Profiles};
use paceline_store::{fleet::Which, senders::Sender};
use paceline_telemetry::{Describe, IntGaugeVec, Metrics};

use crate::{
    api::Api,
    problem::{Problem, ProblemBody},
};

/// The metrics of senders.
#[utoipa::path(
    get, path = "/metrics/senders", tag = "health",
    responses(
        (status = 200, description = "Prometheus text format, one series of each metric for each sender, by its id.", body = String,
         content_type = "text/plain"),
        (status = 404, description = "`server.sender_metrics` is 0.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show_sender_metrics(
    State(api): State<Api>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let most = usize::try_from(api.options().sender_metrics).unwrap_or(usize::MAX);
    if most == 0 {
        return Err(Problem::NoSuchRoute);
    }
    let senders = api.store().list_fleet_senders(Which::Active).await?;
    let page = page(&senders, most, api.profiles(), api.now());
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page))
}

fn page(senders: &[Sender], most: usize, profiles: &Profiles, now: DateTime<Utc>) -> String {
    let metrics = Metrics::new();
    let gauges = Gauges::new(&metrics);
    for sender in senders.iter().take(most) {
        gauges.show(sender, profiles, now);
    }
    let left_out = i64::try_from(senders.len().saturating_sub(most)).unwrap_or(i64::MAX);
    metrics.gauge(LEFT_OUT, &[]).with_label_values::<&str>(&[]).set(left_out);
    metrics.render()
}

const CONNECTED: Describe = Describe {
    name: "paceline_sender_connected",
    help: "1 while the sender has its session, by sender.",
    when_it_rises: "Sessions come back. At 0: GET /v1/senders/{id} says what the network said.",
};
const LEASED: Describe = Describe {
    name: "paceline_sender_leased",
    help: "1 while a worker process works for the sender, by sender.",
    when_it_rises: "A worker took it up. At 0: GET /v1/fleet says what is lacking.",
};
const BARRED: Describe = Describe {
    name: "paceline_sender_barred",
    help: "1 while the network bars the sender, for a time or for good, by sender.",
    when_it_rises: "Stop its campaigns and look at what it sent and to whom.",
};
const SPENT: Describe = Describe {
    name: "paceline_sender_spent_today",
    help: "Sends of the sender on its day, by sender.",
    when_it_rises: "It sends.",
};
const LEFT: Describe = Describe {
    name: "paceline_sender_left_today",
    help: "Sends that the sender's profile leaves it on its day, by sender; absent without a daily cap.",
    when_it_rises: "A day began, or the profile's daily_cap was raised. At 0 its messages wait for its next day.",
};
const NEXT_SLOT: Describe = Describe {
    name: "paceline_sender_next_slot_seconds",
    help: "How much campaign time the sender still pauses after its last message, by sender.",
    when_it_rises: "Its profile has longer pauses.",
};
const QUIET: Describe = Describe {
    name: "paceline_sender_quiet_seconds",
    help: "How much campaign time has passed since the sender's last send, by sender; absent before the first.",
    when_it_rises: "It has nothing to send, or may not; GET /v1/senders/{id} says which.",
};
const LEFT_OUT: Describe = Describe {
    name: "paceline_senders_left_out",
    help: "Active senders that this page does not show.",
    when_it_rises: "There are more than server.sender_metrics: raise it, or do without figures by sender.",
};

struct Gauges {
    connected: IntGaugeVec,
    leased: IntGaugeVec,
    barred: IntGaugeVec,
    spent: IntGaugeVec,
    left: IntGaugeVec,
    next_slot: IntGaugeVec,
    quiet: IntGaugeVec,
}

impl Gauges {
    fn new(metrics: &Metrics) -> Self {
        let gauge = |describe| metrics.gauge(describe, &["sender"]);
        Self {
            connected: gauge(CONNECTED),
            leased: gauge(LEASED),
            barred: gauge(BARRED),
            spent: gauge(SPENT),
            left: gauge(LEFT),
            next_slot: gauge(NEXT_SLOT),
            quiet: gauge(QUIET),
        }
    }

    fn show(&self, sender: &Sender, profiles: &Profiles, now: DateTime<Utc>) {
        let id = sender.id.to_string();
        let show = |gauge: &IntGaugeVec, value: i64| gauge.with_label_values(&[id.as_str()]).set(value);
        show(&self.connected, i64::from(sender.session == SessionState::Connected));
        show(&self.leased, i64::from(sender.lease.is_some()));
        let barred = sender.suspension.is_some_and(|suspension| !suspension.is_over(now));
        show(&self.barred, i64::from(barred || sender.session == SessionState::Banned));
        if let Some(profile) = profiles.find(&sender.profile) {
            let pace = Pace { profile, zone: sender.zone, seed: sender.seed };
            show(&self.spent, i64::from(pace.spent_today(&sender.pace, now)));
            if let Some(left) = pace.left_today(&sender.pace, now) {
                show(&self.left, i64::from(left));
            }
        }
        let pauses = sender.pace.next_slot.map_or(0, |next| (next - now).num_seconds().max(0));
        show(&self.next_slot, pauses);
        if let Some(last) = sender.last_sent_at {
            show(&self.quiet, (now - last).num_seconds().max(0));
        }
    }
}
