//! The part of a session that sends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use paceline_channel::{Accepted, SendError, SendRequest, Session, TypingState};
use paceline_domain::{Address, Content, FailureReason, PhoneNumber, Repeats};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    sends::Sends,
    wire::{SendFrame, Typing, TypingFrame},
};

/// How long closing in order may take (real time).
const CLOSING_LIMIT: Duration = Duration::from_secs(3);

/// What the writer is asked to write.
pub(crate) enum Command {
    Send(SendFrame),
    Typing(TypingFrame),
    AcknowledgeEvent(u64),
}

/// What the parts of a session share.
pub(crate) struct Shared {
    pub(crate) sends: Sends,
    /// The network may change this while the session is up.
    repeats_dropped: AtomicBool,
    /// Asks the connection to end in order.
    pub(crate) closing: CancellationToken,
    /// The connection has ended.
    pub(crate) ended: CancellationToken,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            sends: Sends::new(),
            repeats_dropped: AtomicBool::new(false),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        })
    }

    pub(crate) fn learn_repeats(&self, repeats: Repeats) {
        self.repeats_dropped.store(repeats == Repeats::Dropped, Ordering::Release);
    }
}

/// A session with the simulated network. Dropping it ends the connection.
pub(crate) struct SimulatorSession {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Drop for SimulatorSession {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

#[async_trait]
impl Session for SimulatorSession {
    fn repeats(&self) -> Repeats {
        if self.shared.repeats_dropped.load(Ordering::Acquire) { Repeats::Dropped } else { Repeats::Delivered }
    }

    async fn send(&self, request: SendRequest) -> Result<Accepted, SendError> {
        let SendRequest { id, to, content, timeout: limit } = request;
        // The simulated network knows people by their numbers only.
        let to = to.phone.ok_or(SendError::Rejected(FailureReason::Refused))?;
        let Content::Text { body: text } = content;
        let (n, answered) = self.shared.sends.enter()?;
        let mut entry = Entry { sends: &self.shared.sends, n: Some(n) };
        let command = Command::Send(SendFrame { n, id, to, text });
        let answer = timeout(limit, async {
            self.commands.send(command).await.ok()?;
            answered.await.ok()
        })
        .await;
        match answer {
            Ok(Some(answer)) => {
                entry.n = None;
                answer
            }
            Ok(None) | Err(_) => Err(entry.withdraw()),
        }
    }

    async fn show_typing(&self, to: &Address, state: TypingState) -> Result<(), SendError> {
        let Some(to) = to.phone.clone() else { return Ok(()) };
        self.type_to(to, state)
    }

    async fn close(&self) {
        self.shared.sends.close();
        self.shared.closing.cancel();
        if timeout(CLOSING_LIMIT, self.shared.ended.cancelled()).await.is_err() {
            self.shared.ended.cancel();
        }
    }
}

impl SimulatorSession {
    /// A full queue means that sends are waiting; the indicator is then of no use.
    fn type_to(&self, to: PhoneNumber, state: TypingState) -> Result<(), SendError> {
        let state = match state {
            TypingState::Composing => Typing::Composing,
            TypingState::Paused => Typing::Paused,
        };
        match self.commands.try_send(Command::Typing(TypingFrame { to, state })) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SendError::SessionOver),
        }
    }
}

/// A send that waits. Dropping it withdraws the send: a caller that is gone must not have it written later.
struct Entry<'a> {
    sends: &'a Sends,
    n: Option<u64>,
}

impl Entry<'_> {
    fn withdraw(&mut self) -> SendError {
        // Answered between the timeout and here: the answer is lost, so that nobody knows.
        self.n.take().and_then(|n| self.sends.withdraw(n)).unwrap_or(SendError::Unknown)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Some(n) = self.n.take() {
            self.sends.withdraw(n);
        }
    }
}
