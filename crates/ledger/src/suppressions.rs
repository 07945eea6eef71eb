//! Suppressions, and what happens at an opt-out: the person is suppressed, and what waits for them is cancelled.
//!
//! | | an opt-out | an added suppression |
//! |---|---|---|
//! | comes from | an incoming message (`results/incoming`) | a person at the workspace ([`SuppressionStore::add_suppression`]) |
//! | forbids | everything | what its scope says |
//! | messages are cancelled as | `opted_out` | `suppressed` |
//! | then | [`suppress`] | [`suppress`] |
//!
//! Whoever suppresses closes the gate of the person first. Until the commit nobody writes a message to the person, nor records an
//! intent, that this would not find; what is being sent at that moment and comes back to wait is cancelled at its next intent
//! (`intents/decide`). Planning and accepting look for suppressions too.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, CancelReason, MessageState, SuppressionId, SuppressionScope, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    suppressions::{Suppression, SuppressionAddition, SuppressionStore},
};

use crate::{
    Database, Fallible, Ledger,
    cursor::Cursor,
    moves::{self, Happening, WorkingCopy},
    rows::Gate,
    transaction::Tx,
};

#[async_trait]
impl<D: Database> SuppressionStore for Ledger<D> {
    async fn add_suppression(&self, suppression: Suppression, now: DateTime<Utc>) -> StoreResult<SuppressionAddition> {
        self.write(move |tx| Box::pin(add(tx, suppression, now))).await
    }

    async fn list_suppressions(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Suppression>> {
        let cursor = Cursor::<(DateTime<Utc>, SuppressionId)>::read(&page)?;
        let suppressions = self.database.list_suppressions(workspace, cursor.after, cursor.fetch()).await?;
        Ok(cursor.page(suppressions, |suppression| (suppression.since, suppression.id)))
    }

    async fn find_suppression(&self, workspace: WorkspaceId, hash: AddressHash) -> StoreResult<Option<Suppression>> {
        Ok(self.database.find_suppressions(workspace, &[hash]).await?.pop())
    }

    async fn remove_suppression(&self, workspace: WorkspaceId, suppression: SuppressionId) -> StoreResult<bool> {
        self.write(move |tx| Box::pin(async move { tx.rows.remove_suppression(workspace, suppression).await })).await
    }
}

/// A person of a workspace.
type Person = (WorkspaceId, AddressHash);

/// What suppressing came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suppressed {
    /// Of how many people more is forbidden than before.
    pub(crate) reached: u64,
    /// How many messages were cancelled.
    pub(crate) cancelled: u64,
}

/// The suppression of a person.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    person: AddressHash,
) -> Fallible<Option<Suppression>> {
    Ok(tx.rows.list_suppressions(&[(workspace, person)]).await?.pop())
}

async fn add(tx: &mut Tx<'_>, new: Suppression, now: DateTime<Utc>) -> Fallible<SuppressionAddition> {
    let (workspace, person) = (new.workspace, new.hash);
    tx.rows.close_gates(&[Gate::Person(person)]).await?;
    let before = find(tx, workspace, person).await?;
    let Suppressed { cancelled, .. } =
        suppress(tx, vec![(new, Happening::cancel(CancelReason::Suppressed, now))]).await?;
    Ok(match before {
        None => SuppressionAddition::Added { cancelled },
        Some(before) => SuppressionAddition::Existing(find(tx, workspace, person).await?.unwrap_or(before)),
    })
}

/// Suppresses people, or widens what is forbidden already, and cancels what waits for them as far as that forbids it, released messages
/// included. With each comes what happens to their messages; of those that name one person the first counts. The gates of
/// all are closed.
pub(crate) async fn suppress(tx: &mut Tx<'_>, new: Vec<(Suppression, Happening)>) -> Fallible<Suppressed> {
    let mut first: BTreeMap<Person, (Suppression, Happening)> = BTreeMap::new();
    for (suppression, happening) in new {
        first.entry((suppression.workspace, suppression.hash)).or_insert((suppression, happening));
    }
    let mut done = Suppressed { reached: 0, cancelled: 0 };
    if first.is_empty() {
        return Ok(done);
    }
    let mut forbidden: BTreeMap<(WorkspaceId, SuppressionScope), Vec<(AddressHash, Happening)>> = BTreeMap::new();
    for (&(workspace, person), (suppression, happening)) in &first {
        forbidden.entry((workspace, suppression.scope)).or_default().push((person, *happening));
    }
    done.reached = write(tx, first.into_values().map(|(suppression, _)| suppression).collect()).await?;
    for ((workspace, scope), people) in forbidden {
        done.cancelled += cancel_waiting(tx, workspace, scope, &people).await?;
    }
    Ok(done)
}

/// Writes suppressions of people, each named once, or widens those there are. Answers how many forbid more than before.
async fn write(tx: &mut Tx<'_>, suppressions: Vec<Suppression>) -> Fallible<u64> {
    let people: Vec<Person> = suppressions.iter().map(person_of).collect();
    let existing = tx.rows.list_suppressions(&people).await?;
    let existing: HashMap<Person, SuppressionScope> =
        existing.iter().map(|suppression| (person_of(suppression), suppression.scope)).collect();
    let (mut added, mut widened) = (Vec::new(), Vec::new());
    for suppression in suppressions {
        match (existing.get(&person_of(&suppression)), suppression.scope) {
            (None, _) => added.push(suppression),
            (Some(SuppressionScope::Marketing), SuppressionScope::All) => widened.push(person_of(&suppression)),
            (Some(_), _) => {}
        }
    }
    if !added.is_empty() {
        tx.rows.add_suppressions(&added).await?;
    }
    if !widened.is_empty() {
        tx.rows.set_scope(&widened, SuppressionScope::All).await?;
    }
    Ok(u64::try_from(added.len() + widened.len()).unwrap_or(0))
}

/// Cancels what waits for people of a workspace as far as a scope forbids it; for each person with what happens. What is being sent to
/// them is locked too: when it comes back to wait, that is after this commit, and its next intent sees the suppression.
async fn cancel_waiting(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    scope: SuppressionScope,
    people: &[(AddressHash, Happening)],
) -> Fallible<u64> {
    let hashes: Vec<AddressHash> = people.iter().map(|(person, _)| *person).collect();
    let mut cancelled = Vec::new();
    for (place, message) in tx.rows.lock_open_of_people(workspace, scope, &hashes).await? {
        let Some((_, happening)) = people.get(place) else { continue };
        let mut message = WorkingCopy::of(message);
        if message.state() == MessageState::Waiting && moves::move_message(tx, &mut message, happening) {
            cancelled.push(message);
        }
    }
    let count = u64::try_from(cancelled.len()).unwrap_or(0);
    moves::write(tx, cancelled).await?;
    Ok(count)
}

const fn person_of(suppression: &Suppression) -> Person {
    (suppression.workspace, suppression.hash)
}
