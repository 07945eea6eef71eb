//! Uploads, plans and single messages on several servers at once, and what only PostgreSQL has to say about their rows.

use std::{sync::Arc, time::Duration};

use paceline_domain::{
    CampaignId, CampaignMove, CampaignState, Exclusion, MessageId, MessageState, SenderId, SenderState,
};
use paceline_store::{
    StoreError, StoreResult,
    campaigns::CampaignOutcome,
    conformance::builders::{HOUR, World, first},
    messages::{MessageAcceptance, NewMessage, Route},
    recipients::{DuplicateRow, OpenUpload, UploadOpening, UploadRow},
};
use paceline_store_postgres::testing::TestDatabase;

use crate::{database, open, options};

/// How often two servers meet. Each order of theirs comes up many times in so many.
const MEETINGS: u32 = 25;

/// One database as two servers see it.
async fn two_servers(database: &TestDatabase) -> (World, World) {
    let one = World::new(Arc::new(open(options(database)).await)).await;
    let two = World { store: Arc::new(open(options(database)).await), ..one.clone() };
    (one, two)
}

fn is_conflict<T>(answer: &StoreResult<T>) -> bool {
    matches!(answer, Err(StoreError::Conflict { .. }))
}

async fn append(world: &World, upload: OpenUpload, rows: Vec<UploadRow>) -> StoreResult<Vec<DuplicateRow>> {
    world.store.append_recipients(upload, rows, HOUR).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_batches_for_the_same_rows_one_is_written() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    let campaign = one.draft(one.definition("main")).await;
    let upload = one.open_upload(campaign).await;
    for meeting in 0..MEETINGS {
        let rows = one.rows(i64::from(meeting) * 10 + 1, meeting * 10..meeting * 10 + 10);
        let (left, right) = tokio::join!(append(&one, upload, rows.clone()), append(&two, upload, rows));
        assert_eq!(usize::from(left.is_ok()) + usize::from(right.is_ok()), 1, "{left:?} {right:?}");
        assert!(is_conflict(&left) || is_conflict(&right), "{left:?} {right:?}");
    }
    let summary = one.store.commit_upload(upload, Vec::new()).await.unwrap();
    let rows = i64::from(MEETINGS) * 10;
    assert_eq!((summary.rows, summary.accepted, summary.excluded.len()), (rows, rows, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_in_its_upload_or_refused_when_that_is_committed_meanwhile() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    for _ in 0..MEETINGS {
        let campaign = one.draft(one.definition("main")).await;
        let upload = one.open_upload(campaign).await;
        append(&one, upload, one.rows(1, 0..5)).await.unwrap();
        let committing = two.store.commit_upload(upload, Vec::new());
        let (appended, committed) = tokio::join!(append(&one, upload, one.rows(6, 4..10)), committing);
        let summary = committed.unwrap();
        let expected = if appended.is_ok() { 11 } else { 5 };
        assert!(appended.is_ok() || is_conflict(&appended), "{appended:?}");
        assert_eq!((summary.rows, one.campaign(campaign).await.rows), (expected, expected));
        let listed = one.store.list_recipients(one.workspace, campaign, 0, 100).await.unwrap();
        assert_eq!(i64::try_from(listed.len()).unwrap(), summary.accepted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_starts_has_no_open_upload_however_they_meet() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    one.add_sender(1, "main").await;
    let (mut started, mut opened) = (0, 0);
    for _ in 0..MEETINGS {
        let campaign = one.draft(one.definition("main")).await;
        one.upload(campaign, 0..3).await;
        let opening = two.store.open_upload(two.workspace, campaign, two.id(), HOUR);
        let (moved, opening) = tokio::join!(one.attempt_move(campaign, CampaignMove::Start), opening);
        match (moved, opening.unwrap()) {
            (CampaignOutcome::Changed(_), UploadOpening::NotDraft(CampaignState::Running)) => started += 1,
            (CampaignOutcome::UploadInProgress, UploadOpening::Opened(_)) => opened += 1,
            both => panic!("{both:?}"),
        }
    }
    assert_eq!(started + opened, MEETINGS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_uploads_of_one_person_at_once_count_them_once_in_each_campaign() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    let (left, right) = (one.draft(one.definition("main")).await, two.draft(two.definition("main")).await);
    let ((), ()) = tokio::join!(upload_in_batches(&one, left), upload_in_batches(&two, right));
    for campaign in [left, right] {
        assert_eq!(one.campaign(campaign).await.rows, 2_000);
        assert_eq!(one.campaign(campaign).await.excluded["duplicate"], 1_000);
    }
}

/// Every person twice, in batches.
async fn upload_in_batches(world: &World, campaign: CampaignId) {
    let upload = world.open_upload(campaign).await;
    for batch in 0..20 {
        let from = (batch % 10) * 100;
        append(world, upload, world.rows(i64::from(batch) * 100 + 1, from..from + 100)).await.unwrap();
    }
    let summary = world.store.commit_upload(upload, Vec::new()).await.unwrap();
    assert_eq!((summary.rows, summary.accepted), (2_000, 1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_that_is_given_up_is_removed_in_pieces() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    let campaign = one.draft(one.definition("main")).await;
    one.upload(campaign, 0..2).await;
    let upload = one.open_upload(campaign).await;
    let first_row = upload.first_row;
    for batch in 0..5 {
        let mut rows = one.rows(first_row + batch * 5_000, people(batch));
        let row = first_row + (batch + 1) * 5_000 - 1;
        let exclusion = Exclusion::InvalidPhone { detail: "too short".to_owned() };
        rows.push(UploadRow::Excluded { row, phone: Some("12".to_owned()), exclusion });
        append(&one, upload, rows).await.unwrap();
    }
    one.store.append_recipients(upload, Vec::new(), Duration::ZERO).await.unwrap();
    // Two servers find it at the same time: one by the next upload, one by its sweeper.
    let (opening, swept) =
        tokio::join!(two.store.open_upload(two.workspace, campaign, two.id(), HOUR), one.store.abort_stale_uploads(10));
    swept.unwrap();
    let UploadOpening::Opened(next) = opening.unwrap() else { panic!("the stale one is out of the way") };
    assert_eq!(next.first_row, first_row);
    assert_eq!(append(&two, next, two.rows(first_row, people(4))).await.unwrap(), [], "its people are free again");
    two.store.commit_upload(next, Vec::new()).await.unwrap();
    let campaign_now = one.campaign(campaign).await;
    assert_eq!((campaign_now.rows, campaign_now.excluded.len()), (5_001, 0));
    let page = one.store.list_exclusions(one.workspace, campaign, first(10)).await.unwrap();
    assert_eq!(page.items, []);
}

fn people(batch: i64) -> std::ops::Range<u32> {
    let from = u32::try_from(batch).unwrap() * 5_000 + 100;
    from..from + 4_999
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_with_a_nul_costs_neither_its_row_nor_the_file() {
    let database = database().await;
    let (one, _) = two_servers(&database).await;
    let campaign = one.draft(one.definition("main")).await;
    let upload = one.open_upload(campaign).await;
    let exclusion = Exclusion::InvalidPhone { detail: "a \0 is no digit".to_owned() };
    let excluded = UploadRow::Excluded { row: 1, phone: Some("4\09".to_owned()), exclusion: exclusion.clone() };
    append(&one, upload, vec![excluded, one.row(2, 1)]).await.unwrap();
    let summary = one.store.commit_upload(upload, vec!["a\0b".to_owned()]).await.unwrap();
    assert_eq!((summary.rows, summary.accepted), (2, 1));
    assert_eq!(one.campaign(campaign).await.columns, ["a\0b"]);
    let page = one.store.list_exclusions(one.workspace, campaign, first(10)).await.unwrap();
    assert_eq!(page.items[0].phone.as_deref(), Some("4\u{fffd}9"), "PostgreSQL stores every character but that one");
    assert_eq!(page.items[0].exclusion, exclusion);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_given_to_two_servers_is_one_message() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    let sender = one.add_sender(1, "main").await;
    for meeting in 0..MEETINGS {
        let new = one.new_message(meeting, Route::Sender(sender));
        let (left, right) = tokio::join!(one.store.create_message(new.clone()), two.store.create_message(new.clone()));
        let accepted = [left.unwrap(), right.unwrap()].map(|answer| match answer {
            MessageAcceptance::Accepted(message) => (1, message.id),
            MessageAcceptance::Existing(message) => (0, message.id),
            refused => panic!("{refused:?}"),
        });
        assert_eq!(accepted[0].0 + accepted[1].0, 1);
        assert_eq!(accepted.map(|(_, id)| id), [new.id; 2]);
    }
    let account = one.store.figures().await.unwrap().account;
    assert_eq!((account.planned, account.waiting), (i64::from(MEETINGS), i64::from(MEETINGS)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_sender_that_is_being_removed_is_refused_or_says_what_it_waits_for() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    let mut accepted = 0;
    for meeting in 0..MEETINGS {
        let sender = one.add_sender(meeting, "main").await;
        let (early, late) = (new_message(&one, sender), new_message(&two, sender));
        let (early, late, _) = tokio::join!(
            one.store.create_message(early),
            two.store.create_message(late),
            one.move_sender(sender, SenderState::Removed)
        );
        for answer in [early.unwrap(), late.unwrap()] {
            match answer {
                MessageAcceptance::Accepted(message) => {
                    accepted += 1;
                    let message = one.message(message.id).await;
                    assert_eq!(message.waits_for.as_deref(), Some("sender_removed"));
                }
                refused => assert_eq!(refused, MessageAcceptance::NoSender),
            }
        }
    }
    assert!(accepted > 0, "no message came before its sender's removal: nothing was proved");
}

fn new_message(world: &World, sender: SenderId) -> NewMessage {
    world.new_message(900, Route::Sender(sender))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_binds_nobody_to_a_sender_that_is_removed_meanwhile() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    one.add_sender(0, "main").await;
    for meeting in 1..MEETINGS {
        let sender = one.add_sender(meeting, "main").await;
        let campaign = one.started(one.definition("main"), 0..20).await;
        let mut batch = one.next_plan(campaign, 100).await;
        for message in &mut batch.messages {
            message.sticky = Some(sender);
        }
        let messages: Vec<MessageId> = batch.messages.iter().map(|message| message.id).collect();
        let (planned, _) = tokio::join!(one.store.record_plan(batch), two.move_sender(sender, SenderState::Removed));
        planned.unwrap();
        for message in messages {
            let message = one.message(message).await;
            assert_eq!((message.state, message.sender), (MessageState::Waiting, None));
        }
        one.balanced(campaign).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planning_and_a_pause_come_one_after_the_other() {
    let database = database().await;
    let (one, two) = two_servers(&database).await;
    one.add_sender(1, "main").await;
    for _ in 0..MEETINGS {
        let campaign = one.started(one.definition("main"), 0..50).await;
        let batch = one.next_plan(campaign, 100).await;
        let (planned, paused) =
            tokio::join!(one.store.record_plan(batch), two.attempt_move(campaign, CampaignMove::Pause));
        assert!(matches!(paused, CampaignOutcome::Changed(_)), "{paused:?}");
        let account = one.balanced(campaign).await;
        assert_eq!(account.planned, if planned.is_ok() { 50 } else { 0 });
        assert!(planned.is_ok() || is_conflict(&planned), "{planned:?}");
    }
}
