//! What goes wrong besides the single call: processes die and freeze, services go away, people change their minds.

mod people;

use chrono::{DateTime, Utc};
use paceline_channel::EventBody;
use paceline_domain::SenderId;
use paceline_store::leases::{DeadHolder, LeaseStore as _};

use crate::{
    chance::Chance,
    node::{Kind, Node},
    trace::Short,
    world::{Ambush, Shared, World, at_once},
};

/// What can happen to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Kill(Kind),
    Freeze(Kind),
    Restart(Kind),
    TakeStoreAway,
    TakeBrokerAway,
    DeleteQueues,
    CutOff,
    EndSession,
    Bar,
    Ban,
    PauseCampaign,
    CancelCampaign,
    Suppress,
    PauseSender,
    SendOne,
}

const ACTS: [(Act, u32); 18] = [
    (Act::Kill(Kind::Worker), 14),
    (Act::Kill(Kind::Control), 8),
    (Act::Freeze(Kind::Worker), 14),
    (Act::Freeze(Kind::Control), 5),
    (Act::Restart(Kind::Worker), 5),
    (Act::Restart(Kind::Control), 3),
    (Act::TakeStoreAway, 6),
    (Act::TakeBrokerAway, 6),
    (Act::DeleteQueues, 4),
    (Act::CutOff, 5),
    (Act::EndSession, 9),
    (Act::Bar, 3),
    (Act::Ban, 1),
    (Act::PauseCampaign, 5),
    (Act::CancelCampaign, 1),
    (Act::Suppress, 8),
    (Act::PauseSender, 3),
    (Act::SendOne, 8),
];

/// The storm of a run.
pub(crate) struct Storm {
    acts: Vec<(Act, u32)>,
    /// The longest pause between two acts, in milliseconds.
    pause: u32,
    next_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
    pub(crate) figures: StormFigures,
}

/// What a storm did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StormFigures {
    pub(crate) kills: u64,
    pub(crate) freezes: u64,
}

impl Storm {
    /// Some of the acts, and how fast they follow each other.
    pub(crate) fn draw(chance: &mut Chance, now: DateTime<Utc>) -> Self {
        let present: Vec<_> = ACTS.into_iter().filter(|_| chance.happens(650)).collect();
        let acts = if present.is_empty() { ACTS.to_vec() } else { present };
        let pause = chance.between(600, 5_000);
        let ends_at = now + chance.millis(8_000, 30_000);
        let next_at = now + chance.millis(0, pause);
        Self { acts, pause, next_at, ends_at, figures: StormFigures::default() }
    }

    /// Does what is due.
    pub(crate) fn act(&mut self, shared: &Shared, nodes: &mut [Node]) {
        let now = shared.lock().now;
        if now < self.next_at || now >= self.ends_at {
            return;
        }
        let act = {
            let mut world = shared.lock();
            self.next_at = now + world.chance.millis(50, self.pause);
            self.choose(&mut world.chance)
        };
        match act {
            Act::Kill(kind) | Act::Freeze(kind) | Act::Restart(kind) => {
                let chosen = choose_awake(&mut shared.lock(), nodes, kind);
                let Some(node) = chosen else { return };
                if let Act::Kill(_) = act {
                    self.kill(shared, node);
                } else if let Act::Freeze(_) = act {
                    self.freeze(shared, node);
                } else {
                    shared.lock().note(&node.name, format_args!("is asked to stop"));
                    node.stop();
                }
            }
            Act::CutOff => {
                let mut world = shared.lock();
                let node = world.chance.place(nodes.len());
                world.note("storm", format_args!("cuts {} off the broker", nodes[node].name));
                world.broker.cut_off(node);
            }
            act => self.change_world(&mut shared.lock(), act),
        }
    }

    fn choose(&self, chance: &mut Chance) -> Act {
        let all: u32 = self.acts.iter().map(|(_, weight)| weight).sum();
        let mut drawn = chance.between(1, all);
        for &(act, weight) in &self.acts {
            if drawn <= weight {
                return act;
            }
            drawn -= weight;
        }
        Act::SendOne
    }

    /// Catches a process at the step that it is at.
    pub(crate) fn spring(&mut self, shared: &Shared, node: &mut Node, ambush: Ambush) {
        match ambush {
            _ if !node.is_awake() => {}
            Ambush::Kill => self.kill(shared, node),
            Ambush::Freeze => self.freeze(shared, node),
        }
    }

    fn kill(&mut self, shared: &Shared, node: &mut Node) {
        self.figures.kills += 1;
        let (starts_at, reaped) = {
            let mut world = shared.lock();
            world.note(&node.name, format_args!("is killed"));
            // Before its tasks are dropped: their order is not that of the seed.
            end_connections(&mut world, node.index);
            let longest = if world.chance.happens(300) { 12_000 } else { 2_000 };
            (world.now + world.chance.millis(100, longest), world.chance.happens(400))
        };
        let worker = node.kill(starts_at);
        let mut world = shared.lock();
        if let Some(worker) = worker.filter(|_| reaped) {
            // Whoever started it has seen it die.
            let ended = at_once(world.store.ledger.end_leases(DeadHolder::Worker(worker))).unwrap_or(0);
            world.note("storm", format_args!("ends {ended} leases of the dead {}", Short(worker)));
        }
    }

    fn freeze(&mut self, shared: &Shared, node: &mut Node) {
        self.figures.freezes += 1;
        let mut world = shared.lock();
        // Most last a little longer than a lease, so that the process wakes up when its successor has just begun.
        let span = match world.chance.place(4) {
            0 => world.chance.millis(200, 5_000),
            1 => world.chance.millis(5_000, 14_000),
            _ => world.chance.millis(5_800, 8_500),
        };
        let until = world.in_a(span);
        world.note(&node.name, format_args!("freezes for {} ms", span.as_millis()));
        node.freeze(until);
        // The broker misses its heartbeats after a while.
        let (index, after) = (node.index, world.chance.millis(2_000, 6_000));
        if after < span {
            world.later(after, move |world| world.broker.cut_off(index));
        }
    }

    fn change_world(&self, world: &mut World, act: Act) {
        match act {
            Act::TakeStoreAway => {
                let span = world.chance.millis(200, 5_000);
                world.note("storm", format_args!("takes the store away for {} ms", span.as_millis()));
                world.weather.store_away = Some(world.in_a(span));
            }
            Act::TakeBrokerAway => {
                let span = world.chance.millis(200, 5_000);
                world.note("storm", format_args!("takes the broker away for {} ms", span.as_millis()));
                world.weather.broker_away = Some(world.in_a(span));
                world.broker.cut_all_off();
            }
            Act::DeleteQueues => {
                world.note("storm", format_args!("deletes the queues of jobs"));
                world.broker.delete_jobs();
            }
            Act::EndSession => end_session(world),
            Act::Bar => bar(world),
            Act::Ban => ban(world),
            Act::PauseCampaign => people::pause_campaign(world, self.ends_at),
            Act::CancelCampaign => people::cancel_campaign(world),
            Act::Suppress => people::suppress(world),
            Act::PauseSender => people::pause_sender(world, self.ends_at),
            Act::SendOne => people::send_one(world),
            Act::Kill(_) | Act::Freeze(_) | Act::Restart(_) | Act::CutOff => {}
        }
    }
}

/// What the others see of a process that died: its connections are gone, at once or soon.
pub(crate) fn end_connections(world: &mut World, node: usize) {
    world.broker.cut_off(node);
    for session in world.network.sessions_of(node) {
        let after = world.chance.millis(0, 1_500);
        world.later(after, move |world| world.network.end(session, None));
    }
}

fn choose_awake<'n>(world: &mut World, nodes: &'n mut [Node], kind: Kind) -> Option<&'n mut Node> {
    let awake: Vec<usize> =
        nodes.iter().filter(|node| node.kind == kind && node.is_awake()).map(|node| node.index).collect();
    if awake.is_empty() {
        return None;
    }
    let chosen = awake[world.chance.place(awake.len())];
    nodes.get_mut(chosen)
}

fn choose_sender(world: &mut World) -> SenderId {
    let senders: Vec<_> = world.store.maps.look().senders.keys().copied().collect();
    senders[world.chance.place(senders.len())]
}

fn end_session(world: &mut World) {
    let logs_out = world.chance.happens(200);
    let (sender, now) = (choose_sender(world), world.now);
    world.note("storm", format_args!("ends the session of {}", Short(sender)));
    if let Some(number) = world.network.numbers.get_mut(&sender).filter(|_| logs_out) {
        number.credentials += 1;
    }
    let last = if logs_out { EventBody::LoggedOut } else { EventBody::Disconnected };
    world.network.end_of(sender, now, last);
}

fn bar(world: &mut World) {
    let (sender, span) = (choose_sender(world), world.chance.millis(500, 5_000));
    let until = world.in_a(span);
    world.note("storm", format_args!("bars {} for {} ms", Short(sender), span.as_millis()));
    if let Some(number) = world.network.numbers.get_mut(&sender) {
        number.barred_until = Some(until);
    }
    let now = world.now;
    world.network.end_of(sender, now, EventBody::Suspended { until: Some(until) });
}

/// Somebody is left who can send.
fn ban(world: &mut World) {
    let banned = world.network.numbers.values().filter(|number| number.banned).count();
    if banned + 1 >= world.store.maps.look().senders.len() {
        return;
    }
    let sender = choose_sender(world);
    world.note("storm", format_args!("bans {}", Short(sender)));
    world.network.numbers.entry(sender).or_default().banned = true;
    let now = world.now;
    world.network.end_of(sender, now, EventBody::Suspended { until: None });
}
