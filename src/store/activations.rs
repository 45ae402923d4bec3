//! `activation` rows: what has been in force, with its bytes.

use super::db::{Connection, StoreError, with};
use super::script::Script;
use crate::ledger::activation::{Activation, ActivationKind, slot};
use crate::ledger::ids::Hash;
use crate::ledger::view::View;

/// An activation as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActivationRow {
    /// Seq of its entry in shard 0.
    pub seq: i64,
    /// The digest column.
    pub digest: Vec<u8>,
    /// The rest.
    pub activation: Activation,
}

/// Every activation, in order.
pub async fn all(c: &mut Connection) -> Result<Vec<ActivationRow>, StoreError> {
    type Row = (i64, String, String, String, Vec<u8>, String, Vec<u8>);
    const SQL: &str = "SELECT seq, kind, id, version, digest, confirmed_by, bytes FROM activation ORDER BY seq";
    let rows: Vec<Row> = with!(c, |c| sqlx::query_as(SQL).fetch_all(&mut *c).await)?;
    let row = |(seq, kind, id, version, digest, confirmed_by, bytes): Row| {
        let kind = kind_of(&kind)?;
        let activation = Activation {
            kind,
            id,
            version,
            confirmed_by,
            bytes,
        };
        Ok(ActivationRow {
            seq,
            digest,
            activation,
        })
    };
    rows.into_iter().map(row).collect()
}

/// What is in force now: of each slot the last.
pub async fn in_force(c: &mut Connection) -> Result<Vec<Activation>, StoreError> {
    let mut last = std::collections::BTreeMap::new();
    for row in all(c).await? {
        last.insert(row.activation.slot(), row.activation);
    }
    Ok(last.into_values().collect())
}

/// Loads the digests in force into the view.
pub(super) async fn load(c: &mut Connection, view: &mut View) -> Result<(), StoreError> {
    const SQL: &str = "SELECT kind, id, version, digest FROM activation ORDER BY seq";
    let rows: Vec<(String, String, String, Vec<u8>)> = with!(c, |c| sqlx::query_as(SQL).fetch_all(&mut *c).await)?;
    for (kind, id, version, digest) in rows {
        let digest =
            Hash::from_slice(&digest).ok_or_else(|| StoreError::row("activation", "digest", "not 32 bytes"))?;
        view.active.insert(slot(kind_of(&kind)?, &id, &version), digest);
    }
    Ok(())
}

/// Writes what the batch put in force.
pub(super) fn flush<'v>(script: &mut Script<'v>, view: &'v View) {
    const PARTS: [&str; 4] = [
        "INSERT INTO activation (seq, kind, id, version, digest, confirmed_by, bytes) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?)",
        ", ",
        "",
    ];
    let rows = view.changes.activations.iter().map(|(seq, activation)| {
        vec![
            (*seq).into(),
            activation.kind.as_str().into(),
            activation.id.as_str().into(),
            activation.version.as_str().into(),
            activation.bytes_digest().into(),
            activation.confirmed_by.as_str().into(),
            activation.bytes.as_slice().into(),
        ]
    });
    script.put_shared(PARTS, rows);
}

fn kind_of(word: &str) -> Result<ActivationKind, StoreError> {
    ActivationKind::parse(word).ok_or_else(|| StoreError::row("activation", "kind", word))
}
