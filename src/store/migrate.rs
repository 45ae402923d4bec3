//! Migrations: portable templates applied step by step. `schema_step` remembers each statement done, so that a migration may
//! be killed anywhere and run again. The version before serves meanwhile: a step that changes a table in use waits for it in small pieces.

use super::audit::{has_column, tables};
use super::db::{Connection, StoreError, with};
use super::statement::of_shard;
use crate::ledger::ids::ShardId;
use sha2::{Digest as _, Sha256};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A statement under its name: it makes a table or adds a column, thirty times if it says `{shard}`.
pub type Template = (&'static str, &'static str);

/// Those of this version, in order.
pub const TEMPLATES: [Template; 19] = [
    ("0001_deployment", include_str!("../../migrations/0001_deployment.sql")),
    ("0002_client", include_str!("../../migrations/0002_client.sql")),
    ("0003_shard_head", include_str!("../../migrations/0003_shard_head.sql")),
    ("0004_journal", include_str!("../../migrations/0004_journal.sql")),
    (
        "0005_daily_total",
        include_str!("../../migrations/0005_daily_total.sql"),
    ),
    ("0006_account", include_str!("../../migrations/0006_account.sql")),
    ("0007_trip", include_str!("../../migrations/0007_trip.sql")),
    ("0008_activation", include_str!("../../migrations/0008_activation.sql")),
    ("0009_claim", include_str!("../../migrations/0009_claim.sql")),
    ("0010_credit", include_str!("../../migrations/0010_credit.sql")),
    ("0011_ledger_tx", include_str!("../../migrations/0011_ledger_tx.sql")),
    (
        "0012_idempotency",
        include_str!("../../migrations/0012_idempotency.sql"),
    ),
    ("0013_user_key", include_str!("../../migrations/0013_user_key.sql")),
    (
        "0014_certificate",
        include_str!("../../migrations/0014_certificate.sql"),
    ),
    ("0015_authority", include_str!("../../migrations/0015_authority.sql")),
    ("0016_kek_change", include_str!("../../migrations/0016_kek_change.sql")),
    ("0017_envelope", include_str!("../../migrations/0017_envelope.sql")),
    ("0018_job", include_str!("../../migrations/0018_job.sql")),
    (
        "0019_event_cursor",
        include_str!("../../migrations/0019_event_cursor.sql"),
    ),
];

const STEPS_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_step \
     (name VARCHAR(64) NOT NULL PRIMARY KEY, applied_ms BIGINT NOT NULL, digest VARBINARY(32) NOT NULL)";

/// How often a step that finds its table in use is tried again, and how long others then have it to themselves. With the second that
/// each attempt waits it is half a minute: less than others who start wait for one who migrates.
const AGAIN: usize = 10;
const OTHERS: Duration = Duration::from_secs(2);

/// A statement and the name under which it is recorded as done.
struct Step {
    name: String,
    template: &'static str,
    shard: ShardId,
}

/// Applies what is missing; answers how many steps that was. At most `limit` of them: tests interrupt it there.
///
/// # Errors
/// A step was done by a program for which it had other words: nobody knows what the tables are.
pub async fn migrate(connection: &mut Connection, now_ms: i64, limit: usize) -> Result<usize, StoreError> {
    migrate_to(connection, &TEMPLATES, now_ms, limit).await
}

/// The same to other templates than those of this version: tests play the next one.
///
/// # Errors
/// As for [`migrate`].
pub async fn migrate_to(
    connection: &mut Connection,
    templates: &[Template],
    now_ms: i64,
    limit: usize,
) -> Result<usize, StoreError> {
    connection.make_table(AssertSqlSafe(STEPS_TABLE.to_owned())).await?;
    let done = steps_done(connection).await?;
    let other = steps(templates).find(|step| done.get(&step.name).is_some_and(|digest| *digest != step.digest()));
    if let Some(other) = other {
        return Err(StoreError::Schema(other.name));
    }
    let missing = steps(templates).filter(|step| !done.contains_key(&step.name));
    let missing: Vec<Step> = missing.take(limit).collect();
    if missing.is_empty() {
        return Ok(0);
    }
    connection.wait_briefly().await?;
    let applied = apply(connection, &missing, now_ms).await;
    connection.wait_as_before().await?;
    applied.map(|()| missing.len())
}

async fn apply(connection: &mut Connection, steps: &[Step], now_ms: i64) -> Result<(), StoreError> {
    for step in steps {
        step.carry_out(connection).await?;
        with!(&mut *connection, |c| sqlx::query(
            "INSERT INTO schema_step (name, applied_ms, digest) VALUES (?, ?, ?)"
        )
        .bind(&step.name)
        .bind(now_ms)
        .bind(step.digest().as_slice())
        .execute(&mut *c)
        .await
        .map(|_| ()))?;
    }
    Ok(())
}

/// Steps that a database lacks or has by other words: a reader refuses to guess what another schema means.
pub async fn missing_steps(connection: &mut Connection) -> Result<usize, StoreError> {
    let done = steps_done(connection).await?;
    let is_done = |step: &Step| done.get(&step.name).is_some_and(|digest| *digest == step.digest());
    Ok(steps(&TEMPLATES).filter(|step| !is_done(step)).count())
}

/// How far a database's tables are from those of this program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// Steps of this program that were done.
    pub done: usize,
    /// Steps that were not.
    pub missing: usize,
    /// Whether one that was not stands before one that was: somebody was interrupted, or is at it.
    pub is_half_way: bool,
    /// Steps that were done by other words.
    pub other: Vec<String>,
    /// Steps that this program does not know.
    pub later: Vec<String>,
    /// Tables that were made and are not there.
    pub lost: Vec<String>,
}

/// Compares; changes nothing, and bears a database without any table.
pub async fn schema(connection: &mut Connection) -> Result<Schema, StoreError> {
    schema_of(connection, &TEMPLATES).await
}

/// The same with other templates than those of this version.
pub async fn schema_of(connection: &mut Connection, templates: &[Template]) -> Result<Schema, StoreError> {
    let tables: BTreeSet<String> = tables(connection).await?.into_iter().collect();
    let mut done = if tables.contains("schema_step") {
        steps_done(connection).await?
    } else {
        BTreeMap::new()
    };
    let mut schema = Schema::default();
    let mut last: Option<(&str, bool)> = None;
    for step in steps(templates) {
        let digest = done.remove(&step.name);
        // Steps are done in their order, and all of a template by one who is not interrupted.
        let is_done = digest.is_some();
        schema.is_half_way |= last.is_some_and(|(template, was_done)| {
            (is_done && !was_done) || (template == step.template && is_done != was_done)
        });
        last = Some((step.template, is_done));
        let Some(digest) = digest else {
            schema.missing = schema.missing.saturating_add(1);
            continue;
        };
        schema.done = schema.done.saturating_add(1);
        if digest != step.digest() {
            schema.other.push(step.name.clone());
        }
        schema.lost.extend(step.table().filter(|table| !tables.contains(table)));
    }
    schema.later = done.into_keys().collect();
    Ok(schema)
}

async fn steps_done(connection: &mut Connection) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let rows: Vec<(String, Vec<u8>)> = with!(connection, |c| sqlx::query_as("SELECT name, digest FROM schema_step")
        .fetch_all(&mut *c)
        .await)?;
    Ok(rows.into_iter().collect())
}

fn steps(templates: &[Template]) -> impl Iterator<Item = Step> {
    templates.iter().flat_map(|&(name, template)| {
        let sharded = template.contains("{shard}");
        ShardId::all()
            .filter(move |shard| sharded || shard.index() == 0)
            .map(move |shard| Step {
                name: if sharded {
                    format!("{name}/{shard}")
                } else {
                    name.to_owned()
                },
                template,
                shard,
            })
    })
}

impl Step {
    /// The table that it makes.
    fn table(&self) -> Option<String> {
        let (_, rest) = self.template.split_once("CREATE TABLE IF NOT EXISTS ")?;
        let name = rest.split_whitespace().next()?;
        Some(name.replace("{shard}", &self.shard.to_string()))
    }

    /// The table that it changes and the column that this one gets.
    fn column(&self) -> Option<(String, &'static str)> {
        let (_, rest) = self.template.split_once("ALTER TABLE ")?;
        let (table, rest) = rest.split_once(" ADD COLUMN ")?;
        Some((
            table.replace("{shard}", &self.shard.to_string()),
            rest.split_whitespace().next()?,
        ))
    }

    /// Runs its statement, which may have been run before by one who was killed before it was written down.
    async fn carry_out(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let Some((table, column)) = self.column() else {
            return connection.make_table(of_shard(self.template, self.shard)).await;
        };
        if has_column(connection, &table, column).await? {
            return Ok(());
        }
        let mut left = AGAIN;
        loop {
            match connection.alter_table(of_shard(self.template, self.shard)).await {
                Err(StoreError::Busy(error)) if left > 0 => {
                    tracing::warn!(step = self.name, %error, "a table is in use: it is changed a little later");
                    left = left.saturating_sub(1);
                    tokio::time::sleep(OTHERS).await;
                }
                done => return done,
            }
        }
    }

    /// SHA-256 of the words of its template, comments left out: these may be mended at any time.
    fn digest(&self) -> Vec<u8> {
        let lines = self.template.lines().filter(|line| !line.starts_with("--"));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        Sha256::digest(words.join(" ")).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_makes_a_table_or_adds_a_column() {
        for step in steps(&TEMPLATES) {
            assert!(step.table().is_some() != step.column().is_some(), "{}", step.name);
        }
        let template = (
            "0099_later",
            "-- Why.\nALTER TABLE trip_{shard} ADD COLUMN later_ms BIGINT NOT NULL DEFAULT 0",
        );
        let last = steps(&[template]).last().unwrap();
        assert_eq!(last.column(), Some(("trip_29".to_owned(), "later_ms")));
        assert_eq!(last.table(), None);
    }
}
