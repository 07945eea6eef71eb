//! The steps: what each part may do next.

use paceline_domain::{CampaignState, MessageMove, MessageState, Repeats};

use crate::protocol::{Protocol, Rule};
use crate::world::{End, Hand, Message, NEWS, Worker, World, result_of};

/// What a step costs of the faults that a run may have.
const FREE: u8 = 0;
const FAULT: u8 = 1;

/// More than a run of the whole protocol needs, which would not end otherwise; without some rule a run has no end.
const MOST_RELEASES: u8 = 7;

/// What happens, and the world after it.
pub type Step = (&'static str, World);

/// The steps from one world.
pub(crate) struct Steps<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) world: &'a World,
    pub(crate) found: &'a mut Vec<Step>,
}

impl Steps<'_> {
    fn offer(&mut self, cost: u8, name: &'static str, change: impl FnOnce(&mut World)) {
        let mut next = *self.world;
        let Some(faults) = next.faults.checked_sub(cost) else { return };
        change(&mut next);
        next.tidy();
        if next != *self.world {
            next.faults = faults;
            let forward = self.protocol.broken.is_some() || next.progress() > self.world.progress();
            assert!(forward, "{name} may lead in a circle: {:?}", self.world);
            self.found.push((name, next));
        }
    }

    pub(crate) fn offer_all(mut self) {
        let world = self.world;
        self.offer(FAULT, "the campaign is cancelled", |it| it.campaign = CampaignState::Cancelled);
        let believed = world.workers.iter().any(|worker| worker.epoch == world.epoch);
        self.offer(if believed { FAULT } else { FREE }, "the lease runs out", |it| it.live = false);
        for message in 0..world.messages.len() {
            self.offer_control(message, &world.messages[message]);
            for worker in (0..world.workers.len()).filter(|&worker| world.workers[worker].epoch > 0) {
                self.offer_jobs(worker, message);
                self.offer_hand(worker, message);
                self.offer_news(worker, message);
            }
        }
        for worker in 0..world.workers.len() {
            self.offer_worker(worker);
        }
    }

    /// Releaser, broker, results role and sweeper.
    fn offer_control(&mut self, message: usize, row: &Message) {
        let (protocol, waiting) = (self.protocol, row.state == MessageState::Waiting);
        if waiting && self.world.campaign == CampaignState::Cancelled {
            self.offer(FREE, "the sweeper cancels", |it| protocol.move_message(it, message, MessageMove::Cancel));
        } else if waiting && !row.released && row.generation < MOST_RELEASES {
            for (cost, name, job) in [(FREE, "a release", 2), (FAULT, "a release whose job is lost", 0)] {
                self.offer(cost, name, |it| {
                    let it = &mut it.messages[message];
                    (it.released, it.generation, it.jobs) = (true, it.generation + 1, it.jobs | job << it.generation);
                });
            }
        }
        if protocol.keeps(Rule::Reclaim) {
            let cost = if row.jobs & 1 << row.generation == 0 { FREE } else { FAULT };
            self.offer(cost, "a release runs out", |it| it.messages[message].released = false);
        }
        self.offer(FAULT, "jobs are lost", |it| it.messages[message].jobs = 0);
        for result in (0..32).map(|place| 1 << place).filter(|result| row.results & result != 0) {
            for (cost, name, kept) in [(FREE, "a result is applied", 0), (FAULT, "a result comes again", result)] {
                self.offer(cost, name, |it| {
                    it.messages[message].results &= kept | !result;
                    protocol.apply(it, message, result);
                });
            }
            // No row has news before it is applied: there the broker must keep what it confirmed.
            self.offer(FAULT, "a result is lost", |it| it.messages[message].results &= NEWS | !result);
        }
        if let Some(end) = row.outcome.filter(|_| protocol.keeps(Rule::SweepOutcomes)) {
            let result = result_of(row.attempts, end);
            self.offer(FREE, "the sweeper applies an outcome", |it| protocol.apply(it, message, result));
        }
    }

    fn offer_worker(&mut self, worker: usize) {
        let (world, protocol) = (self.world, self.protocol);
        let Worker { epoch, settled } = world.workers[worker];
        let at_rest = world.messages.iter().all(|it| it.hands[worker] == Hand::Empty);
        if epoch == 0 && !world.live {
            let epoch = world.epoch + u8::from(protocol.keeps(Rule::NewEpoch) || world.epoch == 0);
            let next = Worker { epoch, settled: !protocol.keeps(Rule::SettleFirst) };
            self.offer(FREE, "a lease is taken", |it| (it.workers[worker], it.epoch, it.live) = (next, epoch, true));
        } else if at_rest && world.holds_lease(worker) && !settled {
            self.offer(FREE, "open attempts are adopted", |it| protocol.adopt(it, worker));
        } else if at_rest && !world.holds_lease(worker) {
            self.offer(FREE, "a lost lease is noticed", |it| it.restart(worker));
        }
        self.offer(FAULT, "a worker crashes", |it| it.restart(worker));
    }

    /// A worker takes a job: intent, or refusal.
    fn offer_jobs(&mut self, worker: usize, message: usize) {
        let (world, protocol) = (self.world, self.protocol);
        let allowed = world.holds_lease(worker) || !protocol.keeps(Rule::EpochInIntent);
        if !allowed || !world.workers[worker].settled || world.messages[message].hands[worker] != Hand::Empty {
            return;
        }
        for job in (0..8).filter(|job| world.messages[message].jobs & 1 << job != 0) {
            for (cost, name, kept) in [(FREE, "a job is taken", 0), (FAULT, "a job comes again", 1 << job)] {
                self.offer(cost, name, |it| {
                    it.messages[message].jobs &= kept | !(1 << job);
                    let early = (!protocol.keeps(Rule::IntentFirst)).then_some(0);
                    let granted = early.or_else(|| protocol.record_intent(it, worker, (message, job)));
                    it.messages[message].hands[worker] = granted.map_or(Hand::Empty, |it| Hand::Granted(it, false));
                });
            }
            self.offer(FAULT, "an intent's answer is lost", |it| {
                protocol.record_intent(it, worker, (message, job));
                it.workers[worker].settled = false;
            });
        }
    }

    /// What a worker does next with an attempt.
    fn offer_hand(&mut self, worker: usize, message: usize) {
        let (world, protocol) = (self.world, self.protocol);
        let epoch = world.workers[worker].epoch;
        let mut offer = |cost, name, next| {
            self.offer(cost, name, |it| it.messages[message].hands[worker] = next);
        };
        match world.messages[message].hands[worker] {
            Hand::Empty => {}
            Hand::Granted(attempt, doubt) if world.holds_lease(worker) => {
                offer(FREE, "the lease has time for a send", Hand::Cleared(attempt, doubt));
            }
            Hand::Granted(_, true) => offer(FREE, "a doubtful attempt is left open", Hand::Empty),
            Hand::Granted(attempt, false) => offer(FREE, "a send is held back", Hand::Told(attempt, End::Unsent)),
            Hand::Cleared(attempt, doubt) => {
                let (again, unsent) = (Hand::Granted(attempt, true), Hand::Told(attempt, End::Unsent));
                let dropped = protocol.repeats == Repeats::Dropped;
                let unheard = if dropped { again } else { Hand::Told(attempt, End::Unknown) };
                offer(FAULT, "a send is lost", unheard);
                offer(FAULT, "a send is turned away", if doubt { again } else { unsent });
                let id = 1 << if protocol.keeps(Rule::OneId) { 0 } else { epoch };
                let sent = Hand::Told(attempt, End::Sent);
                for (cost, name, next) in [(FREE, "a send is accepted", sent), (FAULT, "its answer is lost", unheard)] {
                    self.offer(cost, name, |it| {
                        let it = &mut it.messages[message];
                        it.copies = 2.min(it.copies + u8::from(!dropped || it.ids & id == 0));
                        (it.ids, it.hands[worker]) = (it.ids | id, next);
                    });
                }
            }
            Hand::Told(attempt, end) => self.offer(FREE, "an outcome is recorded and published", |it| {
                protocol.record_outcome(&mut it.messages[message], epoch, (attempt, end));
                it.messages[message].hands[worker] = Hand::Empty;
            }),
        }
    }

    /// A worker carries the receipt and the reply that the network has.
    fn offer_news(&mut self, worker: usize, message: usize) {
        let it = &self.world.messages[message];
        if it.ids == 0 || it.acknowledged {
            return;
        }
        let confirm = |it: &mut World| it.messages[message].results |= NEWS;
        let acknowledge = |it: &mut World| it.messages[message].acknowledged = true;
        self.offer(FREE, "news is carried", |it| (confirm(it), acknowledge(it)).0);
        let first: &dyn Fn(&mut World) = if self.protocol.keeps(Rule::ConfirmFirst) { &confirm } else { &acknowledge };
        self.offer(FAULT, "a worker crashes as it carries news", |it| (first(it), it.restart(worker)).0);
    }
}
