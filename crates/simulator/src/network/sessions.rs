//! Who may connect as which number: pairing, resuming, replacing, logging out.

use std::sync::Arc;

use paceline_domain::{PhoneNumber, Repeats};
use tokio::sync::{Notify, mpsc};

use super::{AdminError, Link, LinkId, Network, Order, PairingOffer, Sender, State};
use crate::{
    log::Position,
    registry::Bar,
    wire::{Hello, Over, OverReason},
};

/// How a connection begins.
pub(crate) enum Admission {
    /// The session is up.
    Welcome(LinkId, Repeats),
    /// A phone must accept a code first.
    Pairing(LinkId, Repeats),
    /// It may not connect.
    Refused(Over),
}

impl Network {
    /// Lets a connection in, or not. A session of the same number is replaced.
    pub(crate) fn admit(&self, hello: &Hello, orders: mpsc::UnboundedSender<Order>, wake: Arc<Notify>) -> Admission {
        let now = self.clock.now();
        let mut state = self.lock();
        state.links += 1;
        let number = state.links;
        let at_large = state.repeats;
        let index = state.senders.intern(&hello.phone);
        let sender = &mut state.senders.list[index as usize];
        if let Some(bar) = sender.bar(now) {
            return Admission::Refused(bar.over());
        }
        let id = LinkId { sender: index, number };
        let repeats = sender.repeats.unwrap_or(at_large);
        let link = Link { number, orders, wake, cursor: 0, window: hello.window.max(1) as usize, on_wire: 0 };
        match &hello.credentials {
            Some(shown) if sender.registration.credentials.as_ref() == Some(shown) => {
                sender.end_link(Over::because(OverReason::Replaced));
                sender.link = Some(link);
                Admission::Welcome(id, repeats)
            }
            Some(_) => Admission::Refused(Over::because(OverReason::LoggedOut)),
            None => {
                let older = sender.pairing.replace(PairingOffer { link, code: String::new() });
                if let Some(older) = older {
                    older.link.order(Order::Over(Over::because(OverReason::Replaced)));
                }
                Admission::Pairing(id, repeats)
            }
        }
    }

    /// The next code of a number that is being paired; the one before is void.
    pub(crate) fn rotate_code(&self, id: LinkId, rotation: u32) -> Option<String> {
        let draw = self.draw;
        let mut state = self.lock();
        let sender = state.senders.at(id)?;
        let names = [sender.registration.phone.as_e164(), &id.number.to_string(), &rotation.to_string()];
        let code = format!("PLS1:{}", draw.hex("pairing code", &names));
        let offer = sender.pairing.as_mut().filter(|offer| offer.link.number == id.number)?;
        offer.code.clone_from(&code);
        Some(code)
    }

    /// The simulator's own phone accepts whatever code is shown.
    pub(crate) fn accept_own(&self, id: LinkId) {
        let mut state = self.lock();
        if state.senders.at(id).is_some_and(|sender| sender.is_pairing(id)) {
            self.complete_pairing(&mut state, id.sender);
        }
    }

    /// A phone accepts a code.
    pub(crate) fn accept_code(&self, phone: &PhoneNumber, code: &str) -> Result<Position, AdminError> {
        let mut state = self.lock();
        let index = state.senders.find(phone).ok_or(AdminError::UnknownSender)?;
        let offer = state.senders.list[index as usize].pairing.as_ref().ok_or(AdminError::NotPairing)?;
        if offer.code.is_empty() || offer.code != code {
            return Err(AdminError::CodeExpired);
        }
        Ok(self.complete_pairing(&mut state, index))
    }

    /// Ends the session from the phone; its credentials are void.
    pub(crate) fn log_out(&self, phone: &PhoneNumber) -> Result<Position, AdminError> {
        let mut state = self.lock();
        let index = state.senders.find(phone).ok_or(AdminError::UnknownSender)?;
        let sender = &mut state.senders.list[index as usize];
        sender.registration.credentials = None;
        sender.end_link(Over::because(OverReason::LoggedOut));
        Ok(self.registry.append(&sender.registration))
    }

    /// The connection is gone.
    pub(crate) fn leave(&self, id: LinkId) {
        let mut state = self.lock();
        let Some(sender) = state.senders.at(id) else { return };
        if sender.link(id).is_some() {
            sender.link = None;
        }
        if sender.is_pairing(id) {
            sender.pairing = None;
        }
    }

    /// Ends every session: the network stops.
    pub(crate) fn end_all(&self) {
        let mut state = self.lock();
        for sender in &mut state.senders.list {
            let over = Over::because(OverReason::Stopping);
            sender.end_link(over);
            if let Some(offer) = sender.pairing.take() {
                offer.link.order(Order::Over(over));
            }
        }
    }

    fn complete_pairing(&self, state: &mut State, index: u32) -> Position {
        let sender = &mut state.senders.list[index as usize];
        let offer = sender.pairing.take();
        sender.end_link(Over::because(OverReason::LoggedOut));
        sender.registration.pairings += 1;
        let names = [sender.registration.phone.as_e164(), &sender.registration.pairings.to_string()];
        let credentials = self.draw.hex("credentials", &names);
        sender.registration.credentials = Some(credentials.clone());
        let position = self.registry.append(&sender.registration);
        if let Some(offer) = offer {
            offer.link.order(Order::Paired { credentials, position });
            sender.link = Some(offer.link);
        }
        position
    }
}

impl Sender {
    pub(super) fn is_pairing(&self, id: LinkId) -> bool {
        self.pairing.as_ref().is_some_and(|offer| offer.link.number == id.number)
    }

    /// The session, if there is one, is over.
    pub(super) fn end_link(&mut self, over: Over) {
        if let Some(link) = self.link.take() {
            link.order(Order::Over(over));
        }
    }
}

impl Link {
    pub(super) fn order(&self, order: Order) {
        // A connection that is gone needs no order.
        let _ = self.orders.send(order);
    }
}

impl Bar {
    /// What a session is told.
    pub(crate) fn over(self) -> Over {
        let reason = if self.until.is_some() { OverReason::Suspended } else { OverReason::Banned };
        Over { reason, until: self.until }
    }
}
