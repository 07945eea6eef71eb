//! What the log says about an outage: once that it began, once that it is over.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use paceline_control::{Outages, Role, StepError, run_role};
use paceline_store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    builders::{broker_away, meters, refused, unavailable},
    fakes::lock,
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects what this thread logs while the guard lives.
    fn collect(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn lines_with(&self, text: &str) -> usize {
        String::from_utf8(lock(&self.0).clone()).expect("UTF-8").lines().filter(|line| line.contains(text)).count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn an_outage_is_told_once_however_many_roles_meet_it() {
    let (log, (meters, metrics)) = (Log::default(), meters());
    let _guard = log.collect();
    let outages = Outages::new(&meters);
    let down = "paceline_service_down{service=\"database\"} 1";
    for _ in 0..3 {
        outages.begin("planner", &unavailable().into());
        outages.begin("releaser", &unavailable().into());
    }
    assert_eq!((log.lines_with("a service is away"), log.lines_with("WARN")), (1, 1));
    assert!(metrics.render().contains(down));
    outages.end("planner");
    outages.end("sequencer");
    assert_eq!(log.lines_with("the service is back"), 0, "the releaser still waits");
    outages.end("releaser");
    outages.end("releaser");
    assert_eq!(log.lines_with("the service is back"), 1);
    assert!(!metrics.render().contains(down));
    outages.begin("planner", &unavailable().into());
    assert_eq!(log.lines_with("a service is away"), 2, "a new outage is told again");
}

#[tokio::test]
async fn database_and_broker_are_told_apart() {
    let (log, (meters, _)) = (Log::default(), meters());
    let _guard = log.collect();
    let outages = Outages::new(&meters);
    outages.begin("releaser", &unavailable().into());
    outages.begin("releaser", &broker_away().into());
    assert_eq!((log.lines_with("a service is away"), log.lines_with("the service is back")), (2, 1));
    outages.end("releaser");
    assert_eq!(log.lines_with("the service is back"), 2);
}

#[tokio::test]
async fn a_refusal_is_told_once_for_each_role_and_a_conflict_never() {
    let (log, (meters, _)) = (Log::default(), meters());
    let _guard = log.collect();
    let outages = Outages::new(&meters);
    for _ in 0..3 {
        outages.begin("purge", &refused().into());
        outages.begin("planner", &refused().into());
        outages.begin("releaser", &StoreError::Conflict { what: "messages".to_owned() }.into());
    }
    assert_eq!((log.lines_with("ERROR"), log.lines_with("releaser")), (2, 0));
    outages.end("purge");
    assert_eq!(log.lines_with("the step works again"), 1);
}

/// Fails so many times, then works.
struct Shaky {
    failures: u32,
    steps: Arc<Mutex<Vec<tokio::time::Instant>>>,
}

impl Role for Shaky {
    fn name(&self) -> &'static str {
        "shaky"
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        lock(&self.steps).push(tokio::time::Instant::now());
        if self.failures == 0 {
            return Ok(Duration::from_mins(1));
        }
        self.failures -= 1;
        Err(unavailable().into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_waits_longer_each_time_up_to_five_seconds_and_goes_on_by_itself() {
    let (log, (meters, _)) = (Log::default(), meters());
    let _guard = log.collect();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (role, stop) = (Shaky { failures: 8, steps: Arc::clone(&steps) }, CancellationToken::new());
    let ended = {
        let (outages, stop) = (Outages::new(&meters), stop.clone());
        async move { run_role(role, &outages, &stop).await }
    };
    let watch = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        stop.cancel();
    };
    tokio::join!(ended, watch);
    let times = lock(&steps).clone();
    let pauses: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    assert_eq!((log.lines_with("a service is away"), log.lines_with("the service is back")), (1, 1));
}
