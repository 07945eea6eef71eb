//! Sends per second through the channel and the simulator in one process, with the journal's fsync on: over one session
//! and over twenty, without receipts and with two receipts each. One JSON object per line.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::{Channel, Credentials, EventBody, OpenedSession, SendRequest, SessionEvents, SessionSetup};
use paceline_channel_simulator::SimulatorChannel;
use paceline_domain::{Address, Clock, Content, PhoneNumber, SenderId, SleepFuture, WaId};
use paceline_simulator::{PeopleOptions, Simulator, SimulatorHandle, SimulatorOptions};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

const SENDS: usize = 200_000;
/// Sends without an answer, over all sessions.
const IN_FLIGHT: usize = 2048;

struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }
    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        Box::pin(tokio::time::sleep((at - self.now()).to_std().unwrap_or_default()))
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for (people, options) in [("quiet", PeopleOptions::quiet()), ("receipts", PeopleOptions::instant())] {
        for sessions in [1, 20] {
            let files = tempfile::tempdir().expect("a directory");
            let simulator = start(&files, options.clone()).await;
            let seconds = measure(&simulator, sessions).await;
            let summary = simulator.summary();
            #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
            let rate = summary.physical_sends as f64 / seconds;
            println!(
                r#"{{"people":"{people}","sessions":{sessions},"sends":{},"seconds":{seconds:.2},"per_second":{rate:.0},"resident_mib":{}}}"#,
                summary.physical_sends,
                resident_mib()
            );
            simulator.stop().await;
        }
    }
}

async fn start(files: &tempfile::TempDir, people: PeopleOptions) -> SimulatorHandle {
    let options = SimulatorOptions::new(Arc::new(RealClock), files.path().join("journal.ndjson"));
    Simulator::start(SimulatorOptions { people, ..options }).await.expect("the simulator starts")
}

/// How long all the sends take, from the first one to the last acknowledgement.
async fn measure(simulator: &SimulatorHandle, sessions: usize) -> f64 {
    let channel = SimulatorChannel::new(&simulator.url());
    let mut opened = Vec::new();
    for n in 0..sessions {
        opened.push(open(&channel, n).await);
    }
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for (n, session) in opened.into_iter().enumerate() {
        senders.spawn(send_all(session, n, SENDS / sessions, IN_FLIGHT / sessions));
    }
    senders.join_all().await;
    begun.elapsed().as_secs_f64()
}

async fn open(channel: &SimulatorChannel, n: usize) -> OpenedSession {
    let phone: PhoneNumber = format!("+1555010{n:04}").parse().expect("a number");
    let setup = SessionSetup { sender: SenderId::from_bytes([0; 16]), phone, credentials: None::<Credentials> };
    let mut opened = channel.open(setup).await.expect("opened");
    while !matches!(opened.events.next().await.expect("an event").split().1, EventBody::Connected) {}
    opened
}

async fn send_all(opened: OpenedSession, n: usize, sends: usize, in_flight: usize) {
    let OpenedSession { session, events } = opened;
    let listener = tokio::spawn(acknowledge_all(events));
    let room = Arc::new(Semaphore::new(in_flight));
    let mut answers = JoinSet::new();
    for message in 0..sends {
        let permit = room.clone().acquire_owned().await.expect("never closed");
        let session = session.clone();
        let request = SendRequest {
            id: WaId::from_network(&format!("3EB0{n:04X}{message:014X}")),
            to: Address::phone(format!("+4479{:08}", message % 1_000_000 * 100 + 77).parse().expect("a number")),
            content: Content::Text { body: format!("Hello number {message}, your order has left our house today.") },
            timeout: Duration::from_secs(30),
        };
        answers.spawn(async move {
            session.send(request).await.expect("accepted");
            drop(permit);
        });
        while answers.try_join_next().is_some() {}
    }
    answers.join_all().await;
    session.close().await;
    listener.abort();
}

async fn acknowledge_all(mut events: Box<dyn SessionEvents>) {
    while let Some(event) = events.next().await {
        if let (_, _, Some(ack)) = event.split() {
            ack.acknowledge().await;
        }
    }
}

/// The process's resident memory, where the system tells.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0_u64) / 1024
}
