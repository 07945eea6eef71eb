//! The network's state, behind one lock that is never held across a wait. What must be durable is appended to the two
//! logs under the lock, so that the files' order is the order of what happened.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use paceline_domain::{Clock, PhoneNumber, Repeats};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use crate::{
    PairingOptions,
    agenda::{Agenda, Course, Micros, Step},
    draw::Draw,
    faults::FaultBook,
    journal::{MessageKey, Tally},
    log::{DurableLog, Position},
    outbox::{Body, Event, Outbox},
    people::People,
    registry::{Bar, Registration},
    wire::Over,
};

mod admin;
mod blows;
mod events;
mod sends;
mod sessions;

pub use admin::{AdminError, SenderView};
pub(crate) use sends::{Answers, IncomingSend};
pub(crate) use sessions::Admission;

/// How many steps of people are done under one taking of the lock.
const STEPS_AT_ONCE: usize = 1024;
/// Of how many messages the text is remembered for the inbox.
const RECENT_TEXTS: usize = 10_000;

/// A simulated network.
pub(crate) struct Network {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<DurableLog>,
    pub(crate) registry: Arc<DurableLog>,
    pub(crate) pairing: PairingOptions,
    pub(crate) people: People,
    /// Woken when something is due earlier than the agenda's task waits for.
    pub(crate) agenda_changed: Notify,
    draw: Draw,
    repeats_at_start: Repeats,
    state: Mutex<State>,
}

/// What a network begins with.
pub(crate) struct Beginnings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<DurableLog>,
    pub(crate) registry: Arc<DurableLog>,
    pub(crate) pairing: PairingOptions,
    pub(crate) people: People,
    pub(crate) draw: Draw,
    pub(crate) repeats: Repeats,
    pub(crate) senders: Senders,
    pub(crate) tally: Tally,
}

struct State {
    senders: Senders,
    tally: Tally,
    faults: FaultBook,
    agenda: Agenda,
    /// What the agenda's task waits for.
    agenda_awaits: Option<DateTime<Utc>>,
    texts: RecentTexts,
    /// Sends that the network took and has not acknowledged.
    in_hand: usize,
    links: u64,
    /// How many messages people wrote by admin call.
    written: u64,
    repeats: Repeats,
}

/// Every number that ever was a sender, by a short index.
#[derive(Default)]
pub(crate) struct Senders {
    list: Vec<Sender>,
    by_phone: HashMap<PhoneNumber, u32>,
}

struct Sender {
    registration: Registration,
    /// Set by a fault for this sender alone.
    repeats: Option<Repeats>,
    pairing: Option<PairingOffer>,
    link: Option<Link>,
    outbox: Outbox,
    /// Sends that reached the network, refused ones included.
    sends: u64,
    typing: u64,
}

struct PairingOffer {
    link: Link,
    code: String,
}

/// A connection, as the network sees it.
pub(crate) struct Link {
    number: u64,
    orders: mpsc::UnboundedSender<Order>,
    wake: Arc<Notify>,
    /// The first event that was not written to this connection.
    cursor: u64,
    /// How many events may be on the wire unacknowledged.
    window: usize,
    on_wire: usize,
}

/// Names a sender's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkId {
    pub(crate) sender: u32,
    number: u64,
}

/// What the network tells a connection to do.
pub(crate) enum Order {
    /// The phone accepted; tell the client once `position` of the registry is durable.
    Paired { credentials: String, position: Position },
    /// What happens to repeats has changed.
    Welcome(Repeats),
    /// The session is over; say so and close.
    Over(Over),
    /// Break the connection without a word.
    Cut,
}

/// What is still to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Messages that somebody will still do something with, sends in hand included.
    pub scheduled: usize,
    /// Events that a session has not acknowledged yet.
    pub unacknowledged: usize,
    /// When a person next does something, in campaign time.
    pub next_at: Option<DateTime<Utc>>,
}

impl Pending {
    /// Whether nothing more will happen unless somebody sends.
    pub fn is_quiet(self) -> bool {
        self.scheduled == 0 && self.unacknowledged == 0
    }
}

/// The number under which a person answers: where a phone has two, not the one that was written to.
fn answers_from(recipient: &str) -> Box<str> {
    let other = recipient.parse::<PhoneNumber>().ok().and_then(|phone| phone.other_form());
    other.map_or_else(|| recipient.into(), |other| other.as_e164().into())
}

impl Network {
    pub(crate) fn new(beginnings: Beginnings) -> Arc<Self> {
        let Beginnings { clock, journal, registry, pairing, people, draw, repeats, senders, tally } = beginnings;
        let state = State {
            senders,
            tally,
            faults: FaultBook::new(draw),
            agenda: Agenda::default(),
            agenda_awaits: None,
            texts: RecentTexts::default(),
            in_hand: 0,
            links: 0,
            written: 0,
            repeats,
        };
        Arc::new(Self {
            clock,
            journal,
            registry,
            pairing,
            people,
            agenda_changed: Notify::new(),
            draw,
            repeats_at_start: repeats,
            state: Mutex::new(state),
        })
    }

    /// Does everything that is due; when the next thing is.
    pub(crate) fn run_due(&self) -> Option<DateTime<Utc>> {
        loop {
            let now = self.clock.now();
            let mut state = self.lock();
            let begun: Vec<_> = std::iter::from_fn(|| state.agenda.take_fault(now)).collect();
            for fault in begun {
                self.begin_fault(&mut state, fault, now);
            }
            if self.run_steps(&mut state, now) < STEPS_AT_ONCE {
                state.agenda_awaits = state.agenda.next_due();
                return state.agenda_awaits;
            }
        }
    }

    pub(crate) fn pending(&self) -> Pending {
        let state = self.lock();
        Pending {
            scheduled: state.agenda.len() + state.in_hand,
            unacknowledged: state.senders.list.iter().map(|sender| sender.outbox.unacknowledged()).sum(),
            next_at: state.agenda.next_at(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means that a thread panicked between two plain assignments; the simulator goes on with what
        // is there rather than taking every session down.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does at most [`STEPS_AT_ONCE`] steps; how many.
    fn run_steps(&self, state: &mut State, now: DateTime<Utc>) -> usize {
        let mut done = 0;
        while done < STEPS_AT_ONCE {
            let Some((at, step, course)) = state.agenda.take_step(now) else { break };
            self.run_step(state, at, step, &course);
            state.agenda.add(course);
            done += 1;
        }
        done
    }

    fn run_step(&self, state: &mut State, at: Micros, step: Step, course: &Course) {
        let at = DateTime::from_timestamp_micros(at).unwrap_or_default();
        let Some(sender) = state.senders.list.get_mut(course.sender as usize) else { return };
        match step {
            Step::Receipt(kind) => {
                for _ in 0..=u8::from(course.doubled) {
                    sender.outbox.push(Event { at, body: Body::Receipt { id: course.id.clone(), kind } });
                }
            }
            Step::Reply => {
                let names = [sender.registration.phone.as_e164(), &course.recipient, &course.id];
                let id = self.inbound_id("reply", &names);
                let text = self.people.reply_text(&course.recipient, &course.id).into();
                let from = answers_from(&course.recipient);
                sender.outbox.push(Event { at, body: Body::Inbound { id, from, text } });
            }
        }
        sender.wake();
    }

    /// Wakes the agenda's task when something is due earlier than it thinks.
    fn agenda_grew(&self, state: &State) {
        let next = state.agenda.next_due();
        if next.is_some_and(|next| state.agenda_awaits.is_none_or(|awaited| next < awaited)) {
            self.agenda_changed.notify_one();
        }
    }

    /// The id of a message that a person writes, in the form that phones use.
    fn inbound_id(&self, rule: &str, names: &[&str]) -> Box<str> {
        format!("3A{}", &self.draw.hex(rule, names)[..18].to_uppercase()).into()
    }
}

impl Senders {
    /// The sender's index; a number that was never seen gets one.
    pub(crate) fn intern(&mut self, phone: &PhoneNumber) -> u32 {
        if let Some(index) = self.find(phone) {
            return index;
        }
        self.add(Registration { phone: phone.clone(), pairings: 0, credentials: None, bar: None })
    }

    pub(crate) fn add(&mut self, registration: Registration) -> u32 {
        let index = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.by_phone.insert(registration.phone.clone(), index);
        self.list.push(Sender {
            registration,
            repeats: None,
            pairing: None,
            link: None,
            outbox: Outbox::default(),
            sends: 0,
            typing: 0,
        });
        index
    }

    fn find(&self, phone: &PhoneNumber) -> Option<u32> {
        self.by_phone.get(phone).copied()
    }

    fn at(&mut self, link: LinkId) -> Option<&mut Sender> {
        self.list.get_mut(link.sender as usize)
    }
}

impl Sender {
    /// The connection, when it is still the sender's.
    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.link.as_mut().filter(|link| link.number == id.number)
    }

    fn wake(&self) {
        if let Some(link) = &self.link {
            link.wake.notify_one();
        }
    }

    fn bar(&self, now: DateTime<Utc>) -> Option<Bar> {
        self.registration.bar.filter(|bar| bar.holds(now))
    }
}

/// The texts of the most recent messages.
#[derive(Default)]
struct RecentTexts {
    order: VecDeque<MessageKey>,
    texts: HashMap<MessageKey, Box<str>>,
}

impl RecentTexts {
    fn add(&mut self, key: MessageKey, text: &str) {
        if self.texts.insert(key, text.into()).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > RECENT_TEXTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.texts.remove(&oldest);
        }
    }

    fn find(&self, key: MessageKey) -> Option<&str> {
        self.texts.get(&key).map(AsRef::as_ref)
    }
}
