//! Webhook endpoints and deliveries.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use paceline_domain::{CampaignId, CampaignMove, DisableReason, EndpointId, EventKind};

use super::builders::{AT_ONCE, HOUR, World, first, walk};
use crate::{
    Store,
    deliveries::{ClaimedDelivery, DeliveryOutcome, NextTry},
    endpoints::{Delivery, DeliveryState, Endpoint, RedeliverOutcome},
};

impl World {
    async fn add_endpoint(&self, events: &[EventKind]) -> Endpoint {
        let id: EndpointId = self.id();
        let endpoint = Endpoint {
            id,
            workspace: self.workspace,
            url: format!("https://example.org/{id}"),
            events: events.to_vec(),
            secret: "whsec_c2VjcmV0".to_owned(),
            created_at: self.now,
            failing_since: None,
            disabled: None,
        };
        assert_eq!(self.store.add_endpoint(endpoint.clone()).await.unwrap(), endpoint);
        endpoint
    }

    /// A started campaign: so many times paused, and resumed in between.
    async fn pauses(&self, pauses: u32) -> CampaignId {
        self.add_sender(1, "main").await;
        let campaign = self.started(self.definition("main"), 0..1).await;
        for pause in 0..pauses {
            let world = self.later(TimeDelta::seconds(pause.into()));
            world.move_campaign(campaign, CampaignMove::Pause).await;
            world.move_campaign(campaign, CampaignMove::Resume).await;
        }
        campaign
    }

    async fn claim_deliveries(&self, limit: u32, per_endpoint: u32, hold: Duration) -> Vec<ClaimedDelivery> {
        self.store.claim_deliveries(limit, per_endpoint, hold).await.unwrap()
    }

    async fn conclude_delivery(&self, claimed: &ClaimedDelivery, status: Option<u16>, next: NextTry) {
        self.conclude_impatiently(claimed, status, next, WEEK).await;
    }

    /// Answers the endpoints that were switched off.
    async fn conclude_impatiently(
        &self,
        claimed: &ClaimedDelivery,
        status: Option<u16>,
        next: NextTry,
        patience: Duration,
    ) -> Vec<(EndpointId, DisableReason)> {
        let outcome = DeliveryOutcome { id: claimed.id, token: claimed.token, status, next };
        self.store.record_deliveries(&[outcome], patience, self.now).await.unwrap()
    }

    async fn endpoint(&self, endpoint: EndpointId) -> Endpoint {
        let endpoints = self.store.list_endpoints(self.workspace).await.unwrap();
        endpoints.into_iter().find(|it| it.id == endpoint).expect("the endpoint exists")
    }

    async fn end_deliveries(&self) -> u64 {
        let mut ended = 0;
        loop {
            let swept = self.store.end_deliveries(2).await.unwrap();
            assert!(swept <= 2, "in pieces");
            ended += swept;
            if swept < 2 {
                return ended;
            }
        }
    }

    /// Claims and concludes until nothing is due. Answers how many tries that took.
    async fn post_all(&self, answer: impl Fn(&ClaimedDelivery) -> (Option<u16>, NextTry)) -> usize {
        let mut tries = 0;
        loop {
            let claimed = self.claim_deliveries(100, 100, HOUR).await;
            if claimed.is_empty() {
                return tries;
            }
            tries += claimed.len();
            assert!(tries < 1_000, "it never ends");
            for claimed in &claimed {
                let (status, next) = answer(claimed);
                self.conclude_delivery(claimed, status, next).await;
            }
        }
    }

    async fn deliveries(&self, endpoint: EndpointId) -> Vec<Delivery> {
        let page = self.store.list_deliveries(self.workspace, endpoint, first(100)).await.unwrap();
        page.expect("the endpoint exists").items
    }
}

const WEEK: Duration = Duration::from_hours(7 * 24);

const PAUSED: &[EventKind] = &[EventKind::CampaignPaused];

fn retry(after: Duration) -> NextTry {
    NextTry::Retry { after, error: "connection refused".to_owned() }
}

fn exhausted() -> NextTry {
    NextTry::Exhausted { error: "refused".to_owned() }
}

fn gone() -> NextTry {
    NextTry::Gone { error: "it answered 410".to_owned() }
}

pub async fn endpoints_are_added_once_listed_as_they_were_added_and_removed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let later = |seconds| world.later(TimeDelta::seconds(seconds));
    let endpoints = [
        world.add_endpoint(&[]).await,
        later(1).add_endpoint(&[EventKind::MessageSent, EventKind::MessageRead]).await,
        later(2).add_endpoint(PAUSED).await,
    ];
    let other = Endpoint { url: "https://example.org/other".to_owned(), ..endpoints[0].clone() };
    assert_eq!(world.store.add_endpoint(other).await.unwrap(), endpoints[0], "this addition was made before");
    assert_eq!(world.store.list_endpoints(world.workspace).await.unwrap(), endpoints);
    let other = world.id();
    assert_eq!(world.store.list_endpoints(other).await.unwrap(), []);
    assert!(!world.store.remove_endpoint(other, endpoints[0].id).await.unwrap());
    assert!(world.store.remove_endpoint(world.workspace, endpoints[0].id).await.unwrap());
    assert!(!world.store.remove_endpoint(world.workspace, endpoints[0].id).await.unwrap());
    assert_eq!(world.store.list_endpoints(world.workspace).await.unwrap(), endpoints[1..]);
}

pub async fn an_event_is_delivered_to_the_endpoints_that_want_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let paused = world.add_endpoint(PAUSED).await;
    let all = world.add_endpoint(&[]).await;
    let none = world.add_endpoint(&[EventKind::WebhookExhausted]).await;
    world.pauses(1).await;
    let late = world.add_endpoint(&[]).await;
    let kinds = async |endpoint: &Endpoint| {
        let mut kinds: Vec<_> = world.deliveries(endpoint.id).await.iter().map(|it| it.kind).collect();
        kinds.sort_unstable();
        kinds
    };
    assert_eq!(kinds(&paused).await, PAUSED);
    let mut events: Vec<_> = world.events().await.iter().map(|event| event.kind).collect();
    events.sort_unstable();
    assert_eq!(kinds(&all).await, events, "no wish is every event");
    assert_eq!(kinds(&none).await, []);
    assert_eq!(kinds(&late).await, [], "what happened before is not its");
    let waiting = i64::try_from(events.len() + 1).unwrap();
    assert_eq!(world.store.figures().await.unwrap().deliveries_waiting, waiting);
}

pub async fn a_claimed_delivery_has_all_that_its_request_needs(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    assert_eq!(claimed.len(), 1);
    let event = &world.events_of(EventKind::CampaignPaused).await[0];
    let claimed = &claimed[0];
    assert_eq!((claimed.endpoint, &claimed.url, &claimed.secret), (endpoint.id, &endpoint.url, &endpoint.secret));
    assert_eq!((claimed.event, claimed.kind, claimed.at), (event.id, event.kind, event.at));
    assert_eq!((&claimed.data, claimed.attempts), (&event.data, 0));
    let listed = &world.deliveries(endpoint.id).await[0];
    assert_eq!((listed.id, listed.event, listed.kind), (claimed.id, event.id, event.kind));
    assert_eq!((listed.endpoint, listed.state, listed.attempts), (endpoint.id, DeliveryState::Waiting, 0));
    assert_eq!((listed.last_status, &listed.last_error), (None, &None));
}

pub async fn deliveries_are_claimed_within_the_limits(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoints = [world.add_endpoint(PAUSED).await.id, world.add_endpoint(PAUSED).await.id];
    world.pauses(5).await;
    let mut held: BTreeMap<EndpointId, usize> = endpoints.map(|endpoint| (endpoint, 0)).into();
    for (limit, per_endpoint, total) in [(3, 2, 3), (10, 2, 4), (10, 2, 4), (10, 3, 6), (1, 10, 7)] {
        let claimed = world.claim_deliveries(limit, per_endpoint, HOUR).await;
        for claimed in claimed {
            *held.get_mut(&claimed.endpoint).unwrap() += 1;
        }
        assert_eq!(held.values().sum::<usize>(), total, "{limit} at once, {per_endpoint} of one endpoint");
        let per_endpoint = usize::try_from(per_endpoint).unwrap();
        assert!(held.values().all(|&held| held <= per_endpoint), "held claims count: {held:?}");
    }
}

pub async fn the_oldest_delivery_is_claimed_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_endpoint(PAUSED).await;
    world.pauses(3).await;
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.extend(world.claim_deliveries(1, 10, HOUR).await.into_iter().map(|it| it.at));
    }
    assert_eq!(claimed, [0, 1, 2].map(|second| world.now + TimeDelta::seconds(second)));
}

pub async fn dispatchers_at_once_never_share_a_delivery(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_endpoint(PAUSED).await;
    world.add_endpoint(PAUSED).await;
    world.pauses(12).await;
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.claim_deliveries(8, 100, HOUR).await })
        })
        .collect();
    let mut all = Vec::new();
    for claim in claims {
        all.extend(claim.await.unwrap().into_iter().map(|it| it.id));
    }
    all.extend(world.claim_deliveries(100, 100, HOUR).await.into_iter().map(|it| it.id));
    assert_eq!((all.len(), all.into_iter().collect::<HashSet<_>>().len()), (24, 24));
}

pub async fn a_delivered_event_is_done(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(204), NextTry::Delivered).await;
    let delivery = &world.deliveries(endpoint.id).await[0];
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
    assert_eq!((delivery.last_status, delivery.next_at), (Some(204), None));
    assert_eq!(world.claim_deliveries(10, 10, HOUR).await, []);
    assert_eq!(world.store.figures().await.unwrap().deliveries_waiting, 0);
}

pub async fn a_failed_try_is_repeated_when_it_is_due(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(503), retry(AT_ONCE)).await;
    let again = world.claim_deliveries(10, 10, HOUR).await;
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, claimed[0].id, 1));
    world.conclude_delivery(&again[0], None, retry(HOUR)).await;
    let delivery = &world.deliveries(endpoint.id).await[0];
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Waiting, 2));
    assert_eq!(delivery.last_error.as_deref(), Some("connection refused"));
    assert!(delivery.next_at.is_some());
    assert_eq!(world.claim_deliveries(10, 10, HOUR).await, [], "not before an hour has passed");
}

pub async fn a_claim_that_ran_out_passes_to_another_whose_outcome_counts(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let old = world.claim_deliveries(10, 1, AT_ONCE).await;
    let new = world.claim_deliveries(10, 1, HOUR).await;
    assert_eq!((new.len(), new[0].id), (1, old[0].id));
    assert_ne!(new[0].token, old[0].token);
    world.conclude_delivery(&old[0], Some(500), exhausted()).await;
    let delivery = &world.deliveries(endpoint.id).await[0];
    assert_eq!((delivery.state, delivery.last_status), (DeliveryState::Waiting, None), "the old outcome is dropped");
    assert_eq!(world.events_of(EventKind::WebhookExhausted).await, []);
    world.conclude_delivery(&new[0], Some(200), NextTry::Delivered).await;
    world.conclude_delivery(&new[0], Some(500), exhausted()).await;
    let delivery = &world.deliveries(endpoint.id).await[0];
    assert_eq!((delivery.state, delivery.last_status), (DeliveryState::Delivered, Some(200)), "an end is the end");
}

pub async fn a_delivery_that_is_given_up_is_an_event_and_may_be_repeated_by_hand(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(404), exhausted()).await;
    let delivery = &world.deliveries(endpoint.id).await[0];
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Exhausted, 1));
    assert_eq!((delivery.last_status, delivery.last_error.as_deref()), (Some(404), Some("refused")));
    assert_eq!(world.events_about(EventKind::WebhookExhausted, endpoint.id).await, 1);
    assert_eq!(world.claim_deliveries(10, 10, HOUR).await, []);

    let redeliver = |endpoint, delivery| world.store.redeliver(world.workspace, endpoint, delivery);
    assert_eq!(redeliver(world.id(), delivery.id).await.unwrap(), RedeliverOutcome::NotFound);
    assert_eq!(redeliver(endpoint.id, world.id()).await.unwrap(), RedeliverOutcome::NotFound);
    let again = due(redeliver(endpoint.id, delivery.id).await.unwrap());
    assert_eq!((again.id, again.state, again.attempts), (delivery.id, DeliveryState::Waiting, 0));
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].attempts), (1, delivery.id, 0));
}

pub async fn what_was_delivered_may_be_delivered_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(200), NextTry::Delivered).await;
    let again = due(world.store.redeliver(world.workspace, endpoint.id, claimed[0].id).await.unwrap());
    assert_eq!(again.state, DeliveryState::Waiting);
    assert_eq!(world.claim_deliveries(10, 10, HOUR).await.len(), 1);
    world.conclude_delivery(&claimed[0], Some(500), exhausted()).await;
    assert_eq!(world.deliveries(endpoint.id).await[0].state, DeliveryState::Waiting, "by the new claim's token only");
}

pub async fn a_removed_endpoint_takes_its_waiting_deliveries_with_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let goes = world.add_endpoint(PAUSED).await;
    let stays = world.add_endpoint(PAUSED).await;
    world.pauses(2).await;
    let claimed = world.claim_deliveries(1, 1, HOUR).await;
    assert!(world.store.remove_endpoint(world.workspace, goes.id).await.unwrap());
    assert_eq!(world.store.list_deliveries(world.workspace, goes.id, first(10)).await.unwrap(), None);
    let rest = world.claim_deliveries(10, 10, HOUR).await;
    assert!(rest.iter().all(|it| it.endpoint == stays.id));
    world.conclude_delivery(&claimed[0], Some(200), NextTry::Delivered).await;
    assert_eq!(world.deliveries(stays.id).await.len(), 2);
    assert_eq!(world.store.list_deliveries(world.id(), stays.id, first(10)).await.unwrap(), None);

    assert_eq!(world.end_deliveries().await, 2 - u64::from(claimed[0].endpoint == goes.id));
    assert_eq!(world.end_deliveries().await, 0);
    let waiting = world.store.figures().await.unwrap().deliveries_waiting;
    assert_eq!(waiting, 2 - i64::from(claimed[0].endpoint == stays.id), "those of the other stay");
}

fn due(outcome: RedeliverOutcome) -> Delivery {
    match outcome {
        RedeliverOutcome::Due(delivery) => delivery,
        other => panic!("{other:?}"),
    }
}

pub async fn a_report_about_an_endpoint_is_not_delivered_to_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dead = world.add_endpoint(&[]).await;
    let well = world.add_endpoint(&[EventKind::WebhookExhausted]).await;
    world.pauses(1).await;
    let events = world.events().await.len();
    let tries =
        world
            .post_all(|claimed| {
                if claimed.endpoint == dead.id { (Some(404), exhausted()) } else { (Some(200), NextTry::Delivered) }
            })
            .await;
    assert_eq!(tries, 2 * events, "each event to the one, and the report about it to the other");
    assert_eq!(world.deliveries(dead.id).await.len(), events);
    assert_eq!(world.deliveries(well.id).await.len(), events);
    assert_eq!(world.events_about(EventKind::WebhookExhausted, dead.id).await, events);
}

pub async fn dead_endpoints_do_not_keep_each_other_busy(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    for _ in 0..3 {
        world.add_endpoint(&[]).await;
    }
    world.pauses(1).await;
    let events = world.events().await.len();
    let tries = world.post_all(|_| (Some(404), exhausted())).await;
    assert_eq!(
        tries,
        events * 3 + events * 3 * 2,
        "every event to each, and of each failure one report to both others"
    );
    assert_eq!(world.events_of(EventKind::WebhookExhausted).await.len(), events * 3, "and none about the reports");
}

pub async fn an_endpoint_that_is_gone_is_switched_off_and_the_others_are_told(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dead = world.add_endpoint(&[]).await;
    let well = world.add_endpoint(&[EventKind::WebhookDisabled]).await;
    world.pauses(3).await;
    let claimed = world.claim_deliveries(2, 2, HOUR).await;
    assert_eq!(
        world.conclude_impatiently(&claimed[0], Some(410), gone(), WEEK).await,
        [(dead.id, DisableReason::Gone)]
    );
    assert_eq!(world.conclude_impatiently(&claimed[1], Some(410), gone(), WEEK).await, [], "it is off already");
    let disabled = world.endpoint(dead.id).await.disabled.expect("it is off");
    assert_eq!(disabled.reason, DisableReason::Gone);
    assert_eq!(world.endpoint(well.id).await.disabled, None);
    let told = world.events_of(EventKind::WebhookDisabled).await;
    assert_eq!(told.len(), 1);
    let data = &told[0].data;
    assert_eq!(data["endpoint_id"], dead.id.to_string());
    assert_eq!((&data["reason"], &data["status"]), (&"gone".into(), &410.into()));
    assert_eq!(data["error"], "it answered 410");

    let posted = world.post_all(|claimed| {
        assert_eq!(
            (claimed.endpoint, claimed.kind),
            (well.id, EventKind::WebhookDisabled),
            "only the other is posted to"
        );
        (Some(200), NextTry::Delivered)
    });
    assert_eq!(posted.await, 1);
    let before = world.deliveries(dead.id).await.len();
    world.move_campaign(world.started(world.definition("main"), 0..1).await, CampaignMove::Pause).await;
    assert_eq!(world.deliveries(dead.id).await.len(), before, "nothing more is written for it");
}

pub async fn what_waits_for_an_endpoint_that_is_off_is_given_up_in_pieces_and_silently(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dead = world.add_endpoint(&[]).await;
    world.pauses(3).await;
    let claimed = world.claim_deliveries(2, 2, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(410), gone()).await;
    let waiting = world.deliveries(dead.id).await.len() - 1;
    let reports = world.events_of(EventKind::WebhookExhausted).await.len();
    assert_eq!(world.end_deliveries().await, u64::try_from(waiting).unwrap());
    assert_eq!(world.end_deliveries().await, 0);
    let deliveries = world.deliveries(dead.id).await;
    assert!(deliveries.iter().all(|it| it.state == DeliveryState::Exhausted && it.next_at.is_none()));
    assert_eq!(deliveries[0].last_error.as_deref(), Some("the webhook endpoint was switched off"));
    assert_eq!(world.events_of(EventKind::WebhookExhausted).await.len(), reports, "one event said it for all");
    world.conclude_delivery(&claimed[1], Some(200), NextTry::Delivered).await;
    assert!(world.deliveries(dead.id).await.iter().all(|it| it.state == DeliveryState::Exhausted), "an end is the end");
    while world.store.purge_before(AT_ONCE, 100).await.unwrap() > 0 {}
    assert_eq!(world.events().await, [], "nothing keeps the events");
}

pub async fn an_endpoint_that_nothing_reaches_for_long_is_switched_off(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dead = world.add_endpoint(PAUSED).await;
    world.pauses(4).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    let conclude =
        |delivery: usize, next, patience| world.conclude_impatiently(&claimed[delivery], Some(500), next, patience);
    assert_eq!(conclude(0, exhausted(), AT_ONCE).await, [], "the first failure, however short the patience");
    let since = world.endpoint(dead.id).await.failing_since.expect("it fails");
    assert_eq!(conclude(1, retry(HOUR), AT_ONCE).await, [], "this one is tried again");
    assert_eq!(world.endpoint(dead.id).await.failing_since, Some(since), "since the first failure");
    assert_eq!(conclude(2, exhausted(), WEEK).await, [], "not long enough");
    assert_eq!(conclude(3, exhausted(), AT_ONCE).await, [(dead.id, DisableReason::Failing)]);
    assert_eq!(world.endpoint(dead.id).await.disabled.map(|it| it.reason), Some(DisableReason::Failing));
    assert_eq!(world.events_about(EventKind::WebhookDisabled, dead.id).await, 1);
}

pub async fn a_success_ends_the_failing_of_an_endpoint(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let shaky = world.add_endpoint(PAUSED).await;
    world.pauses(3).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], None, retry(HOUR)).await;
    assert!(world.endpoint(shaky.id).await.failing_since.is_some());
    world.conclude_delivery(&claimed[1], Some(200), NextTry::Delivered).await;
    assert_eq!(world.endpoint(shaky.id).await.failing_since, None);
    assert_eq!(world.conclude_impatiently(&claimed[2], None, exhausted(), AT_ONCE).await, []);
    assert_eq!(world.endpoint(shaky.id).await.disabled, None);
}

pub async fn an_endpoint_is_switched_on_again_by_a_call(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    let campaign = world.pauses(1).await;
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    world.conclude_delivery(&claimed[0], Some(410), gone()).await;
    let redeliver = || world.store.redeliver(world.workspace, endpoint.id, claimed[0].id);
    assert_eq!(redeliver().await.unwrap(), RedeliverOutcome::Disabled);

    assert_eq!(world.store.enable_endpoint(world.id(), endpoint.id).await.unwrap(), None, "of another workspace");
    assert_eq!(world.store.enable_endpoint(world.workspace, world.id()).await.unwrap(), None);
    for _ in 0..2 {
        let enabled = world.store.enable_endpoint(world.workspace, endpoint.id).await.unwrap().unwrap();
        assert_eq!((enabled.id, enabled.disabled, enabled.failing_since), (endpoint.id, None, None));
    }
    due(redeliver().await.unwrap());
    world.move_campaign(campaign, CampaignMove::Pause).await;
    assert_eq!(
        world.claim_deliveries(10, 10, HOUR).await.len(),
        2,
        "the old one by hand, and what happens from now on"
    );
}

pub async fn a_purge_leaves_waiting_deliveries_whole(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    world.pauses(2).await;
    let done = world.claim_deliveries(1, 1, HOUR).await;
    world.conclude_delivery(&done[0], Some(200), NextTry::Delivered).await;
    let events = world.events_of(EventKind::CampaignPaused).await;
    while world.store.purge_before(AT_ONCE, 100).await.unwrap() > 0 {}
    let left = world.deliveries(endpoint.id).await;
    assert_eq!((left.len(), left[0].state), (1, DeliveryState::Waiting), "what is finished is gone");
    let claimed = world.claim_deliveries(10, 10, HOUR).await;
    assert_eq!(claimed.len(), 1);
    let event = events.iter().find(|event| event.id == claimed[0].event).unwrap();
    assert_eq!((&claimed[0].data, claimed[0].kind, claimed[0].at), (&event.data, event.kind, event.at));
}

pub async fn a_purge_reaches_past_the_events_of_waiting_deliveries(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_endpoint(PAUSED).await;
    world.pauses(5).await;
    assert_eq!(world.events_of(EventKind::CampaignResumed).await.len(), 5);
    while world.store.purge_before(AT_ONCE, 2).await.unwrap() == 2 {}
    assert_eq!(world.events_of(EventKind::CampaignResumed).await, [], "nobody waits for these");
    assert_eq!(world.claim_deliveries(10, 10, HOUR).await.len(), 5);
}

pub async fn a_walk_meets_every_delivery_once_newest_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let endpoint = world.add_endpoint(PAUSED).await;
    let campaign = world.pauses(5).await;
    let list = async |page| Ok(world.store.list_deliveries(world.workspace, endpoint.id, page).await?.unwrap());
    let pause = async || {
        let world = world.later(TimeDelta::seconds(60));
        world.move_campaign(campaign, CampaignMove::Pause).await;
    };
    let walked = walk(list, |it| it.created_at, pause).await;
    assert_eq!(walked, [4, 3, 2, 1, 0].map(|second| world.now + TimeDelta::seconds(second)));
}
