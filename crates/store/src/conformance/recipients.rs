//! Uploads: atomic, one at a time, with every duplicate named by its earliest row.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use paceline_domain::{CampaignId, CampaignMove, CampaignState, Exclusion};

use super::{
    Dice,
    builders::{AT_ONCE, HOUR, World, address, first},
};
use crate::{
    Store, StoreError,
    recipients::{DuplicateRow, OpenUpload, UploadOpening, UploadRow, UploadSummary},
};

impl World {
    async fn opening(&self, campaign: CampaignId, ttl: Duration) -> UploadOpening {
        self.store.open_upload(self.workspace, campaign, self.id(), ttl).await.unwrap()
    }

    async fn append(&self, upload: OpenUpload, rows: Vec<UploadRow>) -> Vec<DuplicateRow> {
        self.store.append_recipients(upload, rows, HOUR).await.unwrap()
    }

    async fn visible_rows(&self, campaign: CampaignId) -> Vec<i64> {
        let rows = self.store.list_recipients(self.workspace, campaign, 0, 1_000).await.unwrap();
        rows.into_iter().map(|row| row.row).collect()
    }

    async fn exclusions(&self, campaign: CampaignId) -> Vec<(i64, Exclusion)> {
        let page = self.store.list_exclusions(self.workspace, campaign, first(1_000)).await.unwrap();
        page.items.into_iter().map(|row| (row.row, row.exclusion)).collect()
    }
}

fn opened(opening: UploadOpening) -> OpenUpload {
    match opening {
        UploadOpening::Opened(upload) => upload,
        refused => panic!("{refused:?}"),
    }
}

fn assert_conflict<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
}

pub async fn rows_are_invisible_until_their_upload_is_committed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    assert_eq!((upload.campaign, upload.first_row), (campaign, 1));
    world.append(upload, world.rows(1, [1, 2, 1])).await;
    let before = world.campaign(campaign).await;
    assert_eq!((before.rows, before.columns.len(), before.excluded.len()), (0, 0, 0));
    assert!(world.visible_rows(campaign).await.is_empty());
    assert_eq!(world.exclusions(campaign).await, []);

    let columns = vec!["name".to_owned(), "city".to_owned()];
    let summary = world.store.commit_upload(upload, columns.clone()).await.unwrap();
    let excluded = BTreeMap::from([("duplicate".to_owned(), 1)]);
    assert_eq!(summary, UploadSummary { rows: 3, accepted: 2, excluded: excluded.clone() });
    let after = world.campaign(campaign).await;
    assert_eq!((after.rows, after.columns, after.excluded), (3, columns, excluded));
    assert_eq!(world.visible_rows(campaign).await, [1, 2]);
    assert_eq!(world.exclusions(campaign).await, [(3, Exclusion::Duplicate { of_row: 1 })]);
}

pub async fn a_row_is_kept_as_it_was_given(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let variables = r#"{"name":"Zoë \"Z\" العربية","city":""}"#.to_owned();
    let row = UploadRow::Recipient { row: 1, address: address(1), hash: world.hash(1), variables: variables.clone() };
    world.append(upload, vec![row]).await;
    world.store.commit_upload(upload, Vec::new()).await.unwrap();
    let rows = world.store.list_recipients(world.workspace, campaign, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].row, &rows[0].address, rows[0].hash), (1, &address(1), world.hash(1)));
    assert_eq!(rows[0].variables, variables);
}

pub async fn recipients_are_listed_in_order_after_a_row(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, 0..5).await;
    let list = |after, limit| world.store.list_recipients(world.workspace, campaign, after, limit);
    let rows = |rows: Vec<crate::recipients::RecipientRow>| rows.iter().map(|row| row.row).collect::<Vec<_>>();
    assert_eq!(rows(list(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(rows(list(2, 10).await.unwrap()), [3, 4, 5]);
    assert!(rows(list(5, 10).await.unwrap()).is_empty());
    let other = world.store.list_recipients(world.id(), campaign, 0, 10).await.unwrap();
    assert_eq!(other, [], "another workspace sees nothing");
}

pub async fn several_uploads_number_on_and_gather_their_columns(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    for (first_row, columns) in [(1, ["name", "city"]), (3, ["code", "name"])] {
        let upload = world.open_upload(campaign).await;
        assert_eq!(upload.first_row, first_row);
        let people = u32::try_from(first_row).unwrap();
        world.append(upload, world.rows(first_row, people..people + 2)).await;
        world.store.commit_upload(upload, columns.map(str::to_owned).to_vec()).await.unwrap();
    }
    let campaign = world.campaign(campaign).await;
    assert_eq!(campaign.columns, ["name", "city", "code"], "in order of first appearance");
    assert_eq!(campaign.rows, 4);
}

pub async fn an_aborted_upload_leaves_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, [1]).await;
    let aborted = world.open_upload(campaign).await;
    world.append(aborted, world.rows(2, [2, 3])).await;
    world.store.abort_upload(aborted).await.unwrap();
    assert_conflict(&world.store.append_recipients(aborted, world.rows(4, [4]), HOUR).await);
    assert_conflict(&world.store.commit_upload(aborted, Vec::new()).await);

    let next = world.open_upload(campaign).await;
    assert_eq!(next.first_row, 2, "its numbers are free again");
    assert_eq!(world.append(next, world.rows(2, [3, 2])).await, [], "and so are its people");
    world.store.commit_upload(next, Vec::new()).await.unwrap();
    assert_eq!(world.visible_rows(campaign).await, [1, 2, 3]);
}

pub async fn a_second_upload_waits_for_the_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let other = world.draft(world.definition("main")).await;
    let first = world.open_upload(campaign).await;
    assert_eq!(world.opening(campaign, HOUR).await, UploadOpening::Busy);
    opened(world.opening(other, HOUR).await);
    world.store.commit_upload(first, Vec::new()).await.unwrap();
    opened(world.opening(campaign, HOUR).await);
}

pub async fn an_upload_is_taken_over_by_its_own_client_and_by_nobody_else(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let id = world.id();
    let open = async |upload| world.store.open_upload(world.workspace, campaign, upload, HOUR).await.unwrap();
    let first = opened(open(id).await);
    world.store.append_recipients(first, world.rows(1, [1, 2, 3]), HOUR).await.unwrap();
    assert_eq!(open(world.id()).await, UploadOpening::Busy);
    let second = opened(open(id).await);
    assert_eq!((second.upload, second.first_row), (id, 1));
    // The rows that the first one would write next are numbered as the second one's first: the number alone would not tell them apart.
    for rows in [world.rows(4, [4]), world.rows(1, [4]), Vec::new()] {
        let refused = world.store.append_recipients(first, rows, HOUR).await;
        assert!(matches!(refused, Err(crate::StoreError::Conflict { .. })), "{refused:?}");
    }
    let late = world.store.commit_upload(first, Vec::new()).await;
    assert!(matches!(late, Err(crate::StoreError::Conflict { .. })), "{late:?}");
    world.store.append_recipients(second, world.rows(1, [1, 5]), HOUR).await.unwrap();
    world.store.abort_upload(first).await.unwrap();
    let summary = world.store.commit_upload(second, Vec::new()).await.unwrap();
    assert_eq!((summary.rows, summary.accepted), (2, 2));
    assert_eq!(world.campaign(campaign).await.rows, 2, "of the first one nothing is left");
    assert_eq!(world.store.list_recipients(world.workspace, campaign, 0, 10).await.unwrap().len(), 2);
    let UploadOpening::Committed(again) = open(id).await else { panic!("it is committed") };
    assert_eq!(again, summary);
}

pub async fn of_many_uploads_opened_at_once_one_goes_on(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let openings: Vec<_> = (0..4)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.opening(campaign, HOUR).await })
        })
        .collect();
    let mut open = 0;
    for opening in openings {
        match opening.await.unwrap() {
            UploadOpening::Opened(_) => open += 1,
            refused => assert_eq!(refused, UploadOpening::Busy),
        }
    }
    assert_eq!(open, 1);
}

pub async fn a_committed_upload_answers_a_repetition_with_its_summary(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    world.append(upload, world.rows(1, [1, 1, 2])).await;
    let summary = world.store.commit_upload(upload, Vec::new()).await.unwrap();
    world.upload(campaign, [5]).await;
    let again = world.store.open_upload(world.workspace, campaign, upload.upload, HOUR).await.unwrap();
    assert_eq!(again, UploadOpening::Committed(summary));
    assert_eq!(world.campaign(campaign).await.rows, 4, "nothing was added twice");
    assert_conflict(&world.store.append_recipients(upload, world.rows(5, [9]), HOUR).await);
    assert_conflict(&world.store.commit_upload(upload, Vec::new()).await);
}

pub async fn recipients_are_added_to_drafts_that_exist(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..1).await;
    assert_eq!(world.opening(campaign, HOUR).await, UploadOpening::NotDraft(CampaignState::Running));
    assert_eq!(world.opening(world.id(), HOUR).await, UploadOpening::NotFound);
    let draft = world.draft(world.definition("main")).await;
    let other = world.store.open_upload(world.id(), draft, world.id(), HOUR).await.unwrap();
    assert_eq!(other, UploadOpening::NotFound);
}

pub async fn an_upload_into_a_campaign_that_was_cancelled_meanwhile_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    world.append(upload, world.rows(1, [1])).await;
    world.move_campaign(campaign, CampaignMove::Cancel).await;
    assert_conflict(&world.store.commit_upload(upload, Vec::new()).await);
    assert!(world.visible_rows(campaign).await.is_empty());
    assert_eq!(world.campaign(campaign).await.rows, 0);
}

pub async fn unreadable_rows_are_counted_by_reason_and_are_nobodys_duplicate(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let malformed = Exclusion::MalformedRow { detail: "a quote is open".to_owned() };
    let invalid = Exclusion::InvalidPhone { detail: "too short".to_owned() };
    let excluded = |row, exclusion: &Exclusion| {
        let phone = matches!(exclusion, Exclusion::InvalidPhone { .. }).then(|| "12".to_owned());
        UploadRow::Excluded { row, phone, exclusion: exclusion.clone() }
    };
    let rows = vec![
        excluded(1, &malformed),
        excluded(2, &invalid),
        excluded(3, &invalid),
        world.row(4, 1),
        world.row(5, 1),
        excluded(6, &malformed),
    ];
    assert_eq!(world.append(upload, rows).await, [DuplicateRow { row: 5, of_row: 4 }]);
    let summary = world.store.commit_upload(upload, Vec::new()).await.unwrap();
    let counted = [("duplicate", 1), ("invalid_phone", 2), ("malformed_row", 2)];
    let counted: BTreeMap<_, _> = counted.map(|(reason, count)| (reason.to_owned(), count)).into();
    assert_eq!(summary, UploadSummary { rows: 6, accepted: 1, excluded: counted.clone() });
    assert_eq!(world.campaign(campaign).await.excluded, counted);
    let exclusions = world.exclusions(campaign).await;
    let expected = [
        (1, malformed.clone()),
        (2, invalid.clone()),
        (3, invalid),
        (5, Exclusion::Duplicate { of_row: 4 }),
        (6, malformed),
    ];
    assert_eq!(exclusions, expected);
}

/// Draws people from few, so that they repeat within a batch, over batches and over uploads, and compares with a model.
pub async fn a_duplicate_names_the_earliest_row_of_its_person(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let mut dice = Dice::new(5);
    let mut earliest: HashMap<u32, i64> = HashMap::new();
    let (mut row, mut expected) = (0_i64, Vec::new());
    for _ in 0..3 {
        let upload = world.open_upload(campaign).await;
        assert_eq!(upload.first_row, row + 1);
        for _ in 0..4 {
            let (mut rows, mut duplicates) = (Vec::new(), Vec::new());
            for _ in 0..=dice.below(12) {
                row += 1;
                let person = dice.below(40);
                rows.push(world.row(row, person));
                let of_row = *earliest.entry(person).or_insert(row);
                if of_row < row {
                    duplicates.push(DuplicateRow { row, of_row });
                }
            }
            let mut answer = world.append(upload, rows).await;
            answer.sort_by_key(|duplicate| duplicate.row);
            assert_eq!(answer, duplicates);
            expected.extend(duplicates);
        }
        world.store.commit_upload(upload, Vec::new()).await.unwrap();
    }
    let accepted = i64::try_from(earliest.len()).unwrap();
    let listed: Vec<_> =
        expected.iter().map(|it| (it.row, Exclusion::Duplicate { of_row: it.of_row.unsigned_abs() })).collect();
    assert_eq!(world.exclusions(campaign).await, listed);
    assert_eq!(i64::try_from(world.visible_rows(campaign).await.len()).unwrap(), accepted);
    assert_eq!(world.campaign(campaign).await.excluded["duplicate"], row - accepted);
}

pub async fn a_large_batch_is_appended_whole(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let mut rows = world.rows(1, 0..12_000);
    rows.extend(world.rows(12_001, 0..10));
    assert_eq!(world.append(upload, rows).await.len(), 10);
    let summary = world.store.commit_upload(upload, Vec::new()).await.unwrap();
    assert_eq!((summary.rows, summary.accepted), (12_010, 12_000));
}

/// The second upload has the numbers and the people of the first, which nobody has removed yet.
pub async fn a_stale_upload_stands_in_nobodys_way(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let stale = world.open_upload(campaign).await;
    world.store.append_recipients(stale, world.rows(1, [1, 2]), AT_ONCE).await.unwrap();
    let next = opened(world.opening(campaign, HOUR).await);
    assert_eq!(next.first_row, 1);
    assert_eq!(world.append(next, world.rows(1, [2, 1, 3])).await, []);
    assert_conflict(&world.store.append_recipients(stale, world.rows(3, [4]), HOUR).await);
    assert_conflict(&world.store.commit_upload(stale, Vec::new()).await);
    let summary = world.store.commit_upload(next, Vec::new()).await.unwrap();
    assert_eq!((summary.rows, summary.accepted), (3, 3));
    while world.store.abort_stale_uploads(10).await.unwrap() == 10 {}
    assert_eq!(world.visible_rows(campaign).await, [1, 2, 3]);
}

pub async fn a_stale_upload_does_not_keep_a_campaign_from_starting(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, [1]).await;
    opened(world.opening(campaign, AT_ONCE).await);
    world.move_campaign(campaign, CampaignMove::Start).await;
    assert_eq!(world.plan(campaign).await.len(), 1);
}

pub async fn a_stale_upload_is_removed_with_its_rows(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let stale = world.open_upload(campaign).await;
    world.store.append_recipients(stale, world.rows(1, [1, 2]), AT_ONCE).await.unwrap();
    let live_campaign = world.draft(world.definition("main")).await;
    let live = world.open_upload(live_campaign).await;
    world.append(live, world.rows(1, [1])).await;

    assert_eq!(world.store.abort_stale_uploads(10).await.unwrap(), 1);
    assert_eq!(world.store.abort_stale_uploads(10).await.unwrap(), 0);
    assert_conflict(&world.store.append_recipients(stale, world.rows(3, [3]), HOUR).await);
    assert_conflict(&world.store.commit_upload(stale, Vec::new()).await);
    assert_eq!(world.open_upload(campaign).await.first_row, 1);
    assert_eq!(world.store.commit_upload(live, Vec::new()).await.unwrap().accepted, 1, "a live one is left alone");
}

pub async fn an_append_extends_the_upload(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let short = Duration::from_millis(200);
    let extended = world.draft(world.definition("main")).await;
    let clock = world.draft(world.definition("main")).await;
    let upload = opened(world.opening(extended, short).await);
    world.append(upload, world.rows(1, [1])).await;
    // The second campaign tells when the first ttl of the first upload has passed.
    opened(world.opening(clock, short).await);
    super::until(|| async { matches!(world.opening(clock, short).await, UploadOpening::Opened(_)) }).await;
    assert_eq!(world.opening(extended, HOUR).await, UploadOpening::Busy);
    assert_eq!(world.store.commit_upload(upload, Vec::new()).await.unwrap().accepted, 1);
}

pub async fn uploads_of_the_dead_stand_in_nobodys_way(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let campaign = world.draft(world.definition("main")).await;
    let dead = world.open_upload(campaign).await;
    world.store.append_recipients(dead, world.rows(dead.first_row, 0..3), HOUR).await.unwrap();
    assert_eq!(world.store.void_uploads().await.unwrap(), 1);
    assert_eq!(world.upload(campaign, 1..3).await.accepted, 2, "the same people are nobody's duplicates");
    assert!(world.store.commit_upload(dead, Vec::new()).await.is_err(), "the dead do not come back");
    assert_eq!(world.campaign(campaign).await.rows, 2);
}
