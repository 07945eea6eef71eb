//! A channel that follows a script and writes down what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, Weak},
};

use async_trait::async_trait;
use paceline_channel::{
    Accepted, Channel, ChannelEvent, Credentials, EventAck, EventBody, OpenError, OpenedSession, SendError,
    SendRequest, Session, SessionEvents, SessionSetup, TypingState,
};
use paceline_domain::{Address, ChannelKind, Clock, Repeats};
use tokio::sync::{Semaphore, mpsc};

use crate::{clock::ManualClock, house::Journal};

/// The answer to one send.
pub(crate) enum Answer {
    Accept,
    Fail(SendError),
    /// Accept once the gate lets one through.
    WaitForLeave,
}

/// A scripted channel.
pub(crate) struct TestChannel {
    state: Mutex<State>,
    leave: Arc<Semaphore>,
    journal: Journal,
    clock: Arc<ManualClock>,
    // Sessions reach back into the script.
    this: Weak<Self>,
}

struct State {
    repeats: Repeats,
    opens: VecDeque<OpenError>,
    answers: VecDeque<Answer>,
    asked_to_pair: Vec<Option<Credentials>>,
    sent: Vec<(chrono::DateTime<chrono::Utc>, SendRequest)>,
    events: Option<mpsc::UnboundedSender<ChannelEvent>>,
    pairs_by_hand: bool,
}

impl TestChannel {
    pub(crate) fn new(journal: Journal, clock: Arc<ManualClock>) -> Arc<Self> {
        let state = State {
            repeats: Repeats::Dropped,
            opens: VecDeque::new(),
            answers: VecDeque::new(),
            asked_to_pair: Vec::new(),
            sent: Vec::new(),
            events: None,
            pairs_by_hand: false,
        };
        let leave = Arc::new(Semaphore::new(0));
        Arc::new_cyclic(|this| Self { state: Mutex::new(state), leave, journal, clock, this: this.clone() })
    }

    /// Repeated ids are shown twice, as on the Cloud API.
    pub(crate) fn deliver_repeats(&self) {
        self.state.lock().unwrap().repeats = Repeats::Delivered;
    }

    /// The next openings fail like this.
    pub(crate) fn refuse_open(&self, error: OpenError) {
        self.state.lock().unwrap().opens.push_back(error);
    }

    /// Sessions come up only when the test says so.
    pub(crate) fn pair_by_hand(&self) {
        self.state.lock().unwrap().pairs_by_hand = true;
    }

    /// The next sends are answered like this; later ones are accepted.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Lets one waiting send through.
    pub(crate) fn let_through(&self) {
        self.leave.add_permits(1);
    }

    /// The credentials of each opening.
    pub(crate) fn openings(&self) -> Vec<Option<Credentials>> {
        self.state.lock().unwrap().asked_to_pair.clone()
    }

    /// The sends, with campaign time.
    pub(crate) fn sent(&self) -> Vec<(chrono::DateTime<chrono::Utc>, SendRequest)> {
        self.state.lock().unwrap().sent.clone()
    }

    /// Hands an event out; its acknowledgement is written down under `name`.
    pub(crate) fn emit(&self, name: &str, body: EventBody) {
        let ack = Ack { name: name.to_owned(), journal: self.journal.clone() };
        let event = ChannelEvent::new(self.clock.now(), body, Some(Box::new(ack)));
        let state = self.state.lock().unwrap();
        state.events.as_ref().expect("a session is open").send(event).expect("the session listens");
    }

    /// Ends the session with this event.
    pub(crate) fn end(&self, body: EventBody) {
        self.emit("end", body);
        self.state.lock().unwrap().events = None;
    }
}

struct Ack {
    name: String,
    journal: Journal,
}

#[async_trait]
impl EventAck for Ack {
    async fn acknowledge(self: Box<Self>) {
        self.journal.note(format!("ack {}", self.name));
    }
}

#[async_trait]
impl Channel for TestChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Simulator
    }

    async fn open(&self, setup: SessionSetup) -> Result<OpenedSession, OpenError> {
        let mut state = self.state.lock().unwrap();
        self.journal.note("open");
        state.asked_to_pair.push(setup.credentials);
        if let Some(error) = state.opens.pop_front() {
            return Err(error);
        }
        let (events, listener) = mpsc::unbounded_channel();
        if !state.pairs_by_hand {
            let connected = ChannelEvent::new(self.clock.now(), EventBody::Connected, None);
            events.send(connected).expect("the listener is here");
        }
        state.events = Some(events);
        let session = TestSession {
            leave: Arc::clone(&self.leave),
            journal: self.journal.clone(),
            repeats: state.repeats,
            channel: self.this.clone(),
        };
        Ok(OpenedSession { session: Arc::new(session), events: Box::new(Listener(listener)) })
    }
}

struct Listener(mpsc::UnboundedReceiver<ChannelEvent>);

#[async_trait]
impl SessionEvents for Listener {
    async fn next(&mut self) -> Option<ChannelEvent> {
        self.0.recv().await
    }
}

struct TestSession {
    leave: Arc<Semaphore>,
    journal: Journal,
    repeats: Repeats,
    channel: Weak<TestChannel>,
}

#[async_trait]
impl Session for TestSession {
    fn repeats(&self) -> Repeats {
        self.repeats
    }

    async fn send(&self, request: SendRequest) -> Result<Accepted, SendError> {
        let answer = {
            let channel = self.channel.upgrade().expect("the test runs");
            let mut state = channel.state.lock().unwrap();
            self.journal.note(format!("send {}", request.id));
            state.sent.push((channel.clock.now(), request));
            state.answers.pop_front().unwrap_or(Answer::Accept)
        };
        match answer {
            Answer::Accept => Ok(Accepted { provider_id: None }),
            Answer::Fail(error) => Err(error),
            Answer::WaitForLeave => {
                self.leave.acquire().await.expect("the gate stays").forget();
                Ok(Accepted { provider_id: None })
            }
        }
    }

    async fn show_typing(&self, _to: &Address, state: TypingState) -> Result<(), SendError> {
        self.journal.note(format!("typing {state:?}"));
        Ok(())
    }

    async fn close(&self) {
        self.journal.note("close");
        if let Some(channel) = self.channel.upgrade() {
            channel.state.lock().unwrap().events = None;
        }
    }
}
