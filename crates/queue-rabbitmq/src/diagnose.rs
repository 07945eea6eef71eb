//! A look at the broker for `paceline check`: what is as it must be, what is not, and what to do about it.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Connection, Event,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use paceline_domain::SenderId;
use tokio::time::timeout;

use crate::{
    address::Address,
    dial::{Dialled, dial},
    fault::Fault,
    greeting::Greeting,
    names::Names,
    options::{QueueType, RabbitOptions},
    topology::{Topology, set},
    wire::Kind,
};

/// The oldest release whose queues have what ours need.
const OLDEST: (u32, u32) = (3, 10);
/// From here on streams are always there.
const STREAMS_ALWAYS: (u32, u32) = (3, 12);
/// How long a publish may take before the broker counts as blocked.
const PROMPT: Duration = Duration::from_secs(3);
const ANSWER_WAIT: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(2);

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it must be.
    Ok,
    /// Works, but for what is said.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found. Never a password.
    pub what: String,
    /// What to do about it, where something is to be done.
    pub cure: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self { severity: Severity::Ok, what: what.into(), cure: None }
    }

    fn warning(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, what: what.into(), cure: Some(cure.into()) }
    }

    fn error(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { severity: Severity::Error, what: what.into(), cure: Some(cure.into()) }
    }

    fn fault(fault: &Fault) -> Self {
        Self::error(fault.reason(), fault.cure())
    }
}

/// Looks at the broker, within a bounded time: whether it can be reached and used, whether what all senders share is or can be
/// declared, whether the queues of these senders are as they must be, and whether publishers are blocked. Declares what all senders
/// share, as any process would.
pub async fn diagnose(options: &RabbitOptions, senders: &[SenderId]) -> Vec<Finding> {
    let (address, names) = match (Address::parse(options), Names::new(&options.namespace)) {
        (Ok(address), Ok(names)) => (address, names),
        (Err(error), _) | (_, Err(error)) => {
            return vec![Finding::error(error.to_string(), "correct the configuration")];
        }
    };
    let mut findings = Vec::new();
    let greeting = match Greeting::ask(&address).await {
        Ok(greeting) => greeting,
        Err(fault) => {
            let what = format!("{} cannot be reached: {}", address.shown, fault.reason());
            return vec![Finding::error(what, fault.cure())];
        }
    };
    findings.push(release_finding(&greeting, &address));
    match dial(&address, &format!("{} check", options.name)).await {
        Ok(Dialled { connection, hangup }) => {
            findings.push(Finding::ok("user, password and virtual host are accepted"));
            let topology = Topology { names, queue_type: options.queue_type, answer_wait: ANSWER_WAIT };
            let look = Look { connection: &connection, topology, greeting };
            findings.extend(look.all(senders).await);
            // What fails here fails because the connection has ended.
            let _ = timeout(FAREWELL, connection.close(200, "OK".into())).await;
            hangup.cut();
        }
        Err(fault) => findings.push(Finding::fault(&fault)),
    }
    findings
}

fn release_finding(greeting: &Greeting, address: &Address) -> Finding {
    let Greeting { product, version } = greeting;
    let what = format!("{product} {version} answers at {}", address.shown);
    match greeting.release() {
        _ if product != "RabbitMQ" => {
            Finding::warning(what, "Paceline relies on RabbitMQ's queues; other brokers are not tried")
        }
        Some(release) if release < OLDEST => Finding::error(what, "use RabbitMQ 3.10 or later"),
        _ => Finding::ok(what),
    }
}

/// A look at a broker that lets us in.
struct Look<'a> {
    connection: &'a Connection,
    topology: Topology,
    greeting: Greeting,
}

impl Look<'_> {
    async fn all(&self, senders: &[SenderId]) -> Vec<Finding> {
        let shared = self.shared().await;
        if shared.severity != Severity::Ok {
            // All else needs what could not be declared.
            return vec![shared];
        }
        let mut findings = vec![shared];
        findings.extend(self.streams().await);
        findings.extend(self.job_queues(senders).await);
        findings.push(self.alarms().await);
        findings
    }

    /// A channel of its own for each look: a refusal ends it.
    async fn channel(&self) -> Result<Channel, Fault> {
        let created = self.topology.bounded(self.connection.create_channel()).await?;
        created.map_err(|error| Fault::of_using(error, "the virtual host"))
    }

    async fn shared(&self) -> Finding {
        let declared = async { self.topology.declare_shared(&self.channel().await?).await };
        let kind = match self.topology.queue_type {
            QueueType::Quorum => "quorum",
            QueueType::Classic => "classic",
        };
        match declared.await {
            Ok(()) => Finding::ok(format!("exchanges and shared queues are as they must be ({kind} queues)")),
            Err(fault) => Finding::fault(&fault),
        }
    }

    /// Dead-lettering at least once relies on a feature flag that old brokers may have off.
    async fn streams(&self) -> Option<Finding> {
        let always = self.greeting.release().is_none_or(|release| release >= STREAMS_ALWAYS);
        if always || self.topology.queue_type == QueueType::Classic {
            return None;
        }
        let queue = self.topology.names.check();
        let mut arguments = FieldTable::default();
        set(&mut arguments, "x-queue-type", "stream");
        let tried = async {
            let channel = self.channel().await?;
            self.topology.declare_queue(&channel, &queue, arguments).await?;
            self.topology.delete(&channel, &queue).await
        };
        Some(match tried.await {
            Ok(()) => Finding::ok("the feature flag stream_queue is on"),
            Err(_) => Finding::warning(
                "the feature flag stream_queue is off: results that cannot be applied may be lost on their way to the dead queue",
                "rabbitmqctl enable_feature_flag all",
            ),
        })
    }

    async fn job_queues(&self, senders: &[SenderId]) -> Vec<Finding> {
        let (mut there, mut findings) = (0, Vec::new());
        for &sender in senders {
            match self.job_queue(sender).await {
                Ok(true) => there += 1,
                Ok(false) => {}
                Err(fault) if fault.is_refusal() => findings.push(Finding::fault(&fault)),
                Err(fault) => {
                    findings.push(Finding::fault(&fault));
                    break;
                }
            }
        }
        if findings.is_empty() && there > 0 {
            findings.push(Finding::ok(format!("{there} job queues are as they must be")));
        }
        findings
    }

    /// Whether the sender's queue is there. One that is not is left to whoever needs it.
    async fn job_queue(&self, sender: SenderId) -> Result<bool, Fault> {
        let queue = self.topology.names.jobs_of(sender);
        let channel = self.channel().await?;
        let found = self.topology.finds(&channel, &queue).await?;
        if found {
            self.topology.declare_sender(&channel, sender).await?;
        }
        Ok(found)
    }

    /// A blocked broker says so only to those who publish.
    async fn alarms(&self) -> Finding {
        let mut events = self.connection.events_listener();
        match timeout(PROMPT, self.publish_something()).await {
            Ok(Ok(())) => Finding::ok("the broker takes publishes: no alarm"),
            Ok(Err(fault)) => Finding::fault(&fault),
            Err(_) => {
                let mut said = None;
                while let Some(Some(event)) = events.next().now_or_never() {
                    if let Event::ConnectionBlocked(reason) = event {
                        said = Some(reason);
                    }
                }
                let why = said.unwrap_or_else(|| format!("nothing was confirmed within {PROMPT:?}"));
                Finding::error(
                    format!("the broker takes no publishes: {why}"),
                    "see rabbitmq-diagnostics alarms; give it memory or disk",
                )
            }
        }
    }

    /// Something that no queue takes.
    async fn publish_something(&self) -> Result<(), Fault> {
        let exchange = self.topology.names.jobs();
        let using = |error| Fault::of_using(error, &format!("the exchange {exchange}"));
        let channel = self.channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(using)?;
        let (options, properties) = (BasicPublishOptions::default(), Kind::Jobs.properties("check".into()));
        let publishing = channel.basic_publish(exchange.clone(), "check".into(), options, b"check", properties);
        publishing.await.map_err(using)?.await.map_err(using)?;
        Ok(())
    }
}
