//! Starting and stopping a simulated network.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::serve::ListenerExt;
use paceline_domain::PhoneNumber;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    AdminError, Exposure, FaultError, FaultId, FaultRequest, FaultView, InboxItem, JournalLine, JournalSummary,
    Pending, ScriptError, SenderView, SimulatorOptions, agenda,
    draw::Draw,
    http::{App, USER, router},
    journal::{Sighting, Tally, message_key},
    log::OpenLog,
    network::{Beginnings, Network, Senders},
    people::People,
    registry::open_registry,
    script::read_script,
    token,
};

/// How long sessions may take to end in order.
const FAREWELL_LIMIT: Duration = Duration::from_secs(3);

/// Starts simulated networks.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

/// The network cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address lies beyond loopback, and the options do not allow that.
    #[error("{0} is not a loopback address; whoever reaches it can open sessions")]
    Exposed(SocketAddr),
    /// The options for people make no sense.
    #[error("people: {0}")]
    People(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be used: not readable, not writable, damaged, or in use by another simulator.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The journal or the state file.
        path: PathBuf,
        /// Why. `ResourceBusy` when another simulator uses it.
        source: io::Error,
    },
    /// The script of faults cannot be used.
    #[error("the script {} {source}", path.display())]
    Script {
        /// The script.
        path: PathBuf,
        /// Why.
        source: ScriptError,
    },
}

/// A running network. Dropping it ends everything at once, as a crash would; [`SimulatorHandle::stop`] ends it in order.
pub struct SimulatorHandle {
    addr: SocketAddr,
    token: Arc<str>,
    network: Arc<Network>,
    connections: TaskTracker,
    /// Ends the server and the agenda.
    stop: CancellationToken,
    /// Breaks every connection.
    cut: CancellationToken,
    /// Ends the files' writers, once nobody appends any more.
    seal: CancellationToken,
    server: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    _end_with_me: [DropGuard; 3],
}

impl Simulator {
    /// Reads the files, opens the port and begins to serve.
    pub async fn start(options: SimulatorOptions) -> Result<SimulatorHandle, StartError> {
        if let Some(mistake) = options.people.mistake() {
            return Err(StartError::People(mistake));
        }
        let script_path = options.script.clone().unwrap_or_default();
        let script = read_options_script(&options)?;
        let listener = listen(&options).await?;
        let addr = listener.local_addr().map_err(|source| StartError::Listen { addr: options.listen, source })?;
        let files = open_files(&options).await?;
        let token_path = token::path(&options.journal);
        let token = token::of(options.token.as_deref(), &token_path)
            .map_err(|source| StartError::File { path: token_path, source })?;
        let seal = CancellationToken::new();
        let (journal, journal_task) = files.journal.start(seal.clone());
        let (registry, registry_task) = files.registry.start(seal.clone());
        let draw = Draw::new(options.seed);
        let network = Network::new(Beginnings {
            clock: options.clock,
            journal,
            registry,
            pairing: options.pairing,
            people: People::new(draw, options.people),
            draw,
            repeats: options.repeats,
            senders: files.senders,
            tally: files.tally,
        });
        for (index, fault) in script.into_iter().enumerate() {
            let added = network.add_fault(fault).map_err(|source| ScriptError::Entry { entry: index + 1, source });
            added.map_err(|source| StartError::Script { path: script_path.clone(), source })?;
        }
        let stop = CancellationToken::new();
        let cut = CancellationToken::new();
        let connections = TaskTracker::new();
        let app = App {
            network: network.clone(),
            connections: connections.clone(),
            cut: cut.clone(),
            metrics: options.metrics,
            token: Arc::clone(&token),
            exposure: options.exposure,
        };
        let server = tokio::spawn(serve(listener, app, stop.clone()));
        let agenda = tokio::spawn(agenda::run(network.clone(), stop.clone()));
        Ok(SimulatorHandle {
            addr,
            token,
            network,
            connections,
            server,
            tasks: vec![agenda, journal_task, registry_task],
            _end_with_me: [stop.clone().drop_guard(), cut.clone().drop_guard(), seal.clone().drop_guard()],
            stop,
            cut,
            seal,
        })
    }
}

impl SimulatorHandle {
    /// Where it is, for example `http://127.0.0.1:4040`; what a channel is made from.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base of its calls, with the token that they need: for whoever operates it, and no log.
    pub fn operator_url(&self) -> String {
        format!("http://{USER}:{}@{}", self.token, self.addr)
    }

    /// What the journal adds up to.
    pub fn summary(&self) -> JournalSummary {
        self.network.summary()
    }

    /// What is still to happen.
    pub fn pending(&self) -> Pending {
        self.network.pending()
    }

    /// Whether nothing more will happen unless somebody sends.
    pub fn is_quiet(&self) -> bool {
        self.pending().is_quiet()
    }

    /// Our numbers, as the network sees them.
    pub fn list_senders(&self) -> Vec<SenderView> {
        self.network.list_senders()
    }

    /// Causes a fault.
    pub fn add_fault(&self, request: FaultRequest) -> Result<FaultId, FaultError> {
        self.network.add_fault(request)
    }

    /// The faults that last.
    pub fn list_faults(&self) -> Vec<FaultView> {
        self.network.list_faults()
    }

    /// Ends a fault and what it did to sessions; whether there was one.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.network.remove_fault(id)
    }

    /// Ends every fault and what they did to sessions.
    pub fn clear_faults(&self) {
        self.network.clear_faults();
    }

    /// A phone accepts a pairing code. Returns once that is durable.
    pub async fn accept_code(&self, phone: &PhoneNumber, code: &str) -> Result<(), AdminError> {
        let position = self.network.accept_code(phone, code)?;
        self.network.registry.wait(position).await.map_err(|_| AdminError::Broken)
    }

    /// A phone ends the session of its number. Returns once that is durable.
    pub async fn log_out(&self, phone: &PhoneNumber) -> Result<(), AdminError> {
        let position = self.network.log_out(phone)?;
        self.network.registry.wait(position).await.map_err(|_| AdminError::Broken)
    }

    /// A person writes to one of our senders; the id of what they wrote.
    pub fn write_as_person(&self, from: &PhoneNumber, to: &PhoneNumber, text: &str) -> Result<String, AdminError> {
        self.network.person_writes(from, to, text)
    }

    /// What a person saw. Reads the whole journal.
    pub async fn list_inbox(&self, person: &PhoneNumber) -> io::Result<Vec<InboxItem>> {
        let (network, person) = (self.network.clone(), person.clone());
        tokio::task::spawn_blocking(move || network.list_inbox(&person)).await.map_err(io::Error::other)?
    }

    /// Ends every session in order, writes everything down and frees the port and the files.
    pub async fn stop(mut self) {
        self.network.end_all();
        self.connections.close();
        if timeout(FAREWELL_LIMIT, self.connections.wait()).await.is_err() {
            self.cut.cancel();
            self.connections.wait().await;
        }
        self.stop.cancel();
        if timeout(FAREWELL_LIMIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
        self.seal.cancel();
        for task in self.tasks.drain(..) {
            // A task that panicked has said so itself.
            let _ = task.await;
        }
    }
}

struct Files {
    journal: OpenLog,
    registry: OpenLog,
    senders: Senders,
    tally: Tally,
}

fn read_options_script(options: &SimulatorOptions) -> Result<Vec<FaultRequest>, StartError> {
    let Some(path) = &options.script else { return Ok(Vec::new()) };
    read_script(path).map_err(|source| StartError::Script { path: path.clone(), source })
}

async fn listen(options: &SimulatorOptions) -> Result<TcpListener, StartError> {
    let addr = options.listen;
    if options.exposure == Exposure::LoopbackOnly && !addr.ip().is_loopback() {
        return Err(StartError::Exposed(addr));
    }
    TcpListener::bind(addr).await.map_err(|source| StartError::Listen { addr, source })
}

async fn open_files(options: &SimulatorOptions) -> Result<Files, StartError> {
    let (journal, state) = (options.journal.clone(), options.state.clone());
    let journal_path = journal.clone();
    tokio::task::spawn_blocking(move || read_files(&journal, &state))
        .await
        .map_err(|error| StartError::File { path: journal_path, source: io::Error::other(error) })?
}

fn read_files(journal: &Path, state: &Path) -> Result<Files, StartError> {
    let (registry, registrations) =
        open_registry(state).map_err(|source| StartError::File { path: state.to_owned(), source })?;
    let mut senders = Senders::default();
    for registration in registrations {
        senders.add(registration);
    }
    let mut tally = Tally::default();
    let journal = OpenLog::open(journal, |number, line| record_line(&mut tally, &mut senders, number, line))
        .map_err(|source| StartError::File { path: journal.to_owned(), source })?;
    Ok(Files { journal, registry, senders, tally })
}

fn record_line(tally: &mut Tally, senders: &mut Senders, number: u64, line: &[u8]) -> io::Result<()> {
    let damaged = |detail: String| io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {detail}"));
    let line: JournalLine<'_> = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
    let phone: PhoneNumber = line.sender.parse().map_err(|_| damaged("the sender is no phone number".to_owned()))?;
    let sender = senders.intern(&phone);
    tally.record(message_key(line.recipient, line.id), sender, Sighting::of(line.seen));
    Ok(())
}

async fn serve(listener: TcpListener, app: App, stop: CancellationToken) {
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection is slower than it could be");
        }
    });
    let served = axum::serve(listener, router(app)).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(error = &error as &dyn std::error::Error, "the simulator's server ended");
    }
}
