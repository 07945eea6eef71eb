//! A sender as the API shows it.

use chrono::{DateTime, NaiveDate, Utc};
use paceline_domain::{ChannelKind, SenderAction, SenderId, SenderState, SessionState, WorkerId};
use paceline_pacing::{Pace, Profiles};
use paceline_store::senders::Sender;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{schemas, why::Why};

/// A sender.
#[derive(Serialize, ToSchema)]
#[schema(as = Sender)]
pub(crate) struct SenderBody {
    /// Its id.
    #[schema(value_type = schemas::SenderId)]
    id: SenderId,
    /// The number it sends from, in E.164.
    #[schema(value_type = schemas::PhoneNumber)]
    phone: String,
    /// How it reaches WhatsApp.
    #[schema(value_type = schemas::ChannelKind)]
    channel: ChannelKind,
    /// What a person calls it.
    name: String,
    /// The names of its pools.
    pools: Vec<String>,
    /// The name of its pacing profile.
    profile: String,
    /// The IANA time zone in which its day begins and ends.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// The seed of its draws.
    seed: i64,
    /// Whether it is wanted.
    #[schema(value_type = schemas::SenderState)]
    state: SenderState,
    /// What may be done with it in this state.
    #[schema(value_type = Vec<schemas::SenderAction>)]
    allowed_actions: Vec<SenderAction>,
    /// Where its session stands.
    session: SessionBody,
    /// The process that works for it; `null` when none does.
    lease: Option<LeaseBody>,
    /// Its pace.
    pace: PaceBody,
    /// Whether WhatsApp bars it; `null` when it does not.
    suspension: Option<SuspensionBody>,
    /// Whether it may send now, and if not, why and until when.
    why: Why,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it last sent.
    last_sent_at: Option<DateTime<Utc>>,
}

/// Where a sender's session stands.
#[derive(Serialize, ToSchema)]
#[schema(as = SenderSession)]
pub(crate) struct SessionBody {
    /// The state.
    #[schema(value_type = schemas::SessionState)]
    state: SessionState,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// What the network said.
    detail: Option<String>,
}

/// The process that works for a sender.
#[derive(Serialize, ToSchema)]
#[schema(as = SenderLease)]
pub(crate) struct LeaseBody {
    /// The process.
    #[schema(value_type = schemas::WorkerId)]
    worker_id: WorkerId,
    /// The fencing token.
    epoch: i64,
    /// When it runs out unless renewed, in real time.
    expires_at: DateTime<Utc>,
}

/// A sender's pace.
#[derive(Serialize, ToSchema)]
#[schema(as = SenderPace)]
pub(crate) struct PaceBody {
    /// The earliest next send; `null` when it never sent.
    next_slot: Option<DateTime<Utc>>,
    /// The day, in its time zone, that `spent_today` counts.
    day: Option<NaiveDate>,
    /// Sends spent on that day.
    spent_today: u32,
    /// The most sends in a day; `null` without a cap.
    daily_cap: Option<u32>,
    /// Sends left today; `null` without a cap.
    left_today: Option<u32>,
}

/// WhatsApp bars the sender.
#[derive(Serialize, ToSchema)]
#[schema(as = SenderSuspension)]
pub(crate) struct SuspensionBody {
    /// Until when; `null` when for good.
    until: Option<DateTime<Utc>>,
}

impl SenderBody {
    pub(crate) fn new(sender: Sender, profiles: &Profiles, now: DateTime<Utc>) -> Self {
        let why = crate::why::of_sender(&sender, profiles, now);
        Self {
            id: sender.id,
            phone: sender.phone.as_e164().to_owned(),
            channel: sender.channel,
            timezone: sender.zone.name().to_owned(),
            seed: sender.seed.0,
            state: sender.state,
            allowed_actions: sender.state.allowed_actions(),
            session: SessionBody::new(&sender),
            lease: sender.lease.as_ref().map(|lease| LeaseBody {
                worker_id: lease.worker,
                epoch: lease.epoch.0,
                expires_at: lease.expires_at,
            }),
            pace: PaceBody::new(&sender, profiles, now),
            suspension: sender
                .suspension
                .filter(|suspension| !suspension.is_over(now))
                .map(|suspension| SuspensionBody { until: suspension.until }),
            why,
            created_at: sender.created_at,
            last_sent_at: sender.last_sent_at,
            name: sender.name,
            pools: sender.pools,
            profile: sender.profile,
        }
    }
}

impl SessionBody {
    pub(crate) fn new(sender: &Sender) -> Self {
        Self { state: sender.session, since: sender.session_at, detail: sender.session_detail.clone() }
    }
}

impl PaceBody {
    fn new(sender: &Sender, profiles: &Profiles, now: DateTime<Utc>) -> Self {
        let state = &sender.pace;
        let profile = profiles.find(&sender.profile);
        let pace = profile.map(|profile| Pace { profile, zone: sender.zone, seed: sender.seed });
        let today = pace.map(|pace| pace.day(now));
        Self {
            next_slot: state.next_slot,
            day: today.or(state.day),
            spent_today: if today.is_none() || state.day == today { state.spent_today } else { 0 },
            daily_cap: profile.and_then(|profile| profile.daily_cap),
            left_today: pace.and_then(|pace| pace.left_today(state, now)),
        }
    }
}
