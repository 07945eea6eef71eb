//! The registration: a worker says that it lives, and holds its share of the fleet and no more.

use chrono::DateTime;
use paceline_domain::{ChannelKind, Epoch, PhoneNumber, SenderId, WorkerId};
use paceline_store::{
    fleet::{WorkerReport, WorkerView},
    senders::Sender,
};

use crate::{
    house::{House, SENDER, eventually, stays},
    store::Held,
};

/// Another worker, listed after the house's own.
fn another() -> WorkerView {
    let report = WorkerReport {
        id: WorkerId::from_bytes([7; 16]),
        host: "elsewhere".to_owned(),
        pid: 7,
        version: "0.0.0".to_owned(),
        pinned: None,
        slots: 1_000,
        channels: vec![ChannelKind::Simulator],
        listen: None,
        resident_bytes: 0,
        draining: false,
    };
    WorkerView { report, started_at: DateTime::UNIX_EPOCH, seen_at: DateTime::UNIX_EPOCH }
}

/// A house with four senders.
async fn house_of_four() -> House {
    let house = House::new("single").await;
    house.store.rows(|state| {
        for byte in 1..4_u8 {
            let id = SenderId::from_bytes([byte; 16]);
            let phone: PhoneNumber = format!("+1555020{byte}").parse().unwrap();
            let sender = Sender { id, phone, ..state.senders[&SENDER].sender.clone() };
            state.senders.insert(id, Held { sender, epoch: Epoch(0), lease: None });
        }
    });
    house
}

#[tokio::test]
async fn a_worker_alone_holds_every_sender_and_a_second_one_gets_its_share() {
    let mut house = house_of_four().await;
    house.start();
    house.shown("paceline_worker_leases_held", 4).await;
    house.store.rows(|state| state.workers.push(another()));
    house.shown("paceline_worker_leases_held", 2).await;
    assert_eq!(house.journal.count("release"), 2);
    stays("it takes none of them back", || house.journal.count("claim") == 4).await;
    house.store.rows(|state| state.workers.retain(|view| view.report.id != another().report.id));
    house.shown("paceline_worker_leases_held", 4).await;
    house.stop().await;
}

#[tokio::test]
async fn a_worker_reports_itself_and_is_registered_no_more_when_it_has_stopped() {
    let mut house = House::running("single").await;
    house.shown("paceline_worker_leases_held", 1).await;
    house.store.rows(|state| {
        let report = &state.workers[0].report;
        assert_eq!((report.id, report.pid), (house.options.worker, std::process::id()));
        assert_eq!(
            (report.slots, report.draining, &report.channels[..]),
            (1_000, false, &[ChannelKind::Simulator][..])
        );
    });
    house.stop().await;
    eventually("it is registered no more", || house.store.rows(|state| state.workers.is_empty())).await;
}

#[tokio::test]
async fn a_pinned_worker_waits_for_its_sender_and_takes_no_other() {
    let mut house = house_of_four().await;
    house.options.pinned = Some(SENDER);
    house.store.rows(|state| state.steal(SENDER));
    house.start();
    stays("it holds nothing", || house.journal.count("claim") == 0).await;
    house.store.rows(|state| state.senders.get_mut(&SENDER).unwrap().lease = None);
    house.shown("paceline_worker_leases_held", 1).await;
    stays("it holds nothing else", || house.journal.count("claim") == 1).await;
    house.stop().await;
}
