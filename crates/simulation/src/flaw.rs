//! Defects put in on purpose, around the ports, to show that the oracle sees them.

use paceline_domain::{Outcome, Repeats, WaId};
use paceline_store::{
    intents::{IntentAnswer, IntentBatch, IntentVerdict, OpenAttempt},
    leases::Fenced,
};

use crate::{chance::Chance, memory::Tables};

/// A defect put in on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The store takes intents and adoptions whatever their epoch.
    IgnoresEpochs,
    /// The store drops no repeated results.
    ForgetsInbox,
    /// The store gives each attempt an id of its own.
    FreshIds,
    /// The store grants intents without keeping them.
    LosesIntents,
    /// The store plans for people who must not be contacted, and grants intents to them.
    IgnoresSuppressions,
    /// The store forgets what was spent of the day.
    ForgetsCaps,
    /// Claims that ran out are never given back.
    KeepsClaims,
    /// The queue takes results for applied once they are handed out.
    AcksResultsEarly,
    /// The queue takes jobs for done once they are handed out.
    AcksJobsEarly,
    /// The channel says that repeats are dropped, and they are not.
    LiesAboutRepeats,
    /// The worker's orphaned intents are handed out as provably unsent.
    GuessesOrphans,
}

impl Flaw {
    /// What a flawed store reads of a batch of intents.
    pub(crate) fn bend_batch(self, batch: &mut IntentBatch, tables: &mut Tables) {
        let Some(entry) = tables.senders.edit(&batch.sender) else { return };
        match self {
            Self::IgnoresEpochs => batch.epoch = entry.epoch,
            Self::ForgetsCaps => entry.sender.pace.spent_today = 0,
            _ => {}
        }
    }

    /// What a flawed store answers to a batch of intents.
    pub(crate) fn bend_answer(self, answer: &mut Fenced<IntentAnswer>, chance: &mut Chance) {
        let (Self::FreshIds, Fenced::Done(answer)) = (self, answer) else { return };
        for (_, verdict) in &mut answer.items {
            if let IntentVerdict::Granted(grant) = verdict {
                grant.wa_id = fresh_id(chance);
            }
        }
    }

    /// What a flawed store hands out to the next holder.
    pub(crate) fn bend_adopted(self, adopted: &mut Fenced<Vec<OpenAttempt>>, chance: &mut Chance) {
        let Fenced::Done(adopted) = adopted else { return };
        for open in adopted.iter_mut().filter(|open| open.outcome.is_none()) {
            match self {
                Self::FreshIds => open.wa_id = fresh_id(chance),
                Self::GuessesOrphans => {
                    let not_before = chrono::DateTime::UNIX_EPOCH;
                    open.outcome = Some((Outcome::Interrupted { not_before }, not_before));
                }
                _ => {}
            }
        }
    }

    /// What a flawed channel says of repeats.
    pub(crate) fn bend_repeats(self, repeats: Repeats) -> Repeats {
        if self == Self::LiesAboutRepeats { Repeats::Dropped } else { repeats }
    }
}

fn fresh_id(chance: &mut Chance) -> WaId {
    let digits = u64::from_be_bytes(chance.bytes());
    WaId::from_network(&format!("3EB0{digits:018X}"))
}
