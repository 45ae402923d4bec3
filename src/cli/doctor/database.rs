//! The databases, each by itself and then all together: whether they answer, what they are, whether the tables are those of this program,
//! and whether every shard is at home in one of them.

use super::look::{Closed, Database, Look};
use super::report::{Findings, Part};
use super::words::{cause, lasting, size, some};
use super::{homes, server};
use crate::app;
use crate::store::db::{CONNECT, Connection, Location, SqliteFile, StoreError};
use crate::store::examine::{self, Obstacle, obstacle};
use crate::store::migrate::{Schema, schema};
use crate::store::{audit, databases::Holding, deployment};
use std::time::{Duration, Instant};

/// Files up to here are read from end to end, in a second or two.
const CHECKED_BYTES: u64 = 256 << 20;
/// Lines of the database's own complaints that are told.
const MOST_LINES: u8 = 3;
/// A file's log is folded into it at 32 MiB; far beyond that somebody keeps it from being.
const LARGE_LOG: u64 = 512 << 20;
/// Steps of the schema until deployment and heads are there.
const FIRST_STEPS: usize = 3;
/// A server that takes longer to answer the least question is felt in every request.
const SLOW: Duration = Duration::from_millis(200);

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    match app::locations(look.config, look.folder) {
        Ok(locations) => look.open(locations).await,
        Err(error) => {
            let saw = format!("an address in `database.url` cannot be read: {}", cause(&error));
            return say.wrong(
                "address",
                saw,
                "mysql://user:password@host:port/name, with reserved letters of the password as %XX",
            );
        }
    }
    let has_remains = look.folder.chain_file().exists() || look.folder.kek_file().exists();
    let writers = look.config.writer_count().get();
    for (number, database) in look.databases.iter_mut().enumerate() {
        say.of(Part::Database, Some(database.location.to_string()));
        if let Err(Closed::Failed(error)) = &database.opened {
            closed(error, say);
            continue;
        }
        match one(database, (writers, has_remains), say).await {
            Ok(true) => {
                if let Err(error) = hold(database, (number, &mut look.founded)).await {
                    let saw = format!("deployment and heads cannot be read: {}", cause(&error));
                    say.wrong(
                        "unreadable",
                        saw,
                        "restore the database from a backup; `carbon-gateway verify` says whether it is whole",
                    );
                }
            }
            Ok(false) => database.holding = Some(nothing(&database.location)),
            Err(error) => closed(&error, say),
        }
    }
    let together = (look.databases.len() > 1).then(|| "all of them".to_owned());
    say.of(Part::Database, together);
    homes::examine(look, say);
}

/// What a database without a ledger holds.
fn nothing(location: &Location) -> Holding {
    Holding {
        database: location.to_string(),
        heads: Vec::new(),
        has_deployment: false,
    }
}

/// One database by itself; answers whether there are tables to be read.
async fn one(
    database: &mut Database,
    (writers, has_remains): (usize, bool),
    say: &mut Findings,
) -> Result<bool, StoreError> {
    let Ok(connection) = &mut database.opened else {
        none(has_remains, "there is no file", say);
        return Ok(false);
    };
    let begun = Instant::now();
    examine::ping(connection).await?;
    answers((database.connected_in, begun.elapsed()), say);
    let version = examine::version(connection).await?;
    match &database.location {
        Location::Sqlite(file) => {
            say.ok("version", format!("SQLite {version}"));
            of_file(connection, file, say).await?;
        }
        Location::MySql(_) => {
            server::version(&version, say);
            server::examine(connection, writers, say).await?;
        }
    }
    let schema = schema(connection).await?;
    if schema.done == 0 && schema.later.is_empty() {
        none(has_remains, "there is not a table of a ledger", say);
        return Ok(false);
    }
    tables(&schema, say);
    // Deployment and heads are made by the first steps: without them there is nothing to be read.
    Ok(schema.done >= FIRST_STEPS)
}

/// Reads what stands in it.
async fn hold(
    database: &mut Database,
    (number, founded): (usize, &mut Option<(usize, deployment::Founded)>),
) -> Result<(), StoreError> {
    let Ok(connection) = &mut database.opened else {
        return Ok(());
    };
    let heads = audit::heads(connection).await?;
    let found = deployment::find(connection).await?;
    // Whoever asks for what it holds takes what is not there for missing: it is told when all of it has been read.
    database.holding = Some(Holding {
        heads: heads.iter().filter_map(homes::shard_of).collect(),
        has_deployment: found.is_some(),
        ..nothing(&database.location)
    });
    database.heads = heads;
    if let Some(row) = found {
        founded.get_or_insert((number, row));
    }
    Ok(())
}

fn answers((connected, answered): (Duration, Duration), say: &mut Findings) {
    let (within, answers_within) = (lasting(connected), lasting(answered));
    let saw = format!("it lets us in within {within} and answers within {answers_within}");
    if answered > SLOW {
        return say.warn(
            "slow",
            saw,
            "a commit asks several times: look at the way to the server and at its load",
        );
    }
    say.ok("answers", saw);
}

/// Nobody is let in.
fn closed(error: &StoreError, say: &mut Findings) {
    let obstacle = obstacle(error);
    let (saw, advice) = match obstacle {
        Obstacle::Refused => (
            "nothing listens there",
            "start the server, or mend host and port in `database.url`",
        ),
        Obstacle::Away | Obstacle::Silent => (
            "it does not answer",
            "look at the server, its name, and the network between",
        ),
        Obstacle::Held => (
            "somebody keeps it locked",
            "another program has it for itself (a copy at work, a repair): `fuser` names who has a file; wait for it, or end it",
        ),
        Obstacle::Access => (
            "it does not let this user in",
            "mend user and password in `database.url`, or grant the user all on this database",
        ),
        Obstacle::Clear => (
            "it lets this user in over TLS only, and offers none",
            "the account has `caching_sha2_password`: let the server offer TLS, as MySQL does unless told not to, and take `ssl-mode=DISABLED` out of `database.url`",
        ),
        Obstacle::NoDatabase => (
            "the server has no such database",
            "mend the name in `database.url`; a new ledger needs `CREATE DATABASE`",
        ),
        Obstacle::Full => (
            "it takes no further session",
            "raise `max_connections`, or end sessions that nobody needs",
        ),
        Obstacle::File => (
            "the file cannot be read",
            "look at owner and rights of file and folder; if it is damaged, restore a backup",
        ),
        Obstacle::Other => (
            "it cannot be worked with",
            "the words above are the database's own; its log may have more",
        ),
    };
    let saw = match obstacle {
        Obstacle::Silent => format!("{saw} within {} seconds", CONNECT.as_secs()),
        // The driver's words speak of how it was built.
        Obstacle::Clear => saw.to_owned(),
        _ => format!("{saw}: {}", cause(error)),
    };
    say.wrong("unreachable", saw, advice);
}

/// There is no ledger: of a new installation that is right, beside what is left of an old one it is not.
fn none(has_remains: bool, what: &str, say: &mut Findings) {
    if has_remains {
        let saw = format!("{what}, but the data folder holds the chain or the key of a ledger");
        say.wrong("lost", saw, "this is the wrong database or the wrong folder, or the ledger is gone: do not start a gateway, restore a backup");
    } else {
        let saw = format!("{what}: no gateway has been started here yet");
        say.warn("none", saw, "if there should be a ledger, look at `--data` and `database.url`; else the first `carbon-gateway serve` makes it");
    }
}

fn tables(schema: &Schema, say: &mut Findings) {
    let Schema { done, missing, .. } = schema;
    if !schema.other.is_empty() {
        let saw = format!(
            "the tables were made by another state of the program: {} says something else here",
            some(&schema.other, 2)
        );
        say.wrong(
            "tables_differ",
            saw,
            "start the release that made them; no start of this one gets past it",
        );
    }
    if !schema.lost.is_empty() {
        let saw = format!("tables are gone that were there: {}", some(&schema.lost, 3));
        say.wrong(
            "tables_lost",
            saw,
            "somebody has dropped them, or a backup was restored in part: restore it as a whole",
        );
    }
    if !schema.later.is_empty() {
        let saw = format!(
            "the tables have {} steps of a newer release, {}",
            schema.later.len(),
            some(&schema.later, 2)
        );
        say.warn(
            "tables_later",
            saw,
            "run the newer release; this one goes on working beside it while it is brought in",
        );
    }
    match (missing, schema.is_half_way) {
        (0, _) => say.ok("tables", format!("its tables are those of this release ({done} steps)")),
        (_, false) => {
            let saw = format!(
                "the tables are of an older release: {missing} of {} steps are missing",
                done.saturating_add(*missing)
            );
            say.warn(
                "tables_behind",
                saw,
                "the next start makes them, or `carbon-gateway migrate`",
            );
        }
        (_, true) => {
            let saw = format!(
                "making the tables was interrupted: {missing} of {} steps are missing",
                done.saturating_add(*missing)
            );
            say.wrong(
                "tables_half_way",
                saw,
                "run `carbon-gateway migrate`: it goes on where it stopped",
            );
        }
    }
}

/// How a file keeps its log, how large that is, and what SQLite finds wrong in a file that is small.
async fn of_file(connection: &mut Connection, place: &SqliteFile, say: &mut Findings) -> Result<(), StoreError> {
    if let Some(mode) = examine::journal_mode(connection).await?.filter(|mode| mode != "wal") {
        let saw = format!("its log mode is `{mode}` and not `wal`: readers and the writer wait for each other");
        say.warn(
            "log_mode",
            saw,
            "something else has worked on the file; the next start sets it right",
        );
    }
    let mut log = place.file.clone().into_os_string();
    log.push("-wal");
    let length = |path: &std::ffi::OsStr| std::fs::metadata(path).map_or(0, |file| file.len());
    let (bytes, log_bytes) = (length(place.file.as_os_str()), length(&log));
    if log_bytes > LARGE_LOG {
        let saw = format!("its log has grown to {}", size(log_bytes));
        say.warn(
            "log_large",
            saw,
            "somebody reads an old state for long (a backup, a report): end it, and the next commits fold the log in",
        );
    }
    // What was committed of late stands in the log alone.
    let bytes = bytes.saturating_add(log_bytes);
    if bytes > CHECKED_BYTES {
        let saw = format!(
            "it has {}, too much to be read through here: `carbon-gateway verify` does that",
            size(bytes)
        );
        say.ok("not_checked", saw);
        return Ok(());
    }
    let lines = examine::quick_check(connection, MOST_LINES).await?;
    match lines.first() {
        None => say.ok("pages", format!("its pages are whole ({})", size(bytes))),
        Some(line) => {
            let saw = format!("the file is damaged: {line}");
            say.wrong(
                "damaged",
                saw,
                "stop the gateway, keep a copy, restore a backup; `carbon-gateway verify` says what is hurt",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;

    #[test]
    fn tables_of_other_times_are_told_apart() {
        let judged = |schema: Schema| {
            let mut say = Findings::new();
            tables(&schema, &mut say);
            say.codes()
        };
        let done = Schema {
            done: 10,
            ..Schema::default()
        };
        assert_eq!(judged(done.clone()), [("tables", Level::Ok)]);
        let behind = Schema {
            missing: 3,
            ..done.clone()
        };
        assert_eq!(judged(behind.clone()), [("tables_behind", Level::Warning)]);
        let half_way = Schema {
            is_half_way: true,
            ..behind
        };
        assert_eq!(judged(half_way), [("tables_half_way", Level::Wrong)]);
        let name = || vec!["0099_x".to_owned()];
        let later = Schema {
            later: name(),
            ..done.clone()
        };
        assert_eq!(judged(later), [("tables_later", Level::Warning), ("tables", Level::Ok)]);
        let other = Schema {
            other: name(),
            lost: name(),
            ..done
        };
        let expected = [
            ("tables_differ", Level::Wrong),
            ("tables_lost", Level::Wrong),
            ("tables", Level::Ok),
        ];
        assert_eq!(judged(other), expected);
    }

    #[test]
    fn no_ledger_beside_remains_is_a_loss() {
        for (has_remains, expected) in [(true, ("lost", Level::Wrong)), (false, ("none", Level::Warning))] {
            let mut say = Findings::new();
            none(has_remains, "there is no file", &mut say);
            assert_eq!(say.codes(), [expected]);
        }
    }
}
