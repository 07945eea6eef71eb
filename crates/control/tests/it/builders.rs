//! Rows, senders and results as the tests need them.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::UTC;
use paceline_control::Meters;
use paceline_domain::{
    Account, Address, CampaignId, CampaignState, ChannelKind, Epoch, Generation, Inbound, Lane, MessageId, Outcome,
    PhoneNumber, Receipt, ReceiptKind, ResultBody, SenderId, SenderState, SessionState, WaId, WorkerId, WorkerResult,
    WorkspaceId, WorkspaceKey,
};
use paceline_pacing::{PaceState, Seed};
use paceline_queue::QueueError;
use paceline_store::{
    StoreError,
    campaigns::{Campaign, CampaignDefinition},
    plan::UnplannedRow,
    recipients::RecipientRow,
    release::{ReleasedMessage, SenderWindow},
    senders::{LeaseView, Sender},
};
use paceline_telemetry::Metrics;

pub(crate) const KEY: WorkspaceKey = WorkspaceKey::from_bytes([3; 32]);

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().expect("the time is RFC 3339")
}

/// Meters and the registry that shows them.
pub(crate) fn meters() -> (Arc<Meters>, Metrics) {
    let metrics = Metrics::new();
    (Arc::new(Meters::new(&metrics)), metrics)
}

pub(crate) fn unavailable() -> StoreError {
    StoreError::Unavailable { reason: "it is locked".to_owned(), source: None }
}

pub(crate) fn refused() -> StoreError {
    StoreError::Corrupt { table: "messages", column: "state", row: "7".to_owned() }
}

pub(crate) fn broker_away() -> QueueError {
    QueueError::Unavailable { reason: "no connection".to_owned(), source: None }
}

pub(crate) const fn sender_id(byte: u8) -> SenderId {
    SenderId::from_bytes([byte; 16])
}

pub(crate) fn message_id(number: u64) -> MessageId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(bytes)
}

pub(crate) fn person(number: u64) -> Address {
    let phone: PhoneNumber = format!("+1555{number:07}").parse().expect("it is E.164");
    Address::phone(phone)
}

/// A connected sender that somebody works for.
pub(crate) fn sender(byte: u8, profile: &str) -> Sender {
    let lease = LeaseView {
        worker: WorkerId::from_bytes([1; 16]),
        epoch: Epoch(1),
        expires_at: noon() + TimeDelta::seconds(30),
    };
    Sender {
        id: sender_id(byte),
        workspace: WorkspaceId::from_bytes([1; 16]),
        phone: format!("+1555010{byte:03}").parse().expect("it is E.164"),
        channel: ChannelKind::Simulator,
        name: format!("sender {byte}"),
        account: None,
        pools: vec!["main".to_owned()],
        profile: profile.to_owned(),
        zone: UTC,
        seed: Seed(byte.into()),
        state: SenderState::Active,
        pace: PaceState::default(),
        session: SessionState::Connected,
        session_at: None,
        session_detail: None,
        pairing_code: None,
        suspension: None,
        lease: Some(lease),
        created_at: noon(),
        last_sent_at: None,
    }
}

pub(crate) const fn window(sender: Sender, outstanding: u32) -> SenderWindow {
    SenderWindow { sender, outstanding }
}

pub(crate) fn released(number: u64, sender: u8, lane: Lane) -> ReleasedMessage {
    ReleasedMessage {
        message: message_id(number),
        generation: Generation(1),
        sender: sender_id(sender),
        campaign: None,
        lane,
        to: person(number),
        chars: 20,
    }
}

/// A running campaign of so many rows, none decided.
pub(crate) fn campaign(byte: u8, template: &str, rows: i64) -> Campaign {
    let definition = CampaignDefinition {
        name: format!("campaign {byte}"),
        template: template.to_owned(),
        pool: "main".to_owned(),
        default_region: None,
        phone_column: None,
        start_at: None,
        expires_at: None,
    };
    Campaign {
        id: CampaignId::from_bytes([byte; 16]),
        workspace: WorkspaceId::from_bytes([1; 16]),
        definition,
        state: CampaignState::Running,
        columns: vec!["name".to_owned()],
        rows,
        planned_through: 0,
        account: Account::default(),
        excluded: BTreeMap::new(),
        failed: BTreeMap::new(),
        created_at: noon(),
        started_at: Some(noon()),
        ended_at: None,
    }
}

pub(crate) fn row(number: i64, variables: &str) -> UnplannedRow {
    let address = person(number.unsigned_abs());
    let recipient =
        RecipientRow { row: number, hash: KEY.hash_address(&address), address, variables: variables.to_owned() };
    UnplannedRow { recipient, suppression: None, sticky: None }
}

pub(crate) fn sent(number: u64) -> WorkerResult {
    let outcome = Outcome::Sent { provider_id: None };
    result(ResultBody::Attempt { message: message_id(number), attempt: 1, epoch: Epoch(1), outcome })
}

pub(crate) fn delivered(number: u64) -> WorkerResult {
    let id = KEY.wa_id(message_id(number));
    result(ResultBody::Receipt(Receipt { id, kind: ReceiptKind::Delivered }))
}

pub(crate) fn inbound(number: u64, text: &str) -> WorkerResult {
    let id = WaId::from_network(&format!("in-{number}"));
    result(ResultBody::Inbound(Inbound { id, from: person(number), text: text.to_owned() }))
}

fn result(body: ResultBody) -> WorkerResult {
    WorkerResult { sender: sender_id(1), at: noon(), body }
}
