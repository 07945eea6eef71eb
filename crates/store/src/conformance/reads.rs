//! How much a store reads for what it answers: a story beside the suite, which each adapter measures in its own way.
//!
//! A plan shows which index a statement uses, not how much of it: a condition on an index is met by every row of a large tenant
//! as well as by three of a small one.

use std::sync::Arc;

use async_trait::async_trait;
use paceline_domain::{CampaignMove, MessageState, SenderId, WorkspaceId};

use super::builders::{World, first};
use crate::{
    Store,
    messages::{MessageFilter, Route},
};

/// How many messages wait for the large tenant.
const MANY: u32 = 6_000;

/// How many of its messages were cancelled with their campaign.
const CANCELLED: u32 = 1_500;

/// How many senders it has.
const FLEET: u32 = 120;

/// How many messages the small tenant has.
const FEW: u32 = 12;

/// Looks on at a database.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Opens the store; at first it is empty.
    async fn open(&self) -> Arc<dyn Store>;
    /// Closes it, and answers how much has been read so far, in units of the database.
    async fn close(&self) -> u64;
    /// Makes one more tenant.
    async fn add_workspace(&self, workspace: WorkspaceId);
    /// The most units that a call may take which answers with so many rows.
    fn allowed(&self, rows: u64) -> u64;
}

/// A call whose cost is to depend on its answer alone.
#[derive(Debug, Clone, Copy)]
enum Call {
    /// A page of all messages of the small tenant.
    Messages,
    /// Those of them that wait.
    MessagesThatWait,
    /// Those of them in a state that none is in.
    MessagesThatAreSent,
    /// Those of one sender.
    MessagesOfSender,
    /// A page in the middle of the large tenant's.
    PageOfMany,
    /// The small tenant's suppressions.
    Suppressions,
    /// Its campaigns.
    Campaigns,
    /// The window of its sender.
    Windows,
    /// What is left to cancel, which is nothing.
    Cancel,
    /// A message to send for the small tenant.
    Claim,
}

const CALLS: [Call; 10] = [
    Call::Messages,
    Call::MessagesThatWait,
    Call::MessagesThatAreSent,
    Call::MessagesOfSender,
    Call::PageOfMany,
    Call::Suppressions,
    Call::Campaigns,
    Call::Windows,
    Call::Cancel,
    Call::Claim,
];

/// A small tenant beside a large one.
struct Tenants {
    large: World,
    small: World,
    sender: SenderId,
}

/// What is read grows with what is answered, not with what there is.
pub async fn what_is_read_grows_with_what_is_answered(meter: &dyn Meter) {
    let mut tenants = fill(meter).await;
    let mut before = meter.close().await;
    let idle = {
        meter.open().await;
        let after = meter.close().await;
        let idle = after - before;
        before = after;
        idle
    };
    let mut problems = Vec::new();
    for call in CALLS {
        let store = meter.open().await;
        tenants.large.store = Arc::clone(&store);
        tenants.small.store = store;
        let answered = tenants.make(call).await;
        let after = meter.close().await;
        let read = (after - before).saturating_sub(idle);
        before = after;
        if read > meter.allowed(answered) {
            problems.push(format!("{call:?}: {read} read, {} allowed for {answered} rows", meter.allowed(answered)));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

async fn fill(meter: &dyn Meter) -> Tenants {
    let large = World::new(meter.open().await).await;
    let small = World { workspace: large.id(), ..large.clone() };
    meter.add_workspace(small.workspace).await;
    for number in 1..=FLEET {
        large.add_sender(number, "main").await;
    }
    let sender = small.add_sender(FLEET + 1, "small").await;
    let write = async |people: std::ops::Range<u32>| {
        for person in people {
            small.accept(small.new_message(person, Route::Sender(sender))).await;
            small.store.add_suppression(small.suppression(100 + person), small.now).await.unwrap();
        }
    };
    write(0..FEW / 2).await;
    large.planned("main", 1..=MANY).await;
    let (cancelled, _) = large.planned("main", 1..=CANCELLED).await;
    large.move_campaign(cancelled, CampaignMove::Cancel).await;
    while large.store.cancel_messages(large.now, CANCELLED).await.unwrap() > 0 {}
    for person in 0..CANCELLED {
        large.store.add_suppression(large.suppression(100_000 + person), large.now).await.unwrap();
    }
    write(FEW / 2..FEW).await;
    Tenants { large, small, sender }
}

impl Tenants {
    /// Makes a call; answers how many rows it was answered with.
    async fn make(&self, call: Call) -> u64 {
        let (store, workspace) = (&self.small.store, self.small.workspace);
        let everything = MessageFilter::default();
        let messages = |filter| store.list_messages(workspace, filter, first(50));
        let count = match call {
            Call::Messages => messages(everything).await.unwrap().items.len(),
            Call::MessagesThatWait => {
                messages(MessageFilter { state: Some(MessageState::Waiting), ..everything }).await.unwrap().items.len()
            }
            Call::MessagesThatAreSent => {
                messages(MessageFilter { state: Some(MessageState::Sent), ..everything }).await.unwrap().items.len()
            }
            Call::MessagesOfSender => {
                messages(MessageFilter { sender: Some(self.sender), ..everything }).await.unwrap().items.len()
            }
            Call::PageOfMany => {
                let page = store.list_messages(self.large.workspace, everything, first(50)).await.unwrap();
                page.items.len()
            }
            Call::Suppressions => store.list_suppressions(workspace, first(50)).await.unwrap().items.len(),
            Call::Campaigns => store.list_campaigns(workspace, first(50)).await.unwrap().items.len(),
            Call::Windows => store.list_windows_of(&[self.sender]).await.unwrap().senders.len(),
            Call::Cancel => usize::try_from(store.cancel_messages(self.small.now, CANCELLED).await.unwrap()).unwrap(),
            Call::Claim => {
                let round = store.list_windows_of(&[self.sender]).await.unwrap().round;
                let room = [super::builders::room(self.sender, 3)];
                let hold = super::builders::HOUR;
                let due = self.small.now + chrono::TimeDelta::minutes(2);
                store.claim_due(round, &room, due, hold).await.unwrap().len()
            }
        };
        u64::try_from(count).unwrap()
    }
}
