//! A witness inside the database: it looks at each attempt at the very end of the transaction that wrote it, as late as can
//! be, and notes what must not be there by then. Those who send, and those who forbid it, are held up at their commits.

use std::time::Duration;

use paceline_store_postgres::testing::TestDatabase;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// What holds a transaction up at its commit.
#[derive(Clone, Copy)]
pub(crate) enum HoldUp {
    /// Two milliseconds, so that whoever is not made to wait comes first.
    Moment,
    /// A brake that the test pulls and releases.
    Brake,
}

/// Who is held up.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// Those who suppress people, and those who move campaigns.
    Forbids = 1,
    /// Those who intend.
    Intends = 2,
}

/// Run at the commit, where it sees what others have committed meanwhile.
const WITNESS: &str = "
    CREATE FUNCTION forbids() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM hold_up(1);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER forbids AFTER INSERT OR UPDATE ON suppressions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION forbids();
    CREATE CONSTRAINT TRIGGER forbids AFTER UPDATE ON campaigns
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.state <> new.state) EXECUTE FUNCTION forbids();

    CREATE TABLE witnessed (what text NOT NULL);
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        m messages%ROWTYPE;
    BEGIN
        PERFORM hold_up(2);
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

/// The witness, on a connection of its own.
pub(crate) struct Witness(PgConnection);

impl Witness {
    /// Looks on from now on.
    pub(crate) async fn look_on(database: &TestDatabase, hold_up: HoldUp) -> Self {
        let mut conn = PgConnection::connect(database.url()).await.unwrap();
        let how = match hold_up {
            HoldUp::Moment => "pg_sleep(0.002)",
            HoldUp::Brake => "pg_advisory_xact_lock_shared(who)",
        };
        let hold_up =
            format!("CREATE FUNCTION hold_up(who bigint) RETURNS void LANGUAGE sql VOLATILE AS 'SELECT {how}'");
        sqlx::raw_sql(AssertSqlSafe(hold_up)).execute(&mut conn).await.unwrap();
        sqlx::raw_sql(WITNESS).execute(&mut conn).await.unwrap();
        Self(conn)
    }

    /// Holds everyone of a kind up at their commits.
    pub(crate) async fn pull_brake(&mut self, who: Who) {
        sqlx::query("SELECT pg_advisory_lock($1)").bind(who as i64).execute(&mut self.0).await.unwrap();
    }

    /// Lets them go on.
    pub(crate) async fn release_brake(&mut self, who: Who) {
        let unlock = sqlx::query_scalar::<_, bool>("SELECT pg_advisory_unlock($1)").bind(who as i64);
        assert!(unlock.fetch_one(&mut self.0).await.unwrap(), "the brake was pulled");
    }

    /// Waits until so many wait for a lock.
    pub(crate) async fn until_waiting(&mut self, count: i64) {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let wait = async {
            while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut self.0).await.unwrap() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("someone waits who has to");
    }

    /// What was seen that must not be.
    pub(crate) async fn testify(&mut self) -> Vec<String> {
        sqlx::query_scalar("SELECT what FROM witnessed ORDER BY what").fetch_all(&mut self.0).await.unwrap()
    }

    /// How many attempts there are.
    pub(crate) async fn count_attempts(&mut self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&mut self.0).await.unwrap()
    }
}
