//! Every change that the schema allows: found in the schema, so that a new column cannot be forgotten.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeSet;

/// What a change may do unseen: table, column (or the whole row put in or taken away), of which rows, and why nothing can tell.
const BLIND: [(&str, &[&str], &str, &str); 14] = [
    (
        "account",
        &["lapses_ms", "collects_ms"],
        ALL,
        "when somebody must look at the account next: may lie too early, and whoever touches the account moves it; the law is the \
         instant in claim and credit, which are checked",
    ),
    (
        "authority",
        &["revoked_ms"],
        "name = 'issuer'",
        "only a journal entry could prove when a certificate was revoked, or that it was",
    ),
    (
        "authority",
        &["row taken"],
        "name = 'issuer' AND number > 1 AND number = (SELECT MAX(b.number) FROM authority b WHERE b.name = authority.name)",
        "only a journal entry could prove that the issuer's certificate was renewed once more",
    ),
    (
        "certificate",
        &["revoked_ms", "row taken"],
        ALL,
        "only a journal entry could prove that a certificate was revoked, or that it was made: keys stand without any until their \
         users send, and a renewed one stands beside the one before",
    ),
    (
        "client",
        &[
            "key_digest",
            "name",
            "rights",
            "programmes",
            "created_ms",
            "expires_ms",
            "revoked_ms",
            "row taken",
            "row added",
        ],
        ALL,
        "API keys are administration: made and revoked at will, no part of the journal",
    ),
    (
        "envelope",
        &["lease_ms"],
        ALL,
        "who cares for an envelope until when; one that lies too far ahead is void, one that is over is taken up",
    ),
    (
        "envelope",
        &[
            "chain_tx_id",
            "kind",
            "created_ms",
            "expires_ms",
            "reason",
            "request",
            "row taken",
            "row added",
            "row strayed",
        ],
        "status <> 'open'",
        "what has ended is kept for a while to show what was tried; where a transaction stands is told by its own row",
    ),
    (
        "event_cursor",
        &["shard", "seq", "row taken", "row added"],
        "1 = 1",
        "how far events have been published: behind a cursor that stands too low they are published again",
    ),
    (
        "job",
        &["name", "holder", "until_ms", "row taken", "row added"],
        ALL,
        "whose turn it is to run a job, and until when: two that run one at once only ask twice",
    ),
    (
        "ledger_tx",
        &["next_attempt_ms"],
        "status = 'stored' AND unmet = 0",
        "when it may leave: too early and the chain is asked once more, too late and an operator sees it waiting",
    ),
    (
        "ledger_tx",
        &["pack"],
        "pack < 32",
        "how many may travel together after a refusal: counts attempts, moves nothing",
    ),
    (
        "schema_step",
        &["applied_ms", "row added"],
        ALL,
        "when a migration ran says nothing of the ledger, nor does a step that no release knows",
    ),
    (
        "shard_head",
        &["epoch"],
        ALL,
        "counts what was written; no figure depends on it",
    ),
    (
        "user_key",
        &["row taken"],
        "number = (SELECT MAX(b.number) FROM user_key b WHERE b.user_id = user_key.user_id) \
         AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.user_id = user_key.user_id AND c.key_id = user_key.key_id)",
        "only a journal entry could prove that a user had one key more, which no certificate names",
    ),
];

const ALL: &str = "TRUE";
/// Rows of a table that are changed: the first, the middle and the last.
const ROWS: usize = 3;
/// Tables whose every row is changed: their few rows differ in what can be seen.
const EVERY_ROW: [&str; 3] = ["authority", "certificate", "user_key"];

pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) nullable: bool,
    pub(super) key: bool,
}

/// One change: what it is called, its statement, what a finding must say.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) what: String,
    pub(super) sql: String,
    pub(super) blind: bool,
    pub(super) named: Vec<String>,
}

pub(super) async fn texts(c: &mut SqliteConnection, sql: impl Into<String>) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql.into())).fetch_all(c).await?;
    Ok(rows.into_iter().map(|(text,)| text).collect())
}

pub(super) async fn columns(c: &mut SqliteConnection, table: &str) -> Vec<Column> {
    let sql = "SELECT name, type, \"notnull\" = 0, pk > 0 FROM pragma_table_info(?) ORDER BY cid";
    let rows: Vec<(String, String, bool, bool)> = sqlx::query_as(sql).bind(table).fetch_all(c).await.unwrap();
    rows.into_iter()
        .map(|(name, kind, nullable, key)| Column {
            name,
            kind,
            nullable,
            key,
        })
        .collect()
}

/// A table's name without its shard, and the shard's digits.
fn kind_of(table: &str) -> (&str, &str) {
    let digits = |end: &str| end.len() == 2 && end.bytes().all(|byte| byte.is_ascii_digit());
    table
        .rsplit_once('_')
        .filter(|(_, end)| digits(end))
        .unwrap_or((table, ""))
}

pub(super) fn is_blind(table: &str, what: &str) -> bool {
    let (kind, _) = kind_of(table);
    blind(kind, what).next().is_some()
}

/// Of which rows of a kind of table a change cannot be seen.
fn blind(kind: &str, what: &str) -> impl Iterator<Item = &'static str> {
    BLIND
        .iter()
        .filter(move |(blind, changes, ..)| *blind == kind && changes.contains(&what))
        .map(|(_, _, rows, _)| *rows)
}

async fn is_blind_in(c: &mut SqliteConnection, table: &str, rowid: i64, what: &str) -> bool {
    let (kind, _) = kind_of(table);
    let mut found = false;
    for rows in blind(kind, what) {
        let sql = format!("SELECT 'blind' FROM {table} WHERE rowid = {rowid} AND ({rows})");
        found |= !texts(c, sql).await.unwrap().is_empty();
    }
    found
}

/// Expressions that make another value of a column's.
fn others(table: &str, column: &Column) -> Vec<String> {
    let name = &column.name;
    let swapped = format!("(SELECT b.{name} FROM {table} b WHERE b.{name} <> {table}.{name} LIMIT 1)");
    let flip = |position: &str| {
        format!(
            "substr({name}, 1, {position} - 1) || unhex(printf('%02X', (instr('0123456789ABCDEF', substr(hex(substr({name}, {position}, 1)), 1, 1)) * 16 - 16 + instr('0123456789ABCDEF', substr(hex(substr({name}, {position}, 1)), 2, 1)) - 1 + 1) % 256)) || substr({name}, {position} + 1)"
        )
    };
    let mut others = match column.kind.split('(').next() {
        Some("BIGINT") => vec![format!("{name} + 1"), format!("{name} - 1000")],
        Some("VARCHAR") => vec![format!("{name} || 'x'"), swapped],
        _ => ["1", &format!("(length({name}) / 2 + 1)"), &format!("length({name})")]
            .map(|position| format!("CAST({} AS BLOB)", flip(position)))
            .into_iter()
            .chain([swapped])
            .collect(),
    };
    if column.nullable {
        let something = match column.kind.split('(').next() {
            Some("BIGINT") => format!("coalesce({name}, 0) + 7"),
            _ => format!("coalesce({name}, zeroblob(31)) || x'07'"),
        };
        others.extend(["NULL".to_owned(), something]);
    }
    others
}

/// What a finding must say of a row: one of these.
async fn names_of(c: &mut SqliteConnection, table: &str, rowid: i64, moved: bool) -> Vec<String> {
    let (kind, shard) = kind_of(table);
    let from = format!("FROM {table} WHERE rowid = {rowid}");
    let sql = match kind {
        "trip" => format!("SELECT 'shard {shard}, trip, seq ' || seq || ':' {from}"),
        "ledger_tx" => format!("SELECT 'shard {shard}, ledger_tx, seq ' || seq || ':' {from}"),
        "claim" => format!("SELECT 'shard {shard}, claim, user ' || user_id || ', seq ' || seq || ':' {from}"),
        "envelope" => format!("SELECT 'shard {shard}, envelope, ' || lower(hex(chain_tx_id)) || ':' {from}"),
        "credit" => format!("SELECT 'shard {shard}, credit, ' || lower(hex(hash)) || ':' {from}"),
        "idempotency" => {
            format!("SELECT printf('shard %02d, idempotency, ', shard) || lower(hex(key_digest)) || ':' {from}")
        }
        "activation" => format!("SELECT 'shard 00, activation, seq ' || seq || ':' {from}"),
        "account" => format!("SELECT 'shard {shard}, account, user ' || user_id || ' in ' || programme || ':' {from}"),
        "journal" => format!("SELECT printf('shard %02d, journal, seq_from %d:', shard, seq_from) {from}"),
        "shard_head" => format!("SELECT printf('shard %02d, shard_head, shard %02d:', shard, shard) {from}"),
        "daily_total" => format!(
            "SELECT printf('shard %02d, daily_total, (%d, %d, %s, %s, %s, %s, %s):', shard, booked_day, activity_day, programme, gas, \
             figure, mode, methodology) {from}"
        ),
        "user_key" => {
            format!("SELECT printf('shard %02d, user_key, user %d, number %d:', shard, user_id, number) {from}")
        }
        "certificate" => format!(
            "SELECT printf('shard %02d, certificate, user %d, ', shard, user_id) || lower(hex(serial)) || ':' {from}"
        ),
        "authority" => format!("SELECT printf('authority, %s, number %d:', name, number) {from}"),
        _ => format!("SELECT '{table}, *:' {from}"),
    };
    let mut names = texts(c, sql).await.unwrap();
    if kind == "envelope" {
        names.push(format!("shard {shard}, ledger_tx, *: ")); // what it carried is held by none
    }
    if kind == "ledger_tx" {
        names.push(format!("shard {shard}, envelope, ")); // or what carries it says another thing
    }
    if kind == "deployment" {
        // Its genesis seals fit no shard any more, or its keys open no more.
        let columns = ["kek_id", "source_secret", "chain_secret"].map(|column| format!("deployment, {column}"));
        names.push("shard_head, ".to_owned());
        names.extend(columns);
    }
    if moved && EVERY_ROW.contains(&kind) {
        names.push(format!("{kind}, ")); // it stands under another key by now
    }
    if moved && kind == "user_key" {
        let sql = format!("SELECT printf('certificate, user %d, ', user_id) {from}");
        names.extend(texts(c, sql).await.unwrap()); // which miss their key
    }
    if moved && (kind == "journal" || kind == "account") {
        names = names.iter().map(|name| name[..9].to_owned()).collect(); // the gap is what shows: the shard is named
    }
    names
}

/// Every change of every table.
pub(super) async fn changes(c: &mut SqliteConnection) -> Vec<Change> {
    let mut changes = Vec::new();
    for table in texts(c, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .await
        .unwrap()
    {
        let columns = columns(c, &table).await;
        let ids: Vec<(i64,)> = sqlx::query_as(AssertSqlSafe(format!("SELECT rowid FROM {table} ORDER BY rowid")))
            .fetch_all(&mut *c)
            .await
            .unwrap();
        let picked: BTreeSet<usize> = if EVERY_ROW.contains(&table.as_str()) {
            (0..ids.len()).collect()
        } else {
            let three: [usize; ROWS] = [0, ids.len() / 2, ids.len().saturating_sub(1)];
            three.into_iter().collect()
        };
        for rowid in picked
            .into_iter()
            .filter_map(|index| ids.get(index))
            .map(|(rowid,)| *rowid)
        {
            for column in &columns {
                for other in others(&table, column) {
                    let name = &column.name;
                    let sql =
                        format!("UPDATE {table} SET {name} = {other} WHERE rowid = {rowid} AND {name} IS NOT {other}");
                    let named = names_of(c, &table, rowid, column.key || column.name == "address").await;
                    let what = format!("{table}.{name} of row {rowid}");
                    let blind = is_blind_in(c, &table, rowid, &column.name).await;
                    changes.push(Change {
                        what,
                        sql,
                        blind,
                        named,
                    });
                }
            }
            let named = names_of(c, &table, rowid, true).await;
            let sql = format!("DELETE FROM {table} WHERE rowid = {rowid}");
            let what = format!("{table}: row {rowid} taken");
            let blind = is_blind_in(c, &table, rowid, "row taken").await;
            changes.push(Change {
                what,
                sql,
                blind,
                named,
            });
            let blind = [
                is_blind_in(c, &table, rowid, "row added").await,
                is_blind_in(c, &table, rowid, "row strayed").await,
            ];
            changes.extend(added(&table, &columns, rowid, blind));
        }
    }
    changes
}

/// The row once more under another key, and in the table of another shard.
fn added(table: &str, columns: &[Column], rowid: i64, [again, strayed]: [bool; 2]) -> Vec<Change> {
    let copied = columns.iter().map(|column| match column.kind.split('(').next() {
        Some("BIGINT") if column.key => format!("{} + 100", column.name),
        Some("VARCHAR") if column.key => format!("{} || 'y'", column.name),
        Some(_) if column.key || ["source_key", "content_id", "key_id"].contains(&column.name.as_str()) => {
            format!("randomblob(length({}))", column.name)
        }
        _ => column.name.clone(),
    });
    let list = copied.collect::<Vec<_>>().join(", ");
    let (kind, shard) = kind_of(table);
    let mut added = vec![Change {
        what: format!("{table}: row {rowid} added"),
        sql: format!("INSERT INTO {table} SELECT {list} FROM {table} WHERE rowid = {rowid}"),
        blind: again,
        named: vec![format!("{kind}, ")],
    }];
    if let Ok(shard) = shard.parse::<u8>() {
        let next = (shard + 1) % 30;
        added.push(Change {
            what: format!("{table}: row {rowid} strayed"),
            sql: format!("INSERT INTO {kind}_{next:02} SELECT * FROM {table} WHERE rowid = {rowid}"),
            blind: strayed,
            named: vec![format!("shard {next:02}, {kind}, ")],
        });
    }
    added
}
