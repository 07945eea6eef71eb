//! The suite that every adapter expands whole: what the documentation of the port promises, as cases.
//!
//! A case tells a story through the port alone; it never looks into a table and never assumes that it is the only writer.
//! Campaign time is handed in; what has to run out is given no time to live; what has to have passed in real time is seen
//! by another deadline that was set after it and has passed.
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a case fails by panicking")]
#![expect(clippy::similar_names, reason = "a message has a story, and the store tells it")]

use std::{future::Future, time::Duration};

use paceline_domain::Minter;

pub mod builders;

#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod account;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod adoption;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod campaigns;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod dead_letters;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod deliveries;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod events;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod fleet;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod health;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod idempotency;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod incoming;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod intents;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod leases;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod messages;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod plan;
pub mod reads;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod recipients;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod release;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod resolutions;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod results;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod senders;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod sign_ins;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod suppressions;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod sweep;
#[expect(missing_docs, reason = "the name of a case is its sentence")]
pub mod workspaces;

/// Waits for a condition with a deadline in real time.
pub(crate) async fn until<F: Future<Output = bool>>(mut met: impl FnMut() -> F) {
    let wait = async {
        while !met().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.expect("the condition is met in time");
}

/// Chance from a fixed seed, so that a case that failed fails again.
pub(crate) struct Dice(Minter);

impl Dice {
    pub(crate) fn new(seed: u8) -> Self {
        Self(Minter::new([seed; 32]))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        u32::from_be_bytes(self.0.bytes()) % bound
    }

    /// One of several.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())].clone()
    }

    /// Another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u32::try_from(len).unwrap())).unwrap()
    }
}

/// Expands to one test for each case of the suite, in a module for each area.
///
/// The argument is the absolute path of an async function without arguments that makes a fresh, empty store and answers
/// with `(Arc<dyn Store>, guard)`; the guard is dropped when the case has ended. The crate needs tokio with its macros and
/// its multi-threaded runtime.
///
/// ```ignore
/// mod conformance {
///     paceline_store::conformance_suite!(crate::fresh_store);
/// }
/// ```
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:path) => {
        $crate::conformance_suite! { @areas $fixture;
            workspaces {
                the_first_start_makes_the_workspace_and_its_key
                a_second_start_finds_the_workspace_and_changes_nothing
                a_start_after_a_crash_makes_another_key_until_one_was_shown
                two_first_starts_at_once_make_one_workspace
                a_key_is_found_by_its_hash_and_no_other
            }
            sign_ins {
                a_session_is_found_by_its_hash_until_it_is_ended
                a_key_ends_its_own_sign_ins_only
                a_link_is_exchanged_once_for_a_session_of_its_key
                a_link_that_is_over_and_a_session_are_exchanged_for_nothing
                what_is_over_is_not_listed_and_goes_when_the_next_is_made
            }
            idempotency {
                claims_of_the_dead_are_void
                a_claimed_key_is_refused_to_others_until_it_is_answered
                of_many_claims_at_once_one_is_granted
                a_key_in_flight_may_be_taken_over_and_an_answered_one_not
                a_claim_that_ran_out_may_be_claimed_again
                a_renewed_claim_outlives_its_first_ttl
                a_released_key_may_be_claimed_again
                the_first_answer_stays
                a_message_is_accepted_and_answered_in_one
                a_message_under_a_key_in_flight_is_not_accepted
                of_many_messages_at_once_under_a_key_one_is_accepted
            }
            senders {
                an_added_sender_is_active_unpaired_and_as_it_was_asked_for
                the_same_addition_twice_is_one_sender
                a_number_is_taken_once_per_channel
                two_additions_of_a_number_at_once_make_one_sender
                a_removed_sender_is_out_of_sight_but_not_forgotten
                a_removed_sender_comes_back_with_its_id_and_new_settings
                pause_and_resume_move_it_and_repeating_them_changes_nothing
                a_removed_sender_is_neither_paused_nor_resumed
                a_sender_of_another_workspace_is_not_found
                pools_are_listed_by_name_with_their_active_senders
                removal_deletes_the_sessions
                removal_leaves_its_waiting_messages_to_the_pool
                a_change_keeps_the_session_the_lease_and_what_it_does_not_name
                a_sender_that_leaves_a_pool_leaves_what_waits_there_to_the_others
                a_paused_sender_leaves_a_campaign_without_senders
                a_walk_meets_every_sender_once_while_others_are_added
            }
            leases {
                a_lease_is_of_an_active_sender_that_nobody_holds
                a_wish_is_bounded_by_slots_pin_and_channels
                workers_that_claim_at_once_never_share_a_sender
                the_epoch_grows_with_each_holder
                a_renewed_lease_outlives_its_first_ttl
                a_lease_that_ran_out_is_lost_even_when_nobody_took_it
                a_renewal_answers_for_each_lease_and_shows_the_sender_as_it_is
                a_lease_is_released_by_its_holder_only
                the_leases_of_a_dead_worker_end_and_no_others
                every_lease_ends_when_everyone_is_dead
                a_session_is_kept_per_device_until_it_is_deleted
                a_session_is_written_under_the_current_epoch_only
            }
            campaigns {
                a_draft_is_kept_as_it_was_made
                the_same_creation_twice_is_one_campaign
                a_campaign_of_another_workspace_is_not_found
                only_a_draft_changes_its_definition
                a_campaign_without_recipients_or_senders_does_not_start
                a_campaign_does_not_start_while_an_upload_is_open
                each_move_is_recorded_with_its_event
                a_start_before_start_at_schedules
                of_two_starts_at_once_one_is_made
                moves_go_exactly_as_the_domain_allows
                exclusions_are_listed_by_row_once_each
                a_page_holds_at_most_a_thousand
                campaigns_are_listed_newest_first_once_each
                each_sender_has_its_share_and_the_unbound_have_one
                a_cancelled_campaign_keeps_its_messages_until_they_are_swept
            }
            recipients {
                uploads_of_the_dead_stand_in_nobodys_way
                rows_are_invisible_until_their_upload_is_committed
                a_row_is_kept_as_it_was_given
                recipients_are_listed_in_order_after_a_row
                several_uploads_number_on_and_gather_their_columns
                an_aborted_upload_leaves_nothing
                a_second_upload_waits_for_the_first
                of_many_uploads_opened_at_once_one_goes_on
                an_upload_is_taken_over_by_its_own_client_and_by_nobody_else
                a_committed_upload_answers_a_repetition_with_its_summary
                recipients_are_added_to_drafts_that_exist
                an_upload_into_a_campaign_that_was_cancelled_meanwhile_is_refused
                unreadable_rows_are_counted_by_reason_and_are_nobodys_duplicate
                a_duplicate_names_the_earliest_row_of_its_person
                a_large_batch_is_appended_whole
                a_stale_upload_stands_in_nobodys_way
                a_stale_upload_does_not_keep_a_campaign_from_starting
                a_stale_upload_is_removed_with_its_rows
                an_append_extends_the_upload
            }
            plan {
                running_campaigns_with_undecided_rows_are_planned_oldest_start_first
                undecided_rows_come_in_order_without_the_excluded
                a_planned_row_becomes_a_waiting_message
                an_excluded_row_is_counted_and_listed_and_no_message
                a_campaign_is_planned_batch_by_batch
                a_stale_planner_is_refused_and_changes_nothing
                of_planners_at_once_one_decides
                a_campaign_that_no_longer_runs_is_not_planned
                what_a_cancelled_campaign_never_planned_is_a_figure_of_its_own
                a_planner_sees_who_is_suppressed
                who_was_suppressed_since_becomes_an_exclusion
                a_contact_is_sticky_to_the_active_sender_of_the_pool_that_wrote_last
                a_sticky_message_is_bound_from_the_start
                a_sticky_sender_that_was_removed_since_keeps_nobody_waiting
            }
            release {
                a_released_message_names_what_a_job_carries
                a_claimed_message_is_not_claimed_again
                releasers_at_once_never_claim_the_same_message
                only_what_is_due_is_claimed
                lanes_go_first_to_last
                within_a_lane_the_earlier_goes_first
                running_campaigns_take_turns
                a_campaign_that_does_not_run_is_not_released
                the_sender_with_the_most_free_capacity_is_given_the_next
                the_room_of_each_sender_is_kept
                a_sender_is_given_messages_of_its_pools_only
                a_message_bound_to_a_sender_goes_to_it_alone
                a_claim_that_is_given_back_is_anyones_again
                a_claim_may_be_put_off
                what_is_bound_for_good_stays_bound
                a_claim_of_an_old_generation_gives_nothing_back
                giving_back_what_was_sent_changes_nothing
                a_release_that_ran_out_is_given_back_by_the_sweeper
                claims_whose_jobs_are_lost_are_given_back_to_the_senders_holder
                every_release_is_voided_when_the_broker_is_empty
                a_window_counts_what_is_released_and_not_intended
                only_senders_that_may_send_have_a_window
                a_look_at_some_windows_sees_those_and_no_others
                windows_seen_before_another_claim_are_stale
                two_releasers_never_fill_a_window_twice
                a_session_that_is_over_leaves_its_messages_to_others
            }
            intents {
                a_granted_message_has_a_durable_attempt
                an_intent_of_an_old_epoch_is_refused_after_a_takeover
                an_intent_under_a_lease_that_ran_out_is_refused
                an_intent_under_a_lease_that_was_ended_is_refused
                an_intent_for_another_release_is_stale
                a_message_named_by_an_old_release_and_the_present_one_is_granted_once
                an_intent_under_a_release_that_ran_out_is_stale
                an_intent_for_what_is_bound_to_another_or_to_nobody_is_stale
                of_intents_at_once_for_a_message_one_is_granted
                a_paused_campaign_gives_the_claim_back
                a_paused_sender_gives_the_claim_back_though_its_lease_stands
                no_intent_commits_after_a_campaign_was_cancelled
                a_message_whose_time_has_passed_expires_at_the_intent
                a_message_that_comes_back_to_a_suppressed_person_is_not_sent_again
                a_marketing_suppression_lets_transactional_messages_pass
                no_intent_commits_after_a_suppression
                the_pace_is_spent_and_kept_with_the_intent
                a_spent_cap_gives_the_claims_back
                the_cap_follows_the_day_of_the_senders_zone
                the_answer_keeps_the_order_of_the_question
                the_first_outcome_of_an_attempt_stays
                outcomes_are_written_for_many_senders_whoever_holds_the_leases
            }
            adoption {
                an_orphaned_intent_is_handed_to_the_next_holder
                a_known_outcome_comes_back_to_be_published
                an_orphan_to_a_person_suppressed_since_is_unknown
                attempts_are_adopted_under_the_current_epoch_only
                only_the_present_holder_may_say_that_a_message_was_not_sent
                a_former_holder_may_say_that_a_message_was_sent
                the_attempts_of_another_sender_are_left_alone
                an_outcome_that_was_not_applied_is_found_by_its_age
                an_orphan_that_no_worker_will_settle_becomes_unknown
            }
            results {
                a_receipt_that_overtook_the_outcome_makes_the_event_of_the_acceptance_too
                an_accepted_message_is_sent
                a_rejected_message_fails_with_its_reason
                an_unknown_message_is_settled_by_a_late_receipt
                an_unsent_message_waits_again_for_any_sender
                a_message_that_was_unsent_five_times_fails
                an_interrupted_attempt_is_none_of_the_five
                a_result_counts_once_however_often_it_comes
                a_batch_that_is_applied_twice_at_once_counts_once
                receipts_before_the_outcome_move_the_message_and_the_outcome_comes_too_late
                states_move_forward_in_every_order
                times_are_kept_with_the_moves
                what_is_not_ours_is_stale
                a_receipt_for_a_waiting_message_changes_nothing
                a_receipt_may_name_the_providers_id
                a_providers_id_belongs_to_its_sender
                a_result_of_an_earlier_attempt_does_not_settle_the_present_one
                a_large_batch_is_applied_whole
            }
            resolutions {
                a_person_settles_an_unknown_message
                a_decision_is_an_event_and_so_is_the_state_after_it
                the_same_decision_twice_is_one_and_another_is_refused
                only_what_is_unknown_and_ones_own_is_resolved
                of_decisions_at_once_one_is_made
                a_resend_is_a_second_attempt_of_the_same_sender_under_the_same_id
                a_resend_of_a_sender_that_is_gone_goes_to_another
                a_resend_reopens_a_campaign_that_was_completed
                a_resend_keeps_to_suppressions_and_cancelled_campaigns
                what_a_person_resolved_moves_on_as_any_other
                a_workspace_holds_what_is_unknown_unless_it_chose_otherwise
                the_policy_waits_for_a_late_receipt_first
                the_policy_sends_a_message_again_once
                the_policy_settles_no_more_than_asked_at_once_and_nothing_twice
            }
            incoming {
                a_banned_sender_leaves_its_messages_to_others
                an_incoming_message_is_an_event_and_a_reply
                a_person_who_writes_twice_has_replied_once
                a_reply_belongs_to_the_latest_message
                a_reply_belongs_to_a_message_of_the_sender_that_was_written_to
                a_reply_after_seven_days_belongs_to_nothing
                a_message_that_was_not_sent_is_not_replied_to
                an_opt_out_suppresses_the_person_and_cancels_what_waits
                an_opt_out_of_a_stranger_is_remembered
                an_opt_out_widens_a_marketing_suppression
                an_opt_out_counts_once_however_often_it_comes
                a_session_change_is_kept_with_its_event
                an_earlier_session_change_changes_nothing
                a_suspension_is_kept_until_the_session_is_up_again
            }
            suppressions {
                a_suppression_is_found_as_it_was_added
                a_person_is_suppressed_once_and_since_the_first_time
                a_suppression_cancels_what_waits_for_the_person
                a_marketing_suppression_cancels_campaign_messages_only
                nothing_is_sent_after_a_suppression_was_widened
                a_suppressed_person_is_not_accepted_unless_only_marketing_is_over
                a_removed_suppression_lets_messages_pass_again
                a_walk_meets_every_suppression_once_while_others_are_added
            }
            messages {
                an_accepted_message_waits_as_it_was_given
                the_same_message_twice_is_one_message
                a_route_without_a_sender_is_refused
                a_message_to_a_pool_goes_by_the_sender_with_the_most_free_capacity
                a_message_to_a_pool_goes_first_by_the_sender_that_wrote_before
                messages_are_filtered_by_campaign_state_and_sender
                a_walk_meets_every_message_once_while_others_are_added
                what_was_accepted_first_is_listed_and_released_first_whatever_its_id
                what_was_planned_first_is_listed_and_released_first_whatever_its_id
                a_transactional_message_lives_like_any_other
            }
            sweep {
                scheduled_campaigns_start_when_their_time_has_come
                a_campaign_completes_when_every_row_is_decided_and_nothing_is_open
                a_campaign_whose_rows_are_all_excluded_completes
                a_paused_campaign_is_not_completed
                messages_expire_when_their_time_has_passed
                a_transactional_message_expires_too
                the_messages_of_a_cancelled_campaign_are_cancelled_in_batches
                what_comes_back_to_a_cancelled_campaign_is_cancelled_too
                a_purge_removes_what_is_kept_for_a_time_only
            }
            dead_letters {
                a_letter_is_kept_once_however_often_it_comes
                the_messages_of_a_dead_job_wait_again
                a_dead_job_of_an_old_release_gives_nothing_back
                a_replayed_job_makes_its_messages_due_at_once
                a_replayed_result_is_applied_once
                an_opt_out_that_was_a_dead_letter_counts_when_it_is_replayed
                what_nobody_can_read_is_kept_and_not_replayed
                letters_are_listed_to_their_workspace_page_by_page
                a_purge_keeps_results_that_nobody_has_replayed
            }
            deliveries {
                endpoints_are_added_once_listed_as_they_were_added_and_removed
                an_event_is_delivered_to_the_endpoints_that_want_it
                a_claimed_delivery_has_all_that_its_request_needs
                deliveries_are_claimed_within_the_limits
                the_oldest_delivery_is_claimed_first
                dispatchers_at_once_never_share_a_delivery
                a_delivered_event_is_done
                a_failed_try_is_repeated_when_it_is_due
                a_claim_that_ran_out_passes_to_another_whose_outcome_counts
                a_delivery_that_is_given_up_is_an_event_and_may_be_repeated_by_hand
                what_was_delivered_may_be_delivered_again
                a_removed_endpoint_takes_its_waiting_deliveries_with_it
                a_purge_leaves_waiting_deliveries_whole
                a_purge_reaches_past_the_events_of_waiting_deliveries
                a_walk_meets_every_delivery_once_newest_first
                a_report_about_an_endpoint_is_not_delivered_to_it
                dead_endpoints_do_not_keep_each_other_busy
                an_endpoint_that_is_gone_is_switched_off_and_the_others_are_told
                what_waits_for_an_endpoint_that_is_off_is_given_up_in_pieces_and_silently
                an_endpoint_that_nothing_reaches_for_long_is_switched_off
                a_success_ends_the_failing_of_an_endpoint
                an_endpoint_is_switched_on_again_by_a_call
            }
            events {
                an_event_is_listed_once_it_has_a_number
                a_reader_goes_by_number
                a_reader_skips_nothing_while_others_write
            }
            fleet {
                a_worker_is_listed_as_it_last_reported_itself
                a_worker_that_is_silent_or_has_ended_is_not_listed
                the_fleet_is_found_by_state_id_and_phone
                senders_that_a_living_worker_is_pinned_to_are_not_shared
                leases_are_counted_by_their_holder_while_they_hold
            }
            health {
                an_empty_store_answers_and_counts_nothing
                the_figures_are_the_sum_of_all_accounts
                leases_that_hold_are_counted
                the_outbox_is_as_old_as_its_oldest_unapplied_outcome
            }
            account {
                the_account_balances_over_a_random_walk
                the_account_balances_over_another_random_walk
                the_account_balances_while_every_role_works_at_once
            }
        }
    };
    (@areas $fixture:path; $($area:ident { $($case:ident)+ })+) => {$(
        mod $area {$(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _guard) = $fixture().await;
                $crate::conformance::$area::$case(store).await;
            }
        )+}
    )+};
}
