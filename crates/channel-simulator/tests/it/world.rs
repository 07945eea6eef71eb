//! A simulator of its own for each test.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_channel::{Channel, conformance::Fixture};
use paceline_channel_simulator::SimulatorChannel;
use paceline_domain::{Clock, PhoneNumber, SleepFuture, WaId};
use paceline_simulator::{
    Acceptance, FaultKind, FaultRequest, PairingOptions, PeopleOptions, Simulator, SimulatorHandle, SimulatorOptions,
};
use tempfile::TempDir;

/// Time that stands still: instant people need no more.
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).expect("a time")
    }
    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }
    fn sleep_until(&self, at: DateTime<Utc>) -> SleepFuture {
        if at <= self.now() { Box::pin(std::future::ready(())) } else { Box::pin(std::future::pending()) }
    }
}

/// A simulator, a channel to it, and one sender.
pub(crate) struct World {
    pub(crate) simulator: SimulatorHandle,
    channel: SimulatorChannel,
    _files: TempDir,
}

/// A fresh network.
pub(crate) async fn world() -> World {
    let files = tempfile::tempdir().expect("a directory");
    let simulator = Simulator::start(SimulatorOptions {
        people: PeopleOptions::instant(),
        pairing: PairingOptions { acceptance: Acceptance::ByCall, ..PairingOptions::default() },
        ..SimulatorOptions::new(Arc::new(StillClock), files.path().join("journal.ndjson"))
    })
    .await
    .expect("the simulator starts");
    let channel = SimulatorChannel::new(&simulator.url());
    World { simulator, channel, _files: files }
}

impl World {
    fn cause(&self, kind: FaultKind, change: impl FnOnce(&mut FaultRequest)) {
        let mut fault = FaultRequest { sender: Some(self.sender()), ..FaultRequest::new(kind) };
        change(&mut fault);
        self.simulator.add_fault(fault).expect("a fault");
    }
}

#[async_trait]
impl Fixture for World {
    fn channel(&self) -> &dyn Channel {
        &self.channel
    }
    fn sender(&self) -> PhoneNumber {
        "+15550100".parse().expect("a number")
    }
    fn person(&self) -> PhoneNumber {
        "+15550177".parse().expect("a number")
    }
    fn stranger(&self) -> PhoneNumber {
        "+15550103".parse().expect("a number")
    }
    fn now(&self) -> DateTime<Utc> {
        StillClock.now()
    }
    async fn accept_pairing(&self, code: &str) {
        self.simulator.accept_code(&self.sender(), code).await.expect("the code is good");
    }
    async fn lose_next_ack(&self) {
        self.cause(FaultKind::LoseAck, |fault| fault.count = Some(1));
    }
    async fn disconnect(&self) {
        self.cause(FaultKind::Disconnect, |_| {});
    }
    async fn bar(&self, until: Option<DateTime<Utc>>) {
        match until {
            Some(_) => self.cause(FaultKind::TemporaryBan, |fault| fault.until = until),
            None => self.cause(FaultKind::PermanentBan, |_| {}),
        }
    }
    async fn log_out(&self) {
        self.simulator.log_out(&self.sender()).await.expect("logged out");
    }
    async fn write_as_person(&self, text: &str) {
        self.simulator.write_as_person(&self.person(), &self.sender(), text).expect("written");
    }
    async fn count_seen(&self, id: &WaId) -> usize {
        let inbox = self.simulator.list_inbox(&self.person()).await.expect("the inbox");
        inbox.iter().filter(|message| message.id == id.as_str()).count()
    }
}
