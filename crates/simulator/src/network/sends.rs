//! Sends: taken under the lock and journalled in that order; acknowledged, and shown to people, only when the journal
//! is durable.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use paceline_domain::{Content, PhoneNumber, Repeats};

use super::{LinkId, Network, Order, State};
use crate::{
    RefusalReason,
    agenda::{Course, Micros, Step, Steps},
    faults::{AckFate, Blow, SendInSight, Strikes},
    journal::{JournalLine, MessageKey, Sighting, message_key, text_hash},
    log::Position,
    outbox::ReceiptWord,
    wire::{Nack, NackReason, SendFrame, SessionNack},
};

/// A send as it came, with everything that can be reckoned without the network's state.
pub(crate) struct IncomingSend<'a> {
    frame: SendFrame<'a>,
    key: MessageKey,
    text_hash: String,
    /// Why the network refuses it, whoever sends it.
    refusal: Option<RefusalReason>,
}

/// What a group of sends is answered with, once the journal is durable up to `position`.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) position: Position,
    pub(crate) acks: Vec<u64>,
    pub(crate) late_acks: Vec<(Duration, u64)>,
    pub(crate) nacks: Vec<Nack>,
    /// What follows behind the answers.
    pub(crate) then: Option<Order>,
    deliveries: Vec<Delivery>,
    taken: usize,
}

struct Delivery {
    recipient: Box<str>,
    id: Box<str>,
    at: Micros,
    doubled: bool,
    reordered: bool,
}

impl<'a> IncomingSend<'a> {
    pub(crate) fn new(network: &Network, frame: SendFrame<'a>) -> Self {
        let lawful_id = (1..=64).contains(&frame.id.len())
            && frame.id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        let chars = frame.text.chars().count();
        let refusal =
            if !lawful_id || frame.to.parse::<PhoneNumber>().is_err() || !(1..=Content::MAX_TEXT).contains(&chars) {
                Some(RefusalReason::Refused)
            } else if network.people.is_on_whatsapp(&frame.to) {
                None
            } else {
                Some(RefusalReason::NotOnWhatsapp)
            };
        let (key, text_hash) = match refusal {
            None => (message_key(&frame.to, &frame.id), text_hash(&frame.text)),
            Some(_) => (0, String::new()),
        };
        Self { frame, key, text_hash, refusal }
    }
}

impl Network {
    /// Takes a group of sends of one connection.
    pub(crate) fn take_sends(&self, link: LinkId, sends: &[IncomingSend<'_>]) -> Answers {
        let now = self.clock.now();
        let written_now = now.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut answers = Answers::default();
        let mut state = self.lock();
        for send in sends {
            match refusal(&mut state, link, send, now) {
                Some((reason, until)) => answers.nacks.push(Nack { n: send.frame.n, reason, until }),
                None => self.take(&mut state, link, send, &mut answers, (now, &written_now)),
            }
        }
        state.in_hand += answers.taken;
        answers
    }

    /// The journal is durable: people get what was sent.
    pub(crate) fn settle(&self, link: LinkId, answers: &mut Answers) {
        let courses: Vec<_> = answers.deliveries.drain(..).map(|delivery| self.course(link, delivery)).collect();
        let now = self.clock.now();
        let mut state = self.lock();
        for course in courses {
            state.agenda.add(course);
        }
        state.in_hand -= std::mem::take(&mut answers.taken);
        // What happens at once, happens now; whatever is left over wakes the agenda's task.
        self.run_steps(&mut state, now);
        self.agenda_grew(&state);
    }

    fn take(
        &self,
        state: &mut State,
        link: LinkId,
        send: &IncomingSend<'_>,
        answers: &mut Answers,
        (now, written_now): (DateTime<Utc>, &str),
    ) {
        let Some(sender) = state.senders.list.get(link.sender as usize) else { return };
        let phone = &sender.registration.phone;
        let sight = SendInSight { sender: phone, id: &send.frame.id, ordinal: sender.sends, now };
        let strikes = state.faults.strike(sight);
        let repeats = sender.repeats.unwrap_or(state.repeats);
        let repeat = state.tally.is_repeat(send.key, link.sender);
        let seen = !(strikes.message_dropped || repeat && repeats == Repeats::Dropped);
        let n = state.tally.record(send.key, link.sender, Sighting::of(seen));
        answers.position = self.journal.append(&JournalLine {
            n,
            at: written_now,
            sender: phone.as_e164(),
            recipient: &send.frame.to,
            id: &send.frame.id,
            text_hash: &send.text_hash,
            repeat,
            seen,
        });
        if seen {
            state.texts.add(send.key, &send.frame.text);
            answers.deliver(send, &strikes, now);
        }
        answers.acknowledge(send.frame.n, &strikes);
        answers.taken += 1;
        if let Some(blow) = strikes.blow {
            self.follow_up(state, link, &blow, answers);
        }
    }

    fn follow_up(&self, state: &mut State, link: LinkId, blow: &Blow, answers: &mut Answers) {
        if let Some((_, order)) = self.strike_sender(state, link.sender, blow) {
            answers.then = Some(order);
        }
    }

    fn course(&self, link: LinkId, delivery: Delivery) -> Course {
        let reaction = self.people.reaction(&delivery.recipient, &delivery.id);
        let (delivered, read) = match (reaction.delivered, reaction.read) {
            (Some(delivered), Some(read)) if delivery.reordered => (Some(read), Some(delivered)),
            both => both,
        };
        let receipt = |after: Option<i64>, word| after.map(|after| (delivery.at + after, Step::Receipt(word)));
        let delivered = receipt(delivered, ReceiptWord::Delivered);
        let read = receipt(read, ReceiptWord::Read);
        let reply = reaction.reply.map(|after| (delivery.at + after, Step::Reply));
        let steps = if delivery.reordered { [read, delivered, reply] } else { [delivered, read, reply] };
        Course {
            sender: link.sender,
            recipient: delivery.recipient,
            id: delivery.id,
            steps: Steps::new(steps),
            doubled: delivery.doubled,
        }
    }
}

/// Why the network does not take a send, and until when.
fn refusal(
    state: &mut State,
    link: LinkId,
    send: &IncomingSend<'_>,
    now: DateTime<Utc>,
) -> Option<(NackReason, Option<DateTime<Utc>>)> {
    let sender = state.senders.at(link)?;
    sender.sends += 1;
    if let Some(bar) = sender.bar(now) {
        let reason = if bar.until.is_some() { SessionNack::Suspended } else { SessionNack::Banned };
        return Some((NackReason::Session(reason), bar.until));
    }
    if sender.link(link).is_none() {
        return Some((NackReason::Session(SessionNack::Over), None));
    }
    if let Some(reason) = send.refusal {
        return Some((NackReason::Refusal(reason), None));
    }
    let sight = SendInSight { sender: &sender.registration.phone, id: &send.frame.id, ordinal: sender.sends, now };
    let (reason, until) = state.faults.refusal(sight)?;
    Some((NackReason::Refusal(reason), until))
}

impl Answers {
    fn deliver(&mut self, send: &IncomingSend<'_>, strikes: &Strikes, now: DateTime<Utc>) {
        self.deliveries.push(Delivery {
            recipient: send.frame.to.as_ref().into(),
            id: send.frame.id.as_ref().into(),
            at: now.timestamp_micros(),
            doubled: strikes.receipts_doubled,
            reordered: strikes.receipts_reordered,
        });
    }

    /// The journal failed: nothing of this was sent.
    pub(crate) fn forget_deliveries(&mut self) {
        self.deliveries.clear();
    }

    fn acknowledge(&mut self, n: u64, strikes: &Strikes) {
        match strikes.ack {
            AckFate::Prompt => self.acks.push(n),
            AckFate::Late(delay) => self.late_acks.push((delay, n)),
            AckFate::Lost => {}
        }
    }
}
