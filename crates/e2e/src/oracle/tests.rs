//! Books that are made up: what is right is found right, and every kind of wrong is found.

use std::collections::BTreeMap;

use super::{Accepted, AcceptedCampaign, AccountRow, AttemptRow, Books, EventRow, MessageRow, Wrong, Wrong as W};
use crate::JournalLine;

/// Two people of a campaign, one of whom opted out before, and a single message that nobody could take.
fn books() -> Books {
    let campaign = AcceptedCampaign { id: "cmp_1".into(), phones: vec!["+1".into(), "+2".into()] };
    Books {
        accepted: Accepted { campaigns: vec![campaign], messages: ["msg_2".to_owned()].into() },
        messages: vec![row("msg_1", "+1", "delivered", Some("cmp_1")), row("msg_2", "+3", "failed", None)],
        exclusions: [("cmp_1".to_owned(), "+2".to_owned())].into(),
        accounts: vec![account(&[("planned", 1), ("sent", 1)])],
        events: vec![event("evt_1", "message.delivered", "msg_1"), event("evt_2", "message.failed", "msg_2")],
        attempts: BTreeMap::new(),
        journal: vec![line("msg_1", "+1")],
        arrived: [("evt_1".to_owned(), 1), ("evt_2".to_owned(), 2)].into(),
        unverified: 0,
    }
}

fn row(id: &str, to: &str, state: &str, campaign: Option<&str>) -> MessageRow {
    MessageRow {
        id: id.into(),
        campaign: campaign.map(str::to_owned),
        to: to.into(),
        wa_id: format!("wa-{id}"),
        state: state.into(),
        reason: None,
        attempts: 1,
    }
}

fn account(buckets: &[(&str, u64)]) -> AccountRow {
    let buckets = buckets.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    AccountRow { campaign: "cmp_1".into(), balanced: true, buckets }
}

fn event(id: &str, kind: &str, message: &str) -> EventRow {
    EventRow { id: id.into(), kind: kind.into(), message: Some(message.into()) }
}

fn line(message: &str, recipient: &str) -> JournalLine {
    JournalLine {
        n: 1,
        sender: "+9".into(),
        recipient: recipient.into(),
        id: format!("wa-{message}"),
        text_hash: format!("text of {message}"),
        repeat: false,
        seen: true,
    }
}

fn attempt(epoch: i64, sends: u64, outcome: &str) -> AttemptRow {
    AttemptRow { sender: "snd_1".into(), epoch, sends, outcome: Some(outcome.into()) }
}

/// What is wrong once the books are changed so.
fn wrongs(change: impl FnOnce(&mut Books)) -> Vec<(Wrong, usize)> {
    let mut books = books();
    change(&mut books);
    let verdict = books.judge();
    assert_eq!(verdict.is_clean(), verdict.counts.is_empty());
    verdict.counts.into_iter().collect()
}

#[test]
fn books_that_agree_are_clean() {
    assert_eq!(wrongs(|_| ()), []);
    let figures = books().judge().figures;
    assert_eq!((figures.accepted, figures.messages, figures.excluded, figures.sent, figures.failed), (3, 2, 1, 1, 1));
}

#[test]
fn whoever_was_accepted_and_is_nowhere_is_lost() {
    assert_eq!(wrongs(|books| books.exclusions.clear()), [(W::Lost, 1)]);
    assert_eq!(wrongs(|books| _ = books.accepted.messages.insert("msg_9".into())), [(W::Lost, 1)]);
}

#[test]
fn what_waits_at_the_end_is_lost_or_stuck() {
    let waits = |books: &mut Books| {
        books.messages[1].state = "waiting".into();
    };
    assert_eq!(wrongs(waits), [(W::Lost, 1)]);
    let stuck = |books: &mut Books| {
        books.messages[1].state = "sending".into();
        books.journal.push(line("msg_2", "+3"));
    };
    assert_eq!(wrongs(stuck), [(W::Stuck, 1)]);
}

#[test]
fn one_text_under_two_ids_is_found_whatever_the_rows_say() {
    let two = |books: &mut Books| {
        let mut second = line("msg_2", "+1");
        second.text_hash = "text of msg_1".into();
        books.journal.push(second);
        books.messages[1].to = "+1".into();
        books.messages[1].state = "sent".into();
        books.events.push(event("evt_1", "message.sent", "msg_2"));
    };
    assert_eq!(wrongs(two), [(W::TwoIds, 1)]);
    assert_eq!(wrongs(|books| books.messages[1].wa_id = "wa-msg_1".into())[0], (W::TwoIds, 1));
}

#[test]
fn a_message_that_is_seen_twice_is_found_and_a_dropped_repeat_is_counted() {
    assert_eq!(wrongs(|books| books.journal.push(line("msg_1", "+1"))), [(W::SeenTwice, 1)]);
    let mut books = books();
    books.journal.push(JournalLine { repeat: true, seen: false, ..line("msg_1", "+1") });
    let verdict = books.judge();
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.figures.repeats, verdict.figures.repeats_dropped), (1, 1));
}

#[test]
fn a_send_of_nobodys_and_one_to_somebody_else_are_found() {
    assert_eq!(wrongs(|books| books.journal.push(line("msg_7", "+1"))), [(W::Unaccounted, 1)]);
    assert_eq!(wrongs(|books| books.journal[0].recipient = "+4".into()), [(W::AnotherPerson, 1)]);
}

#[test]
fn states_that_the_network_contradicts_are_found() {
    assert_eq!(wrongs(|books| books.journal.clear()), [(W::Disagreement, 1)]);
    assert_eq!(wrongs(|books| books.journal.push(line("msg_2", "+3"))), [(W::Disagreement, 1)]);
    for state in ["cancelled", "expired"] {
        let seen = |books: &mut Books| {
            books.messages[1].state = state.into();
            books.events.push(event("evt_2", &format!("message.{state}"), "msg_2"));
            books.journal.push(line("msg_2", "+3"));
        };
        assert_eq!(wrongs(seen), [(W::Disagreement, 1)], "{state}");
    }
}

#[test]
fn more_sends_than_intents_allow_and_falling_epochs_are_found() {
    let repeated = |count: usize| {
        move |books: &mut Books| {
            books.attempts.insert("msg_1".into(), vec![attempt(3, 1, "sent")]);
            let repeat = JournalLine { repeat: true, seen: false, ..line("msg_1", "+1") };
            books.journal.extend(std::iter::repeat_n(repeat, count));
        }
    };
    assert_eq!(wrongs(repeated(1)), []);
    assert_eq!(wrongs(repeated(2)), [(W::Unintended, 1)]);
    let fell = |books: &mut Books| {
        books.attempts.insert("msg_1".into(), vec![attempt(3, 1, "unsent"), attempt(2, 1, "sent")]);
    };
    assert_eq!(wrongs(fell), [(W::EpochFell, 1)]);
}

#[test]
fn an_unknown_outcome_needs_an_attempt_that_explains_it() {
    let unknown = |books: &mut Books| {
        books.messages[1].state = "unknown".into();
        books.events.push(event("evt_2", "message.unknown", "msg_2"));
    };
    assert_eq!(wrongs(unknown), [(W::Unexplained, 1)]);
    let mut explained = books();
    unknown(&mut explained);
    explained.attempts.insert("msg_2".into(), vec![attempt(1, 1, "unknown")]);
    let verdict = explained.judge();
    assert!(verdict.is_clean(), "{verdict:?}");
    assert!(verdict.unknowns[0].settled.contains("still unknown"), "{verdict:?}");
    assert!(verdict.to_markdown().contains("msg_2"));

    let mut settled = books();
    settled.events.push(event("evt_2", "message.unknown", "msg_1"));
    let verdict = settled.judge();
    assert_eq!(verdict.unknowns[0].settled, "settled by what came later: delivered");
}

#[test]
fn events_and_webhooks_that_are_missing_or_false_are_found() {
    let silent = |books: &mut Books| books.events[0].kind = "message.read".into();
    assert_eq!(wrongs(silent), [], "whoever has read it was sent it");
    assert_eq!(wrongs(|books| books.events[0].kind = "campaign.started".into()), [(W::MissingEvent, 1)]);
    assert_eq!(wrongs(|books| _ = books.arrived.remove("evt_2")), [(W::MissingWebhook, 1)]);
    assert_eq!(wrongs(|books| _ = books.arrived.insert("evt_9".into(), 1)), [(W::FalseWebhook, 1)]);
    assert_eq!(wrongs(|books| books.unverified = 2), [(W::FalseWebhook, 2)]);
}

#[test]
fn accounts_that_do_not_add_up_are_found() {
    assert_eq!(wrongs(|books| books.accounts[0].balanced = false), [(W::Unbalanced, 1)]);
    let less = |books: &mut Books| books.accounts[0] = account(&[("planned", 1), ("failed", 1)]);
    assert_eq!(wrongs(less), [(W::Unbalanced, 1)]);
}

#[test]
fn the_table_tells_every_kind_of_wrong() {
    let mut books = books();
    books.journal.push(line("msg_1", "+1"));
    books.exclusions.clear();
    let markdown = books.judge().to_markdown();
    for told in ["| **lost** | **1** |", "| **seen twice** | **1** |", "**seen twice**: wa-msg_1", "+2 of cmp_1"] {
        assert!(markdown.contains(told), "{told} is missing:\n{markdown}");
    }
}
