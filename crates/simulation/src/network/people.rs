//! People: what reaches them, and what they do about it.

use std::time::Duration;

use paceline_channel::{EventBody, SendRequest};
use paceline_domain::{Address, Content, Inbound, Receipt, ReceiptKind, Repeats, SenderId, WaId};

use super::SessionId;
use crate::world::World;

/// What became of bytes that arrived.
pub(crate) enum Reached {
    /// They were accepted, or had been before.
    Accepted(Option<String>),
    /// They came on a session that is over, and nobody read them.
    Unread,
}

impl World {
    /// The bytes of a send arrive at the network.
    pub(crate) fn arrive(&mut self, session: SessionId, request: &SendRequest) -> Reached {
        if self.network.is_over(session) {
            return Reached::Unread;
        }
        let Some(sender) = self.network.sessions.get(&session).map(|session| session.sender) else {
            return Reached::Unread;
        };
        self.network.arrivals += 1;
        let person = name_of(&request.to);
        let key = (sender, person.clone(), request.id.clone());
        let copies = self.network.accepted.entry(key).or_default();
        *copies += 1;
        let repeated = *copies > 1;
        self.note("network", format_args!("accepts {}{}", request.id, if repeated { " again" } else { "" }));
        if !repeated || self.network.repeats == Repeats::Delivered {
            self.reach_person(sender, person, request);
        }
        let provider_id = self.network.names_sends.then(|| format!("wamid.{}", request.id));
        Reached::Accepted(provider_id)
    }

    fn reach_person(&mut self, sender: SenderId, person: String, request: &SendRequest) {
        let receipt = |kind| EventBody::Receipt(Receipt { id: request.id.clone(), kind });
        let fails = self.weather.fails_later;
        if self.chance.happens(fails) {
            self.foretell(sender, &receipt(ReceiptKind::Failed), 4_000);
            return;
        }
        let Content::Text { body } = &request.content;
        *self.network.seen.entry((person, body.clone())).or_default().entry(request.id.clone()).or_default() += 1;
        for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
            let lost = self.weather.receipt_lost;
            if !self.chance.happens(lost) {
                // Each at a moment of its own, so that they overtake each other.
                self.foretell(sender, &receipt(kind), 9_000);
            }
        }
        let replies = self.weather.replies;
        if self.chance.happens(replies) {
            let opts_out = self.weather.opts_out;
            let text = if self.chance.happens(opts_out) { "STOP" } else { "Thank you!" }.to_owned();
            let id = WaId::from_network(&format!("REPLY{}", self.network.name()));
            self.foretell(sender, &EventBody::Inbound(Inbound { id, from: request.to.clone(), text }), 8_000);
        }
    }

    /// Something will happen to a number within some milliseconds, now and then twice.
    fn foretell(&mut self, sender: SenderId, body: &EventBody, within: u32) {
        let doubled = self.weather.event_doubled;
        let times = if self.chance.happens(doubled) { 2 } else { 1 };
        for _ in 0..times {
            let (after, body) = (self.chance.millis(20, within), body.clone());
            self.later(after + Duration::from_millis(1), move |world| {
                let now = world.now;
                world.note("network", format_args!("{}", describe(&body)));
                world.network.happen(sender, now, body);
            });
        }
    }
}

fn describe(body: &EventBody) -> String {
    match body {
        EventBody::Receipt(receipt) => format!("has a receipt: {} {}", receipt.id, receipt.kind),
        EventBody::Inbound(inbound) => format!("has an answer: {} {}", inbound.id, inbound.text),
        _ => "has an event".to_owned(),
    }
}

fn name_of(address: &Address) -> String {
    address.phone.as_ref().map_or_else(String::new, |phone| phone.as_e164().to_owned())
}
