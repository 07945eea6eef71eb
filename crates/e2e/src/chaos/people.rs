//! People who answer: some thank, some write STOP. Those of the simulated network take minutes to, which is too long here.

use tokio::sync::mpsc;

use crate::{JournalLine, Network};

/// Of so many messages, one is answered.
const THANKS: u64 = 40;
/// Of so many messages, one is answered with an opt-out word.
const STOP: u64 = 150;

/// Answers for as long as there are messages.
pub(super) async fn answer(network: Network, mut seen: mpsc::Receiver<JournalLine>) {
    while let Some(line) = seen.recv().await {
        let text = match line.n {
            n if n % STOP == 0 => "STOP",
            n if n % THANKS == 0 => "Thanks, see you",
            _ => continue,
        };
        // A network that is away just now has no people who write.
        let _ = network.write_as(&line.recipient, &line.sender, text).await;
    }
}
