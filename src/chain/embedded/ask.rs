//! Questions to the chain, answered from what is committed.

use super::block::{self, Header, Proof, leaf};
use super::file::{self, FileError, TxRow};
use super::{EmbeddedChain, merkle, read_header, unreadable};
use crate::chain::Block;
use crate::chain::outcome::{ChainError, Committed, Found, Permanent, Transient, TxResult};
use crate::chain::payload::Request;
use carbon_contract::Hash;
use carbon_contract::contract::{Caller, invoke};
use carbon_contract::record::{Identity, Installed};
use carbon_contract::state::{Key, MemoryState, Room, State as _};
use sqlx::sqlite::SqliteConnection;

/// A transaction with the proof that it stands in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proved {
    /// Hash of the block.
    pub block: Hash,
    /// What was sent.
    pub request: Vec<u8>,
    /// What became of it.
    pub result: Vec<u8>,
    /// That both stand there.
    pub proof: Proof,
    /// Certificate of the authority that certified the sender, DER.
    pub authority: Vec<u8>,
}

impl EmbeddedChain {
    /// Where an id is. The pool is asked first: what leaves it for a block is committed by then.
    pub async fn find(&self, tx_id: &Hash) -> Result<Found, ChainError> {
        let chain_ms = self.0.chain_ms();
        let mut reader = self.0.reader().await?;
        if self.0.pool().contains(tx_id) {
            return Ok(Found::Pending);
        }
        match file::transaction(&mut reader, tx_id).await.map_err(unreadable)? {
            None => Ok(Found::Absent { chain_ms }),
            Some(row) => {
                let block = self.header(&mut reader, row.height).await?;
                Ok(Found::Committed(Box::new(committed(&row, &block).map_err(unreadable)?)))
            }
        }
    }

    /// A block.
    pub async fn block(&self, height: u64) -> Result<Option<Block>, ChainError> {
        let mut reader = self.0.reader().await?;
        let Ok(wanted) = i64::try_from(height) else {
            return Ok(None);
        };
        let Some(row) = file::block(&mut reader, wanted).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let header = read_header(&row.header).map_err(unreadable)?;
        let rows = file::transactions(&mut reader, wanted).await.map_err(unreadable)?;
        let transactions: Result<Vec<Committed>, FileError> = rows.iter().map(|row| committed(row, &header)).collect();
        Ok(Some(Block {
            height,
            at_ms: header.at_ms,
            hash: block::block_hash(&row.header),
            transactions: transactions.map_err(unreadable)?,
        }))
    }

    /// A transaction with its Merkle path.
    pub async fn prove(&self, tx_id: &Hash) -> Result<Option<Proved>, ChainError> {
        let mut reader = self.0.reader().await?;
        let Some(row) = file::transaction(&mut reader, tx_id).await.map_err(unreadable)? else {
            return Ok(None);
        };
        let block = file::block(&mut reader, row.height).await.map_err(unreadable)?;
        let rows = file::transactions(&mut reader, row.height).await.map_err(unreadable)?;
        let leaves: Vec<Hash> = rows.iter().map(|row| leaf(&row.request, &row.result)).collect();
        let index = u32::try_from(row.position).ok();
        let path = usize::try_from(row.position)
            .ok()
            .and_then(|place| merkle::path(&leaves, place));
        let (Some(block), Some(index), Some(path)) = (block, index, path) else {
            return Err(unreadable(FileError::row("chain_tx", "position", "stands in no block")));
        };
        let wrong = |error: &dyn std::fmt::Display| unreadable(FileError::row("chain_tx", "request", error));
        let sent = Request::decode(&row.request).map_err(|error| wrong(&error))?;
        let authority = self.0.members.authority_of(&sent.certificate);
        let authority = authority.map_err(|error| wrong(&error))?.to_vec();
        Ok(Some(Proved {
            block: block::block_hash(&block.header),
            request: row.request,
            result: row.result,
            proof: Proof {
                header: block.header,
                index,
                path,
            },
            authority,
        }))
    }

    /// Height of the last block.
    pub async fn height(&self) -> Result<u64, ChainError> {
        let mut reader = self.0.reader().await?;
        let last = file::last_block(&mut reader).await.map_err(unreadable)?;
        let height = last.map_or(Ok(0), |row| u64::try_from(row.height));
        height.map_err(|error| unreadable(FileError::row("block", "height", error)))
    }

    /// Runs a query of the contract on what is committed.
    pub async fn query(&self, method: &str, argument: &[u8]) -> Result<Vec<u8>, ChainError> {
        let rooms = [
            Room::Installation,
            Room::Credit,
            Room::Source,
            Room::Transaction,
            Room::Binding,
        ];
        let room = rooms.into_iter().find(|room| room.as_str() == method);
        let room = room.ok_or(Permanent::UnknownQuery)?;
        let mut reader = self.0.reader().await?;
        let mut state = MemoryState::default();
        let name = match room {
            Room::Installation => Some(Installed::NAME),
            Room::Credit | Room::Source | Room::Transaction | Room::Binding => Hash::from_slice(argument),
        };
        if let Some(key) = name.map(|name| Key::new(room, name)) {
            let rows = file::values(&mut reader, &[key.to_bytes()]).await.map_err(unreadable)?;
            for (_, value) in rows {
                state
                    .put(key, value)
                    .map_err(|error| Transient::NotReading(error.into()))?;
            }
        }
        let nobody = Caller {
            identity: Identity {
                organisation: String::new(),
                key_id: Installed::NAME,
            },
            through_contract: false,
        };
        let outcome = invoke(&mut state, &nobody, method, argument).map_err(|_| Permanent::UnknownQuery)?;
        Ok(outcome.answer)
    }

    async fn header(&self, reader: &mut SqliteConnection, height: i64) -> Result<Header, ChainError> {
        let block = file::block(reader, height).await.map_err(unreadable)?;
        let block = block.ok_or_else(|| unreadable(FileError::row("block", "height", "the block is missing")))?;
        read_header(&block.header).map_err(unreadable)
    }
}

/// A row as a chain's answer.
fn committed(row: &TxRow, header: &Header) -> Result<Committed, FileError> {
    let wrong = |column, error: &dyn std::fmt::Display| FileError::row("chain_tx", column, error);
    Ok(Committed {
        tx_id: Hash::from_slice(&row.tx_id).ok_or_else(|| wrong("tx_id", &"not 32 bytes"))?,
        height: header.height,
        index: u32::try_from(row.position).map_err(|error| wrong("position", &error))?,
        block_at_ms: header.at_ms,
        payload: Request::decode(&row.request)
            .map_err(|error| wrong("request", &error))?
            .payload,
        result: TxResult::decode(&row.result).map_err(|error| wrong("result", &error))?,
    })
}
