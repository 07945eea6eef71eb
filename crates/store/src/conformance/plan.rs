//! Planning: every accepted row is decided once.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{
    CampaignId, CampaignMove, Exclusion, Lane, MessageState, SenderId, SenderState, SuppressionReason, SuppressionScope,
};

use super::builders::{World, address, first};
use crate::{
    Store, StoreError,
    campaigns::CampaignDefinition,
    plan::{PlannedBatch, UnplannedRow},
    suppressions::Suppression,
};

impl World {
    async fn planning(&self) -> Vec<CampaignId> {
        let planning = self.store.list_planning(10).await.unwrap();
        planning.into_iter().map(|it| it.campaign.id).collect()
    }

    async fn unplanned(&self, campaign: CampaignId) -> Vec<UnplannedRow> {
        let campaign = self.campaign(campaign).await;
        self.store.list_unplanned(&campaign, campaign.planned_through, 100).await.unwrap()
    }

    async fn sticky_of(&self, pool: &str, person: u32) -> Option<SenderId> {
        let campaign = self.started(self.definition(pool), [person]).await;
        self.unplanned(campaign).await[0].sticky
    }

    async fn sent_by(&self, sender: SenderId, person: u32) {
        let lease = self.lease(sender).await;
        let route = crate::messages::Route::Sender(sender);
        self.accept(self.new_message(person, route)).await;
        assert_eq!(self.send_all(&lease).await.len(), 1);
        self.store.release_lease(sender, lease.epoch).await.unwrap();
    }
}

fn assert_conflict(answer: &Result<(), StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
}

pub async fn running_campaigns_with_undecided_rows_are_planned_oldest_start_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let draft = world.draft(world.definition("main")).await;
    world.upload(draft, 0..1).await;
    let late = world.draft(world.definition("main")).await;
    world.upload(late, 0..1).await;
    let early = world.started(world.definition("main"), 0..1).await;
    let paused = world.started(world.definition("main"), 0..1).await;
    world.move_campaign(paused, CampaignMove::Pause).await;
    world.planned("main", 0..1).await;
    world.later(TimeDelta::minutes(1)).move_campaign(late, CampaignMove::Start).await;
    assert_eq!(world.planning().await, [early, late]);
    let planning = world.store.list_planning(1).await.unwrap();
    assert_eq!(planning.len(), 1);
    assert_eq!((planning[0].campaign.id, &planning[0].key), (early, &world.key));
}

pub async fn undecided_rows_come_in_order_without_the_excluded(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let id = world.started(world.definition("main"), [1, 2, 2, 3, 4]).await;
    let campaign = world.campaign(id).await;
    let list = async |after, limit| {
        let rows = world.store.list_unplanned(&campaign, after, limit).await.unwrap();
        rows.into_iter().map(|row| row.recipient.row).collect::<Vec<_>>()
    };
    assert_eq!(list(0, 3).await, [1, 2, 4]);
    assert_eq!(list(4, 3).await, [5]);
    assert!(list(5, 3).await.is_empty());
}

pub async fn a_planned_row_becomes_a_waiting_message(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let expires_at = Some(world.now + TimeDelta::hours(5));
    let definition = CampaignDefinition { expires_at, ..world.definition("main") };
    let campaign = world.started(definition, 3..5).await;
    let batch = world.next_plan(campaign, 100).await;
    world.store.record_plan(batch.clone()).await.unwrap();

    let planned = &batch.messages[0];
    let message = world.message(planned.id).await;
    assert_eq!((message.state, message.lane), (MessageState::Waiting, Lane::Campaign));
    assert_eq!((message.campaign, message.row), (Some(campaign), Some(1)));
    assert_eq!((&message.to, &message.content, &message.wa_id), (&address(3), &planned.content, &planned.wa_id));
    assert_eq!((message.sender, message.pool.as_deref()), (None, Some("main")));
    assert_eq!((message.expires_at, message.created_at), (expires_at, world.now));
    assert_eq!((message.attempts, message.release, message.reason), (0, None, None));
    let account = world.balanced(campaign).await;
    assert_eq!((account.planned, account.waiting), (2, 2));
    assert_eq!(world.campaign(campaign).await.planned_through, 2);
    assert_eq!(world.planning().await, []);
}

pub async fn an_excluded_row_is_counted_and_listed_and_no_message(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..3).await;
    let batch = world.next_plan(campaign, 100).await;
    let exclusion = Exclusion::MissingVariable { variable: "name".to_owned() };
    let excluded = batch.messages[1].recipient.clone();
    let messages = vec![batch.messages[0].clone(), batch.messages[2].clone()];
    let batch = PlannedBatch { messages, exclusions: vec![(excluded, exclusion.clone())], ..batch };
    world.store.record_plan(batch).await.unwrap();

    let seen = world.campaign(campaign).await;
    assert_eq!((seen.planned_through, seen.excluded["missing_variable"]), (3, 1));
    assert_eq!(world.balanced(campaign).await.planned, 2);
    let page = world.store.list_exclusions(world.workspace, campaign, first(10)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!((page.items[0].row, &page.items[0].exclusion), (2, &exclusion));
    let phone = address(1).phone.unwrap();
    assert_eq!(page.items[0].phone.as_deref(), Some(phone.as_e164()));
}

pub async fn a_campaign_is_planned_batch_by_batch(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), [1, 1, 2, 3, 3, 4, 5, 5]).await;
    for (after, through, planned) in [(0, 3, 2), (3, 6, 4), (6, 8, 5)] {
        let batch = world.next_plan(campaign, 2).await;
        assert_eq!((batch.after_row, batch.through_row), (after, through));
        world.store.record_plan(batch).await.unwrap();
        assert_eq!(world.balanced(campaign).await.planned, planned);
    }
    assert_eq!(world.planning().await, []);
}

pub async fn a_stale_planner_is_refused_and_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..4).await;
    let stale = world.next_plan(campaign, 2).await;
    world.store.record_plan(world.next_plan(campaign, 2).await).await.unwrap();
    let unseen = stale.messages[0].id;
    let empty = PlannedBatch { messages: Vec::new(), through_row: 1, ..stale.clone() };
    assert_conflict(&world.store.record_plan(stale).await);
    assert_conflict(&world.store.record_plan(empty).await);
    assert_eq!(world.store.find_message(world.workspace, unseen).await.unwrap(), None);
    assert_eq!(world.balanced(campaign).await.planned, 2);
    assert_eq!(world.campaign(campaign).await.planned_through, 2);
}

pub async fn of_planners_at_once_one_decides(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..20).await;
    let mut batches = Vec::new();
    for _ in 0..4 {
        batches.push(world.next_plan(campaign, 100).await);
    }
    let plans: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.record_plan(batch).await })
        })
        .collect();
    let mut decided = 0;
    for plan in plans {
        match plan.await.unwrap() {
            Ok(()) => decided += 1,
            refused => assert_conflict(&refused),
        }
    }
    assert_eq!(decided, 1);
    assert_eq!(world.balanced(campaign).await.planned, 20);
}

pub async fn a_campaign_that_no_longer_runs_is_not_planned(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    for stop in [CampaignMove::Pause, CampaignMove::Cancel] {
        let campaign = world.started(world.definition("main"), 0..2).await;
        let batch = world.next_plan(campaign, 100).await;
        world.move_campaign(campaign, stop).await;
        assert_conflict(&world.store.record_plan(batch).await);
        assert_eq!(world.balanced(campaign).await.planned, 0);
    }
}

pub async fn what_a_cancelled_campaign_never_planned_is_a_figure_of_its_own(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    // Seven people, one of them twice.
    let campaign = world.started(world.definition("main"), [0, 1, 2, 3, 4, 5, 6, 0]).await;
    let all_rows = async || {
        let campaign = world.campaign(campaign).await;
        (campaign.account.planned, campaign.excluded.values().sum::<i64>(), campaign.unplanned())
    };
    let batch = world.next_plan(campaign, 3).await;
    world.store.record_plan(batch).await.unwrap();
    assert_eq!(all_rows().await, (3, 1, 0), "the others may still be planned");
    world.move_campaign(campaign, CampaignMove::Cancel).await;
    assert_eq!(all_rows().await, (3, 1, 4));
    while world.store.cancel_messages(world.now, 2).await.unwrap() > 0 {}
    let account = world.balanced(campaign).await;
    assert_eq!((account.planned, account.cancelled), (3, 3));
    assert_eq!(all_rows().await, (3, 1, 4), "for good");
    let listed = world.store.list_campaigns(world.workspace, first(10)).await.unwrap().items;
    assert_eq!(listed[0].unplanned(), 4);
}

pub async fn a_planner_sees_who_is_suppressed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let suppression = Suppression { scope: SuppressionScope::Marketing, ..world.suppression(1) };
    world.store.add_suppression(suppression.clone(), world.now).await.unwrap();
    let campaign = world.started(world.definition("main"), 0..3).await;
    let seen: Vec<_> = world.unplanned(campaign).await.into_iter().map(|row| row.suppression).collect();
    assert_eq!(seen, [None, Some(suppression), None]);
}

pub async fn who_was_suppressed_since_becomes_an_exclusion(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..3).await;
    let batch = world.next_plan(campaign, 100).await;
    let later = world.later(TimeDelta::seconds(1));
    let all = later.suppression(0);
    let marketing =
        Suppression { scope: SuppressionScope::Marketing, reason: SuppressionReason::Provider, ..later.suppression(2) };
    world.store.add_suppression(all, later.now).await.unwrap();
    world.store.add_suppression(marketing, later.now).await.unwrap();
    let ids: Vec<_> = batch.messages.iter().map(|message| message.id).collect();
    world.store.record_plan(batch).await.unwrap();

    assert_eq!(world.balanced(campaign).await.planned, 1);
    let campaign = world.campaign(campaign).await;
    assert_eq!((campaign.planned_through, campaign.excluded["suppressed"]), (3, 2));
    assert_eq!(world.store.find_message(world.workspace, ids[0]).await.unwrap(), None);
    assert_eq!(world.message(ids[1]).await.state, MessageState::Waiting);
    let page = world.store.list_exclusions(world.workspace, campaign.id, first(10)).await.unwrap();
    let exclusions: Vec<_> = page.items.into_iter().map(|row| (row.row, row.exclusion)).collect();
    let since = later.now;
    let expected = [
        (1, Exclusion::Suppressed { since, why: SuppressionReason::Manual }),
        (3, Exclusion::Suppressed { since, why: SuppressionReason::Provider }),
    ];
    assert_eq!(exclusions, expected);
}

pub async fn a_contact_is_sticky_to_the_active_sender_of_the_pool_that_wrote_last(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let one = world.add_sender(1, "main").await;
    let two = world.add_sender(2, "main").await;
    world.add_sender(3, "other").await;
    assert_eq!(world.sticky_of("main", 1).await, None);
    world.sent_by(one, 1).await;
    assert_eq!(world.sticky_of("main", 1).await, Some(one));
    assert_eq!(world.sticky_of("other", 1).await, None, "the sender is not of that pool");
    assert_eq!(world.sticky_of("main", 2).await, None, "nobody wrote to this person");
    world.later(TimeDelta::minutes(1)).sent_by(two, 1).await;
    assert_eq!(world.sticky_of("main", 1).await, Some(two));
    world.move_sender(two, SenderState::Paused).await;
    assert_ne!(world.sticky_of("main", 1).await, Some(two), "a paused sender is nobody's");
    world.move_sender(two, SenderState::Active).await;
    assert_eq!(world.sticky_of("main", 1).await, Some(two));
}

pub async fn a_sticky_message_is_bound_from_the_start(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let one = world.add_sender(1, "main").await;
    world.add_sender(2, "main").await;
    world.sent_by(one, 1).await;
    let (_, messages) = world.planned("main", [1, 2]).await;
    assert_eq!(world.message(messages[0]).await.sender, Some(one));
    assert_eq!(world.message(messages[1]).await.sender, None);
}

pub async fn a_sticky_sender_that_was_removed_since_keeps_nobody_waiting(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let goes = world.add_sender(1, "main").await;
    let stays = world.add_sender(2, "main").await;
    world.sent_by(goes, 1).await;
    let campaign = world.started(world.definition("main"), [1]).await;
    let batch = world.next_plan(campaign, 10).await;
    assert_eq!(batch.messages[0].sticky, Some(goes));
    world.move_sender(goes, SenderState::Removed).await;
    world.store.record_plan(batch).await.unwrap();
    let released = world.claim_for(stays, 1).await;
    assert_eq!(released.iter().map(|it| it.sender).collect::<Vec<_>>(), [stays]);
}
