//! A journal page: the entries of one shard and batch, sealed and linked to the page before (formats.md 4).

use super::encode::{CodecError, Decoder, Encoder, digest};
use super::entry::Entry;
use super::ids::{Hash, ShardId};

/// One page as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The shard.
    pub shard: ShardId,
    /// Seq of the first entry.
    pub seq_from: i64,
    /// Seq of the last entry.
    pub seq_to: i64,
    /// Booked time, Unix milliseconds.
    pub at_ms: i64,
    /// Seal of the page before, or the genesis seal.
    pub previous_seal: Hash,
    /// Seal of this page.
    pub seal: Hash,
    /// Canonical bytes of the entries.
    pub entries: Vec<u8>,
}

/// What a deployment is, for ever: bound into the genesis seal of every shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deployment {
    /// 16 random bytes made at the first start.
    pub id: [u8; 16],
    /// IANA name of the zone in which booked days are counted.
    pub zone: String,
    /// First start, Unix milliseconds.
    pub created_ms: i64,
}

impl Page {
    /// Seals entries behind `previous_seal`; `None` for no entries, or too many for a seq.
    pub fn seal(
        shard: ShardId,
        seq_from: i64,
        at_ms: i64,
        previous_seal: Hash,
        entries: &[Entry],
    ) -> Result<Option<Self>, CodecError> {
        let Some(last) = entries.len().checked_sub(1) else {
            return Ok(None);
        };
        let seq_to = i64::try_from(last)
            .ok()
            .and_then(|last| seq_from.checked_add(last))
            .ok_or(CodecError::Range)?;
        let entries = encode_entries(entries)?;
        let seal = seal_of(shard, seq_from, at_ms, &previous_seal, &entries);
        Ok(Some(Self {
            shard,
            seq_from,
            seq_to,
            at_ms,
            previous_seal,
            seal,
            entries,
        }))
    }

    /// The seal that the stored bytes ought to have.
    pub fn recomputed_seal(&self) -> Hash {
        seal_of(
            self.shard,
            self.seq_from,
            self.at_ms,
            &self.previous_seal,
            &self.entries,
        )
    }

    /// The entries, decoded.
    pub fn decode_entries(&self) -> Result<Vec<Entry>, CodecError> {
        let mut d = Decoder::document(&self.entries)?;
        let count = d.u32()?;
        let entries = (0..count)
            .map(|_| Entry::decode(d.bytes()?))
            .collect::<Result<_, _>>()?;
        d.finish()?;
        Ok(entries)
    }
}

impl Deployment {
    /// Previous seal of a shard's first page.
    pub fn genesis_seal(&self, shard: ShardId) -> Hash {
        digest("carbon/genesis/1", |e| {
            e.u8(shard.index());
            e.raw(&self.id);
            e.text(&self.zone);
            e.i64(self.created_ms);
        })
    }
}

fn encode_entries(entries: &[Entry]) -> Result<Vec<u8>, CodecError> {
    let mut e = Encoder::document();
    e.u32(u32::try_from(entries.len()).map_err(|_| CodecError::TooLong)?);
    for entry in entries {
        e.bytes(&entry.encode()?);
    }
    e.finish()
}

fn seal_of(shard: ShardId, seq_from: i64, at_ms: i64, previous_seal: &Hash, entries: &[u8]) -> Hash {
    digest("carbon/page/1", |e| {
        e.u8(shard.index());
        e.i64(seq_from); // a seq is positive, so the bytes are those of the `u64`
        e.i64(at_ms);
        e.hash(previous_seal);
        e.bytes(entries);
    })
}
