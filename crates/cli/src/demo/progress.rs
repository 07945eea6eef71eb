//! A bar for the whole campaign and one for each sender, on a terminal only.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use paceline_simulator::SimulatorHandle;
use serde_json::Value;

use crate::output::Output;

/// More bars than this do not fit a terminal; the whole is shown all the same.
const MOST_SENDERS: usize = 16;

/// The bars.
pub(crate) struct Bars {
    all: Option<MultiProgress>,
    whole: ProgressBar,
    senders: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// Bars on a terminal, nothing elsewhere.
    pub(crate) fn new(output: Output) -> Self {
        let all = output.shows_progress().then(MultiProgress::new);
        let whole = all
            .as_ref()
            .map_or_else(ProgressBar::hidden, |all| all.add(bar("{prefix:>14} {wide_bar} {pos}/{len} {msg}")));
        whole.set_prefix("campaign");
        Self { all, whole, senders: BTreeMap::new() }
    }

    /// Shows where the campaign stands, and what the network took from each sender.
    pub(crate) fn show(&mut self, progress: &Value, simulator: &SimulatorHandle) {
        let Some(all) = &self.all else { return };
        let count = |key: &str| progress["account"][key].as_u64().unwrap_or(0);
        self.whole.set_length(count("planned"));
        self.whole.set_position(count("planned").saturating_sub(count("waiting")));
        self.whole.set_message(format!(
            "delivered {} read {} replied {}",
            count("delivered"),
            count("read"),
            count("replied")
        ));
        let senders = simulator.list_senders();
        let share = count("planned") / u64::try_from(senders.len().max(1)).unwrap_or(1);
        for sender in senders.into_iter().take(MOST_SENDERS) {
            let name = sender.phone.as_e164().to_owned();
            let bar = self.senders.entry(name.clone()).or_insert_with(|| {
                let bar = all.add(bar("{prefix:>14} {wide_bar:.dim} {pos}"));
                bar.set_prefix(name);
                bar
            });
            bar.set_length(share.max(sender.sends));
            bar.set_position(sender.sends);
        }
    }

    /// Takes the bars away: the report says it all.
    pub(crate) fn finish(self) {
        if let Some(all) = self.all {
            let _ = all.clear();
        }
    }
}

fn bar(template: &str) -> ProgressBar {
    ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
