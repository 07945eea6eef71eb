//! The protocol keeps its promise in every run of two messages with three faults, and not without any one of its rules.

#![expect(clippy::print_stdout, reason = "how much was looked at, and by what run a rule is needed, is the result")]

use std::collections::BTreeSet;

use paceline_domain::Repeats::{self, Delivered, Dropped};
use paceline_model::{Protocol, Rule};
use stateright::{Checker, HasDiscoveries, Model};

/// Looks at every run. Answers the claims that fail in one of them; what must be possible is.
fn fail_in_some_run(protocol: Protocol) -> Vec<&'static str> {
    let checker = protocol.checker().spawn_bfs().join();
    let (states, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    println!("{protocol:?}: {states} states, {steps} steps, {depth} deep");
    let claims = protocol.properties();
    let (failures, possible): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| claim.expectation.discovery_is_failure());
    for claim in possible {
        drop(checker.assert_any_discovery(claim.name));
    }
    failures.into_iter().map(|claim| claim.name).filter(|name| checker.discovery(name).is_some()).collect()
}

/// Without the rule there is a run, with at most two faults, in which the claim fails.
fn catch(rule: Rule, repeats: Repeats, claim: &'static str) {
    let protocol = Protocol { repeats, faults: 2, broken: Some(rule) };
    let until = HasDiscoveries::AnyOf(BTreeSet::from([claim]));
    let checker = protocol.checker().finish_when(until).spawn_bfs().join();
    println!("without {rule:?}, repeats {repeats}: not {claim:?}, found among {} states", checker.unique_state_count());
    let run: Vec<_> = checker.assert_any_discovery(claim).into_actions().into_iter().map(|(name, _)| name).collect();
    println!("   {}", run.join("; "));
}

#[test]
fn every_run_keeps_the_promise_where_the_network_drops_repeats() {
    assert!(fail_in_some_run(Protocol { repeats: Dropped, faults: 3, broken: None }).is_empty());
}

#[test]
fn every_run_keeps_the_promise_where_the_network_shows_repeats() {
    assert!(fail_in_some_run(Protocol { repeats: Delivered, faults: 3, broken: None }).is_empty());
}

#[test]
fn a_lease_that_keeps_its_epoch_leaves_an_intent_that_nobody_settles() {
    catch(Rule::NewEpoch, Dropped, "every message ends");
}

#[test]
fn an_intent_without_the_epochs_check_is_made_after_the_takeover() {
    catch(Rule::EpochInIntent, Dropped, "no intent is made under an old epoch");
}

#[test]
fn an_intent_without_the_epochs_check_is_never_settled() {
    catch(Rule::EpochInIntent, Dropped, "every message ends");
}

#[test]
fn an_intent_without_the_generations_check_sends_what_was_put_off() {
    catch(Rule::GenerationInIntent, Dropped, "a release is spent once");
}

#[test]
fn a_send_without_an_intent_is_one_that_no_row_knows() {
    catch(Rule::IntentFirst, Dropped, "no byte leaves without an intent");
}

#[test]
fn a_send_without_an_intent_is_seen_twice() {
    catch(Rule::IntentFirst, Delivered, "a person sees a message once");
}

#[test]
fn a_fresh_id_for_each_holder_is_a_second_id() {
    catch(Rule::OneId, Dropped, "a message has one id");
}

#[test]
fn a_fresh_id_for_each_holder_is_seen_twice() {
    catch(Rule::OneId, Dropped, "a person sees a message once");
}

#[test]
fn a_takeover_without_settling_leaves_a_message_for_ever() {
    catch(Rule::SettleFirst, Dropped, "every message ends");
}

#[test]
fn an_orphaned_intent_that_is_taken_for_unsent_is_seen_twice() {
    catch(Rule::NeverGuess, Delivered, "a person sees a message once");
}

#[test]
fn a_repeat_where_the_network_shows_repeats_is_seen_twice() {
    catch(Rule::RepeatWhereDropped, Delivered, "a person sees a message once");
}

#[test]
fn an_outcome_that_is_published_and_not_recorded_is_lost_with_its_result() {
    catch(Rule::RecordFirst, Delivered, "every message ends");
}

#[test]
fn a_former_holder_that_says_unsent_has_a_message_cancelled_that_was_seen() {
    catch(Rule::HolderSaysUnsent, Dropped, "a cancelled message was not seen");
}

#[test]
fn a_reply_without_the_inbox_counts_twice() {
    catch(Rule::Inbox, Dropped, "a reply counts once");
}

#[test]
fn a_late_outcome_without_the_forward_rule_takes_a_delivery_back() {
    catch(Rule::ForwardOnly, Dropped, "states go forward");
}

#[test]
fn a_reply_that_is_acknowledged_before_it_is_confirmed_is_lost() {
    catch(Rule::ConfirmFirst, Dropped, "no reply is lost");
}

#[test]
fn a_release_that_nobody_reclaims_keeps_its_message_for_ever() {
    catch(Rule::Reclaim, Dropped, "every message ends");
}

#[test]
fn an_outcome_that_nobody_sweeps_keeps_its_message_for_ever() {
    catch(Rule::SweepOutcomes, Dropped, "every message ends");
}
