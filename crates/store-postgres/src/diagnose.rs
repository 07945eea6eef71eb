//! What an operator should know about a database before Paceline relies on it: the findings of `paceline check`.

use sqlx::{Executor as _, PgConnection, Row as _, postgres::PgRow};

use crate::{
    migrations::{KNOWN, newest_applied, oldest_binary},
    open::{OpenError, PostgresOptions, Statements, connect},
};

/// The oldest PostgreSQL that is supported: the oldest that its makers support.
const OLDEST_SERVER: i64 = 140_000;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// It works, but not as well or as safely as it could.
    Warning,
    /// Paceline cannot keep its promises on this database.
    Problem,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it, unless it is fine.
    pub cure: Option<&'static str>,
}

impl Finding {
    fn fine(what: impl Into<String>) -> Self {
        Self { severity: Severity::Fine, what: what.into(), cure: None }
    }

    fn warning(what: impl Into<String>, cure: &'static str) -> Self {
        Self { severity: Severity::Warning, what: what.into(), cure: Some(cure) }
    }

    fn problem(what: impl Into<String>, cure: &'static str) -> Self {
        Self { severity: Severity::Problem, what: what.into(), cure: Some(cure) }
    }
}

/// What the server says of itself, in one row.
const FACTS: &str = "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::bigint AS number, \
    current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby, \
    current_setting('default_transaction_read_only') = 'on' AS read_only, \
    current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS durable, \
    current_setting('synchronous_commit') = 'off' AS asynchronous, \
    current_setting('max_connections')::bigint AS most, \
    current_setting('superuser_reserved_connections')::bigint \
        + coalesce(current_setting('reserved_connections', true)::bigint, 0) AS reserved, \
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL) AS used, \
    (SELECT datconnlimit::bigint FROM pg_database WHERE datname = current_database()) AS of_database, \
    (SELECT rolconnlimit::bigint FROM pg_roles WHERE rolname = current_user) AS of_user";

/// Looks at a database without changing anything.
///
/// # Errors
/// When the database cannot be asked at all.
pub async fn diagnose(options: &PostgresOptions) -> Result<Vec<Finding>, OpenError> {
    look(options).await.map_err(|error| error.at(options))
}

async fn look(options: &PostgresOptions) -> Result<Vec<Finding>, OpenError> {
    let mut conn = connect(options).await?;
    let row = conn.fetch_one(sqlx::raw_sql(FACTS)).await.map_err(OpenError::from_driver)?;
    let facts = Facts::read(&row).map_err(OpenError::from_driver)?;
    let mut findings = vec![version(&facts), encoding(&facts), writable(&facts)];
    findings.extend([disk(&facts), commits(&facts)]);
    findings.push(connections(&facts, options.max_connections));
    findings.push(schema(&mut conn).await?);
    findings.push(pooler(&mut conn, options).await?);
    Ok(findings)
}

struct Facts {
    version: String,
    number: i64,
    encoding: String,
    writes: Writes,
    disk: Disk,
    commits: Commits,
    /// Connections that the server, the database or the user may have, and those in use.
    limit: i64,
    used: i64,
}

enum Writes {
    Taken,
    Standby,
    ReadOnly,
}

enum Disk {
    Waited,
    /// A crash of the machine may destroy the database.
    NotWaited,
}

enum Commits {
    Waited,
    /// A crash of the server loses the last answered transactions.
    NotWaited,
}

impl Facts {
    /// Read as text, which is what a simple query answers.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let number = |name: &str| row.try_get::<Option<i64>, _>(name);
        let flag = |name: &str| row.try_get::<bool, _>(name);
        let server = number("most")?.unwrap_or(0) - number("reserved")?.unwrap_or(0);
        let limits = [Some(server), number("of_database")?, number("of_user")?];
        Ok(Self {
            version: row.try_get("version")?,
            number: number("number")?.unwrap_or(0),
            encoding: row.try_get("encoding")?,
            writes: match (flag("standby")?, flag("read_only")?) {
                (true, _) => Writes::Standby,
                (false, true) => Writes::ReadOnly,
                (false, false) => Writes::Taken,
            },
            disk: if flag("durable")? { Disk::Waited } else { Disk::NotWaited },
            commits: if flag("asynchronous")? { Commits::NotWaited } else { Commits::Waited },
            // A limit of -1 is none.
            limit: limits.into_iter().flatten().filter(|limit| *limit >= 0).min().unwrap_or(0),
            used: number("used")?.unwrap_or(0),
        })
    }
}

fn version(facts: &Facts) -> Finding {
    let what = format!("PostgreSQL {}", facts.version);
    if facts.number < OLDEST_SERVER {
        return Finding::problem(what, "use PostgreSQL 14 or newer");
    }
    Finding::fine(what)
}

fn encoding(facts: &Facts) -> Finding {
    let what = format!("texts are stored as {}", facts.encoding);
    if facts.encoding == "UTF8" {
        return Finding::fine(what);
    }
    Finding::problem(what, "create the database with ENCODING 'UTF8'")
}

fn writable(facts: &Facts) -> Finding {
    match facts.writes {
        Writes::Taken => Finding::fine("the server takes writes"),
        Writes::Standby => Finding::problem("the server is a standby", "connect to the primary"),
        Writes::ReadOnly => {
            Finding::problem("transactions are read only", "turn default_transaction_read_only off for this user")
        }
    }
}

fn disk(facts: &Facts) -> Finding {
    match facts.disk {
        Disk::Waited => Finding::fine("the server waits for its disk"),
        Disk::NotWaited => Finding::warning(
            "fsync or full_page_writes is off: a power failure may destroy the database",
            "turn both on, unless the data may be lost",
        ),
    }
}

fn commits(facts: &Facts) -> Finding {
    match facts.commits {
        Commits::Waited => Finding::fine("commits are written before they are answered"),
        Commits::NotWaited => Finding::problem(
            "synchronous_commit is off: a crash forgets what was answered already",
            "turn synchronous_commit on for this user",
        ),
    }
}

fn connections(facts: &Facts, wanted: u32) -> Finding {
    let free = (facts.limit - facts.used).max(0);
    let what = format!("{} of {} connections are in use, this process wants up to {wanted}", facts.used, facts.limit);
    if free >= i64::from(wanted) {
        return Finding::fine(what);
    }
    Finding::warning(
        what,
        "raise the limit of the server, the database or the user, lower the connections of each process, or put a \
         connection pooler between",
    )
}

async fn schema(conn: &mut PgConnection) -> Result<Finding, OpenError> {
    let found = newest_applied(conn).await?;
    let needed = oldest_binary(conn).await?.unwrap_or(0);
    let what = format!("the schema is {found}, this binary knows {KNOWN}");
    Ok(if needed > KNOWN {
        Finding::problem(what, "use a newer paceline")
    } else if found < KNOWN {
        Finding::problem(what, "run `paceline migrate`")
    } else {
        Finding::fine(what)
    })
}

async fn pooler(conn: &mut PgConnection, options: &PostgresOptions) -> Result<Finding, OpenError> {
    Ok(match (is_pooled(conn, options).await?, options.statements) {
        (true, Statements::Unnamed) => Finding::fine("connections lead through a pooler"),
        (true, Statements::Prepared) => Finding::problem(
            "connections lead through a pooler, and statements are prepared",
            "let statements be sent unnamed: a pooler mixes the statements of different clients",
        ),
        (false, Statements::Prepared) => Finding::fine("connections lead to the server itself"),
        (false, Statements::Unnamed) => {
            Finding::fine("connections seem to lead to the server itself; statements are sent unnamed all the same")
        }
    })
}

/// Whether a pooler in transaction mode stands between. Two connections through one share what is behind it: the second is given
/// the server's process that the first just had, or the first another one while the second holds it.
pub(crate) async fn is_pooled(first: &mut PgConnection, options: &PostgresOptions) -> Result<bool, OpenError> {
    let mut second = connect(options).await?;
    let before = server_process(first).await?;
    second.execute("BEGIN").await.map_err(OpenError::from_driver)?;
    let others = server_process(&mut second).await?;
    let after = server_process(first).await?;
    second.execute("ROLLBACK").await.map_err(OpenError::from_driver)?;
    Ok(before == others || before != after)
}

async fn server_process(conn: &mut PgConnection) -> Result<i32, OpenError> {
    let row = conn.fetch_one(sqlx::raw_sql("SELECT pg_backend_pid() AS pid")).await;
    row.and_then(|row| row.try_get("pid")).map_err(OpenError::from_driver)
}
