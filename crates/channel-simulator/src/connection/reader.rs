//! Reads what the network says, and tells how the session ended.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream::SplitStream};
use paceline_channel::{Accepted, Credentials, EventBody, SendError};
use paceline_domain::FailureReason;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    channel::Socket,
    events::Heard,
    sends::{Answer, unsent},
    session::Shared,
    wire::{Nack, NackReason, Over, OverReason, ServerFrame},
};

/// A peer that is silent for this long, pings included, is dead (real time).
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long the last answers may take once the session is over (real time).
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// The reading half of a connection.
pub(super) struct Reader {
    shared: Arc<Shared>,
    heard: mpsc::Sender<Heard>,
    /// The latest campaign time that the network told.
    told_at: DateTime<Utc>,
    /// Why the network says that the session is over.
    over: Option<Over>,
    connected: bool,
}

/// The network broke the protocol.
struct Garbled;

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, heard: mpsc::Sender<Heard>) -> Self {
        Self { shared, heard, told_at: DateTime::UNIX_EPOCH, over: None, connected: false }
    }

    /// Reads until the connection ends; answers what is still open and says how the session ended.
    pub(super) async fn run(mut self, first: ServerFrame, mut stream: SplitStream<Socket>) {
        if self.take_frame(first).is_ok() {
            self.read(&mut stream).await;
        }
        // Dropping the half here closes the socket once the writer is gone too.
        drop(stream);
        let asked_for = self.shared.closing.is_cancelled();
        self.shared.sends.end();
        if let Some(body) = self.ending(asked_for) {
            // A queue that is full belongs to nobody who listens.
            let _ = self.heard.try_send(Heard::Session(self.told_at, body));
        }
        self.shared.ended.cancel();
    }

    async fn read(&mut self, stream: &mut SplitStream<Socket>) {
        let mut deadline = Instant::now() + SILENCE_LIMIT;
        let mut leaving = false;
        loop {
            let message = tokio::select! {
                () = self.shared.ended.cancelled() => return,
                () = self.shared.closing.cancelled(), if !leaving => {
                    leaving = true;
                    self.shared.sends.close();
                    deadline = Instant::now() + FAREWELL_LIMIT;
                    continue;
                }
                message = timeout_at(deadline, stream.next()) => message,
            };
            let Ok(Some(Ok(message))) = message else { return };
            if !leaving {
                deadline = Instant::now() + SILENCE_LIMIT;
            }
            if let Message::Text(text) = message
                && self.take_text(&text).is_err()
            {
                tracing::warn!("the simulated network broke the session protocol; the connection is closed");
                return;
            }
        }
    }

    fn take_text(&mut self, text: &str) -> Result<(), Garbled> {
        self.take_frame(serde_json::from_str(text).map_err(|_| Garbled)?)
    }

    fn take_frame(&mut self, frame: ServerFrame) -> Result<(), Garbled> {
        for n in frame.acks {
            self.shared.sends.answer(n, Ok(Accepted { provider_id: None }));
        }
        for nack in frame.nacks {
            self.shared.sends.answer(nack.n, answer(&nack));
        }
        if let Some(pairing) = frame.pairing {
            self.told_at = pairing.at;
            self.shared.learn_repeats(pairing.repeats);
            // The next code follows in a minute; nobody misses one that nobody reads.
            let _ = self.heard.try_send(Heard::Session(self.told_at, EventBody::PairingCode(pairing.code)));
        }
        if let Some(paired) = frame.paired {
            self.hear_of_session(EventBody::Paired(Credentials(paired.credentials.into_bytes())))?;
        }
        if let Some(welcome) = frame.welcome {
            self.told_at = welcome.at;
            self.shared.learn_repeats(welcome.repeats);
            self.shared.sends.open();
            if !std::mem::replace(&mut self.connected, true) {
                self.hear_of_session(EventBody::Connected)?;
            }
        }
        for event in frame.events {
            self.told_at = event.at;
            self.hear(Heard::Repeated(event))?;
        }
        if let Some(over) = frame.over {
            self.over = Some(over);
            self.shared.closing.cancel();
        }
        Ok(())
    }

    fn hear_of_session(&self, body: EventBody) -> Result<(), Garbled> {
        self.hear(Heard::Session(self.told_at, body))
    }

    /// The queue holds a whole window: only a network that overruns it finds the queue full.
    fn hear(&self, heard: Heard) -> Result<(), Garbled> {
        match self.heard.try_send(heard) {
            // Nobody listens any more; the network keeps what was not acknowledged.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Garbled),
        }
    }

    /// How the session ended; nothing when it was closed from here.
    fn ending(&self, asked_for: bool) -> Option<EventBody> {
        let Some(over) = &self.over else {
            return (!asked_for).then_some(EventBody::Disconnected);
        };
        Some(match over.reason {
            OverReason::Replaced => EventBody::Replaced,
            OverReason::LoggedOut => EventBody::LoggedOut,
            OverReason::Suspended => EventBody::Suspended { until: over.until },
            OverReason::Banned => EventBody::Suspended { until: None },
            OverReason::Stopping | OverReason::Protocol => EventBody::Disconnected,
        })
    }
}

/// What a refusal means to the sender. Each proves that nothing was sent.
fn answer(nack: &Nack) -> Answer {
    Err(match (nack.reason, nack.until) {
        (NackReason::NotOnWhatsapp, _) => SendError::Rejected(FailureReason::NotOnWhatsapp),
        (NackReason::Blocked, _) => SendError::Rejected(FailureReason::Blocked),
        (NackReason::Refused, _) => SendError::Rejected(FailureReason::Refused),
        (NackReason::RecipientLimit, _) => SendError::Rejected(FailureReason::RecipientLimit),
        (NackReason::Throttled, Some(until)) => SendError::Throttled { until },
        (NackReason::Throttled | NackReason::Unavailable, _) => unsent("the network does not take it now"),
        (NackReason::Unpaired, _) => unsent("the sender is not paired yet"),
        (NackReason::Suspended | NackReason::Banned | NackReason::Over, _) => SendError::SessionOver,
    })
}
