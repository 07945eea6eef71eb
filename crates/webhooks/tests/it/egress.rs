//! Where connections may go.

use paceline_domain::EgressPolicy;
use paceline_store::deliveries::NextTry;

use crate::{receiver::Receiver, world::*};

#[tokio::test]
async fn inner_addresses_are_refused_by_default_in_every_notation() {
    let mut world = World::new();
    world.options.egress = EgressPolicy::default();
    world.options.schedule.truncate(1);
    let receiver = Receiver::answering(200).await;
    let port = receiver.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "127.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "①②⑦.⓪.⓪.①",
    ];
    for host in hosts {
        world.add(&format!("http://{host}:{port}/"));
    }
    let running = world.run();
    let outcomes = world.store.outcomes(hosts.len()).await;
    running.stop().await;

    for outcome in &outcomes {
        let NextTry::Exhausted { error } = &outcome.next else { panic!("{outcome:?}") };
        assert!(error.contains("not public"), "{error}");
        assert_eq!(outcome.status, None);
    }
    assert_eq!(receiver.received().len(), 0, "nothing was connected to");
}

#[tokio::test]
async fn a_refused_address_is_tried_again_because_a_name_may_move() {
    let mut world = World::new();
    world.options.egress = EgressPolicy::default();
    world.add("http://localhost/");
    let running = world.run();
    let outcomes = world.store.outcomes(1).await;
    running.stop().await;
    assert!(matches!(outcomes[0].next, NextTry::Retry { .. }));
}

#[tokio::test]
async fn named_networks_are_allowed_for_literals_and_for_names() {
    let mut world = World::new();
    world.options.egress = EgressPolicy::PublicAnd(vec!["127.0.0.0/8".parse().unwrap()]);
    let receiver = Receiver::answering(200).await;
    world.add(&receiver.url("/literal"));
    world.add(&format!("http://localhost:{}/name", receiver.address.port()));
    let running = world.run();
    let outcomes = world.store.outcomes(2).await;
    running.stop().await;
    assert!(outcomes.iter().all(|outcome| outcome.next == NextTry::Delivered), "{outcomes:?}");
    assert_eq!(receiver.received().len(), 2);
}
