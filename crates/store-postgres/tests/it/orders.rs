//! Intents and what forbids them, each in the middle of its transaction when the other comes: an intent commits before, or it
//! sees what was decided. Step by step, held up at their commits.

use std::sync::Arc;

use paceline_domain::{CampaignId, CampaignMove, CampaignState, SenderId};
use paceline_store::{
    conformance::builders::{World, inbound},
    intents::{IntentVerdict, Refusal},
    leases::Lease,
    release::ReleasedMessage,
    results::{OptOut, ResultToApply},
};
use paceline_store_postgres::testing::TestDatabase;
use tokio::task::JoinHandle;

use crate::{
    database, open, options,
    witness::{HoldUp, Who, Witness},
};

/// What forbids a message to be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cause {
    Suppression,
    OptOut,
    Pause,
    Cancellation,
}

const CAUSES: [Cause; 4] = [Cause::Suppression, Cause::OptOut, Cause::Pause, Cause::Cancellation];

/// One campaign to one person, by two servers.
struct Stage {
    _database: TestDatabase,
    witness: Witness,
    one: World,
    two: World,
    sender: SenderId,
    lease: Lease,
    campaign: CampaignId,
}

impl Stage {
    async fn new() -> Self {
        let database = database().await;
        let one = World::new(Arc::new(open(options(&database)).await)).await;
        let two = World { store: Arc::new(open(options(&database)).await), ..one.clone() };
        let sender = one.add_sender(1, "main").await;
        let lease = one.lease(sender).await;
        let campaign = one.started(one.definition("main"), 0..1).await;
        let witness = Witness::look_on(&database, HoldUp::Brake).await;
        Self { _database: database, witness, one, two, sender, lease, campaign }
    }

    async fn release(&self) -> ReleasedMessage {
        self.one.plan(self.campaign).await;
        let mut released = self.one.claim_for(self.sender, 1).await;
        released.remove(0)
    }

    fn intend(&self, released: ReleasedMessage) -> JoinHandle<IntentVerdict> {
        let batch = self.one.intent(&self.lease, &[released]);
        let world = self.one.clone();
        tokio::spawn(async move { world.record(batch).await.items.remove(0).1 })
    }

    fn forbid(&self, cause: Cause) -> JoinHandle<()> {
        let (world, campaign, sender) = (self.two.clone(), self.campaign, self.sender);
        tokio::spawn(async move {
            match cause {
                Cause::Suppression => {
                    world.store.add_suppression(world.suppression(0), world.now).await.unwrap();
                }
                Cause::OptOut => {
                    let stop = ResultToApply { result: inbound(sender, 0, "stop", world.now), opt_out: OptOut::Yes };
                    assert_eq!(world.store.apply_results(&[stop], world.now).await.unwrap().opted_out, 1);
                }
                Cause::Pause => {
                    world.move_campaign(campaign, CampaignMove::Pause).await;
                }
                Cause::Cancellation => {
                    world.move_campaign(campaign, CampaignMove::Cancel).await;
                }
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intent_waits_for_what_is_about_to_forbid_it_and_is_refused() {
    for cause in CAUSES {
        let mut stage = Stage::new().await;
        let mut released = None;
        if matches!(cause, Cause::Pause | Cause::Cancellation) {
            released = Some(stage.release().await);
        }
        stage.witness.pull_brake(Who::Forbids).await;
        stage.witness.pull_brake(Who::Intends).await;
        let forbidding = stage.forbid(cause);
        stage.witness.until_waiting(1).await;
        // A message to a person may come into being behind the back of the one who looked for what to cancel.
        let released = match released {
            Some(released) => released,
            None => stage.release().await,
        };
        let intending = stage.intend(released);
        stage.witness.until_waiting(2).await;
        stage.witness.release_brake(Who::Forbids).await;
        forbidding.await.unwrap();
        stage.witness.release_brake(Who::Intends).await;
        let refusal = match cause {
            Cause::Suppression | Cause::OptOut => Refusal::Suppressed,
            Cause::Pause => Refusal::CampaignNotRunning(CampaignState::Paused),
            Cause::Cancellation => Refusal::CampaignNotRunning(CampaignState::Cancelled),
        };
        assert_eq!(intending.await.unwrap(), IntentVerdict::Refused(refusal), "{cause:?}");
        assert_eq!(stage.witness.testify().await, [] as [&str; 0], "{cause:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_forbids_an_intent_waits_for_those_that_did_not_see_it() {
    for cause in CAUSES {
        let mut stage = Stage::new().await;
        let released = stage.release().await;
        stage.witness.pull_brake(Who::Intends).await;
        let intending = stage.intend(released);
        stage.witness.until_waiting(1).await;
        let forbidding = stage.forbid(cause);
        stage.witness.until_waiting(2).await;
        stage.witness.release_brake(Who::Intends).await;
        assert!(matches!(intending.await.unwrap(), IntentVerdict::Granted(_)), "{cause:?}");
        forbidding.await.unwrap();
        assert_eq!(stage.witness.testify().await, [] as [&str; 0], "{cause:?}");
    }
}
