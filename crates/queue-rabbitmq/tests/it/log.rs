//! What the log says: one line when the broker goes away, one when it is back, and nothing that must not be in it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use paceline_queue::{JobQueue, Publication};
use paceline_queue_rabbitmq::QueueType;
use paceline_telemetry::{LogFormat, LogOptions, log_subscriber};
use url::Url;

use crate::{
    broker::{Installation, fresh_sender, job, until, url},
    proxy::{Proxy, Weather},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn an_outage_has_a_line_at_each_end_and_neither_password_nor_phone_numbers_are_said() {
    let lines = Lines::default();
    let options = LogOptions { format: LogFormat::Json, filter: "debug".to_owned() };
    let writer = lines.clone();
    // For the whole process: the driver's threads are heard in no other way. Other tests are heard too.
    tracing::subscriber::set_global_default(log_subscriber(&options, move || writer.clone()).unwrap()).unwrap();

    let proxy = Proxy::start(Weather::Fair).await;
    let port = Url::parse(&proxy.url()).unwrap().port().unwrap().to_string();
    let queue = Installation::with(QueueType::Classic, |options| options.url = proxy.url().into());
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    // Both connections are up, and a message is returned: the driver would quote it.
    let _consumer = queue.consume_jobs(sender, 1).await.unwrap();
    let answers = queue.publish_jobs(vec![job(fresh_sender(), 1), job(sender, 1)]).await.unwrap();
    assert_eq!(answers, [Publication::Returned, Publication::Confirmed]);
    for _ in 0..2 {
        proxy.turn(Weather::Cut);
        until("it is away", async || queue.metric("paceline_broker_connections") == 0).await;
        proxy.turn(Weather::Fair);
        until("it is back", async || queue.metric("paceline_broker_connections") == 2).await;
    }
    let text = lines.text();
    let of_ours =
        |part: &str| text.lines().filter(|line| line.contains(part) && line.contains(&port)).collect::<Vec<_>>();
    assert_eq!(of_ours("connected to the broker").len(), 1);
    let away = of_ours("the broker is away");
    assert_eq!((away.len(), of_ours("the broker is back").len()), (2, 2));
    assert!(away[0].contains(r#""level":"WARN""#) && away[0].contains("amqp://"), "{}", away[0]);
    let password = Url::parse(&url()).unwrap().password().unwrap_or("guest").to_owned();
    assert!(!text.contains(&format!(":{password}@")), "the password is in the log");
    let phone = "15550100";
    let as_bytes = phone.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    assert!(!text.contains(phone) && !text.contains(&as_bytes), "a phone number is in the log");
}
