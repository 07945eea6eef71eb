//! The processes of a running installation, which live and die together: `up` alone, or a server and a worker.

use std::time::Duration;

use serde_json::Value;

use crate::{Installation, People, Process, ScenarioError, ScenarioResult, Stack};

/// How long a process may take until it is ready.
pub(crate) const START: Duration = Duration::from_secs(30);
/// How long an orderly end may take.
pub(crate) const STOP: Duration = Duration::from_secs(30);

/// A command line.
type Arguments = &'static [&'static str];

/// What an installation is made of, in the order in which it starts. The first serves the API, the last works for senders.
#[derive(Debug)]
pub(crate) struct Processes {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    arguments: Arguments,
    process: Option<Process>,
    /// What it said when it was ready; null until then.
    ready: Value,
}

impl Processes {
    /// Those of an installation, none of which runs yet. Where people are inside, everything is one process on either stack.
    pub(crate) fn new(stack: Stack, people: People) -> Self {
        let commands: &[Arguments] = match (stack, people) {
            (Stack::Embedded, _) | (Stack::Full, People::Inside) => &[&["up"]],
            (Stack::Full, People::Quiet | People::Lively) => &[&["serve"], &["worker", "--slots", "1000"]],
        };
        Self {
            members: commands
                .iter()
                .map(|&arguments| Member { arguments, process: None, ready: Value::Null })
                .collect(),
        }
    }

    /// Starts those that do not run, and does not wait until they are ready.
    pub(crate) fn launch(&mut self, installation: &Installation) -> ScenarioResult<()> {
        for member in &mut self.members {
            if !member.runs()? {
                member.process = Some(installation.start(member.arguments)?);
                member.ready = Value::Null;
            }
        }
        Ok(())
    }

    /// The admin key, which the process that serves the API shows at its first start.
    pub(crate) async fn key(&mut self) -> ScenarioResult<Value> {
        self.server()?.event("api_key", START).await
    }

    /// Waits until each is ready; answers with what the process that serves the API says then.
    pub(crate) async fn ready(&mut self) -> ScenarioResult<&Value> {
        for member in &mut self.members {
            if member.ready.is_null() {
                member.ready = running(Some(member))?.event("ready", START).await?;
            }
        }
        self.members.first().map(|server| &server.ready).ok_or_else(nothing)
    }

    /// The process that serves the API.
    pub(crate) fn server(&mut self) -> ScenarioResult<&mut Process> {
        running(self.members.first_mut())
    }

    /// The process that works for senders.
    pub(crate) fn worker(&mut self) -> ScenarioResult<&mut Process> {
        running(self.members.last_mut())
    }

    /// SIGKILL to all.
    pub(crate) async fn kill(&mut self) -> ScenarioResult<()> {
        for member in &mut self.members {
            member.take()?.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM to all at once; each must end in order.
    pub(crate) async fn stop(&mut self) -> ScenarioResult<()> {
        for member in &mut self.members {
            running(Some(member))?.signal("TERM").await?;
        }
        for member in &mut self.members {
            member.take()?.ended(STOP).await?;
        }
        Ok(())
    }
}

impl Member {
    fn runs(&mut self) -> ScenarioResult<bool> {
        self.process.as_mut().map_or(Ok(false), Process::runs)
    }

    fn take(&mut self) -> ScenarioResult<Process> {
        self.process.take().ok_or_else(|| absent(self.arguments))
    }
}

fn running(member: Option<&mut Member>) -> ScenarioResult<&mut Process> {
    let member = member.ok_or_else(nothing)?;
    member.process.as_mut().ok_or_else(|| absent(member.arguments))
}

fn nothing() -> ScenarioError {
    ScenarioError::new("the installation has no processes")
}

fn absent(arguments: Arguments) -> ScenarioError {
    ScenarioError::new(format!("`paceline {}` does not run", arguments.join(" ")))
}
