//! One worker process per number, side by side under a fleet: their memory, and how long it takes until all are connected.

use std::time::Duration;

use paceline_e2e::{
    Deployment, Installation, ScenarioResult, eventually, processes_of, proportional_kib, resident_kib,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::sizes::Sizes;

const LONG: Duration = Duration::from_mins(10);

pub(crate) async fn measure(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let mut deployment = Deployment::new(Installation::new()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(sizes.workers, "gentle").await?;
    let began = Instant::now();
    let fleet = deployment.fleet().await?;
    eventually("every number has its worker", LONG, async || {
        let listed = deployment.api.list("/v1/senders").await?;
        let connected = listed.iter().filter(|sender| sender["session"]["state"] == "connected").count();
        Ok((connected == sizes.workers).then_some(()))
    })
    .await?;
    let took = began.elapsed();
    let workers = processes_of(fleet.process.id().unwrap_or_default())?;
    let (mut resident, mut proportional) = (Vec::new(), Vec::new());
    for &worker in &workers {
        resident.push(resident_kib(worker)?.0);
        proportional.push(proportional_kib(worker)?);
    }
    let count = u64::try_from(workers.len()).unwrap_or(1).max(1);
    let figures = Map::from_iter([
        ("workers_of_one_number".to_owned(), json!(workers.len())),
        ("workers_all_connected_after_seconds".to_owned(), json!(took.as_secs_f64().round())),
        ("resident_kib_of_such_a_worker".to_owned(), json!(resident.iter().sum::<u64>() / count)),
        ("resident_kib_of_the_largest".to_owned(), json!(resident.iter().max())),
        ("proportional_kib_of_such_a_worker".to_owned(), json!(proportional.iter().sum::<u64>() / count)),
    ]);
    deployment.finish([fleet, server]).await?;
    Ok(figures)
}
