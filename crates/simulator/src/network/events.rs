//! Events on their way to a session, and what people write.

use paceline_domain::PhoneNumber;

use super::{AdminError, LinkId, Network};
use crate::{
    outbox::{Body, Event},
    wire::EventFrame,
};

impl Network {
    /// The next events to write to a connection: at most `limit`, and no more than its window has room for.
    pub(crate) fn next_events(&self, id: LinkId, limit: usize) -> Vec<EventFrame> {
        let mut state = self.lock();
        let Some(sender) = state.senders.at(id) else { return Vec::new() };
        let Some(link) = sender.link.as_mut().filter(|link| link.number == id.number) else { return Vec::new() };
        let room = link.window.saturating_sub(link.on_wire).min(limit);
        let (events, cursor) = sender.outbox.list_from(link.cursor, room);
        link.cursor = cursor;
        link.on_wire += events.len();
        drop(state);
        events.into_iter().map(|(number, event)| EventFrame::new(number, event)).collect()
    }

    /// The client keeps these events; the network forgets them.
    pub(crate) fn acknowledge(&self, id: LinkId, numbers: &[u64]) {
        let mut state = self.lock();
        let Some(sender) = state.senders.at(id) else { return };
        for &number in numbers {
            let known = sender.outbox.acknowledge(number);
            if let Some(link) = &mut sender.link
                && known
                && number < link.cursor
            {
                link.on_wire = link.on_wire.saturating_sub(1);
            }
        }
        // There is room in the window again.
        sender.wake();
    }

    /// The client shows that it types.
    pub(crate) fn note_typing(&self, id: LinkId, times: usize) {
        if let Some(sender) = self.lock().senders.at(id) {
            sender.typing += times as u64;
        }
    }

    /// A person writes to one of our senders; the id of what they wrote.
    pub(crate) fn person_writes(&self, from: &PhoneNumber, to: &PhoneNumber, text: &str) -> Result<String, AdminError> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.written += 1;
        let names = [from.as_e164(), to.as_e164(), &now.timestamp_micros().to_string(), &state.written.to_string()];
        let id = self.inbound_id("written", &names);
        let index = state.senders.find(to).ok_or(AdminError::UnknownSender)?;
        let sender = &mut state.senders.list[index as usize];
        let body = Body::Inbound { id: id.clone(), from: from.as_e164().into(), text: text.into() };
        sender.outbox.push(Event { at: now, body });
        sender.wake();
        Ok(id.into())
    }
}
