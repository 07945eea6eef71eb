//! What a run is about: senders, people, campaigns, and how much goes wrong. All of it drawn from the seed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use paceline_domain::{
    Address, ApiKeyId, CampaignId, CampaignMove, ChannelKind, Minter, PhoneNumber, Repeats, SenderId, UnknownPolicy,
    UploadId, WorkspaceId, WorkspaceKey,
};
use paceline_ledger::Ledger;
use paceline_pacing::{Gap, Profile, Profiles, Seed, Typing};
use paceline_store::{
    campaigns::{CampaignDefinition, CampaignStore as _, NewCampaign},
    recipients::{RecipientStore as _, UploadOpening, UploadRow},
    senders::{NewSender, SenderStore as _},
    workspaces::{ApiKey, Workspace, WorkspaceStore as _},
};

use crate::{
    chance::Chance,
    clock::WorldClock,
    memory::Memory,
    network::Network,
    world::{Store, at_once},
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
pub(crate) fn store(chance: &mut Chance) -> Store {
    let now = beginning();
    let clock = WorldClock::at(now);
    let maps = Memory::new({
        let clock = clock.clone();
        move || clock.now()
    });
    let ledger = Ledger::new(maps.clone(), Arc::new(Minter::new(chance.bytes())));
    let (workspace, key) = (WorkspaceId::from_parts(now, chance.bytes()), WorkspaceKey::from_bytes(chance.bytes()));
    let store = Store { ledger, maps, clock, workspace, key };
    add_workspace(&store, chance);
    for number in 0..chance.between(1, 3) {
        let sender = sender(chance, workspace, number);
        at_once(store.ledger.add_sender(sender)).expect(NEW);
    }
    let campaigns = chance.between(1, 2);
    for number in 1..=campaigns {
        add_campaign(&store, chance, number);
    }
    store
}

/// Why nothing is refused while a run is set up.
const NEW: &str = "the store is new and takes what it is given";

fn add_workspace(store: &Store, chance: &mut Chance) {
    let now = beginning();
    let workspace = Workspace {
        id: store.workspace,
        name: "simulation".to_owned(),
        key: store.key.clone(),
        unknown_policy: UnknownPolicy::Hold,
        created_at: now,
    };
    let (id, hash) = (ApiKeyId::from_parts(now, chance.bytes()), chance.bytes());
    let key = ApiKey { id, workspace: store.workspace, name: "simulation".to_owned(), hash, created_at: now };
    at_once(store.ledger.bootstrap(workspace, key)).expect(NEW);
}

fn sender(chance: &mut Chance, workspace: WorkspaceId, number: u32) -> NewSender {
    let now = beginning();
    let profile = match chance.place(5) {
        0 | 1 => "quick",
        2 => "capped",
        _ => "gentle",
    };
    NewSender {
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
        created_at: now,
    }
}

fn phone(number: u32) -> PhoneNumber {
    format!("+1555{number:07}").parse().expect("it is E.164")
}

/// A person by number.
pub(crate) fn person(number: u32) -> Address {
    Address::phone(phone(number))
}

fn add_campaign(store: &Store, chance: &mut Chance, number: u32) {
    let now = beginning();
    let id = CampaignId::from_parts(now, chance.bytes());
    let count = chance.between(3, 16);
    // The second campaign writes to some of the same people.
    let first = chance.between(1, 6) * number;
    let rows: Vec<UploadRow> =
        (1..=count).map(|row| recipient(&store.key, chance, (number, row), first + row)).collect();
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
    let campaign = NewCampaign { id, workspace: store.workspace, definition, created_at: now };
    at_once(store.ledger.create_campaign(campaign)).expect(NEW);
    upload(store, id, UploadId::from_parts(now, chance.bytes()), rows);
    at_once(store.ledger.move_campaign(store.workspace, id, CampaignMove::Start, now)).expect(NEW);
}

fn upload(store: &Store, campaign: CampaignId, upload: UploadId, rows: Vec<UploadRow>) {
    let ttl = Duration::from_mins(1);
    let opening = at_once(store.ledger.open_upload(store.workspace, campaign, upload, ttl)).expect(NEW);
    let UploadOpening::Opened(open) = opening else { panic!("{NEW}: {opening:?}") };
    at_once(store.ledger.append_recipients(open, rows, ttl)).expect(NEW);
    at_once(store.ledger.commit_upload(open, vec!["number".to_owned()])).expect(NEW);
}

fn recipient(key: &WorkspaceKey, chance: &mut Chance, (campaign, row): (u32, u32), who: u32) -> UploadRow {
    let address = person(who);
    let hash = key.hash_address(&address);
    // Now and then a row lacks what its text needs.
    let lacks = chance.happens(40);
    let variables = if lacks { "{}".to_owned() } else { format!("{{\"number\":\"{campaign}-{row}\"}}") };
    UploadRow::Recipient { row: i64::from(row), address, hash, variables }
}
