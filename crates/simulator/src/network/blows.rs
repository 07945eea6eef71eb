//! What faults do to sessions.

use chrono::{DateTime, Utc};
use paceline_domain::{PhoneNumber, Repeats};

use super::{Link, Network, Order, State};
use crate::{FaultError, FaultId, FaultKind, FaultRequest, FaultView, faults::Blow};

impl Network {
    /// Causes a fault, now or when its time comes.
    pub(crate) fn add_fault(&self, request: FaultRequest) -> Result<FaultId, FaultError> {
        request.check()?;
        let now = self.clock.now();
        let mut state = self.lock();
        let (id, begins) = state.faults.add(request, now);
        if begins <= now {
            self.begin_fault(&mut state, id, now);
        } else {
            state.agenda.add_fault(begins, id);
            self.agenda_grew(&state);
        }
        Ok(id)
    }

    pub(crate) fn list_faults(&self) -> Vec<FaultView> {
        self.lock().faults.list()
    }

    /// Ends one fault and what it did to sessions; whether there was one.
    pub(crate) fn remove_fault(&self, id: FaultId) -> bool {
        let mut state = self.lock();
        let Some(request) = state.faults.remove(id) else { return false };
        match request.kind {
            FaultKind::TemporaryBan | FaultKind::PermanentBan => self.lift_bars(&mut state, request.sender.as_ref()),
            FaultKind::RepeatsDropped | FaultKind::RepeatsDelivered => {
                let blow = Blow::Repeats(self.repeats_at_start);
                self.strike_scope(&mut state, request.sender.as_ref(), &blow);
            }
            _ => {}
        }
        true
    }

    /// Ends every fault and what they did to sessions: bans are lifted, repeats are treated as at the start.
    pub(crate) fn clear_faults(&self) {
        let mut state = self.lock();
        state.faults.clear();
        self.lift_bars(&mut state, None);
        self.strike_scope(&mut state, None, &Blow::Repeats(self.repeats_at_start));
    }

    pub(super) fn begin_fault(&self, state: &mut State, id: FaultId, now: DateTime<Utc>) {
        if let Some((blow, scope)) = state.faults.blow(id, now) {
            self.strike_scope(state, scope.as_ref(), &blow);
        }
    }

    /// Strikes one sender or all of them, at once.
    fn strike_scope(&self, state: &mut State, scope: Option<&PhoneNumber>, blow: &Blow) {
        let struck = match scope {
            // A number that was never seen yet can be struck too.
            Some(phone) => vec![state.senders.intern(phone)],
            None => (0..u32::try_from(state.senders.list.len()).unwrap_or(u32::MAX)).collect(),
        };
        if let Blow::Repeats(repeats) = blow {
            return state.treat_repeats(scope, &struck, *repeats);
        }
        for index in struck {
            if let Some((link, order)) = self.strike_sender(state, index, blow) {
                link.order(order);
            }
        }
    }

    /// Changes the sender's state; its connection, taken off it, and what it is to be told.
    pub(super) fn strike_sender(&self, state: &mut State, index: u32, blow: &Blow) -> Option<(Link, Order)> {
        let sender = state.senders.list.get_mut(index as usize)?;
        let order = match blow {
            Blow::Disconnect => Order::Cut,
            Blow::Bar(bar) => {
                sender.registration.bar = Some(*bar);
                self.registry.append(&sender.registration);
                Order::Over(bar.over())
            }
            // Repeats are no matter of one send: their faults take no trigger.
            Blow::Repeats(_) => return None,
        };
        let link = sender.link.take().or_else(|| sender.pairing.take().map(|offer| offer.link))?;
        Some((link, order))
    }

    fn lift_bars(&self, state: &mut State, scope: Option<&PhoneNumber>) {
        for sender in &mut state.senders.list {
            let in_scope = scope.is_none_or(|phone| *phone == sender.registration.phone);
            if in_scope && sender.registration.bar.take().is_some() {
                self.registry.append(&sender.registration);
            }
        }
    }
}

impl State {
    fn treat_repeats(&mut self, scope: Option<&PhoneNumber>, struck: &[u32], repeats: Repeats) {
        if scope.is_none() {
            self.repeats = repeats;
        }
        for &index in struck {
            let sender = &mut self.senders.list[index as usize];
            sender.repeats = scope.map(|_| repeats);
            if let Some(link) = &sender.link {
                link.order(Order::Welcome(repeats));
            }
        }
    }
}
