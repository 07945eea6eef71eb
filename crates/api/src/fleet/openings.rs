//! Where an active sender that nobody leases could be taken up, and so why it has not been.

use std::collections::HashSet;

use paceline_domain::{ChannelKind, SenderId};
use paceline_store::senders::Sender;

use super::roster::Member;
use crate::why::Why;

/// What the living workers could still take.
#[derive(Default)]
pub(super) struct Openings {
    /// The channels that any of them has.
    channels: HashSet<ChannelKind>,
    /// The channels of those that have a free slot for any sender.
    free: HashSet<ChannelKind>,
    /// The senders that one of them is there for and no other, with its channels.
    pinned: HashSet<(SenderId, ChannelKind)>,
}

impl Openings {
    pub(super) fn of(members: &[Member]) -> Self {
        let mut openings = Self::default();
        for member in members {
            let Some(report) = member.report() else { continue };
            openings.channels.extend(&report.channels);
            match report.pinned {
                _ if report.draining => {}
                Some(sender) => openings.pinned.extend(report.channels.iter().map(|&channel| (sender, channel))),
                None if member.held < report.slots => openings.free.extend(&report.channels),
                None => {}
            }
        }
        openings
    }

    /// Why nobody leases an active sender.
    pub(super) fn why(&self, sender: &Sender) -> Why {
        let channel = sender.channel;
        if self.pinned.contains(&(sender.id, channel)) {
            let detail = "The worker process that is there for this sender alone has not taken it up yet.";
            return Why::new("not_taken_up_yet", detail);
        }
        if self.free.contains(&channel) {
            let detail = format!(
                "A worker process with the channel {channel} has a free slot; it takes senders up within seconds."
            );
            return Why::new("not_taken_up_yet", detail);
        }
        if self.channels.contains(&channel) {
            let detail = format!(
                "Every worker process with the channel {channel} is full, draining, or there for another sender alone; start \
                 one more, or give one more slots."
            );
            return Why::new("all_slots_taken", detail);
        }
        let detail = format!(
            "No worker process with the channel {channel} is alive; start `paceline worker` or `paceline fleet`."
        );
        Why::new("no_worker_of_channel", detail)
    }
}
