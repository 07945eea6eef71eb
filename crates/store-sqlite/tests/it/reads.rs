//! How much is read for what is answered, in steps of SQLite's machine.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::{
    Store,
    conformance::reads::{self, Meter},
};
use paceline_store_sqlite::{SqliteOptions, SqliteStore, testing};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{runtime::Handle, sync::Mutex};

/// The store over a file, while it is open.
struct Steps {
    file: PathBuf,
    store: Mutex<Option<SqliteStore>>,
}

#[async_trait]
impl Meter for Steps {
    async fn open(&self) -> Arc<dyn Store> {
        // The compiler cannot see that a future which migrates may move between threads, so it stays on this one.
        let store =
            tokio::task::block_in_place(|| Handle::current().block_on(crate::open(SqliteOptions::new(&self.file))));
        *self.store.lock().await = Some(store.clone());
        Arc::new(store)
    }

    async fn close(&self) -> u64 {
        self.store.lock().await.take().unwrap().close().await;
        testing::steps()
    }

    async fn add_workspace(&self, workspace: WorkspaceId) {
        let options = SqliteConnectOptions::new().filename(&self.file);
        let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
        let insert =
            sqlx::query("INSERT INTO workspaces (id, name, key, created_at) VALUES (?1, 'small', zeroblob(32), 0)");
        insert.bind(workspace.to_bytes().to_vec()).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }

    fn allowed(&self, rows: u64) -> u64 {
        4_000 + 300 * rows
    }
}

/// The steps are those of the process; whoever runs tests as threads of one is disturbed by the others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_grows_with_what_is_answered() {
    let (_folder, file) = crate::folder();
    reads::what_is_read_grows_with_what_is_answered(&Steps { file, store: Mutex::default() }).await;
}
