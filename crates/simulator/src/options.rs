//! How a simulated network is set up. Everything random in it is a function of `seed`; everything timed runs on `clock`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use paceline_domain::{Clock, Repeats};
use serde::{Deserialize, Serialize};

use crate::JournalSummary;

/// What a simulated network is started with.
#[derive(Clone)]
pub struct SimulatorOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether an address beyond loopback is accepted. Whoever reaches it can open sessions.
    pub exposure: Exposure,
    /// What every draw is a function of.
    pub seed: u64,
    /// Tells campaign time. All delays of people run on it.
    pub clock: Arc<dyn Clock>,
    /// The journal's file. Appended to; read at start, so that repeats are known after a restart.
    pub journal: PathBuf,
    /// The file of paired numbers and bans. Appended to; read at start.
    pub state: PathBuf,
    /// How people behave.
    pub people: PeopleOptions,
    /// How numbers are paired.
    pub pairing: PairingOptions,
    /// What happens to a second send of the same id, until a fault says otherwise.
    pub repeats: Repeats,
    /// Faults to cause by themselves; see the README for the format.
    pub script: Option<PathBuf>,
    /// What calls carry, but for sessions and health; one that is made at the first start, and kept beside the journal, unless named.
    pub token: Option<String>,
    /// Renders what `GET /metrics` answers, from the journal's figures; without it there is no such route.
    pub metrics: Option<Arc<RenderMetrics>>,
}

impl SimulatorOptions {
    /// The defaults: a free port on loopback, seed 1, the state file beside the journal.
    pub fn new(clock: Arc<dyn Clock>, journal: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            exposure: Exposure::LoopbackOnly,
            seed: 1,
            clock,
            state: journal.with_extension("state.ndjson"),
            journal,
            people: PeopleOptions::default(),
            pairing: PairingOptions::default(),
            repeats: Repeats::Dropped,
            script: None,
            token: None,
            metrics: None,
        }
    }
}

/// Renders metrics in Prometheus's text format.
pub type RenderMetrics = dyn Fn(&JournalSummary) -> String + Send + Sync;

/// Who may reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// Processes of this machine; another address is refused at start.
    LoopbackOnly,
    /// Whoever reaches the address.
    AnyAddress,
}

/// How numbers are paired.
#[derive(Debug, Clone)]
pub struct PairingOptions {
    /// Who accepts a pairing code.
    pub acceptance: Acceptance,
    /// How long a pairing code is good, in real time.
    pub rotation: Duration,
}

impl Default for PairingOptions {
    fn default() -> Self {
        Self {
            acceptance: Acceptance::Automatic { after: Duration::from_millis(200) },
            rotation: Duration::from_mins(1),
        }
    }
}

/// Who accepts a pairing code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The simulator's own phone, after this long (real time).
    Automatic {
        /// Real time from showing the code to accepting it.
        after: Duration,
    },
    /// Whoever calls `POST /phones/{e164}/accept`.
    ByCall,
}

/// How people behave. The delays and shares are invented: no public figures exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleOptions {
    /// Whether the last two digits of a number say what its owner does.
    pub convention: NumberConvention,
    /// The share of numbers that are not on WhatsApp, apart from the convention.
    pub not_on_whatsapp: f64,
    /// The probability that a message is answered with an opt-out word, apart from the convention.
    pub opt_out: f64,
    /// The probability that a message is answered with an ordinary text, apart from the convention.
    pub reply: f64,
    /// When receipts and replies come.
    pub timing: ReceiptTiming,
    /// The share of people who have read receipts switched off.
    pub read_receipts_off: f64,
    /// The share of people who are offline until later.
    pub offline: f64,
    /// From the send to the delivery receipt.
    pub delivery: Delay,
    /// From the delivery to the reading.
    pub read: Delay,
    /// From the reading to the reply.
    pub answer: Delay,
    /// Nothing happens later than this after the send, in seconds of campaign time.
    pub longest_seconds: u32,
}

impl Default for PeopleOptions {
    fn default() -> Self {
        Self {
            convention: NumberConvention::LastTwoDigits,
            not_on_whatsapp: 0.0,
            opt_out: 0.0,
            reply: 0.03,
            timing: ReceiptTiming::Drawn,
            read_receipts_off: 0.15,
            offline: 0.12,
            delivery: Delay { median_seconds: 2.0, sigma: 1.0 },
            read: Delay { median_seconds: 300.0, sigma: 1.5 },
            answer: Delay { median_seconds: 480.0, sigma: 1.6 },
            longest_seconds: 7200,
        }
    }
}

impl PeopleOptions {
    /// Why these options make no sense, if they do not.
    pub(crate) fn mistake(&self) -> Option<String> {
        let shares = [
            ("not_on_whatsapp", self.not_on_whatsapp),
            ("opt_out", self.opt_out),
            ("reply", self.reply),
            ("read_receipts_off", self.read_receipts_off),
            ("offline", self.offline),
        ];
        let delays = [("delivery", self.delivery), ("read", self.read), ("answer", self.answer)];
        let share = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share));
        let delay = delays.iter().find(|(_, delay)| !delay.is_lawful());
        match (share, delay) {
            (Some((name, share)), _) => Some(format!("`{name}` must be between 0 and 1, not {share}")),
            (None, Some((name, _))) => Some(format!("`{name}` needs a median above 0 and a sigma of 0 to 10")),
            (None, None) => None,
        }
    }

    /// People for tests: what they do, they do at once.
    pub fn instant() -> Self {
        Self { timing: ReceiptTiming::Instant, reply: 0.0, read_receipts_off: 0.0, offline: 0.0, ..Self::default() }
    }

    /// People for benchmarks: everyone is on WhatsApp, takes every message and says nothing.
    pub fn quiet() -> Self {
        Self { convention: NumberConvention::Off, timing: ReceiptTiming::Never, ..Self::instant() }
    }
}

/// Whether the last two digits of a number say what its owner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberConvention {
    /// `00` to `04` are not on WhatsApp, `05` to `14` answer with an opt-out word, `15` to `34` with an ordinary text.
    LastTwoDigits,
    /// Everything is drawn.
    Off,
}

/// When receipts and replies come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptTiming {
    /// After drawn delays.
    Drawn,
    /// At once, in order.
    Instant,
    /// Receipts never come; replies come at once.
    Never,
}

/// A log-normal delay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Half of the delays are shorter than this many seconds of campaign time.
    pub median_seconds: f64,
    /// The standard deviation of the delay's logarithm.
    pub sigma: f64,
}

impl Delay {
    fn is_lawful(self) -> bool {
        self.median_seconds > 0.0 && self.median_seconds.is_finite() && (0.0..=10.0).contains(&self.sigma)
    }
}
