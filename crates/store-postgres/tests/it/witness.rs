//! A witness inside the database: it looks at each attempt at the very end of the transaction that wrote it, as late as can
//! be, and notes what must not be there by then. It takes its time, so that whoever is not made to wait comes first.

use paceline_store_postgres::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection};

/// Run at the commit, where it sees what others have committed meanwhile.
const WITNESS: &str = "
    CREATE TABLE witnessed (what text NOT NULL);
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        m messages%ROWTYPE;
    BEGIN
        PERFORM pg_sleep(0.002);
        SELECT * INTO m FROM messages WHERE id = NEW.message_id;
        INSERT INTO witnessed SELECT 'to a suppressed person' FROM suppressions s
            WHERE s.workspace_id = m.workspace_id AND s.hash = m.hash;
        INSERT INTO witnessed SELECT 'of a campaign that is ' || c.state FROM campaigns c
            WHERE c.id = m.campaign_id AND c.state <> 'running';
        INSERT INTO witnessed SELECT 'beside another open attempt' FROM attempts a
            WHERE a.message_id = m.id AND a.number <> NEW.number AND a.outcome IS NULL;
        INSERT INTO witnessed SELECT 'under an epoch that has passed' FROM senders s
            WHERE s.id = NEW.sender_id AND s.lease_epoch <> NEW.epoch;
        INSERT INTO witnessed SELECT 'by a sender that is ' || s.state FROM senders s
            WHERE s.id = NEW.sender_id AND s.state <> 'active';
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER witness AFTER INSERT OR UPDATE OF sends ON attempts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness();
";

/// Looks on from now on.
pub(crate) async fn look_on(database: &TestDatabase) {
    let mut conn = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql(WITNESS).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// What was seen that must not be, and how many attempts there are.
pub(crate) async fn testify(database: &TestDatabase) -> (Vec<String>, i64) {
    let mut conn = PgConnection::connect(database.url()).await.unwrap();
    let seen = sqlx::query_scalar("SELECT what FROM witnessed ORDER BY what").fetch_all(&mut conn).await.unwrap();
    let attempts = sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    (seen, attempts)
}
