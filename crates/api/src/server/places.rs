//! Who may be connected: so many in all and from one address, and a few more who are told so and may ask after our health.
//!
//! Nobody is turned away for the sake of somebody who says nothing: when places run out, the connection that has been silent
//! longest makes room, first one of the same address, then one of the address that has most. Only when every place is taken by a
//! request that is being answered does a newcomer hear that there is no room.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use paceline_telemetry::{Describe, IntCounterVec, IntGaugeVec, Metrics};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::{ServerLimits, talk::Talk};

/// Places beyond all caps, for health and for saying that there is no room.
pub(super) const SPARE: usize = 16;

/// How often the log says that places are short.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What a connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcome {
    /// Everything.
    Whole,
    /// Health; anything else is refused, and the connection ends with the answer.
    HealthOnly,
}

/// A connection's place, which is free again when this is dropped.
pub(super) struct Place {
    pub(super) welcome: Welcome,
    pub(super) talk: Arc<Talk>,
    /// Cancelled when the connection has to make room.
    pub(super) leave: CancellationToken,
    number: u64,
    places: Arc<Places>,
}

/// All places.
pub(super) struct Places {
    limits: ServerLimits,
    connections: IntGaugeVec,
    closed: IntCounterVec,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    /// By number, which is the order in which they came.
    by_number: BTreeMap<u64, Guest>,
    short: Short,
}

struct Guest {
    address: IpAddr,
    welcome: Welcome,
    talk: Arc<Talk>,
    leave: CancellationToken,
}

/// What has not been said in the log yet.
#[derive(Default)]
struct Short {
    said: Option<Instant>,
    silent: u64,
    refused: u64,
}

impl Places {
    pub(super) fn new(limits: ServerLimits, metrics: &Metrics) -> Arc<Self> {
        let connections = metrics.gauge(
            Describe {
                name: "paceline_http_connections",
                help: "Open connections to this process's HTTP listener.",
                when_it_rises: "more callers at once; at server.max_connections newcomers wait for those who are silent, and then \
                                hear 503.",
            },
            &[],
        );
        let closed = metrics.counter(
            Describe {
                name: "paceline_http_connections_closed_total",
                help: "Connections that were closed for want of room, by reason: `silent` made room for another, `full` found none.",
                when_it_rises: "somebody holds connections without using them, or more is asked than this process answers: raise \
                                server.max_connections and the limit of open files, or add servers.",
            },
            &["reason"],
        );
        Arc::new(Self { limits, connections, closed, taken: Mutex::default() })
    }

    /// A place for a newcomer, at another's cost where it must be; `None` when even the spare places are busy.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut taken = self.lock();
        let welcome = self.make_room(&mut taken, address)?;
        let number = taken.next;
        taken.next += 1;
        let (talk, leave) = (Arc::new(Talk::default()), CancellationToken::new());
        let guest = Guest { address, welcome, talk: Arc::clone(&talk), leave: leave.clone() };
        taken.by_number.insert(number, guest);
        self.show(&taken);
        Some(Place { welcome, talk, leave, number, places: Arc::clone(self) })
    }

    /// Ends the connection that has been silent longest, because the process has no descriptor left for a newcomer.
    pub(super) fn make_way(&self) {
        let mut taken = self.lock();
        if !self.end_silent(&mut taken, |_| true) {
            self.refuse(&mut taken);
        }
    }

    fn make_room(&self, taken: &mut Taken, address: IpAddr) -> Option<Welcome> {
        let whole = |guest: &&Guest| guest.welcome == Welcome::Whole;
        let of_address = taken.by_number.values().filter(whole).filter(|guest| guest.address == address).count();
        if of_address >= self.limits.per_address {
            if self.end_silent(taken, |guest| guest.welcome == Welcome::Whole && guest.address == address) {
                return Some(Welcome::Whole);
            }
            return self.spare(taken);
        }
        if taken.by_number.values().filter(whole).count() < self.limits.connections {
            return Some(Welcome::Whole);
        }
        let crowd = most_silent(taken);
        if self.end_silent(taken, |guest| guest.welcome == Welcome::Whole && Some(guest.address) == crowd) {
            return Some(Welcome::Whole);
        }
        self.spare(taken)
    }

    fn spare(&self, taken: &mut Taken) -> Option<Welcome> {
        let spare = taken.by_number.values().filter(|guest| guest.welcome == Welcome::HealthOnly).count();
        if spare < SPARE || self.end_silent(taken, |guest| guest.welcome == Welcome::HealthOnly) {
            return Some(Welcome::HealthOnly);
        }
        self.refuse(taken);
        None
    }

    /// Ends the oldest of these that is not being answered; whether there was one.
    fn end_silent(&self, taken: &mut Taken, among: impl Fn(&Guest) -> bool) -> bool {
        let found = taken.by_number.iter().find(|(_, guest)| !guest.talk.is_busy() && among(guest));
        let Some(number) = found.map(|(&number, _)| number) else { return false };
        if let Some(guest) = taken.by_number.remove(&number) {
            guest.leave.cancel();
        }
        taken.short.silent += 1;
        self.closed.with_label_values(&["silent"]).inc();
        self.say(taken);
        true
    }

    fn refuse(&self, taken: &mut Taken) {
        taken.short.refused += 1;
        self.closed.with_label_values(&["full"]).inc();
        self.say(taken);
    }

    fn say(&self, taken: &mut Taken) {
        if taken.short.said.is_some_and(|at| at.elapsed() < SAY_EVERY) {
            return;
        }
        let short = std::mem::replace(&mut taken.short, Short { said: Some(Instant::now()), ..Short::default() });
        tracing::warn!(
            connections.open = taken.by_number.len(),
            connections.most = self.limits.connections,
            connections.most_of_one_address = self.limits.per_address,
            connections.silent_closed = short.silent,
            connections.refused = short.refused,
            "the listener is short of places: connections that say nothing are closed for newcomers; raise server.max_connections \
             and the limit of open files when these are wanted"
        );
    }

    fn show(&self, taken: &Taken) {
        let open = i64::try_from(taken.by_number.len()).unwrap_or(i64::MAX);
        self.connections.with_label_values::<&str>(&[]).set(open);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.by_number.remove(&self.number);
        self.places.show(&taken);
    }
}

/// The address that has most connections of which nothing is being answered.
fn most_silent(taken: &Taken) -> Option<IpAddr> {
    let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for guest in taken.by_number.values().filter(|guest| guest.welcome == Welcome::Whole && !guest.talk.is_busy()) {
        *counts.entry(guest.address).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(_, count)| count).map(|(address, _)| address)
}

/// What counts as one address: of IPv6 the first 64 bits, which one customer has whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, per_address: usize) -> Arc<Places> {
        Places::new(ServerLimits { connections, per_address, ..ServerLimits::default() }, &Metrics::new())
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn whoever_has_been_silent_longest_makes_room_for_the_same_address_first() {
        let places = places(10, 2);
        let first = places.admit(address(1)).unwrap();
        let second = places.admit(address(1)).unwrap();
        let other = places.admit(address(2)).unwrap();
        let third = places.admit(address(1)).unwrap();
        assert!(first.leave.is_cancelled() && !second.leave.is_cancelled() && !other.leave.is_cancelled());
        assert_eq!(third.welcome, Welcome::Whole);
    }

    #[test]
    fn a_request_that_is_being_answered_is_never_ended_for_a_newcomer() {
        let places = places(2, 2);
        let (first, second) = (places.admit(address(1)).unwrap(), places.admit(address(2)).unwrap());
        first.talk.begin();
        second.talk.begin();
        let guests: Vec<_> = (0..SPARE).map(|_| places.admit(address(3)).unwrap()).collect();
        assert!(guests.iter().all(|guest| guest.welcome == Welcome::HealthOnly));
        assert!(!first.leave.is_cancelled() && !second.leave.is_cancelled());
        for guest in &guests {
            guest.talk.begin();
        }
        assert!(places.admit(address(3)).is_none(), "even the spare places are busy");
        drop(first);
        assert_eq!(places.admit(address(3)).unwrap().welcome, Welcome::Whole);
    }

    #[test]
    fn the_address_with_most_silent_connections_makes_room_for_all() {
        let places = places(4, 3);
        let lone = places.admit(address(1)).unwrap();
        let crowd: Vec<_> = (0..3).map(|_| places.admit(address(2)).unwrap()).collect();
        let newcomer = places.admit(address(3)).unwrap();
        assert_eq!(newcomer.welcome, Welcome::Whole);
        assert!(crowd[0].leave.is_cancelled() && !lone.leave.is_cancelled());
    }

    #[test]
    fn one_customer_of_ipv6_counts_as_one_address() {
        let places = places(10, 1);
        let first = places.admit("2001:db8::1".parse().unwrap()).unwrap();
        let _second = places.admit("2001:db8::2".parse().unwrap()).unwrap();
        let _third = places.admit("2001:db8:0:1::1".parse().unwrap()).unwrap();
        assert!(first.leave.is_cancelled());
    }
}
