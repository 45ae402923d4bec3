//! Redriving in the data folder itself, which nobody else has meanwhile.

use super::super::closing::Closing;
use super::super::{CommandError, Setting};
use super::Driven;
use crate::api::transactions::{name_of, transaction_reference};
use crate::app::{Core, Parts};
use crate::clock::Clock;
use crate::ledger::command::{Command, Meta, Rejection};
use crate::ledger::ids::{Name, ShardId};
use crate::ledger::settle::Redrive;
use crate::ledger::standing::Status;
use crate::lifecycle::{Lifecycle, Signals};
use crate::store::db::Readers;
use crate::store::reads::{self, Listed, Transacted};
use crate::store::writer::SubmitError;
use std::sync::Arc;

/// Who acts at the command line.
const OPERATOR: &str = "operator";
/// Transactions read at once.
const PIECE: i64 = 200;

/// Redrives those that are named, or all, and waits until the chain has answered.
pub(super) async fn redrive(setting: Setting, named: &[String]) -> Result<Vec<Driven>, CommandError> {
    let signals = Signals::listen().map_err(|source| CommandError::Io {
        action: "listening for signals",
        source,
    })?;
    let folder = setting.existing().await?;
    let lifecycle = Lifecycle::new(setting.config.shutdown.soft_s.seconds());
    let parts = Parts {
        config: setting.config,
        folder,
        clock: Clock::System,
    };
    let closing = match open(parts, &lifecycle).await {
        Ok(closing) => closing,
        Err(error) => {
            // Whatever was started before the mistake was found ends in good order.
            lifecycle.stop();
            lifecycle.wait().await;
            return Err(error);
        }
    };
    let (life, named) = (lifecycle.clone(), named.to_vec());
    let work = lifecycle.spawn_job("redrive", async move {
        let done = drive(&closing, &named, &life).await;
        life.stop();
        closing.close().await;
        done
    });
    lifecycle.run_until_stopped(signals).await;
    work.await.unwrap_or_else(|_| {
        Err(CommandError::Use(
            "stopped before the chain had answered; run it again".to_owned(),
        ))
    })
}

async fn open(parts: Parts, lifecycle: &Lifecycle) -> Result<Closing, CommandError> {
    let core = Core::open(parts, lifecycle).await?;
    Ok(Closing::start(core, lifecycle).await?)
}

async fn drive(closing: &Closing, named: &[String], life: &Lifecycle) -> Result<Vec<Driven>, CommandError> {
    let readers = closing.readers();
    let found = if named.is_empty() {
        listed(readers).await?
    } else {
        let mut found = Vec::new();
        for text in named {
            let reference = transaction_reference(text).map_err(|problem| CommandError::Use(problem.detail))?;
            let one = reads::transaction(readers, reference.0, &reference.1).await?;
            found.push(one.ok_or_else(|| CommandError::Use(format!("there is no transaction {text}")))?);
        }
        found
    };
    let client = Name::parse(OPERATOR).map_err(|error| CommandError::Use(error.to_string()))?;
    for one in &found {
        let order = Redrive {
            meta: Meta {
                client: client.clone(),
                request_id: "redrive".to_owned(),
            },
            shard: one.shard,
            content_id: one.standing.content_id,
        };
        match closing.ledger().submit(Command::Redrive(Arc::new(order))).await {
            // It is on its way, or confirmed: what follows says so.
            Ok(_) | Err(SubmitError::Rejected(Rejection::Moved(_))) => {}
            Err(error) => return Err(CommandError::Use(format!("the ledger did not take it: {error}"))),
        }
    }
    let arrived = closing.drain(&life.soft()).await;
    if let Err(error) = arrived {
        tracing::warn!(%error, "not everything has arrived");
    }
    let mut driven = Vec::new();
    for one in found {
        let again = reads::transaction(readers, Some(one.shard), &one.standing.content_id).await?;
        driven.extend(again.as_ref().map(told));
    }
    Ok(driven)
}

/// Everything that is refused or dead.
async fn listed(readers: &Readers) -> Result<Vec<Transacted>, CommandError> {
    let mut found = Vec::new();
    for shard in ShardId::all() {
        for status in ["refused", "dead"] {
            let mut after = (i64::MIN, i64::MIN);
            loop {
                let rows = reads::transactions_after(readers, shard, Listed::Status(status), after, PIECE).await?;
                let Some(last) = rows.last() else { break };
                after = (last.standing.status.leaves_ms(), last.standing.seq);
                found.extend(rows);
            }
        }
    }
    Ok(found)
}

fn told(found: &Transacted) -> Driven {
    let status = &found.standing.status;
    Driven {
        transaction: name_of(found.shard, &found.standing.content_id),
        status: status.as_str().to_owned(),
        reason: status.reason().map(str::to_owned),
        is_well: !matches!(status, Status::Refused(_) | Status::Dead(_)),
    }
}
