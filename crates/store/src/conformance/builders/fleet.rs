//! Senders, their sessions and their leases.

use std::time::Duration;

use paceline_domain::{ChannelKind, SenderId, SenderState, SessionState};
use paceline_pacing::Seed;

use super::{HOUR, World, phone, session};
use crate::{
    leases::{Lease, LeaseWish},
    release::Room,
    senders::{NewSender, Sender, SenderAddition, SenderMoveOutcome},
};

impl World {
    /// A sender as a person would add it: unpaced, on the simulator.
    pub fn new_sender(&self, number: u32, pool: &str) -> NewSender {
        NewSender {
            id: self.id(),
            workspace: self.workspace,
            phone: phone(9_000_000 + number),
            channel: ChannelKind::Simulator,
            name: format!("Sender {number}"),
            account: None,
            pools: vec![pool.to_owned()],
            profile: "unlimited".to_owned(),
            zone: chrono_tz::UTC,
            seed: Seed(i64::from(number)),
            created_at: self.now,
        }
    }

    /// Adds a sender whose session is up.
    pub async fn add_sender(&self, number: u32, pool: &str) -> SenderId {
        self.add(self.new_sender(number, pool)).await.id
    }

    /// Adds a sender with settings of its own; its session is up.
    pub async fn add(&self, sender: NewSender) -> Sender {
        let SenderAddition::Added(added) = self.store.add_sender(sender).await.unwrap() else {
            panic!("the number is new")
        };
        self.apply([session(added.id, SessionState::Connected, self.now)]).await;
        *added
    }

    /// The sender as it is.
    pub async fn sender(&self, sender: SenderId) -> Sender {
        self.store.find_sender(self.workspace, sender).await.unwrap().unwrap()
    }

    /// Moves a sender.
    pub async fn move_sender(&self, sender: SenderId, to: SenderState) -> Sender {
        match self.store.move_sender(self.workspace, sender, to, self.now).await.unwrap() {
            SenderMoveOutcome::Moved(sender) => *sender,
            refused => panic!("{refused:?}"),
        }
    }

    /// A wish of this worker for all it can have, for an hour.
    pub fn wish(&self) -> LeaseWish {
        LeaseWish { worker: self.worker, slots: 100, pinned: None, channels: vec![ChannelKind::Simulator], ttl: HOUR }
    }

    /// This worker's wish for one sender.
    pub fn wish_for(&self, sender: SenderId, ttl: Duration) -> LeaseWish {
        LeaseWish { slots: 1, pinned: Some(sender), ttl, ..self.wish() }
    }

    /// Leases a sender for an hour.
    pub async fn lease(&self, sender: SenderId) -> Lease {
        self.lease_for(sender, HOUR).await
    }

    /// Leases a sender for `ttl`.
    pub async fn lease_for(&self, sender: SenderId, ttl: Duration) -> Lease {
        let mut leases = self.store.claim_leases(self.wish_for(sender, ttl)).await.unwrap();
        assert_eq!(leases.len(), 1, "nobody else holds the sender");
        leases.remove(0)
    }
}

/// Room for so many messages, the free capacity being as large.
pub fn room(sender: SenderId, room: u32) -> Room {
    Room { sender, room, free: room }
}
