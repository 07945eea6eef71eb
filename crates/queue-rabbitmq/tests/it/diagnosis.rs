//! What `diagnose` finds.

use std::time::Duration;

use lapin::{options::QueueDeclareOptions, types::FieldTable};
use paceline_queue::JobQueue;
use paceline_queue_rabbitmq::{Finding, QueueType, Severity, diagnose};
use url::Url;

use crate::{
    broker::{Installation, Namespace, fresh_sender, open_channel, options, url},
    proxy::{Proxy, Weather},
};

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

#[tokio::test]
async fn a_broker_that_is_as_it_must_be_has_nothing_but_good_findings() {
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let queue = Installation::start(queue_type);
        let sender = fresh_sender();
        queue.declare_senders(&[sender]).await.unwrap();
        let mut options = options(&queue.namespace.name);
        options.queue_type = queue_type;
        let findings = diagnose(&options, &[sender, fresh_sender()]).await;
        assert!(findings.iter().all(|finding| finding.severity == Severity::Ok), "{findings:#?}");
        let said = findings.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>().join("\n");
        for part in ["RabbitMQ ", "are accepted", "shared queues", "1 job queues", "no alarm"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[tokio::test]
async fn a_queue_in_the_way_is_found_and_what_is_missing_is_left_alone() {
    let queue = Installation::start(QueueType::Quorum);
    let (sender, missing) = (fresh_sender(), fresh_sender());
    let (_connection, channel) = open_channel().await;
    let in_the_way = queue.namespace.jobs_of(sender);
    let options_of_queue = QueueDeclareOptions::durable();
    channel.queue_declare(in_the_way.clone(), options_of_queue, FieldTable::default()).await.unwrap();
    let findings = diagnose(&options(&queue.namespace.name), &[missing, sender]).await;
    let [error] = errors(&findings)[..] else { panic!("{findings:#?}") };
    assert!(error.what.contains(in_the_way.as_str()), "{error:?}");
    assert!(error.cure.as_deref().unwrap().contains("delete it"), "{error:?}");
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let found = channel.queue_declare(queue.namespace.jobs_of(missing), passive, FieldTable::default()).await;
    assert!(found.is_err(), "a look declares no sender's queue");
}

#[tokio::test]
async fn a_shared_queue_in_the_way_is_found_and_nothing_that_needs_it_is_tried() {
    let (_connection, channel) = open_channel().await;
    let namespace = Namespace::new();
    let dead = namespace.named("dead");
    channel.queue_declare(dead.clone(), QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
    let findings = diagnose(&options(&namespace.name), &[fresh_sender()]).await;
    let error = findings.last().unwrap();
    assert_eq!((error.severity, errors(&findings).len()), (Severity::Error, 1), "{findings:#?}");
    assert!(error.what.contains(dead.as_str()), "{error:?}");
}

#[tokio::test]
async fn what_keeps_us_out_is_found_with_its_cure_and_without_the_password() {
    let namespace = Namespace::new();
    let mut password = Url::parse(&url()).unwrap();
    password.set_password(Some("s3cret")).unwrap();
    let mut vhost = Url::parse(&url()).unwrap();
    vhost.set_path("/no-such-vhost");
    // Takes connections, and says nothing that is AMQP.
    let mute = Proxy::start(Weather::Stalled).await;
    let cut = Proxy::start(Weather::Cut).await;
    for (url, cure) in [
        (password.to_string(), "user and password"),
        (vhost.to_string(), "virtual host"),
        ("amqp://ann:s3cret@127.0.0.1:1".to_owned(), "check that the broker runs"),
        (mute.url(), "check that the broker runs"),
        (cut.url(), "check that the broker runs"),
        ("http://ann:s3cret@127.0.0.1".to_owned(), "configuration"),
    ] {
        let mut options = options(&namespace.name);
        options.url = url.clone().into();
        options.connect_timeout = Duration::from_secs(1);
        let findings = diagnose(&options, &[]).await;
        let [error] = errors(&findings)[..] else { panic!("{url}: {findings:#?}") };
        assert!(error.cure.as_deref().unwrap().contains(cure), "{url}: {error:?}");
        assert!(!format!("{findings:?}").contains("s3cret"), "{findings:?}");
    }
}
