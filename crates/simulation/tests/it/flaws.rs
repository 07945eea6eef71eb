//! Defects put in on purpose, each seen by the oracle, in runs that are fine without it.

use paceline_simulation::{Flaw, Keep, run};

/// The most runs that a defect may hide in.
const RUNS: u64 = 2_000;

/// Runs seeds until the oracle sees the defect, and answers with what it says.
fn first_wrong(flaw: Flaw) -> String {
    let caught = (0..RUNS).find_map(|seed| {
        let wrong = run(seed, Some(flaw), Keep::Hash).wrongs.into_iter().next()?;
        Some((seed, wrong))
    });
    let (seed, wrong) = caught.unwrap_or_else(|| panic!("{flaw:?} was not seen in {RUNS} runs"));
    let without = run(seed, None, Keep::Hash).wrongs;
    assert!(without.is_empty(), "seed {seed} fails without {flaw:?}: {without:?}");
    wrong
}

fn assert_says(flaw: Flaw, words: &[&str]) {
    let wrong = first_wrong(flaw);
    assert!(words.iter().any(|words| wrong.contains(words)), "{flaw:?} shows as: {wrong}");
}

#[test]
fn a_store_that_ignores_epochs_is_caught() {
    assert_says(Flaw::IgnoresEpochs, &["under the old epoch", "left under epoch", "saw it 2 times"]);
}

#[test]
fn a_store_without_an_inbox_is_caught() {
    assert_says(Flaw::ForgetsInbox, &["events tell of"]);
}

#[test]
fn a_store_that_gives_each_attempt_an_id_of_its_own_is_caught() {
    assert_says(Flaw::FreshIds, &["the id of no message"]);
}

#[test]
fn a_store_that_grants_intents_without_keeping_them_is_caught() {
    assert_says(Flaw::LosesIntents, &["without an intent", "saw it"]);
}

#[test]
fn a_store_that_ignores_suppressions_is_caught() {
    assert_says(Flaw::IgnoresSuppressions, &["although its person is suppressed"]);
}

#[test]
fn a_store_that_forgets_what_was_spent_is_caught() {
    assert_says(Flaw::ForgetsCaps, &["more than its cap"]);
}

#[test]
fn a_store_that_never_gives_claims_back_is_caught() {
    assert_says(Flaw::KeepsClaims, &["is lost"]);
}

#[test]
fn a_store_that_calls_orphaned_intents_unsent_is_caught() {
    assert_says(Flaw::GuessesOrphans, &["saw it"]);
}

#[test]
fn a_queue_that_takes_results_for_applied_once_they_are_handed_out_is_caught() {
    assert_says(Flaw::AcksResultsEarly, &["never applied"]);
}

#[test]
fn a_channel_that_delivers_repeats_and_says_that_it_drops_them_is_caught() {
    assert_says(Flaw::LiesAboutRepeats, &["saw it 2 times", "saw it 3 times"]);
}

/// The database is the truth and the broker a cache of it: a job that is lost comes again when its claim runs out.
#[test]
fn a_queue_that_takes_jobs_for_done_once_they_are_handed_out_costs_time_and_no_message() {
    for seed in 0..100 {
        let wrongs = run(seed, Some(Flaw::AcksJobsEarly), Keep::Hash).wrongs;
        assert!(wrongs.is_empty(), "seed {seed}: {wrongs:?}");
    }
}
