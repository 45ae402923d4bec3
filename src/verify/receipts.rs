//! What a rider pays the sink receives, at once: the entry behind a redemption says so.

use super::booked::Booked;
use super::findings::{Findings, RECORDS, at};
use super::{Setting, laws, postings};
use crate::ledger::entry::{EntryKind, Figure, Posting};
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::transaction::Transaction;
use crate::methodology::units::Day;

/// The receipt that the next entry must be, if one must.
#[derive(Default)]
pub(super) struct Receipts(Option<Receipt>);

struct Receipt {
    shard: ShardId,
    /// Seq of the redemption.
    redeemed_at: i64,
    content_id: Hash,
    /// The sink, where there is one.
    address: Option<Hash>,
    programme: String,
    order: (String, String),
    amount_ug: i128,
    /// None where they cannot be told.
    postings: Option<Vec<Posting>>,
}

impl Receipts {
    /// A redemption was booked.
    pub(super) fn owe(
        &mut self,
        setting: &Setting<'_>,
        booked: &Booked<'_>,
        (transaction, sink): (&Transaction, Option<Hash>),
    ) {
        let paid = || laws::paid(transaction, sink).map(|output| (output.lot.gas, output.amount_ug));
        let day = |zone| Day::of(booked.at_ms.div_euclid(1000), zone);
        let day = setting.zone.as_ref().and_then(day);
        let entry = booked.entry;
        self.0 = Some(Receipt {
            shard: booked.shard,
            redeemed_at: booked.seq,
            content_id: entry.digest,
            address: sink,
            programme: entry.programme.clone(),
            order: (entry.actor.clone(), entry.request_id.clone()),
            amount_ug: paid().map(|(_, amount_ug)| i128::from(amount_ug)).sum(),
            postings: day.and_then(|day| postings::of_gases(Figure::Received, day, paid())),
        });
    }

    /// No other entry may come in between.
    pub(super) fn before(&mut self, booked: &Booked<'_>, findings: &mut Findings) {
        if booked.entry.kind != EntryKind::Received {
            self.finish(findings);
        }
    }

    /// An entry that says the sink received something.
    pub(super) fn take(&mut self, booked: &Booked<'_>, findings: &mut Findings) {
        let Some(receipt) = self.0.take() else {
            let what = "the sink receives what nobody has just spent";
            return booked.wrong(RECORDS, "journal", what, findings);
        };
        let entry = booked.entry;
        let said = [
            ("the address of the sink", Some(entry.address) == receipt.address),
            ("the reference", entry.reference == Some(receipt.content_id)),
            ("the digest", entry.digest == receipt.content_id),
            ("the programme", entry.programme == receipt.programme),
            (
                "who ordered it",
                (&entry.actor, &entry.request_id) == (&receipt.order.0, &receipt.order.1),
            ),
            ("the lot", entry.lot.is_none()),
            ("the amount", i128::from(entry.amount.micrograms()) == receipt.amount_ug),
            (
                "the postings",
                receipt.postings.is_none_or(|postings| postings == entry.postings),
            ),
        ];
        booked.differing(RECORDS, "journal", &said, findings);
    }

    /// A redemption must not be left without its receipt.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        if let Some(receipt) = self.0.take() {
            let place = at(receipt.shard, "journal", format!("seq {}", receipt.redeemed_at));
            findings.add(
                RECORDS,
                place,
                "no entry behind this redemption says that the sink received it",
            );
        }
    }
}
