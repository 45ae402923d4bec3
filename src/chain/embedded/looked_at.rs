//! What a snapshot of the chain's file shows to one who does not replay it: what it rests on, and where it ends.

use super::file::{self, FileError, Snapshot, Tip};
use super::{block, genesis, read_header};
use carbon_contract::Hash;

impl Snapshot {
    /// Digest of the document on which it was founded; `None` where that is missing.
    pub async fn founded_on(&mut self) -> Result<Option<Hash>, FileError> {
        let document = file::genesis(&mut self.0).await?;
        Ok(document.map(|document| genesis::genesis_digest(&document)))
    }

    /// The last block; `None` of a chain without any.
    pub async fn tip(&mut self) -> Result<Option<Tip>, FileError> {
        let Some(row) = file::last_block(&mut self.0).await? else {
            return Ok(None);
        };
        let header = read_header(&row.header)?;
        Ok(Some(Tip {
            height: header.height,
            at_ms: header.at_ms,
            hash: block::block_hash(&row.header),
        }))
    }
}
