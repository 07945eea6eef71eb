//! The verdict at the end: everything that was accepted is terminal or explained, and each person saw each message as often as
//! they may.

use std::collections::BTreeMap;

use paceline_channel::EventBody;
use paceline_domain::{
    CampaignState, Content, EventKind, MessageState, ResultBody, SenderId, SenderState, SessionState, WaId,
    WorkerResult,
};
use paceline_pacing::{Pace, Profiles};

use crate::{
    memory::{MessageEntry, SenderEntry, Tables},
    network::NetworkEvent,
    trace::Short,
    world::World,
};

/// Whether nothing is left to do that anybody could do.
pub(crate) fn is_settled(world: &World, profiles: &Profiles) -> bool {
    let World { store, network, books, .. } = world;
    let tables = store.maps.look();
    let heard = network.numbers.iter().all(|(&sender, number)| {
        number.events.iter().all(|event| {
            let applied = result_of(sender, event).is_none_or(|result| books.applied.contains(&result.id().to_bytes()));
            // Nobody listens to a number that is banned.
            applied && event.acknowledged || !event.acknowledged && number.banned
        })
    });
    let planned = tables.campaigns.values().map(|entry| &entry.campaign).all(|campaign| {
        let moving = matches!(campaign.state, CampaignState::Running | CampaignState::Scheduled);
        !moving || campaign.planned_through >= campaign.rows
    });
    heard
        && world.next_at().is_none()
        && planned
        && tables.messages.values().all(|message| is_terminal(message.state) || explains(&tables, profiles, message))
}

const fn is_terminal(state: MessageState) -> bool {
    !matches!(state, MessageState::Waiting | MessageState::Sending)
}

/// Whether a waiting message has nobody who may send it: its senders are barred for good, or have spent their day.
fn explains(tables: &Tables, profiles: &Profiles, message: &MessageEntry) -> bool {
    let pool = tables.pool_of(message);
    let theirs = |entry: &&SenderEntry| match message.sender {
        Some(sender) => entry.sender.id == sender,
        None => tables.pools_of(entry.sender.id).any(|theirs| Some(theirs) == pool),
    };
    let cannot = |entry: &SenderEntry| {
        let sender = &entry.sender;
        let spent = profiles.find(&sender.profile).is_some_and(|profile| {
            let pace = Pace { profile, zone: sender.zone, seed: sender.seed };
            pace.left_today(&sender.pace, tables.now) == Some(0)
        });
        spent || sender.session == SessionState::Banned || sender.state != SenderState::Active
    };
    message.state == MessageState::Waiting
        && message.release_deadline.is_none()
        && tables.senders.values().filter(theirs).all(cannot)
}

impl World {
    /// Compares the books: what was accepted, what the store says, what the people saw, what the network was told.
    pub(crate) fn judge(&mut self, profiles: &Profiles) {
        let World { books, store, network, .. } = self;
        let tables = store.maps.look();
        books.recount(&tables);
        let mut wrongs = Vec::new();
        for entry in tables.campaigns.values() {
            let Ok(campaign) = tables.view_campaign(entry) else { continue };
            let open = matches!(campaign.state, CampaignState::Running | CampaignState::Scheduled);
            if open && campaign.planned_through < campaign.rows {
                wrongs.push(format!("{} has rows that nobody decided", Short(campaign.id)));
            }
            let excluded: i64 = campaign.excluded.values().sum();
            if campaign.planned_through != campaign.account.planned + excluded {
                wrongs.push(format!("{} has lost rows in planning", Short(campaign.id)));
            }
        }
        for message in tables.messages.values() {
            if !is_terminal(message.state) && !explains(&tables, profiles, message) {
                let (id, state, why) =
                    (Short(message.id), message.state, message.waits_for.as_deref().unwrap_or("nothing"));
                wrongs.push(format!("{id} is lost: it is {state} and waits for {why}"));
            }
            let seen = network.seen.get(&place_of(message));
            let deaf =
                message.sender.and_then(|sender| network.numbers.get(&sender)).is_some_and(|number| number.banned);
            wrongs.extend(compare(message, seen.unwrap_or(&BTreeMap::new()), deaf));
        }
        for wrong in wrongs {
            books.wrong(wrong);
        }
        drop(tables);
        self.judge_events();
    }

    /// What was acknowledged to the network must have been applied, and made one event.
    fn judge_events(&mut self) {
        let World { books, store, network, .. } = self;
        let mut inbound = 0_usize;
        let mut lost = Vec::new();
        for (&sender, number) in &network.numbers {
            for event in &number.events {
                let Some(result) = result_of(sender, event) else { continue };
                let applied = books.applied.contains(&result.id().to_bytes());
                if event.acknowledged && !applied {
                    lost.push(format!("an event of {} was acknowledged and never applied", Short(sender)));
                }
            }
            let answers = number.events.iter().filter_map(|event| match &event.body {
                EventBody::Inbound(answer) => Some(answer.id.clone()),
                _ => None,
            });
            inbound += answers.collect::<std::collections::BTreeSet<_>>().len();
        }
        let received =
            store.maps.look().events.values().filter(|event| event.kind == EventKind::MessageReceived).count();
        if received > inbound {
            lost.push(format!("{received} events tell of {inbound} incoming messages"));
        }
        for wrong in lost {
            books.wrong(wrong);
        }
    }
}

/// By what the network knows a message: the person and the text, which differs for each message of a run.
pub(crate) fn place_of(message: &MessageEntry) -> (String, String) {
    let person = message.to.phone.as_ref().map_or_else(String::new, |phone| phone.as_e164().to_owned());
    let Content::Text { body } = &message.content;
    (person, body.clone())
}

/// A message's state against what its person saw. `deaf`: its sender is banned and hears of nothing any more, so that a message
/// which the network took and failed later may be `sent` for ever.
fn compare(message: &MessageEntry, seen: &BTreeMap<WaId, u32>, deaf: bool) -> Option<String> {
    let (id, state) = (Short(message.id), message.state);
    let times: u32 = seen.values().sum();
    if seen.len() > 1 {
        return Some(format!("{id} reached its person under {} ids", seen.len()));
    }
    let lawful = match state {
        MessageState::Sent | MessageState::Delivered | MessageState::Read => times == 1 || deaf && times == 0,
        MessageState::Unknown | MessageState::Sending => times <= 1,
        MessageState::Failed | MessageState::Expired | MessageState::Cancelled | MessageState::Waiting => times == 0,
    };
    (!lawful).then(|| format!("{id} is {state} and its person saw it {times} times"))
}

/// What is to be applied of an event.
fn result_of(sender: SenderId, event: &NetworkEvent) -> Option<WorkerResult> {
    let body = match &event.body {
        EventBody::Receipt(receipt) => ResultBody::Receipt(receipt.clone()),
        EventBody::Inbound(answer) => ResultBody::Inbound(answer.clone()),
        _ => return None,
    };
    Some(WorkerResult { sender, at: event.at, body })
}
