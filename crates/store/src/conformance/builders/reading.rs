//! What a case looks at afterwards.

use std::collections::HashSet;

use paceline_domain::{Account, CampaignId, EventKind, MessageId, MessageState};

use super::World;
use crate::{
    Page, PageRequest, StoreResult,
    campaigns::Campaign,
    events::Event,
    messages::{Message, MessageStory},
};

impl World {
    /// The campaign as it is.
    pub async fn campaign(&self, campaign: CampaignId) -> Campaign {
        self.store.find_campaign(self.workspace, campaign).await.unwrap().unwrap()
    }

    /// A message and all that happened to it.
    pub async fn story(&self, message: MessageId) -> MessageStory {
        self.store.find_message(self.workspace, message).await.unwrap().unwrap()
    }

    /// The message as it is.
    pub async fn message(&self, message: MessageId) -> Message {
        self.story(message).await.message
    }

    /// Where a message stands, and why.
    pub async fn stand(&self, message: MessageId) -> (MessageState, Option<String>) {
        let message = self.message(message).await;
        (message.state, message.reason)
    }

    /// The account of a campaign, which must balance, agree with the rows, and agree with the senders' shares.
    pub async fn balanced(&self, campaign: CampaignId) -> Account {
        let kept = self.campaign(campaign).await.account;
        let counted = self.store.count_account(self.workspace, campaign).await.unwrap();
        assert_eq!(kept, counted, "the kept account is the counted one");
        assert!(kept.is_balanced(), "{kept:?}");
        let shares = self.store.list_sender_shares(self.workspace, campaign).await.unwrap();
        let total = |bucket: fn(&Account) -> i64| shares.iter().map(|share| bucket(&share.account)).sum::<i64>();
        assert_eq!(total(|it| it.planned), kept.planned, "the shares add up");
        assert_eq!(total(|it| it.sent), kept.sent, "the shares add up");
        assert_eq!(total(|it| it.waiting), kept.waiting, "the shares add up");
        assert!(shares.iter().all(|share| share.account.is_balanced()), "{shares:?}");
        kept
    }

    /// Every event so far, in the order of their numbers.
    pub async fn events(&self) -> Vec<Event> {
        while self.store.number_events(100).await.unwrap() > 0 {}
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.sequence);
            let more = self.store.list_events(self.workspace, after, 100).await.unwrap();
            if more.is_empty() {
                return events;
            }
            events.extend(more);
        }
    }

    /// The events of one kind so far.
    pub async fn events_of(&self, kind: EventKind) -> Vec<Event> {
        self.events().await.into_iter().filter(|event| event.kind == kind).collect()
    }

    /// The events of one kind about one thing, named by its id.
    pub async fn events_about(&self, kind: EventKind, id: impl std::fmt::Display) -> usize {
        let id = id.to_string();
        self.events_of(kind).await.iter().filter(|event| event.data.to_string().contains(&id)).count()
    }
}

/// A first page of so many items.
pub const fn first(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

/// Walks a list by pages of two to its end and checks that every cursor leads to something and nothing comes twice.
/// `between` runs after the first page, so that a list may grow under the walk.
pub async fn walk<T, K, L, LF, B, BF>(list: L, key: impl Fn(&T) -> K, between: B) -> Vec<K>
where
    K: std::hash::Hash + Eq + Clone + std::fmt::Debug,
    L: Fn(PageRequest) -> LF,
    LF: Future<Output = StoreResult<Page<T>>>,
    B: FnOnce() -> BF,
    BF: Future<Output = ()>,
{
    let mut between = Some(between);
    let mut walked: Vec<K> = Vec::new();
    let mut after = None;
    loop {
        let page = list(PageRequest { after, limit: 2 }).await.unwrap();
        assert!(page.items.len() <= 2, "a page holds what was asked for");
        assert!(!page.items.is_empty() || walked.is_empty(), "a cursor leads to something");
        walked.extend(page.items.iter().map(&key));
        let Some(next) = page.next else { break };
        after = Some(next);
        if let Some(between) = between.take() {
            between().await;
        }
    }
    assert_eq!(walked.iter().cloned().collect::<HashSet<_>>().len(), walked.len(), "nothing comes twice: {walked:?}");
    walked
}
