//! The way to the chain: a transaction leaves after those that made its inputs and never before; whatever is on its way stands in
//! just one envelope, under an id that only this deployment can make.

use super::booked::Booked;
use super::findings::{Findings, PARENTS, RECORDS, at, digits};
use super::transactions::Consumed;
use crate::chain::payload::{Payload, Request};
use crate::identity::chain_secret::ChainSecret;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::settle::EnvelopeStatus;
use crate::ledger::standing::{MOST_IN_ENVELOPE, Place, Standing, Status};
use crate::store::audit::{self, EnvelopeRow, PIECE};
use crate::store::db::Connection;
use carbon_contract::envelope::{Envelope, envelope_digest};
use std::collections::BTreeMap;

const TABLE: &str = "ledger_tx";

/// The transaction that made a credit, and where it is confirmed.
#[derive(Clone, Copy)]
pub(super) struct Maker {
    pub(super) seq: i64,
    pub(super) place: Option<Place>,
}

/// How far a transaction has come, held against those that made its inputs.
pub(super) fn check(booked: &Booked<'_>, standing: &Standing, consumed: &Consumed, findings: &mut Findings) {
    let makers = consumed
        .inputs
        .iter()
        .map(|credit| (credit.maker.seq, credit.maker.place));
    let makers: BTreeMap<i64, Option<Place>> = makers.collect();
    findings.checked(PARENTS, u64::try_from(makers.len()).unwrap_or(u64::MAX));
    let unmet = makers.values().filter(|place| place.is_none()).count();
    match standing.status {
        Status::Stored { unmet: stored, .. } => {
            if consumed.whole && usize::try_from(stored).ok() != Some(unmet) {
                let what = format!("unmet is {stored}, {unmet} transactions that made its inputs are not confirmed");
                booked.wrong(RECORDS, TABLE, what, findings);
            }
        }
        Status::Submitted | Status::Refused(_) | Status::Dead(_) | Status::Confirmed(_) if unmet > 0 => {
            let what = format!("it has left before {unmet} transactions that made its inputs");
            booked.wrong(PARENTS, TABLE, what, findings);
        }
        Status::Confirmed(place) => {
            let before = |maker: &Place| (maker.height, maker.index) < (place.height, place.index);
            if !makers.values().flatten().all(before) {
                let what = "it stands on the chain before a transaction that made its inputs";
                booked.wrong(PARENTS, TABLE, what, findings);
            }
        }
        Status::Submitted | Status::Refused(_) | Status::Dead(_) => {}
    }
    let carriers = standing
        .earlier
        .len()
        .saturating_add(usize::from(standing.chain_tx_id.is_some()));
    let carried = usize::try_from(standing.attempt).ok() == Some(carriers);
    let left = standing.chain_tx_id.is_some() || matches!(standing.status, Status::Stored { .. });
    let said = [
        ("attempt and the envelopes that carried it", carried),
        ("chain_tx_id", left),
        ("pack", (1..=MOST_IN_ENVELOPE).contains(&standing.pack)),
    ];
    booked.differing(RECORDS, TABLE, &said, findings);
}

/// Every envelope on its way holds transactions that say so, and every one that says so is held.
pub(super) async fn envelopes(
    c: &mut Connection,
    shard: ShardId,
    chain_secret: Option<&ChainSecret>,
    findings: &mut Findings,
) {
    let place = |id: &[u8]| at(shard, "envelope", digits(id));
    let (mut behind, mut held) = (Vec::new(), 0_i64);
    loop {
        let rows = match audit::open_envelopes(c, shard, &behind, PIECE).await {
            Ok(rows) => rows,
            Err(error) => return findings.unreadable(RECORDS, at(shard, "envelope", "*"), &error),
        };
        let Some(last) = rows.last() else { break };
        behind.clone_from(&last.chain_tx_id);
        for row in rows {
            findings.checked(RECORDS, 1);
            match members(&row, chain_secret) {
                Err(what) => findings.add(RECORDS, place(&row.chain_tx_id), what),
                Ok((id, members)) => {
                    for member in members {
                        held = held.saturating_add(1);
                        let standing = audit::standing(c, shard, &member).await;
                        let on_its_way = |standing: &Standing| {
                            standing.status == Status::Submitted && standing.chain_tx_id == Some(id)
                        };
                        if !matches!(standing, Ok(Some(standing)) if on_its_way(&standing)) {
                            let what = format!("it carries {member}, whose row does not say so");
                            findings.add(RECORDS, place(&row.chain_tx_id), what);
                        }
                    }
                }
            }
        }
    }
    match audit::submitted_count(c, shard).await {
        Ok(count) if count == held => {}
        Ok(count) => findings.add(
            RECORDS,
            at(shard, TABLE, "*"),
            format!("{count} rows are submitted, envelopes on their way carry {held}"),
        ),
        Err(error) => findings.unreadable(RECORDS, at(shard, TABLE, "*"), &error),
    }
}

/// The transactions that an envelope carries, if it is what was signed.
fn members(row: &EnvelopeRow, chain_secret: Option<&ChainSecret>) -> Result<(Hash, Vec<Hash>), &'static str> {
    let id = Hash::from_slice(&row.chain_tx_id).ok_or("chain_tx_id is not 32 bytes")?;
    let request = Request::decode(&row.request).map_err(|_| "request cannot be read")?;
    let payload = Payload::decode(&request.payload).map_err(|_| "the payload cannot be read")?;
    let envelope = Envelope::decode(&payload.argument).map_err(|_| "the envelope cannot be read")?;
    let signed = (
        payload.tx_id,
        payload.timestamp_ms,
        payload.expires_ms,
        payload.method.as_str(),
    );
    if signed != (id, row.created_ms, row.expires_ms, row.kind.as_str()) {
        return Err("chain_tx_id, created_ms, expires_ms or kind differs from what was signed");
    }
    if row.status != EnvelopeStatus::Open.as_str() || row.ended_ms.is_some() || row.reason.is_some() {
        return Err("status, ended_ms or reason is not that of an envelope on its way");
    }
    if !request.is_signed_by_its_certificate() {
        return Err("the signature is not that of the certificate's key");
    }
    let digest = envelope_digest(&payload.argument);
    let attempts = 1..=u32::from(u8::MAX);
    let ours = |secret: &ChainSecret| attempts.clone().any(|attempt| secret.tx_id(&digest, attempt) == id);
    if chain_secret.is_some_and(|secret| !ours(secret)) {
        return Err("chain_tx_id is not of this deployment");
    }
    Ok((id, envelope.content_ids()))
}
