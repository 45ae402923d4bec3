//! Starts dispatch on an open data folder.

use super::{AppError, signing};
use crate::chain::ChainClient;
use crate::clock::Clock;
use crate::config::Config;
use crate::dispatch::{self, Setting, Sweeper};
use crate::identity::chain_secret::ChainSecret;
use crate::identity::kek::Kek;
use crate::lifecycle::Lifecycle;
use crate::store::db::{Homes, Location, Readers};
use crate::store::hints::{Hinted, Hints};
use crate::store::writer::Ledger;
use std::sync::Arc;

/// What goes to the chain, before anybody takes it there.
pub struct Outgoing {
    /// The way to the chain, which ends soon after every way to it is gone and the stop has begun.
    pub chain: ChainClient,
    /// Makes the ids under which transactions go to the chain.
    pub secret: ChainSecret,
    /// Says where to look.
    pub hints: Hints,
    /// Hears of what may leave.
    pub hinted: Hinted,
}

/// What dispatch stands on.
pub struct Standing<'a> {
    /// The way to the writer.
    pub ledger: &'a Ledger,
    /// Where the ledger is.
    pub locations: &'a Homes<Location>,
    /// Connections for reads.
    pub readers: &'a Readers,
    /// Opens keys.
    pub kek: &'a Arc<Kek>,
    /// The time.
    pub clock: &'a Clock,
    /// The settings.
    pub config: &'a Config,
}

/// Starts signer and dispatch. Both end when the stop has begun and nothing is on its way any more.
pub fn start(outgoing: Outgoing, on: &Standing<'_>, lifecycle: &Lifecycle) -> Result<Sweeper, AppError> {
    let setting = &on.config.dispatch;
    let rows = (on.locations, on.readers.clone());
    let (signer, keys) = signing::signer(rows, Arc::clone(on.kek), on.clock.clone(), &on.config.keys)?;
    for writer in keys {
        lifecycle.spawn("keys", writer.run());
    }
    let parts = dispatch::Parts {
        ledger: on.ledger.clone(),
        readers: on.readers.clone(),
        locations: on.locations.clone(),
        chain: outgoing.chain,
        chain_secret: outgoing.secret,
        signer,
        clock: on.clock.clone(),
        setting: Setting {
            workers: setting.workers.to_usize(),
            state_keys: setting.state_keys.get(),
            queued: on.config.writer.queue.to_usize().div_ceil(2),
            lease: setting.lease_s.seconds(),
        },
        hinted: outgoing.hinted,
        hints: outgoing.hints,
    };
    Ok(dispatch::start(parts, lifecycle))
}
