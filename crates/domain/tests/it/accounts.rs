//! The account balances whatever stands where.

use paceline_domain::{Account, Bucket, MessageState};
use proptest::prelude::*;

#[test]
fn delivered_and_read_messages_are_sent_ones_and_sending_ones_wait() {
    let mut account = Account { planned: 6, ..Account::default() };
    for state in [
        MessageState::Sent,
        MessageState::Delivered,
        MessageState::Read,
        MessageState::Waiting,
        MessageState::Sending,
        MessageState::Failed,
    ] {
        account.add(state, 1);
    }
    let expected =
        Account { planned: 6, sent: 3, delivered: 2, read: 1, waiting: 2, sending: 1, failed: 1, ..Account::default() };
    assert_eq!(account, expected);
    assert!(account.is_balanced());
}

#[test]
fn a_missing_message_shows_as_an_imbalance() {
    let mut account = Account { planned: 3, ..Account::default() };
    account.add(MessageState::Cancelled, 1);
    account.add(MessageState::Expired, 1);
    assert_eq!((account.imbalance(), account.is_balanced()), (1, false));
    account.add(MessageState::Unknown, 2);
    assert_eq!((account.imbalance(), account.is_balanced()), (-1, false));
}

#[test]
fn every_state_stands_in_one_bucket_and_every_bucket_is_used() {
    for &bucket in Bucket::ALL {
        assert!(MessageState::ALL.iter().any(|&state| Bucket::from(state) == bucket), "{bucket} holds nothing");
    }
}

proptest! {
    #[test]
    fn the_account_of_any_messages_balances_through_any_moves(
        states in prop::collection::vec(prop::sample::select(MessageState::ALL), 0..40),
        moves in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(MessageState::ALL)), 0..40),
    ) {
        let mut states = states;
        let mut account = Account::default();
        for &state in &states {
            account.planned += 1;
            account.add(state, 1);
        }
        for (index, next) in moves {
            if states.is_empty() { break }
            let index = index.index(states.len());
            account.add(states[index], -1);
            account.add(next, 1);
            states[index] = next;
        }
        prop_assert!(account.is_balanced());
        let mut counted = Account { planned: account.planned, ..Account::default() };
        for &state in &states {
            counted.add(state, 1);
        }
        prop_assert_eq!(counted, account);
    }
}
