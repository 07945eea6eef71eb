//! Suppressions.

use std::borrow::Cow;

use paceline_store::suppressions::Suppression;
use sqlx::types::Uuid;

use crate::prelude::*;

/// Each person is looked up, however many of them the planner thinks there are: hence LATERAL and its OFFSET.
const OF_PEOPLE: &str = concat!(
    "SELECT s.* FROM unnest($1::uuid[], $2::bytea[]) AS p (workspace_id, hash) CROSS JOIN LATERAL (",
    select_suppression!(" FROM suppressions s WHERE s.workspace_id = p.workspace_id AND s.hash = p.hash OFFSET 0) s")
);

/// In the order of the people, as everyone writes them.
const ADD: &str = "INSERT INTO suppressions \
        (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, reason, since) \
    SELECT v.* FROM UNNEST($1::uuid[], $2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
        $9::timestamptz[]) AS v (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, reason, since) \
    ORDER BY v.workspace_id, v.hash";

const SET_SCOPE: &str = "UPDATE suppressions SET scope = $3 FROM unnest($1::uuid[], $2::bytea[]) AS p (workspace_id, hash) \
    WHERE suppressions.workspace_id = p.workspace_id AND suppressions.hash = p.hash";

#[async_trait]
impl SuppressionRows for Tx {
    async fn list_suppressions(&mut self, people: &[(WorkspaceId, AddressHash)]) -> Fallible<Vec<Suppression>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let (workspaces, hashes) = keys(people);
        self.list(sqlx::query(OF_PEOPLE).bind(workspaces).bind(hashes), columns::suppression).await
    }

    async fn add_suppressions(&mut self, suppressions: &[Suppression]) -> Fallible<()> {
        if suppressions.is_empty() {
            return Ok(());
        }
        let add = sqlx::query(ADD)
            .bind(column(suppressions, |new| uuid(new.workspace)))
            .bind(column(suppressions, |new| hash(new.hash)))
            .bind(column(suppressions, |new| uuid(new.id)))
            .bind(column(suppressions, |new| part(new, |address| address.phone.as_ref().map(PhoneNumber::as_e164))))
            .bind(column(suppressions, |new| part(new, |address| address.business_scoped_id.as_deref())))
            .bind(column(suppressions, |new| part(new, |address| address.linked_id.as_deref())))
            .bind(column(suppressions, |new| new.scope.as_str()))
            .bind(column(suppressions, |new| new.reason.as_str()))
            .bind(column(suppressions, |new| new.since));
        self.run(add).await
    }

    async fn set_scope(&mut self, people: &[(WorkspaceId, AddressHash)], scope: SuppressionScope) -> Fallible<()> {
        if people.is_empty() {
            return Ok(());
        }
        let (workspaces, hashes) = keys(people);
        self.run(sqlx::query(SET_SCOPE).bind(workspaces).bind(hashes).bind(scope.as_str())).await
    }

    async fn remove_suppression(&mut self, workspace: WorkspaceId, suppression: SuppressionId) -> Fallible<bool> {
        let delete = sqlx::query("DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2");
        Ok(self.execute(delete.bind(uuid(workspace)).bind(uuid(suppression))).await? > 0)
    }
}

/// The texts.
pub(crate) const TEXTS: SuppressionTexts = SuppressionTexts {
    list: select_suppression!(
        " FROM suppressions s WHERE s.workspace_id = $1 AND (s.since, s.id) > (coalesce($2, '-infinity'::timestamptz), \
             coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)) ORDER BY s.since, s.id LIMIT $4"
    ),
    find: OF_PEOPLE,
};

fn keys(people: &[(WorkspaceId, AddressHash)]) -> (Vec<Uuid>, Vec<Vec<u8>>) {
    people.iter().map(|(workspace, person)| (uuid(*workspace), hash(*person))).unzip()
}

/// A part of the person's address as it can be stored.
fn part(new: &Suppression, of: fn(&Address) -> Option<&str>) -> Option<Cow<'_, str>> {
    new.address.as_ref().and_then(of).map(storable)
}
