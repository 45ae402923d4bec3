//! Transactions on their way to the chain: those that the batch moves, those that wait for them, and the envelopes it names.

use crate::ledger::command::Command;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::settle::{EnvelopeStatus, Fate};
use crate::ledger::standing::{Place, Standing, Status};
use crate::ledger::transaction::Kind;
use crate::ledger::view::View;
use crate::store::db::{Connection, StoreError};
use crate::store::statement::read_rows;
use std::collections::BTreeSet;

/// The columns of [`StandingRow`], of a table called `t`.
pub(in crate::store) const STANDING: &str = "t.seq, t.content_id, t.user_id, t.programme, t.kind, t.status, t.unmet, t.next_attempt_ms, \
     t.attempt, t.pack, t.chain_tx_id, t.earlier, t.height, t.block_index, t.block_at_ms, t.reason";

/// How far a transaction has come, as stored: each status has one spelling.
#[derive(sqlx::FromRow, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::store) struct WayRow {
    pub(in crate::store) status: String,
    pub(in crate::store) unmet: i64,
    pub(in crate::store) next_attempt_ms: i64,
    pub(in crate::store) attempt: i64,
    pub(in crate::store) pack: i64,
    pub(in crate::store) chain_tx_id: Option<Vec<u8>>,
    pub(in crate::store) earlier: Vec<u8>,
    pub(in crate::store) height: Option<i64>,
    pub(in crate::store) block_index: Option<i64>,
    pub(in crate::store) block_at_ms: Option<i64>,
    pub(in crate::store) reason: Option<String>,
}

/// A transaction on its way as stored.
#[derive(sqlx::FromRow, Clone, Debug)]
pub(in crate::store) struct StandingRow {
    seq: i64,
    content_id: Vec<u8>,
    user_id: i64,
    programme: String,
    kind: String,
    #[sqlx(flatten)]
    way: WayRow,
}

impl WayRow {
    /// As a standing is stored.
    pub(in crate::store) fn of(standing: &Standing) -> Self {
        let status = &standing.status;
        let place = status.place();
        Self {
            status: status.as_str().to_owned(),
            unmet: i64::from(status.unmet()),
            next_attempt_ms: status.leaves_ms(),
            attempt: i64::from(standing.attempt),
            pack: i64::from(standing.pack),
            chain_tx_id: standing.chain_tx_id.map(|id| id.as_bytes().to_vec()),
            earlier: standing.earlier.iter().flat_map(|id| *id.as_bytes()).collect(),
            height: place.map(|place| place.height),
            block_index: place.map(|place| place.index),
            block_at_ms: place.map(|place| place.block_at_ms),
            reason: status.reason().map(str::to_owned),
        }
    }

    fn read(&self) -> Result<Status, StoreError> {
        let wrong = |column| StoreError::row("ledger_tx", column, "not as written");
        let reason = || self.reason.clone().ok_or_else(|| wrong("reason"));
        Ok(match self.status.as_str() {
            "stored" => Status::Stored {
                unmet: u32::try_from(self.unmet).map_err(|_| wrong("unmet"))?,
                next_attempt_ms: if self.unmet > 0 { 0 } else { self.next_attempt_ms },
            },
            "submitted" => Status::Submitted,
            "confirmed" => Status::Confirmed(Place {
                height: self.height.ok_or_else(|| wrong("height"))?,
                index: self.block_index.ok_or_else(|| wrong("block_index"))?,
                block_at_ms: self.block_at_ms.ok_or_else(|| wrong("block_at_ms"))?,
            }),
            "refused" => Status::Refused(reason()?),
            "dead" => Status::Dead(reason()?),
            _ => return Err(wrong("status")),
        })
    }
}

/// A transaction's standing from its columns; a spelling that is not the one of its status is an error.
pub(in crate::store) fn standing_of(row: StandingRow) -> Result<Standing, StoreError> {
    let wrong = |column| StoreError::row("ledger_tx", column, "not as written");
    let hash = |bytes: &[u8], column| Hash::from_slice(bytes).ok_or_else(|| wrong(column));
    let way = &row.way;
    let earlier = way.earlier.chunks(32).map(|bytes| hash(bytes, "earlier"));
    let chain_tx_id = way.chain_tx_id.as_deref();
    let standing = Standing {
        seq: row.seq,
        content_id: hash(&row.content_id, "content_id")?,
        user: UserId::from_stored(row.user_id),
        programme: row.programme,
        kind: Kind::parse(&row.kind).ok_or_else(|| wrong("kind"))?,
        status: way.read()?,
        attempt: u32::try_from(way.attempt).map_err(|_| wrong("attempt"))?,
        pack: u16::try_from(way.pack).map_err(|_| wrong("pack"))?,
        chain_tx_id: chain_tx_id.map(|bytes| hash(bytes, "chain_tx_id")).transpose()?,
        earlier: earlier.collect::<Result<_, _>>()?,
    };
    if WayRow::of(&standing) == *way {
        Ok(standing)
    } else {
        Err(StoreError::row(
            "ledger_tx",
            "status",
            "its columns do not fit together",
        ))
    }
}

/// Loads what `Record`, `Settle` and `Redrive` name.
pub(super) async fn load(c: &mut Connection, view: &mut View, commands: &[&Command]) -> Result<(), StoreError> {
    let (mut members, mut envelopes, mut confirmed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for command in commands {
        match command {
            Command::Record(record) => {
                members.extend(record.members.iter().copied());
                envelopes.insert(record.envelope.chain_tx_id);
            }
            Command::Settle(settle) => {
                members.extend(settle.members.iter().copied());
                envelopes.insert(settle.chain_tx_id);
                if matches!(settle.fate, Fate::Confirmed(_)) {
                    confirmed.extend(settle.members.iter().copied());
                }
            }
            Command::Postpone(postpone) => {
                members.insert(postpone.content_id);
            }
            Command::Redrive(redrive) => {
                members.insert(redrive.content_id);
            }
            _ => {}
        }
    }
    let members: Vec<Hash> = members.into_iter().collect();
    standings(c, view, &members).await?;
    read_envelopes(c, view, &envelopes.into_iter().collect::<Vec<_>>()).await?;
    children(c, view, &confirmed).await
}

async fn standings(c: &mut Connection, view: &mut View, names: &[Hash]) -> Result<(), StoreError> {
    let head = format!("SELECT {STANDING} FROM ledger_tx_{{shard}} t WHERE t.content_id IN (");
    let rows: Vec<StandingRow> = read_rows!(c, view.shard, [&head, "?", ", ", ")"], names, |query, name| {
        query.bind(name.as_bytes().to_vec())
    });
    for row in rows {
        let standing = standing_of(row)?;
        view.standings.insert(standing.content_id, standing);
    }
    Ok(())
}

async fn read_envelopes(c: &mut Connection, view: &mut View, ids: &[Hash]) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT chain_tx_id, status FROM envelope_{shard} WHERE chain_tx_id IN (",
        "?",
        ", ",
        ")",
    ];
    let rows: Vec<(Vec<u8>, String)> = read_rows!(c, view.shard, PARTS, ids, |query, id| query
        .bind(id.as_bytes().to_vec()));
    for (id, word) in rows {
        let id = Hash::from_slice(&id).ok_or_else(|| StoreError::row("envelope", "chain_tx_id", "not 32 bytes"))?;
        view.envelopes.insert(id, envelope_status(&word)?);
    }
    Ok(())
}

/// How far an envelope has come, from its column.
pub(in crate::store) fn envelope_status(word: &str) -> Result<EnvelopeStatus, StoreError> {
    let known = EnvelopeStatus::ALL.into_iter().find(|status| status.as_str() == word);
    known.ok_or_else(|| StoreError::row("envelope", "status", word))
}

/// The transactions that consume outputs of those to be confirmed. One that consumes several comes several times: to have that sorted out by the
/// database costs a table for each that is asked for.
async fn children(c: &mut Connection, view: &mut View, confirmed: &BTreeSet<Hash>) -> Result<(), StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        parent: Vec<u8>,
        #[sqlx(flatten)]
        child: StandingRow,
    }
    let item = format!(
        "SELECT c.created_by AS parent, {STANDING} FROM credit_{{shard}} c JOIN ledger_tx_{{shard}} t ON t.content_id = c.spent_by \
         WHERE c.user_id = ? AND c.created_seq = ?"
    );
    let mut asks = Vec::new();
    for standing in view.standings.values() {
        if confirmed.contains(&standing.content_id) {
            asks.push((standing.user.value(), standing.seq));
            if standing.kind == Kind::Redeem {
                asks.push((UserId::system(view.shard).value(), standing.seq));
            }
        }
    }
    let rows: Vec<Row> = read_rows!(c, view.shard, ["", &item, " UNION ALL ", ""], &asks, |query, ask| query
        .bind(ask.0)
        .bind(ask.1));
    for Row { parent, child } in rows {
        let parent =
            Hash::from_slice(&parent).ok_or_else(|| StoreError::row("credit", "created_by", "not 32 bytes"))?;
        let child = standing_of(child)?;
        let children = view.children.entry(parent).or_default();
        if !children.contains(&child.content_id) {
            children.push(child.content_id);
        }
        view.standings.entry(child.content_id).or_insert(child);
    }
    Ok(())
}

/// Says which of the transactions that made the loaded credits are not confirmed.
pub(super) async fn makers(c: &mut Connection, view: &mut View) -> Result<(), StoreError> {
    const PARTS: [&str; 4] = [
        "SELECT content_id FROM ledger_tx_{shard} WHERE status <> 'confirmed' AND seq IN (",
        "?",
        ", ",
        ")",
    ];
    let seqs: BTreeSet<i64> = view.credits.values().map(|credit| credit.created_seq).collect();
    let seqs: Vec<i64> = seqs.into_iter().collect();
    let rows: Vec<(Vec<u8>,)> = read_rows!(c, view.shard, PARTS, &seqs, |query, seq| query.bind(*seq));
    for (content_id,) in rows {
        let content_id =
            Hash::from_slice(&content_id).ok_or_else(|| StoreError::row("ledger_tx", "content_id", "not 32 bytes"))?;
        view.unconfirmed.insert(content_id);
    }
    Ok(())
}
