//! `verify` recomputes and never trusts a figure by reading it: every column of state is held against the digest or the fold
//! that it must equal. It reads one shard at a time in one snapshot, beside a serving gateway, and knows no HTTP and no SQL.
//!
//! In memory at once: the accounts of one shard with what caps and overlap need of their rides, the ids of its signing keys, its
//! claims that wait, its credits that are unspent, the keys answered within 30 days, and of all shards the addresses, 32 bytes each, since an address
//! must be one account's in the whole deployment, and the content ids that stand on the chain, 48 bytes each; before that, the chain's state.

mod accounts;
mod activations;
mod agreement;
mod answers;
mod balance;
mod booked;
mod books;
mod calendar;
mod chain;
mod claims;
mod credits;
mod fates;
mod findings;
mod judge;
mod keys;
mod laws;
mod postings;
mod receipts;
mod rows;
mod shard;
mod transactions;
mod trips;
mod ways;

pub use chain::{ChainLook, OnChain};
pub use findings::{Check, Finding, Report};

use crate::identity::certificate::Certificate;
use crate::identity::chain_secret::ChainSecret;
use crate::identity::kek::{Kek, KekId};
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Deployment;
use crate::methodology::programme::Programme;
use crate::store::audit::{self, HeadRow};
use crate::store::db::{Connection, Homes, StoreError};
use crate::store::deployment::{self, Founded};
use crate::store::migrate;
use activations::Activations;
use agreement::Agreement;
use findings::{BOOKS, FILE, Findings, KEYS, at};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Tables whose storage classes one statement looks at.
const TABLES_AT_ONCE: usize = 30;

/// What to do besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Quantify every trip again by the programme of its recorded digest.
    pub recompute: bool,
}

/// What all shards are held against.
struct Setting<'a> {
    deployment: Option<Deployment>,
    zone: Option<jiff::tz::TimeZone>,
    kek_id: Option<KekId>,
    kek: Option<&'a Kek>,
    /// None where the key does not open it; its own check says so.
    source_secret: Option<SourceSecret>,
    /// Likewise.
    chain_secret: Option<ChainSecret>,
    /// The authority's own certificates, as far as they hold.
    authorities: Vec<Certificate>,
    /// Key id of the issuer, by its first row.
    issuer: Option<Hash>,
    /// None where the chain cannot be read; its own check says so.
    on_chain: Option<OnChain>,
    programmes: BTreeMap<Hash, Arc<Programme>>,
    options: Options,
}

/// What is kept from shard to shard.
struct Known {
    /// Addresses seen: none may belong to two accounts.
    addresses: BTreeSet<Hash>,
    /// What has been in force.
    activations: Activations,
    /// What the ledger says of the chain.
    agreement: Agreement,
}

/// Checks everything that `snapshots` of the databases show, and the chain. Fails only where there is nothing to read at all; what is wrong inside
/// becomes a finding. `kek` is the key, or why there is none; `progress` hears of each shard before it is read.
pub async fn verify(
    snapshots: &mut Homes<Connection>,
    chain: ChainLook,
    kek: Result<&Kek, String>,
    options: Options,
    progress: &mut (dyn FnMut(ShardId) + Send),
) -> Result<Report, StoreError> {
    let mut tables = Vec::new();
    for snapshot in snapshots.each_mut() {
        tables.push(audit::tables(snapshot).await?);
    }
    let mut findings = Findings::default();
    let (kek, missing_kek) = kek.map_or_else(|reason| (None, Some(reason)), |kek| (Some(kek), None));
    let mut setting = Setting {
        deployment: None,
        zone: None,
        kek_id: None,
        kek,
        source_secret: None,
        chain_secret: None,
        authorities: Vec::new(),
        issuer: None,
        on_chain: None,
        programmes: BTreeMap::new(),
        options,
    };
    read_deployment(snapshots.main_mut(), &mut setting, &mut findings).await;
    if let Some(reason) = missing_kek {
        findings.add(KEYS, at(None, "deployment", "kek_id"), reason);
    }
    keys::read_authority(snapshots, &mut setting, &mut findings).await;
    let (on_chain, chain_file) = chain::read(chain, &setting, &mut findings).await;
    setting.on_chain = on_chain;
    let mut heads = Vec::new();
    for snapshot in snapshots.each_mut() {
        heads.extend(read_heads(snapshot, &mut findings).await);
    }
    let activations = Activations::load(snapshots.main_mut(), &mut findings).await;
    setting.programmes = activations.programmes(&mut findings);
    let mut known = Known {
        addresses: BTreeSet::new(),
        activations,
        agreement: Agreement::default(),
    };
    for id in ShardId::all() {
        progress(id);
        let head = heads.iter().find(|head| head.shard == i64::from(id.index()));
        if head.is_none() {
            findings.add(
                BOOKS,
                at(id, "shard_head", format!("shard {id}")),
                "the head is missing",
            );
        }
        let snapshot = snapshots.of_mut(id);
        shard::check(snapshot, &setting, id, head, (&mut known, &mut findings)).await;
        keys::check(snapshot, &setting, id, &mut findings).await;
    }
    known.activations.finish(&mut findings);
    if let Some(on_chain) = &setting.on_chain {
        known
            .agreement
            .finish((&mut *snapshots, &chain_file), on_chain, &mut findings)
            .await;
    }
    for (snapshot, tables) in snapshots.each_mut().zip(&tables) {
        check_file(snapshot, tables, &mut findings).await;
    }
    Ok(findings.report())
}

/// One deployment, with a zone that exists and the key that is at hand.
async fn read_deployment(c: &mut Connection, setting: &mut Setting<'_>, findings: &mut Findings) {
    findings.checked(BOOKS, 1);
    match audit::deployments(c).await {
        Ok(1) => {}
        Ok(count) => findings.add(
            BOOKS,
            at(None, "deployment", "*"),
            format!("{count} rows, one is right"),
        ),
        Err(error) => findings.unreadable(BOOKS, at(None, "deployment", "*"), &error),
    }
    match deployment::find(c).await {
        Ok(None) => {}
        Ok(Some(founded)) => {
            let (found, kek_id) = (&founded.deployment, founded.kek_id);
            setting.zone = jiff::tz::TimeZone::get(&found.zone).ok();
            if setting.zone.is_none() {
                findings.add(
                    BOOKS,
                    at(None, "deployment", "zone"),
                    format!("no time zone is called {:?}", found.zone),
                );
            }
            if let Some(kek) = setting.kek
                && kek.id() != kek_id
            {
                findings.add(
                    KEYS,
                    at(None, "deployment", "kek_id"),
                    format!("expects the key {kek_id}, at hand is {}", kek.id()),
                );
            }
            open_secrets(setting, &founded, findings);
            setting.deployment = Some(founded.deployment);
            setting.kek_id = Some(kek_id);
        }
        Err(error) => findings.unreadable(BOOKS, at(None, "deployment", "*"), &error),
    }
}

/// The secret under which the chain sees trips, without which no issue can be held against the trips that it names, and the one
/// under which it sees what is sent.
fn open_secrets(setting: &mut Setting<'_>, founded: &Founded, findings: &mut Findings) {
    let place = |column| at(None, "deployment", column);
    let columns = [
        ("source_secret", &founded.source_secret),
        ("chain_secret", &founded.chain_secret),
    ];
    for (column, wrapped) in columns {
        findings.checked(KEYS, 1);
        if wrapped.get(1..9).and_then(KekId::from_slice) != Some(founded.kek_id) {
            findings.add(KEYS, place(column), "it is not under the deployment's key");
        }
    }
    let Some(kek) = setting.kek else {
        let what = "cannot be opened without the key: issues are not held against their trips";
        findings.add(KEYS, place("source_secret"), what);
        return findings.add(KEYS, place("chain_secret"), "cannot be opened without the key");
    };
    let deployment = &founded.deployment.id;
    match kek.unwrap_source(&founded.source_secret, deployment) {
        Ok(secret) => setting.source_secret = Some(secret),
        Err(error) => findings.add(KEYS, place("source_secret"), error.to_string()),
    }
    match kek.unwrap_chain(&founded.chain_secret, deployment) {
        Ok(secret) => setting.chain_secret = Some(secret),
        Err(error) => findings.add(KEYS, place("chain_secret"), error.to_string()),
    }
}

/// The heads, and no row of a shard that does not exist.
async fn read_heads(c: &mut Connection, findings: &mut Findings) -> Vec<HeadRow> {
    match audit::stray_shards(c).await {
        Ok(strays) => {
            for (table, number) in strays {
                let check = if ["user_key", "certificate"].contains(&table) {
                    KEYS
                } else {
                    BOOKS
                };
                findings.add(
                    check,
                    at(None, table, format!("shard {number}")),
                    "there is no such shard",
                );
            }
        }
        Err(error) => findings.unreadable(BOOKS, at(None, "the tables of all shards", "*"), &error),
    }
    let heads = audit::heads(c).await.unwrap_or_else(|error| {
        findings.unreadable(BOOKS, at(None, "shard_head", "*"), &error);
        Vec::new()
    });
    for head in &heads {
        if u8::try_from(head.shard).ok().and_then(ShardId::new).is_none() {
            findings.add(
                BOOKS,
                at(None, "shard_head", format!("shard {}", head.shard)),
                "there is no such shard",
            );
        }
    }
    heads
}

/// The file as the database sees it: pages, indexes, storage classes, and the steps that made its tables.
async fn check_file(c: &mut Connection, tables: &[String], findings: &mut Findings) {
    match audit::integrity(c).await {
        Ok(problems) => problems
            .into_iter()
            .for_each(|problem| findings.add(FILE, at(None, "database", "*"), problem)),
        Err(error) => findings.unreadable(FILE, at(None, "database", "*"), &error),
    }
    match migrate::missing_steps(c).await {
        Ok(0) => {}
        Ok(missing) => findings.add(
            FILE,
            at(None, "schema_step", "*"),
            format!("{missing} steps are missing"),
        ),
        Err(error) => findings.unreadable(FILE, at(None, "schema_step", "*"), &error),
    }
    for tables in tables.chunks(TABLES_AT_ONCE) {
        if let Ok(rows) = audit::misfits(c, tables).await {
            misfits(rows, tables.len(), findings);
            continue;
        }
        // One by one, up to the ones to blame.
        for table in tables {
            match audit::misfits(c, std::slice::from_ref(table)).await {
                Ok(rows) => misfits(rows, 1, findings),
                Err(error) => findings.unreadable(FILE, at(None, table, "*"), &error),
            }
        }
    }
}

fn misfits(rows: Vec<(String, String)>, tables: usize, findings: &mut Findings) {
    findings.checked(FILE, u64::try_from(tables).unwrap_or(u64::MAX));
    for (table, row) in rows {
        let what = "holds a value of another type than its column's";
        findings.add(FILE, at(None, &table, row), what);
    }
}
