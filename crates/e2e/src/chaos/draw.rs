//! The list of faults, drawn from the seed: decks of cards, so that each kind has its share however long it lasts.

use std::{collections::VecDeque, ops::Range, time::Duration};

use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::fault::{Fault, LONG, Manner, Service, Victim};
use crate::Stack;

/// How many senders there are, and so workers under a fleet.
pub(super) const SENDERS: usize = 10;
/// How many servers there are.
pub(super) const SERVERS: usize = 2;
/// How many outages a deck has.
const OUTAGES: usize = 4;

/// Faults without end, each with the gap before it.
#[derive(Debug, Clone)]
pub struct Faults {
    stack: Stack,
    draw: ChaCha8Rng,
    deck: VecDeque<Card>,
    /// Kinds of outages that have not had their turn.
    outages: VecDeque<(Service, Manner)>,
}

/// A fault whose numbers are drawn when it is played.
#[derive(Debug, Clone, Copy)]
enum Card {
    KillUp,
    KillServer,
    KillWorker,
    KillFleet,
    FreezeWorking,
    FreezeServer,
    FreezeLong,
    Rolling,
    QueuesDeleted,
    Outage,
}

impl Faults {
    /// The faults of a seed.
    pub fn of(stack: Stack, seed: u64) -> Self {
        let draw = ChaCha8Rng::seed_from_u64(seed);
        Self { stack, draw, deck: VecDeque::new(), outages: VecDeque::new() }
    }

    fn card(&mut self) -> Card {
        if self.deck.is_empty() {
            let mut cards = deck(self.stack);
            cards.shuffle(&mut self.draw);
            self.deck = cards.into();
        }
        self.deck.pop_front().expect("a deck has cards")
    }

    fn outage(&mut self) -> (Service, Manner) {
        if self.outages.is_empty() {
            let mut outages = outages(self.stack);
            outages.shuffle(&mut self.draw);
            self.outages = outages.into();
        }
        self.outages.pop_front().expect("there are kinds of outages")
    }

    fn millis(&mut self, from_to: Range<u64>) -> Duration {
        Duration::from_millis(self.draw.random_range(from_to))
    }

    /// Whoever sends.
    fn working(&mut self) -> Victim {
        match self.stack {
            Stack::Embedded => Victim::Up,
            Stack::Full => Victim::Worker(self.draw.random_range(0..SENDERS)),
        }
    }
}

impl Iterator for Faults {
    type Item = (Duration, Fault);

    fn next(&mut self) -> Option<Self::Item> {
        let gap = self.millis(300..4_000);
        let server = self.draw.random_range(0..SERVERS);
        let fault = match self.card() {
            Card::KillUp => Fault::Kill(Victim::Up),
            Card::KillServer => Fault::Kill(Victim::Server(server)),
            Card::KillWorker => Fault::Kill(self.working()),
            Card::KillFleet => Fault::Kill(Victim::Fleet),
            Card::FreezeServer => Fault::Freeze(Victim::Server(server), self.millis(2_000..8_000)),
            Card::FreezeWorking => Fault::Freeze(self.working(), self.millis(1_000..5_000)),
            Card::FreezeLong => Fault::Freeze(self.working(), LONG + self.millis(0..4_000)),
            Card::Rolling => Fault::Restart(Victim::Everything),
            Card::QueuesDeleted => Fault::QueuesDeleted,
            Card::Outage => {
                let (service, manner) = self.outage();
                Fault::Outage(service, manner, self.millis(2_000..7_000))
            }
        };
        Some((gap, fault))
    }
}

fn deck(stack: Stack) -> Vec<Card> {
    use Card as C;
    let shares: &[(Card, usize)] = match stack {
        Stack::Embedded => {
            &[(C::KillUp, 14), (C::FreezeWorking, 1), (C::FreezeLong, 1), (C::Rolling, 1), (C::Outage, OUTAGES)]
        }
        Stack::Full => &[
            (C::KillWorker, 10),
            (C::KillServer, 4),
            (C::KillFleet, 1),
            (C::FreezeWorking, 1),
            (C::FreezeServer, 1),
            (C::FreezeLong, 1),
            (C::Rolling, 1),
            (C::QueuesDeleted, 1),
            (C::Outage, OUTAGES),
        ],
    };
    shares.iter().flat_map(|&(card, share)| std::iter::repeat_n(card, share)).collect()
}

fn outages(stack: Stack) -> Vec<(Service, Manner)> {
    use Manner as M;
    let network = [(Service::Network, M::Frozen), (Service::Network, M::Cut), (Service::Network, M::Silent)];
    let others: &[(Service, Manner)] = match stack {
        Stack::Embedded => &[(Service::Database, M::Locked)],
        Stack::Full => &[
            (Service::Database, M::Crashed),
            (Service::Database, M::Cut),
            (Service::Database, M::Silent),
            (Service::Database, M::Slow),
            (Service::Broker, M::Stopped),
            (Service::Broker, M::Crashed),
            (Service::Broker, M::Cut),
            (Service::Broker, M::Silent),
            (Service::Broker, M::Slow),
            (Service::Both, M::Crashed),
        ],
    };
    network.into_iter().chain(others.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::Faults;
    use crate::{Stack, chaos::Fault};

    #[test]
    fn a_seed_draws_the_same_faults_again_and_another_one_others() {
        for stack in [Stack::Embedded, Stack::Full] {
            let of = |seed| Faults::of(stack, seed).take(200).collect::<Vec<_>>();
            assert_eq!(of(7), of(7));
            assert_ne!(of(7), of(8));
        }
    }

    #[test]
    fn every_hundred_faults_have_their_share_of_kills_and_outages() {
        for stack in [Stack::Embedded, Stack::Full] {
            let faults: Vec<_> = Faults::of(stack, 1).take(100).map(|(_, fault)| fault).collect();
            assert!(faults.iter().filter(|fault| fault.is_kill()).count() >= 55, "{stack:?}");
            assert!(faults.iter().filter(|fault| fault.is_outage()).count() >= 12, "{stack:?}");
            assert!(faults.iter().any(|fault| matches!(fault, Fault::Restart(_))), "{stack:?}");
        }
    }
}
