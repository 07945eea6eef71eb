//! Who works for a sender: one process at a time, whatever number of them wants to.

use paceline_e2e::{Audience, Deployment, ScenarioResult};

use super::{drill, drill_with_short_leases, members, says, shares};
use crate::bounds::{CAMPAIGN, SOON};

#[tokio::test]
async fn a_worker_started_twice_for_a_number_says_who_holds_it_and_takes_over_afterwards() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    let phones = deployment.add_senders(1, "drill").await?;
    let first = deployment.start(&["worker", "--sender", &phones[0]]).await?;
    let holder = shares(&deployment.api, &[1], SOON).await?;
    let holder = holder.values().next().expect("one holds the sender");
    assert_eq!(Some(holder.pid), first.process.id());

    let second = deployment.start(&["worker", "--sender", &phones[0]]).await?;
    let line = says(&second, "another worker holds the sender", SOON).await?;
    assert_eq!(line["holder.id"], holder.id.as_str(), "{line}");
    assert_eq!(line["holder.pid"], holder.pid, "{line}");
    assert_eq!(line["holder.host"], holder.host.as_str(), "{line}");
    shares(&deployment.api, &[0, 1], SOON).await?;

    first.stop().await?;
    let heir = shares(&deployment.api, &[1], SOON).await?;
    assert_eq!(heir.keys().copied().next(), second.process.id());
    deployment.finish([second, server]).await
}

#[tokio::test]
async fn two_fleets_share_the_senders_and_none_is_held_twice() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(4, "drill").await?;
    let fleets = [deployment.fleet().await?, deployment.fleet().await?];
    let audience = Audience::ordinary(31, 240);
    let campaign = deployment.submit(&audience).await?;
    // Both may start a process for one sender; the one that does not get it is stopped.
    let members = shares(&deployment.api, &[1; 4], CAMPAIGN).await?;
    let mut held: Vec<_> = members.values().flat_map(|member| &member.senders).collect();
    held.sort();
    held.dedup();
    assert_eq!(held.len(), 4, "{members:?}");
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.repeats), (0, 0), "{summary:?}");

    // One of the two goes, and the other has everything.
    let [first, second] = fleets;
    first.stop().await?;
    shares(&deployment.api, &[1; 4], CAMPAIGN).await?;
    deployment.finish([second, server]).await
}

#[tokio::test]
async fn three_workers_share_nine_senders_and_those_that_stay_take_over_those_of_the_others() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill_with_short_leases()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(9, "drill").await?;
    let many = ["worker", "--slots", "100"];
    let first = deployment.start(&many).await?;
    shares(&deployment.api, &[9], SOON).await?;
    let second = deployment.start(&many).await?;
    let third = deployment.start(&many).await?;
    shares(&deployment.api, &[3, 3, 3], CAMPAIGN).await?;

    first.stop().await?;
    let left = shares(&deployment.api, &[4, 5], SOON).await?;
    assert!(left.keys().all(|pid| [second.process.id(), third.process.id()].contains(&Some(*pid))), "{left:?}");

    // Nobody reaps it: its leases run out by themselves.
    second.kill().await?;
    let left = shares(&deployment.api, &[9], CAMPAIGN).await?;
    assert_eq!(left.keys().copied().next(), third.process.id());
    assert_eq!(members(&deployment.api).await?.len(), 1);
    deployment.finish([third, server]).await
}
