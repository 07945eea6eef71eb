//! How much is read for what is answered, in rows and entries of indexes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::{
    Store,
    conformance::reads::{self, Meter},
};
use paceline_store_postgres::{PostgresStore, testing::TestDatabase};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

/// Rows of walks, and entries of indexes.
const READ: &str = "SELECT (SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables)::bigint \
    + (SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes)::bigint";

/// The sessions of the store; each reports what it has read when it ends.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
    AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// The store over a database, while it is open.
struct Rows {
    database: TestDatabase,
    store: Mutex<Option<PostgresStore>>,
}

#[async_trait]
impl Meter for Rows {
    async fn open(&self) -> Arc<dyn Store> {
        let store = crate::open(crate::options(&self.database)).await;
        *self.store.lock().await = Some(store.clone());
        Arc::new(store)
    }

    async fn close(&self) -> u64 {
        self.store.lock().await.take().unwrap().close().await;
        let mut conn = PgConnection::connect(self.database.url()).await.unwrap();
        while sqlx::query_scalar::<_, i64>(SESSIONS).fetch_one(&mut conn).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let read: i64 = sqlx::query_scalar(READ).fetch_one(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        u64::try_from(read).unwrap()
    }

    async fn add_workspace(&self, workspace: WorkspaceId) {
        let mut conn = PgConnection::connect(self.database.url()).await.unwrap();
        let insert = sqlx::query(
            "INSERT INTO workspaces (id, name, key, created_at) VALUES ($1, 'small', decode(repeat('00', 32), 'hex'), now())",
        );
        insert.bind(sqlx::types::Uuid::from_bytes(workspace.to_bytes())).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }

    fn allowed(&self, rows: u64) -> u64 {
        150 + 10 * rows
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_grows_with_what_is_answered() {
    let database = crate::database().await;
    reads::what_is_read_grows_with_what_is_answered(&Rows { database, store: Mutex::default() }).await;
}
