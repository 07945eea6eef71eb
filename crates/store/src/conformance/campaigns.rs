//! Campaigns: drafts, moves by compare-and-set, lists and figures.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{Account, CampaignMove, CampaignState, EventKind, Exclusion, MessageState, MoveRefused, Outcome};

use super::{
    Dice,
    builders::{HOUR, World, accepted, first, walk},
};
use crate::{
    PageRequest, Store,
    campaigns::{CampaignDefinition, CampaignOutcome, DefinitionChange, NewCampaign},
    recipients::UploadRow,
};

pub async fn a_draft_is_kept_as_it_was_made(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let definition = CampaignDefinition {
        default_region: Some("BR".to_owned()),
        phone_column: Some("Número".to_owned()),
        start_at: Some(world.now + TimeDelta::microseconds(1)),
        expires_at: Some(world.now + TimeDelta::days(1)),
        ..world.definition("main")
    };
    let new = NewCampaign {
        id: world.id(),
        workspace: world.workspace,
        definition: definition.clone(),
        created_at: world.now,
    };
    let created = world.store.create_campaign(new.clone()).await.unwrap();
    assert_eq!(world.campaign(new.id).await, created);
    assert_eq!((created.state, created.definition), (CampaignState::Draft, definition));
    assert_eq!((created.rows, created.planned_through, created.account), (0, 0, Account::default()));
    assert_eq!((created.columns.len(), created.excluded.len(), created.failed.len()), (0, 0, 0));
    assert_eq!((created.created_at, created.started_at, created.ended_at), (world.now, None, None));
}

pub async fn the_same_creation_twice_is_one_campaign(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let new = NewCampaign {
        id: world.id(),
        workspace: world.workspace,
        definition: world.definition("main"),
        created_at: world.now,
    };
    let created = world.store.create_campaign(new.clone()).await.unwrap();
    let other = NewCampaign { definition: world.definition("other"), ..new };
    assert_eq!(world.store.create_campaign(other).await.unwrap(), created);
}

pub async fn a_campaign_of_another_workspace_is_not_found(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let other = world.id();
    assert_eq!(world.store.find_campaign(other, campaign).await.unwrap(), None);
    assert_eq!(world.store.list_campaigns(other, first(10)).await.unwrap().items, []);
    let change = DefinitionChange { from: world.definition("main"), to: world.definition("x") };
    let updated = world.store.update_campaign(other, campaign, change).await.unwrap();
    assert_eq!(updated, CampaignOutcome::NotFound);
    let moved = world.store.move_campaign(other, campaign, CampaignMove::Cancel, world.now).await.unwrap();
    assert_eq!(moved, CampaignOutcome::NotFound);
    assert_eq!(world.campaign(campaign).await.state, CampaignState::Draft);
}

pub async fn only_a_draft_changes_its_definition(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "other").await;
    let campaign = world.draft(world.definition("main")).await;
    let update = |from, to| {
        let change = DefinitionChange { from: world.definition(from), to: world.definition(to) };
        world.store.update_campaign(world.workspace, campaign, change)
    };
    let CampaignOutcome::Changed(changed) = update("main", "other").await.unwrap() else { panic!("it is a draft") };
    assert_eq!(changed.definition, world.definition("other"));
    assert_eq!(world.campaign(campaign).await, *changed);
    assert_eq!(update("main", "third").await.unwrap(), CampaignOutcome::Overtaken, "it is not what it was");
    assert_eq!(world.campaign(campaign).await, *changed);
    world.upload(campaign, 0..1).await;
    world.move_campaign(campaign, CampaignMove::Start).await;
    assert_eq!(update("other", "main").await.unwrap(), CampaignOutcome::NotDraft(CampaignState::Running));
    assert_eq!(world.campaign(campaign).await.definition.pool, "other");
}

pub async fn a_campaign_without_recipients_or_senders_does_not_start(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    assert_eq!(world.attempt_move(campaign, CampaignMove::Start).await, CampaignOutcome::NoRecipients);
    world.upload(campaign, 0..1).await;
    let refused = world.attempt_move(campaign, CampaignMove::Start).await;
    assert_eq!(refused, CampaignOutcome::NoSenders { pool: "main".to_owned() });
    world.add_sender(1, "other").await;
    let refused = world.attempt_move(campaign, CampaignMove::Start).await;
    assert_eq!(refused, CampaignOutcome::NoSenders { pool: "main".to_owned() });
    assert_eq!(world.campaign(campaign).await.state, CampaignState::Draft);
    assert_eq!(world.events_of(EventKind::CampaignStarted).await, []);
    world.add_sender(2, "main").await;
    assert_eq!(world.move_campaign(campaign, CampaignMove::Start).await.state, CampaignState::Running);
}

pub async fn a_campaign_does_not_start_while_an_upload_is_open(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, 0..1).await;
    let upload = world.open_upload(campaign).await;
    assert_eq!(world.attempt_move(campaign, CampaignMove::Start).await, CampaignOutcome::UploadInProgress);
    world.store.abort_upload(upload).await.unwrap();
    world.move_campaign(campaign, CampaignMove::Start).await;
}

pub async fn each_move_is_recorded_with_its_event(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..2).await;
    let started = world.campaign(campaign).await;
    assert_eq!((started.state, started.started_at), (CampaignState::Running, Some(world.now)));
    let later = world.later(TimeDelta::minutes(5));
    assert_eq!(later.move_campaign(campaign, CampaignMove::Pause).await.state, CampaignState::Paused);
    assert_eq!(later.move_campaign(campaign, CampaignMove::Resume).await.state, CampaignState::Running);
    let cancelled = later.move_campaign(campaign, CampaignMove::Cancel).await;
    assert_eq!((cancelled.state, cancelled.ended_at), (CampaignState::Cancelled, Some(later.now)));
    assert_eq!(cancelled.started_at, Some(world.now));

    let events: Vec<_> =
        world.events().await.into_iter().filter(|it| it.kind.as_str().starts_with("campaign.")).collect();
    let kinds: Vec<_> = events.iter().map(|event| (event.kind, event.at)).collect();
    let expected = [
        (EventKind::CampaignStarted, world.now),
        (EventKind::CampaignPaused, later.now),
        (EventKind::CampaignResumed, later.now),
        (EventKind::CampaignCancelled, later.now),
    ];
    assert_eq!(kinds, expected);
    assert!(events.iter().all(|event| event.data.to_string().contains(&campaign.to_string())));
}

pub async fn a_start_before_start_at_schedules(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let start_at = world.now + TimeDelta::hours(1);
    let definition = CampaignDefinition { start_at: Some(start_at), ..world.definition("main") };
    let campaign = world.started(definition, 0..1).await;
    let scheduled = world.campaign(campaign).await;
    assert_eq!((scheduled.state, scheduled.started_at), (CampaignState::Scheduled, None));
    assert_eq!(world.events_of(EventKind::CampaignStarted).await, [], "it has not begun to send");
    let again = world.attempt_move(campaign, CampaignMove::Start).await;
    let CampaignOutcome::Refused(refused) = again else { panic!("{again:?}") };
    assert_eq!(refused.state, CampaignState::Scheduled);
    let due = world.later(TimeDelta::hours(1));
    let started = due.move_campaign(campaign, CampaignMove::Start).await;
    assert_eq!((started.state, started.started_at), (CampaignState::Running, Some(due.now)));
}

pub async fn of_two_starts_at_once_one_is_made(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, 0..1).await;
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.attempt_move(campaign, CampaignMove::Start).await })
        })
        .collect();
    let mut made = 0;
    for start in starts {
        match start.await.unwrap() {
            CampaignOutcome::Changed(_) => made += 1,
            refused => {
                let running = MoveRefused { state: CampaignState::Running, attempted: CampaignMove::Start };
                assert_eq!(refused, CampaignOutcome::Refused(running));
            }
        }
    }
    assert_eq!(made, 1);
    assert_eq!(world.events_of(EventKind::CampaignStarted).await.len(), 1);
}

pub async fn moves_go_exactly_as_the_domain_allows(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let mut dice = Dice::new(11);
    for _ in 0..12 {
        let campaign = world.draft(world.definition("main")).await;
        world.upload(campaign, 0..1).await;
        let mut state = CampaignState::Draft;
        for _ in 0..8 {
            let attempted =
                dice.pick(&[CampaignMove::Start, CampaignMove::Pause, CampaignMove::Resume, CampaignMove::Cancel]);
            match (state.after(attempted), world.attempt_move(campaign, attempted).await) {
                (Ok(next), CampaignOutcome::Changed(campaign)) => {
                    assert_eq!(campaign.state, next);
                    state = next;
                }
                (Err(expected), CampaignOutcome::Refused(refused)) => assert_eq!(refused, expected),
                (expected, answer) => panic!("{attempted} of {state}: {expected:?} but {answer:?}"),
            }
            assert_eq!(world.campaign(campaign).await.state, state);
        }
    }
}

pub async fn exclusions_are_listed_by_row_once_each(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let rows = (1..=5).map(|row| excluded(row, Some("12"))).collect();
    world.store.append_recipients(upload, rows, HOUR).await.unwrap();
    world.store.commit_upload(upload, Vec::new()).await.unwrap();
    let list = |page| world.store.list_exclusions(world.workspace, campaign, page);
    let walked = walk(list, |row| row.row, async || drop(world.upload(campaign, [1, 1]).await)).await;
    assert_eq!(walked, [1, 2, 3, 4, 5, 7]);
    let page = list(PageRequest { after: None, limit: 1 }).await.unwrap();
    assert_eq!(page.items[0].phone.as_deref(), Some("12"));
    assert_eq!(page.items[0].exclusion, Exclusion::InvalidPhone { detail: "too short".to_owned() });
}

pub async fn a_page_holds_at_most_a_thousand(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let rows = (1..=1_100).map(|row| excluded(row, None)).collect();
    world.store.append_recipients(upload, rows, HOUR).await.unwrap();
    world.store.commit_upload(upload, Vec::new()).await.unwrap();
    let list = |after| world.store.list_exclusions(world.workspace, campaign, PageRequest { after, limit: 5_000 });
    let page = list(None).await.unwrap();
    assert_eq!(page.items.len(), 1_000);
    let rest = list(page.next).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (100, None));
}

fn excluded(row: i64, phone: Option<&str>) -> UploadRow {
    let exclusion = Exclusion::InvalidPhone { detail: "too short".to_owned() };
    UploadRow::Excluded { row, phone: phone.map(str::to_owned), exclusion }
}

pub async fn campaigns_are_listed_newest_first_once_each(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut campaigns = Vec::new();
    for second in 0..5 {
        let world = world.later(TimeDelta::seconds(second));
        campaigns.push(world.draft(world.definition("main")).await);
    }
    campaigns.reverse();
    let later = world.later(TimeDelta::seconds(60));
    let list = |page| world.store.list_campaigns(world.workspace, page);
    let walked = walk(
        list,
        |campaign| campaign.id,
        async || {
            later.draft(later.definition("main")).await;
        },
    )
    .await;
    assert_eq!(walked, campaigns, "one that is newer than the cursor does not come up");
}

pub async fn each_sender_has_its_share_and_the_unbound_have_one(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, _) = world.planned("main", 0..6).await;
    let (first, second) = (world.lease(one).await, world.lease(two).await);
    let released = world.claim_for(one, 2).await;
    world.send(&first, &released, &accepted()).await;
    let released = world.claim_for(two, 1).await;
    world.send(&second, &released, &Outcome::Unknown).await;

    let shares = world.store.list_sender_shares(world.workspace, campaign).await.unwrap();
    let share = |sender| shares.iter().find(|share| share.sender == sender).map(|share| share.account).unwrap();
    assert_eq!(shares.len(), 3);
    assert_eq!((share(Some(one)).planned, share(Some(one)).sent), (2, 2));
    assert_eq!((share(Some(two)).planned, share(Some(two)).unknown), (1, 1));
    assert_eq!((share(None).planned, share(None).waiting), (3, 3));
    world.balanced(campaign).await;
}

pub async fn a_cancelled_campaign_keeps_its_messages_until_they_are_swept(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..2).await;
    let cancelled = world.move_campaign(campaign, CampaignMove::Cancel).await;
    assert_eq!(cancelled.account.waiting, 2);
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Waiting);
    world.balanced(campaign).await;
}
