//! The account under everything at once: whatever happens in whatever order, every planned message stands in one bucket.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{
    Account, Bucket, CampaignId, CampaignMove, FailureReason, MessageId, MessageState, Outcome, ReceiptKind,
    WorkerResult,
};

use super::{
    Dice,
    builders::{World, accepted, inbound, receipt, room},
};
use crate::{Store, campaigns::CampaignDefinition, intents::IntentVerdict, leases::Lease, release::ReleasedMessage};

const PEOPLE: u32 = 30;
const STEPS: u32 = 160;

/// What the random walk knows besides the store.
struct Walk {
    world: World,
    dice: Dice,
    campaigns: Vec<CampaignId>,
    messages: Vec<MessageId>,
    leases: Vec<Lease>,
    claims: Vec<ReleasedMessage>,
    open: Vec<(usize, MessageId, i32)>,
    lost: Vec<WorkerResult>,
}

impl Walk {
    async fn new(store: Arc<dyn Store>, seed: u8) -> Self {
        let world = World::new(store).await;
        let mut leases = Vec::new();
        for number in 0..2 {
            let sender = world.add_sender(number, "main").await;
            leases.push(world.lease(sender).await);
        }
        let (mut campaigns, mut messages) = (Vec::new(), Vec::new());
        for hours in [2, 30] {
            let expires_at = Some(world.now + TimeDelta::hours(hours));
            let definition = CampaignDefinition { expires_at, ..world.definition("main") };
            let campaign = world.started(definition, 0..PEOPLE).await;
            messages.extend(world.plan(campaign).await);
            campaigns.push(campaign);
        }
        let dice = Dice::new(seed);
        Self { world, dice, campaigns, messages, leases, claims: Vec::new(), open: Vec::new(), lost: Vec::new() }
    }

    async fn step(&mut self) {
        self.world = self.world.later(TimeDelta::minutes(1));
        match self.dice.below(14) {
            0..=2 => self.claim().await,
            3..=5 => self.intend().await,
            6..=8 => self.conclude().await,
            9 | 10 => self.receive().await,
            11 => self.hear().await,
            12 => self.interfere().await,
            _ => self.sweep().await,
        }
    }

    async fn claim(&mut self) {
        let rooms: Vec<_> = self.leases.iter().map(|lease| room(lease.sender.id, 3)).collect();
        self.claims.extend(self.world.claim(&rooms).await);
        if self.dice.below(3) == 0 {
            let given_back = self.claims.split_off(self.claims.len() / 2);
            self.world.give_back(&given_back).await;
            // A claim that was given back is kept too: an intent for it must be harmless.
            self.claims.extend(given_back);
        }
    }

    async fn intend(&mut self) {
        for (index, lease) in self.leases.iter().enumerate() {
            let (mine, others): (Vec<_>, Vec<_>) =
                self.claims.drain(..).partition(|claim| claim.sender == lease.sender.id);
            self.claims = others;
            let answer = self.world.record(self.world.intent(lease, &mine)).await;
            for (message, verdict) in answer.items {
                if let IntentVerdict::Granted(grant) = verdict {
                    self.open.push((index, message, grant.attempt));
                }
            }
        }
    }

    async fn conclude(&mut self) {
        let not_before = self.world.now;
        let outcomes = [
            accepted(),
            accepted(),
            Outcome::Unknown,
            Outcome::Unsent { not_before },
            Outcome::Rejected { reason: FailureReason::NotOnWhatsapp },
        ];
        for (lease, message, attempt) in std::mem::take(&mut self.open) {
            let outcome = self.dice.pick(&outcomes);
            let sender = self.leases[lease].sender.id;
            self.lost.push(self.world.conclude(sender, message, attempt, outcome).await);
        }
        self.dice.shuffle(&mut self.lost);
        // Half of the results come now; some of those come again.
        let now = self.lost.split_off(self.lost.len() / 2);
        self.world.apply(now.clone()).await;
        self.lost.extend(now.into_iter().take(1));
    }

    async fn receive(&mut self) {
        let mut receipts = Vec::new();
        for _ in 0..8 {
            let message = self.world.message(self.dice.pick(&self.messages)).await;
            let kind = self.dice.pick(&[ReceiptKind::Delivered, ReceiptKind::Read, ReceiptKind::Failed]);
            if let Some(sender) = message.sender {
                receipts.push(receipt(sender, &message.wa_id, kind, self.world.now));
            }
        }
        self.world.apply(receipts).await;
    }

    async fn hear(&mut self) {
        let lease = self.dice.pick(&self.leases);
        let person = self.dice.below(PEOPLE);
        if self.dice.below(4) == 0 {
            self.world.opt_out(lease.sender.id, person).await;
        } else {
            let id = format!("in-{}", self.dice.below(1_000));
            self.world.apply([inbound(lease.sender.id, person, &id, self.world.now)]).await;
        }
    }

    async fn interfere(&mut self) {
        let campaign = self.dice.pick(&self.campaigns);
        match self.dice.below(5) {
            0 | 1 => drop(self.world.attempt_move(campaign, CampaignMove::Pause).await),
            2 | 3 => drop(self.world.attempt_move(campaign, CampaignMove::Resume).await),
            _ => {
                let suppression = self.world.suppression(self.dice.below(PEOPLE));
                self.world.store.add_suppression(suppression, self.world.now).await.unwrap();
            }
        }
    }

    async fn sweep(&mut self) {
        let (store, now) = (&self.world.store, self.world.now);
        let swept = match self.dice.below(3) {
            0 => store.expire_messages(now, 5).await,
            1 => store.complete_campaigns(now, 5).await,
            _ => store.void_releases().await,
        };
        swept.unwrap();
    }

    /// Checks every account against a count of its own, and their sum against the figures.
    async fn check(&self) -> Account {
        let mut sum = Account::default();
        for &campaign in &self.campaigns {
            let account = self.world.balanced(campaign).await;
            assert_eq!(account.planned, i64::from(PEOPLE), "planned never changes");
            for (total, part) in buckets(&mut sum).into_iter().zip(buckets(&mut account.clone())) {
                *total += *part;
            }
        }
        let figures = self.world.store.figures().await.unwrap().account;
        assert_eq!(figures, sum, "the figures are the sum");
        sum
    }
}

fn buckets(account: &mut Account) -> [&mut i64; 12] {
    let Account {
        planned,
        sent,
        delivered,
        read,
        replied,
        opted_out,
        failed,
        unknown,
        expired,
        cancelled,
        waiting,
        sending,
    } = account;
    [planned, sent, delivered, read, replied, opted_out, failed, unknown, expired, cancelled, waiting, sending]
}

async fn balances_over_a_walk(store: Arc<dyn Store>, seed: u8) {
    let mut walk = Walk::new(store, seed).await;
    for _ in 0..STEPS {
        walk.step().await;
        walk.check().await;
    }
    let later = walk.world.later(TimeDelta::days(2));
    while later.store.expire_messages(later.now, 100).await.unwrap() > 0 {}
    walk.conclude().await;
    let lost = std::mem::take(&mut walk.lost);
    walk.world.apply(lost).await;
    while later.store.expire_messages(later.now, 100).await.unwrap() > 0 {}
    let account = walk.check().await;
    assert_eq!(account.waiting, 0, "everything ends somewhere: {account:?}");
    for &message in &walk.messages {
        let story = walk.world.story(message).await;
        let known = story.attempts.iter().all(|attempt| attempt.outcome.is_some());
        assert!(known && story.message.release.is_none());
        assert_ne!(Bucket::from(story.message.state), Bucket::Waiting);
        let accepted = story.attempts.iter().filter(|it| it.outcome == Some(accepted())).count();
        assert!(accepted <= 1, "WhatsApp accepted a message twice");
        assert!(accepted == 0 || story.message.state != MessageState::Cancelled);
    }
}

pub async fn the_account_balances_over_a_random_walk(store: Arc<dyn Store>) {
    balances_over_a_walk(store, 1).await;
}

pub async fn the_account_balances_over_another_random_walk(store: Arc<dyn Store>) {
    balances_over_a_walk(store, 2).await;
}

/// Every role at work at once, as in a running installation; what meets may be refused as a conflict, but nothing is lost.
pub async fn the_account_balances_while_every_role_works_at_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut leases = Vec::new();
    for number in 0..3 {
        let sender = world.add_sender(number, "main").await;
        leases.push(world.lease(sender).await);
    }
    let campaign = world.started(world.definition("main"), 0..120).await;
    let planner = tokio::spawn(plan_in_turns(world.clone(), campaign));
    let workers: Vec<_> = leases.into_iter().map(|lease| tokio::spawn(work(world.clone(), campaign, lease))).collect();
    let suppressor = {
        let world = world.clone();
        tokio::spawn(async move {
            for person in (0..120).step_by(5) {
                patiently(|| world.store.add_suppression(world.suppression(person), world.now)).await;
            }
        })
    };
    planner.await.unwrap();
    suppressor.await.unwrap();
    for worker in workers {
        worker.await.unwrap();
    }
    let account = world.balanced(campaign).await;
    let excluded = world.campaign(campaign).await.excluded.get("suppressed").copied().unwrap_or_default();
    assert_eq!(account.planned + excluded, 120);
    assert_eq!(account.sent + account.cancelled, account.planned);
    assert_eq!(world.store.complete_campaigns(world.now, 10).await.unwrap(), 1);
}

async fn plan_in_turns(world: World, campaign: CampaignId) {
    loop {
        let batch = world.next_plan(campaign, 10).await;
        if batch.after_row == batch.through_row {
            return;
        }
        patiently(|| world.store.record_plan(batch.clone())).await;
    }
}

/// Sends what a sender is given, until every row is decided and nothing waits.
async fn work(world: World, campaign: CampaignId, lease: Lease) {
    let sender = lease.sender.id;
    super::until(|| async {
        let due = world.now + TimeDelta::minutes(2);
        let rooms = [room(sender, 4)];
        let hold = super::builders::HOUR;
        let round = patiently(|| world.store.list_windows()).await.round;
        let released = patiently(|| world.store.claim_due(round, &rooms, due, hold)).await;
        let batch = world.intent(&lease, &released);
        let answer = patiently(|| world.store.record_intents(batch.clone())).await;
        let crate::leases::Fenced::Done(answer) = answer else { panic!("the lease holds") };
        let mut results = Vec::new();
        for (message, verdict) in answer.items {
            if let IntentVerdict::Granted(grant) = verdict {
                results.push(world.conclude(sender, message, grant.attempt, accepted()).await);
            }
        }
        let results: Vec<_> = results
            .into_iter()
            .map(|result| crate::results::ResultToApply { result, opt_out: crate::results::OptOut::No })
            .collect();
        patiently(|| world.store.apply_results(&results, world.now)).await;
        let seen = world.campaign(campaign).await;
        assert!(seen.account.is_balanced(), "at every moment: {:?}", seen.account);
        seen.planned_through == seen.rows && seen.account.waiting == 0
    })
    .await;
}

/// Repeats what met another transaction, as every caller of the port does.
async fn patiently<T, F: Future<Output = crate::StoreResult<T>>>(call: impl Fn() -> F) -> T {
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}
