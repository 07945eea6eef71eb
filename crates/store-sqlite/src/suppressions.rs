//! Suppressions.

use paceline_store::suppressions::Suppression;

use crate::prelude::*;

const ADD: Bulk = Bulk {
    head: "INSERT INTO suppressions \
           (workspace_id, hash, id, phone, business_scoped_id, linked_id, scope, reason, since) VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    tail: "",
};

const SET_SCOPE: Bulk = Bulk {
    head: "WITH v (workspace_id, hash) AS (VALUES",
    row: "(?, ?)",
    tail: ") UPDATE suppressions SET scope = ?1 FROM v \
           WHERE suppressions.workspace_id = v.workspace_id AND suppressions.hash = v.hash",
};

#[async_trait]
impl SuppressionRows for Tx {
    async fn list_suppressions(&mut self, people: &[(WorkspaceId, AddressHash)]) -> Fallible<Vec<Suppression>> {
        let query = sqlx::query(select_suppression!(
            " FROM json_each(?1) j CROSS JOIN suppressions s \
             WHERE s.workspace_id = unhex(j.value ->> 0) AND s.hash = unhex(j.value ->> 1)"
        ));
        let person =
            |(workspace, hash): &(WorkspaceId, AddressHash)| (hex(&workspace.to_bytes()), hex(&hash.to_bytes()));
        let people: Vec<_> = people.iter().map(person).collect();
        self.list(query.bind(serde_json::json!(people).to_string()), columns::suppression).await
    }

    async fn add_suppressions(&mut self, suppressions: &[Suppression]) -> Fallible<()> {
        ADD.write(self, suppressions, |values, new| {
            let address = new.address.as_ref();
            values.add(blob(new.workspace)).add(new.hash.to_bytes().to_vec()).add(blob(new.id));
            values.add(address.and_then(|address| address.phone.as_ref()).map(PhoneNumber::as_e164));
            values.add(address.and_then(|address| address.business_scoped_id.as_deref()));
            values.add(address.and_then(|address| address.linked_id.as_deref()));
            values.add(new.scope.as_str()).add(new.reason.as_str()).add(micros(new.since));
        })
        .await
    }

    async fn set_scope(&mut self, people: &[(WorkspaceId, AddressHash)], scope: SuppressionScope) -> Fallible<()> {
        SET_SCOPE
            .run(
                self,
                people,
                |values| {
                    values.add(scope.as_str());
                },
                |values, (workspace, hash)| {
                    values.add(blob(*workspace)).add(hash.to_bytes().to_vec());
                },
            )
            .await?;
        Ok(())
    }

    async fn remove_suppression(&mut self, workspace: WorkspaceId, suppression: SuppressionId) -> Fallible<bool> {
        let delete = sqlx::query("DELETE FROM suppressions WHERE workspace_id = ?1 AND id = ?2");
        Ok(self.execute(delete.bind(blob(workspace)).bind(blob(suppression))).await? > 0)
    }
}

/// The texts.
pub(crate) const TEXTS: SuppressionTexts = SuppressionTexts {
    list: select_suppression!(
        " FROM suppressions s WHERE s.workspace_id = ?1 AND (s.since, s.id) > (?2, ?3) ORDER BY s.since, s.id LIMIT ?4"
    ),
    find: select_suppression!(
        " FROM json_each(?2) j CROSS JOIN suppressions s WHERE s.workspace_id = ?1 AND s.hash = unhex(j.value)"
    ),
};
