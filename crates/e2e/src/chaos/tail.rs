//! The network's journal while it grows: who has sent, and to whom.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::JournalLine;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How many sends there were.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: u64,
    by_sender: BTreeMap<String, Sends>,
}

/// Those of one number.
#[derive(Debug)]
struct Sends {
    count: u64,
    last: Instant,
}

impl Tail {
    /// Follows the journal for as long as somebody listens to what people see.
    pub(super) fn follow(journal: PathBuf, seen: mpsc::Sender<JournalLine>) -> Self {
        let tail = Self::default();
        let following = tail.clone();
        tokio::spawn(async move {
            // The file is there: the network was ready.
            let Ok(file) = std::fs::File::open(&journal) else { return };
            let mut reader = BufReader::with_capacity(1 << 16, file);
            let mut line = Vec::new();
            while !seen.is_closed() {
                following.read(&mut reader, &mut line, &seen);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        tail
    }

    /// Reads the lines that are whole; the beginning of one stays in `line`.
    fn read(&self, reader: &mut BufReader<std::fs::File>, line: &mut Vec<u8>, seen: &mpsc::Sender<JournalLine>) {
        while matches!(reader.read_until(b'\n', line), Ok(1..)) && line.ends_with(b"\n") {
            if let Ok(parsed) = serde_json::from_slice::<JournalLine>(line) {
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                counts.all += 1;
                let now = Instant::now();
                let sends = counts.by_sender.entry(parsed.sender.clone()).or_insert(Sends { count: 0, last: now });
                (sends.count, sends.last) = (sends.count + 1, now);
                drop(counts);
                // People who cannot keep up answer less often.
                let _ = seen.try_send(parsed);
            }
            line.clear();
        }
    }

    /// How many sends there were, of one number or of all.
    pub(super) fn count(&self, sender: Option<&str>) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match sender {
            None => counts.all,
            Some(sender) => counts.by_sender.get(sender).map_or(0, |sends| sends.count),
        }
    }

    /// The numbers that have sent within this time.
    pub(super) fn busy(&self, within: Duration) -> Vec<String> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = counts.by_sender.iter().filter(|(_, sends)| sends.last.elapsed() < within);
        busy.map(|(sender, _)| sender.clone()).collect()
    }
}
