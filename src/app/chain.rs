//! The chain of a data folder: founded on what the ledger keeps for ever, started with the settings' bounds.

use super::AppError;
use crate::chain::ChainClient;
use crate::chain::embedded::{ChainFile, EmbeddedChain, FaultPlan, Genesis, Settings, Surroundings};
use crate::config::{ChainKind, Config, Synchronous};
use crate::folder::DataFolder;
use crate::identity::found;
use crate::identity::rows::{CA, ISSUER};
use crate::ledger::page::Deployment;
use crate::store::db::{Connection, Homes};
use crate::store::{deployment, keys};
use std::sync::Arc;

/// What the chain of a deployment rests on: of authority and issuer their first rows, which stand for ever.
pub async fn genesis(connection: &mut Connection, deployment: &Deployment) -> Result<Genesis, AppError> {
    let rows = keys::authorities(connection).await?;
    let first = |name: &str| rows.iter().find(|row| row.name == name);
    let (Some(authority), Some(issuer)) = (first(CA), first(ISSUER)) else {
        return Err(AppError::AuthorityMissing);
    };
    let authority = found::certificate_of(authority)?;
    Ok(Genesis::of_deployment(deployment, &authority, issuer.key_id))
}

/// Starts the chain that the settings name. A file that was founded as another chain is refused.
pub async fn start(
    config: &Config,
    folder: &DataFolder,
    genesis: Genesis,
    surroundings: Surroundings<'_>,
) -> Result<ChainClient, AppError> {
    Ok(match config.chain.kind {
        ChainKind::Embedded => {
            ChainClient::Embedded(EmbeddedChain::start(settings(config, folder), genesis, surroundings).await?)
        }
        ChainKind::Elsewhere => ChainClient::Elsewhere(Arc::new(genesis)),
    })
}

/// Demands that a chain without a block is that of a ledger of which nothing is confirmed: in another folder a second chain would
/// begin, and the two would never come together again.
pub async fn is_of_the_ledger(
    chain: &ChainClient,
    connections: &mut Homes<Connection>,
    folder: &DataFolder,
) -> Result<(), AppError> {
    if matches!(chain, ChainClient::Elsewhere(_)) || chain.height().await? > 0 {
        return Ok(());
    }
    match deployment::any_confirmed(connections).await? {
        None => Ok(()),
        Some(shard) => Err(AppError::ChainMissing {
            shard,
            file: folder.chain_file(),
        }),
    }
}

/// How the settings let the embedded chain misbehave.
pub fn faults(config: &Config) -> FaultPlan {
    match u8::try_from(config.chain.fault_percent.get()) {
        Ok(percent @ 1..) => FaultPlan::Seeded {
            seed: u64::from(config.chain.fault_seed.get()),
            percent,
        },
        _ => FaultPlan::None,
    }
}

/// The embedded chain's file, for whoever reads it beside the gateway.
pub fn file(config: &Config, folder: &DataFolder) -> ChainFile {
    settings(config, folder).file()
}

fn settings(config: &Config, folder: &DataFolder) -> Settings {
    Settings {
        durable: matches!(config.database.synchronous, Synchronous::Full),
        block_delay: config.chain.block_delay_ms.milliseconds(),
        most_waiting: config.chain.pool.to_usize(),
        ..Settings::new(folder.chain_file())
    }
}
