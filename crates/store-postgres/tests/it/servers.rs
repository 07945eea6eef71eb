//! Two servers on one database: what only one may have, one has.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paceline_domain::{EventKind, SenderId, WorkerId};
use paceline_store::{
    conformance::builders::{HOUR, World, noon},
    deliveries::{DeliveryOutcome, NextTry},
    endpoints::Endpoint,
    idempotency::{ClaimOutcome, IdempotencyClaim},
    leases::{LeaseWish, Renewal},
    suppressions::SuppressionAddition,
};
use paceline_store_postgres::{Statements, testing::TestDatabase};

use crate::{database, open, options};

/// One workspace as two servers see it, which mint different ids. One prepares its statements, the other does not.
async fn two_servers(database: &TestDatabase) -> [World; 2] {
    let one = World::new(Arc::new(open(options(database)).await)).await;
    let mut prepared = options(database);
    prepared.statements = Statements::Prepared;
    let store = paceline_store_postgres::open(prepared, Arc::new(paceline_domain::Minter::new([9; 32])));
    let two = World { store: Arc::new(store.await.unwrap()), ..one.clone() };
    [one, two]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_first_starts_one_makes_the_workspace() {
    let database = database().await;
    let (one, two) = (open(options(&database)).await, open(options(&database)).await);
    let starts = [(one, 1), (two, 2)].map(|(store, seed)| {
        let minter = paceline_domain::Minter::new([seed; 32]);
        tokio::spawn(async move {
            let (workspace, key) = paceline_store::conformance::builders::first_workspace(&minter, noon());
            paceline_store::workspaces::WorkspaceStore::bootstrap(&store, workspace, key).await.unwrap()
        })
    });
    let mut made = 0;
    for start in starts {
        made += u32::from(start.await.unwrap() == paceline_store::workspaces::Bootstrap::Created);
    }
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_servers_never_hold_one_sender() {
    let database = database().await;
    let servers = two_servers(&database).await;
    for number in 0..40 {
        servers[0].add_sender(number, "main").await;
    }
    let mut workers = Vec::new();
    for number in 0..8 {
        let world = servers[number % 2].as_another_worker();
        workers.push(tokio::spawn(take_leases(world)));
    }
    let mut held = BTreeSet::new();
    for worker in workers {
        for sender in worker.await.unwrap() {
            assert!(held.insert(sender), "held twice");
        }
    }
    assert_eq!(held.len(), 40);
}

/// Takes leases a few at a time until there are none, and renews what it holds as it goes.
async fn take_leases(world: World) -> Vec<SenderId> {
    let mut held = Vec::new();
    loop {
        let wish = LeaseWish { slots: 3, ..world.wish() };
        let leases = world.store.claim_leases(wish).await.unwrap();
        if leases.is_empty() {
            // A claim passes over what another claim holds at that moment: it may be there the next time.
            let all = world.store.list_fleet_senders(paceline_store::fleet::Which::Active).await.unwrap();
            if all.iter().all(|sender| sender.lease.is_some()) {
                return held.into_iter().map(|(sender, _)| sender).collect();
            }
            continue;
        }
        held.extend(leases.into_iter().map(|lease| (lease.sender.id, lease.epoch)));
        let renewed = world.store.renew_leases(&held, HOUR).await.unwrap();
        assert!(renewed.iter().all(|(_, renewal)| matches!(renewal, Renewal::Held(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_claimed_on_one_server_only() {
    let database = database().await;
    let servers = two_servers(&database).await;
    for round in 0..20 {
        let mut claims = Vec::new();
        for number in 0..6 {
            let world = servers[number % 2].clone();
            let claim = IdempotencyClaim { workspace: world.workspace, key: format!("key {round}"), ttl: HOUR };
            claims.push(tokio::spawn(async move { world.store.claim_idempotency_key(claim).await.unwrap() }));
        }
        let mut claimed = 0;
        for claim in claims {
            claimed += u32::from(claim.await.unwrap() == ClaimOutcome::Claimed);
        }
        assert_eq!(claimed, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numberers_and_writers_at_once_leave_no_gap_and_no_repetition() {
    let database = database().await;
    let servers = two_servers(&database).await;
    servers[0].add_sender(1, "main").await;
    let mut campaigns = Vec::new();
    for _ in 0..12 {
        campaigns.push(servers[0].started(servers[0].definition("main"), 0..1).await);
    }
    // Each is started, paused and resumed three times; and the sender was connected.
    let expected = campaigns.len() * 7 + 1;
    let mut tasks = Vec::new();
    for (number, campaign) in campaigns.into_iter().enumerate() {
        let world = servers[number % 2].clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..3 {
                world.move_campaign(campaign, paceline_domain::CampaignMove::Pause).await;
                world.move_campaign(campaign, paceline_domain::CampaignMove::Resume).await;
            }
        }));
    }
    let reader = tokio::spawn(read_on(servers[0].clone(), expected));
    for server in servers {
        tokio::spawn(async move { while server.store.number_events(5).await.is_ok() {} });
    }
    for task in tasks {
        task.await.unwrap();
    }
    let numbers = tokio::time::timeout(Duration::from_mins(1), reader).await.unwrap().unwrap();
    let first = numbers[0];
    assert_eq!(numbers, (first..).take(expected).collect::<Vec<_>>(), "every number, in order, once");
}

/// Reads by number until it has seen so many events.
async fn read_on(world: World, expected: usize) -> Vec<i64> {
    let mut numbers = Vec::new();
    while numbers.len() < expected {
        let after = numbers.last().copied().unwrap_or(0);
        let events = world.store.list_events(world.workspace, after, 3).await.unwrap();
        numbers.extend(events.into_iter().map(|event| event.sequence));
    }
    numbers
}

fn endpoint(world: &World) -> Endpoint {
    Endpoint {
        id: world.id(),
        workspace: world.workspace,
        url: "https://example.com/hook".to_owned(),
        events: vec![EventKind::CampaignPaused],
        secret: "whsec_x".to_owned(),
        created_at: world.now,
        failing_since: None,
        disabled: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispatchers_of_two_servers_keep_to_the_share_of_an_endpoint() {
    let database = database().await;
    let servers = two_servers(&database).await;
    let world = &servers[0];
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..1).await;
    world.store.add_endpoint(endpoint(world)).await.unwrap();
    for _ in 0..30 {
        world.move_campaign(campaign, paceline_domain::CampaignMove::Pause).await;
        world.move_campaign(campaign, paceline_domain::CampaignMove::Resume).await;
    }
    let mut dispatchers = Vec::new();
    for number in 0..6 {
        let world = servers[number % 2].clone();
        dispatchers.push(tokio::spawn(async move { world.store.claim_deliveries(100, 7, HOUR).await.unwrap() }));
    }
    let mut claimed = Vec::new();
    for dispatcher in dispatchers {
        claimed.extend(dispatcher.await.unwrap());
    }
    assert_eq!(claimed.len(), 7, "the share of one endpoint, whoever claims");
    let delivered = |delivery: &paceline_store::deliveries::ClaimedDelivery| DeliveryOutcome {
        id: delivery.id,
        token: delivery.token,
        status: Some(200),
        next: NextTry::Delivered,
    };
    let outcomes: Vec<_> = claimed.iter().map(delivered).collect();
    let (one, two) = tokio::join!(
        servers[0].store.record_deliveries(&outcomes, HOUR, world.now),
        servers[1].store.record_deliveries(&outcomes, HOUR, world.now)
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(world.store.figures().await.unwrap().deliveries_waiting, 23);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_removed_under_load_leaves_no_delivery_behind() {
    let database = database().await;
    let servers = two_servers(&database).await;
    let world = servers[0].clone();
    world.add_sender(1, "main").await;
    let mut writers = Vec::new();
    for number in 0..6 {
        let world = servers[number % 2].clone();
        let campaign = world.started(world.definition("main"), 0..1).await;
        writers.push(tokio::spawn(async move {
            for _ in 0..10 {
                world.move_campaign(campaign, paceline_domain::CampaignMove::Pause).await;
                world.move_campaign(campaign, paceline_domain::CampaignMove::Resume).await;
            }
        }));
    }
    for _ in 0..10 {
        let added = world.store.add_endpoint(endpoint(&world)).await.unwrap();
        assert!(world.store.remove_endpoint(world.workspace, added.id).await.unwrap());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    while world.store.end_deliveries(3).await.unwrap() > 0 {}
    assert_eq!(world.store.figures().await.unwrap().deliveries_waiting, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_suppressed_once_however_many_say_so() {
    let database = database().await;
    let servers = two_servers(&database).await;
    let mut additions = Vec::new();
    for number in 0..8 {
        let world = servers[number % 2].clone();
        let suppression = world.suppression(7);
        additions.push(tokio::spawn(async move { world.store.add_suppression(suppression, world.now).await.unwrap() }));
    }
    let mut added = 0;
    for addition in additions {
        added += u32::from(matches!(addition.await.unwrap(), SuppressionAddition::Added { .. }));
    }
    assert_eq!(added, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_report_and_are_forgotten_at_once_on_two_servers() {
    let database = database().await;
    let servers = two_servers(&database).await;
    let report = |world: &World, id: WorkerId| paceline_store::fleet::WorkerReport {
        id,
        host: "here".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        pinned: None,
        slots: 1,
        channels: world.wish().channels,
        listen: None,
        resident_bytes: 1,
        draining: false,
    };
    let mut reports = Vec::new();
    for number in 0..40 {
        let world = servers[number % 2].clone();
        let report = report(&world, world.id());
        let ttl = if number % 4 < 2 { HOUR } else { Duration::ZERO };
        reports.push(tokio::spawn(async move { world.store.report_worker(report, ttl).await.unwrap() }));
    }
    for report in reports {
        report.await.unwrap();
    }
    assert_eq!(servers[1].store.list_workers().await.unwrap().len(), 20);
}
