//! What a run is about: senders, people, campaigns, and how much goes wrong. All of it drawn from the seed.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use paceline_domain::{
    Account, Address, CampaignId, CampaignMove, CampaignState, ChannelKind, Epoch, PhoneNumber, Repeats, SenderId,
    SenderState, SessionState, WorkspaceId, WorkspaceKey,
};
use paceline_pacing::{Gap, PaceState, Profile, Profiles, Seed, Typing};
use paceline_store::{
    campaigns::{Campaign, CampaignDefinition},
    recipients::RecipientRow,
    senders::Sender,
};

use crate::{
    chance::Chance,
    memory::{Memory, SenderRow},
    network::Network,
};

/// The name of the one pool.
pub(crate) const POOL: &str = "main";

/// When every run begins.
pub(crate) fn beginning() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(12)
}

/// The profiles of every run.
pub(crate) fn profiles() -> Arc<Profiles> {
    let gap = Gap { median_seconds: 0.7, sigma: 0.5, min_seconds: 0.2, max_seconds: 3.0 };
    let typing = Typing { chars_per_second: 60.0, min_seconds: 0.1, max_seconds: 0.6 };
    let gentle = Profile { version: 1, gap: Some(gap), typing: Some(typing), daily_cap: None, per_second: 5 };
    let capped = Profile { daily_cap: Some(9), ..gentle.clone() };
    let quick = Profile { gap: None, typing: None, per_second: 8, ..gentle.clone() };
    let named = [("gentle", gentle), ("capped", capped), ("quick", quick)];
    let named: BTreeMap<_, _> = named.into_iter().map(|(name, profile)| (name.to_owned(), profile)).collect();
    Arc::new(Profiles::new(named).expect("the profiles of the simulation are lawful"))
}

/// The network of a run.
pub(crate) fn network(chance: &mut Chance) -> Network {
    if chance.happens(650) {
        Network::new(Repeats::Dropped, false)
    } else {
        let names_sends = chance.happens(500);
        Network::new(Repeats::Delivered, names_sends)
    }
}

/// The store of a run, with its senders, people and campaigns.
pub(crate) fn memory(chance: &mut Chance) -> Memory {
    let now = beginning();
    let workspace = WorkspaceId::from_parts(now, chance.bytes());
    let mut memory = Memory::new(now, workspace, WorkspaceKey::from_bytes(chance.bytes()));
    for number in 0..chance.between(1, 3) {
        let sender = sender(chance, workspace, number);
        let row = SenderRow { epoch: Epoch(0), lease: None, session: None, sender };
        memory.senders.insert(row.sender.id, row);
    }
    let campaigns = chance.between(1, 2);
    for number in 1..=campaigns {
        add_campaign(&mut memory, chance, number);
    }
    memory
}

fn sender(chance: &mut Chance, workspace: WorkspaceId, number: u32) -> Sender {
    let now = beginning();
    let profile = match chance.place(5) {
        0 | 1 => "quick",
        2 => "capped",
        _ => "gentle",
    };
    Sender {
        id: SenderId::from_parts(now, chance.bytes()),
        workspace,
        phone: phone(9_000 + number),
        channel: ChannelKind::Simulator,
        name: format!("sender {number}"),
        account: None,
        pools: vec![POOL.to_owned()],
        profile: profile.to_owned(),
        zone: Tz::UTC,
        seed: Seed(i64::from(number)),
        state: SenderState::Active,
        pace: PaceState::default(),
        session: SessionState::Unpaired,
        session_at: None,
        session_detail: None,
        pairing_code: None,
        suspension: None,
        lease: None,
        created_at: now,
        last_sent_at: None,
    }
}

fn phone(number: u32) -> PhoneNumber {
    format!("+1555{number:07}").parse().expect("it is E.164")
}

/// A person by number.
pub(crate) fn person(number: u32) -> Address {
    Address::phone(phone(number))
}

fn add_campaign(memory: &mut Memory, chance: &mut Chance, number: u32) {
    let now = beginning();
    let id = CampaignId::from_parts(now, chance.bytes());
    let count = chance.between(3, 16);
    // The second campaign writes to some of the same people.
    let first = chance.between(1, 6) * number;
    let rows: Vec<RecipientRow> =
        (1..=count).map(|row| recipient(memory, chance, (number, row), first + row)).collect();
    let start_at = (number > 1).then(|| now + chance.millis(0, 12_000));
    let expires_at = chance.happens(150).then(|| now + chance.millis(8_000, 40_000));
    let definition = CampaignDefinition {
        name: format!("campaign {number}"),
        template: "Hello! This is {{ number }}.".to_owned(),
        pool: POOL.to_owned(),
        default_region: None,
        phone_column: None,
        start_at,
        expires_at,
    };
    let campaign = Campaign {
        id,
        workspace: memory.workspace,
        definition,
        state: CampaignState::Draft,
        columns: vec!["number".to_owned()],
        rows: i64::from(count),
        planned_through: 0,
        account: Account::default(),
        excluded: BTreeMap::new(),
        failed: BTreeMap::new(),
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    memory.campaigns.insert(id, campaign);
    memory.recipients.insert(id, rows);
    let attempted = if start_at.is_some() { CampaignMove::Schedule } else { CampaignMove::Start };
    memory.move_campaign(id, attempted, now);
}

fn recipient(memory: &Memory, chance: &mut Chance, (campaign, row): (u32, u32), who: u32) -> RecipientRow {
    let address = person(who);
    let hash = memory.key.hash_address(&address);
    // Now and then a row lacks what its text needs.
    let lacks = chance.happens(40);
    let variables = if lacks { "{}".to_owned() } else { format!("{{\"number\":\"{campaign}-{row}\"}}") };
    RecipientRow { row: i64::from(row), address, hash, variables }
}
