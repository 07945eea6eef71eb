//! The fleet as the API shows it.

use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, SenderId, SenderState, WorkerId};
use paceline_store::senders::{LeaseView, Sender};
use serde::Serialize;
use utoipa::ToSchema;

use super::{own::OwnSenders, roster::Member};
use crate::{schemas, senders::SessionBody, why::Why};

/// The worker processes of the installation, and what they do for the workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = Fleet)]
pub(crate) struct FleetBody {
    /// The processes that live by the time of their first report, then the silent ones.
    pub(super) workers: Vec<WorkerBody>,
    /// Pass it as `cursor` to see more workers; `null` on the last page.
    pub(super) next_cursor: Option<String>,
    /// The first of the workspace's active senders that nobody leases, by time of addition; alike on every page.
    pub(super) unleased: Vec<UnleasedBody>,
    /// How many these are in all.
    pub(super) unleased_count: u32,
}

/// A worker process. Of a silent one only its id and its leases are known; all else is `null`.
#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
pub(crate) struct WorkerBody {
    /// The process; a new id at each start.
    #[schema(value_type = schemas::WorkerId)]
    worker_id: WorkerId,
    /// Whether it has stopped reporting itself while its leases have not run out yet.
    silent: bool,
    /// The machine's name.
    host: Option<String>,
    /// The process id on that machine.
    pid: Option<u32>,
    /// The version of Paceline that it runs.
    version: Option<String>,
    /// The most senders it works for.
    slots: Option<u32>,
    /// Whether it works for one sender and no other.
    pinned: Option<bool>,
    /// That sender, when it is the workspace's.
    #[schema(value_type = Option<schemas::SenderId>)]
    pinned_sender_id: Option<SenderId>,
    /// The channels that it has.
    #[schema(value_type = Option<Vec<schemas::ChannelKind>>)]
    channels: Option<Vec<ChannelKind>>,
    /// Where its own metrics and health are, as `host:port`; `null` when it serves none.
    #[schema(example = "127.0.0.1:9464")]
    listen: Option<String>,
    /// Its resident memory, in bytes.
    resident_bytes: Option<u64>,
    /// Whether it gives its senders back and takes no more.
    draining: Option<bool>,
    /// When it first reported itself, in real time.
    started_at: Option<DateTime<Utc>>,
    /// When it last did, in real time.
    seen_at: Option<DateTime<Utc>>,
    /// How many senders it leases, of all workspaces together.
    senders_held: u32,
    /// How many of the workspace's it leases.
    senders_count: u32,
    /// The first of these, by time of addition.
    senders: Vec<LeasedBody>,
}

/// A sender under a lease.
#[derive(Serialize, ToSchema)]
#[schema(as = LeasedSender)]
pub(crate) struct LeasedBody {
    /// Its id.
    #[schema(value_type = schemas::SenderId)]
    sender_id: SenderId,
    /// The number it sends from, in E.164.
    #[schema(value_type = schemas::PhoneNumber)]
    phone: String,
    /// Whether it is wanted; a paused one is being given back.
    #[schema(value_type = schemas::SenderState)]
    state: SenderState,
    /// Where its session stands.
    session: SessionBody,
    /// The lease's fencing token.
    epoch: i64,
    /// When the lease runs out unless renewed, in real time.
    lease_expires_at: DateTime<Utc>,
    /// When it last sent.
    last_sent_at: Option<DateTime<Utc>>,
}

/// An active sender that nobody leases.
#[derive(Serialize, ToSchema)]
#[schema(as = UnleasedSender)]
pub(crate) struct UnleasedBody {
    /// Its id.
    #[schema(value_type = schemas::SenderId)]
    sender_id: SenderId,
    /// The number it sends from, in E.164.
    #[schema(value_type = schemas::PhoneNumber)]
    phone: String,
    /// How it reaches WhatsApp.
    #[schema(value_type = schemas::ChannelKind)]
    channel: ChannelKind,
    /// Why: `no_worker_of_channel`, `all_slots_taken`, `not_taken_up_yet`.
    why: Why,
}

impl WorkerBody {
    pub(super) fn new(member: &Member, own: &OwnSenders) -> Self {
        let holding = own.holding(member.id);
        let leased = |(sender, lease): &(Sender, LeaseView)| LeasedBody::new(sender, lease);
        let silent = Self {
            worker_id: member.id,
            silent: true,
            host: None,
            pid: None,
            version: None,
            slots: None,
            pinned: None,
            pinned_sender_id: None,
            channels: None,
            listen: None,
            resident_bytes: None,
            draining: None,
            started_at: None,
            seen_at: None,
            senders_held: member.held,
            senders_count: holding.map_or(0, |holding| holding.count),
            senders: holding.map_or_else(Vec::new, |holding| holding.shown.iter().map(leased).collect()),
        };
        let Some(view) = &member.view else { return silent };
        let report = view.report.clone();
        Self {
            silent: false,
            host: Some(report.host),
            pid: Some(report.pid),
            version: Some(report.version),
            slots: Some(report.slots),
            pinned: Some(report.pinned.is_some()),
            pinned_sender_id: report.pinned.filter(|&sender| own.has(sender)),
            channels: Some(report.channels),
            listen: report.listen,
            resident_bytes: Some(report.resident_bytes),
            draining: Some(report.draining),
            started_at: Some(view.started_at),
            seen_at: Some(view.seen_at),
            ..silent
        }
    }
}

impl LeasedBody {
    fn new(sender: &Sender, lease: &LeaseView) -> Self {
        Self {
            sender_id: sender.id,
            phone: sender.phone.as_e164().to_owned(),
            state: sender.state,
            session: SessionBody::new(sender),
            epoch: lease.epoch.0,
            lease_expires_at: lease.expires_at,
            last_sent_at: sender.last_sent_at,
        }
    }
}

impl UnleasedBody {
    pub(super) fn new(sender: &Sender, why: Why) -> Self {
        Self { sender_id: sender.id, phone: sender.phone.as_e164().to_owned(), channel: sender.channel, why }
    }
}
