//! Claims that wait: made by trips, taken by issues, ended by lapses. What is left at the end is what the table holds.

use super::Setting;
use super::booked::Booked;
use super::findings::{Findings, ONCE, RECORDS, at};
use super::postings;
use crate::ledger::due::GATEWAY;
use crate::ledger::entry::Figure;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::{Hash, ShardId, UserId};
use crate::ledger::trip::TripRecord;
use crate::methodology::Gas;
use crate::methodology::units::Day;
use crate::store::audit::{self, ClaimRow, PIECE};
use crate::store::db::Connection;
use std::collections::BTreeMap;

/// A claim that waits.
pub(super) struct Waiting {
    /// Seq of its trip.
    pub(super) seq: i64,
    /// Address of its account.
    pub(super) address: Hash,
    /// Activity day.
    pub(super) day: Day,
    /// What the legs have earned, those with nothing left out.
    pub(super) legs: Vec<Earned>,
    user: UserId,
    programme: String,
    opens_ms: i64,
    closes_ms: Option<i64>,
    digest: Hash,
    /// As the trip's row says.
    issued_by: Option<Vec<u8>>,
}

/// What a leg has earned.
pub(super) struct Earned {
    /// The programme's word.
    pub(super) mode: String,
    /// `id@version`.
    pub(super) methodology: String,
    /// Of what.
    pub(super) gas: Gas,
    /// Micrograms.
    pub(super) amount_ug: i64,
}

/// The claims of one shard that wait, by what the chain sees of their trips; by trip key where the source secret is not at
/// hand.
pub(super) struct Claims<'a> {
    shard: ShardId,
    secret: Option<&'a SourceSecret>,
    waiting: BTreeMap<Hash, Waiting>,
}

impl Waiting {
    /// Whether it may be collected at an instant.
    pub(super) fn is_open(&self, at_ms: i64) -> bool {
        self.opens_ms <= at_ms && self.closes_ms.is_none_or(|closes_ms| at_ms < closes_ms)
    }

    /// The trip's row says which issue took it: that one, or none.
    pub(super) fn issued_by(&self, shard: ShardId, content_id: Option<&Hash>, findings: &mut Findings) {
        if self.issued_by.as_deref() != content_id.map(|id| id.as_bytes().as_slice()) {
            let due = content_id.map_or_else(|| "no issue".to_owned(), |id| format!("the issue {id}"));
            let what = format!("issued_by is wrong: {due} took its claim");
            findings.add(ONCE, at(shard, "trip", format!("seq {}", self.seq)), what);
        }
    }

    fn amount_ug(&self) -> i128 {
        self.legs.iter().map(|leg| i128::from(leg.amount_ug)).sum()
    }
}

impl<'a> Claims<'a> {
    /// None yet.
    pub(super) fn new(setting: &'a Setting<'_>, shard: ShardId) -> Self {
        Self {
            shard,
            secret: setting.source_secret.as_ref(),
            waiting: BTreeMap::new(),
        }
    }

    /// Whether issues can be held against trips at all.
    pub(super) fn knows_sources(&self) -> bool {
        self.secret.is_some()
    }

    /// A trip was booked: its claim waits, if it earned something.
    pub(super) fn book(
        &mut self,
        booked: &Booked<'_>,
        (user, record, issued_by): (UserId, &TripRecord, Option<Vec<u8>>),
        findings: &mut Findings,
    ) {
        let place = || at(self.shard, "trip", format!("seq {}", booked.seq));
        let Some(span) = record.claim else {
            if issued_by.is_some() {
                findings.add(ONCE, place(), "issued_by is set, but the trip earned nothing");
            }
            return;
        };
        let earned = record.legs.iter().filter_map(|leg| {
            let amount_ug = leg.amount()?.micrograms();
            (amount_ug != 0).then(|| Earned {
                mode: leg.leg.mode.clone(),
                methodology: leg.methodology.name(),
                gas: leg.methodology.gas,
                amount_ug,
            })
        });
        let waiting = Waiting {
            seq: booked.seq,
            address: booked.entry.address,
            day: record.day,
            legs: earned.collect(),
            user,
            programme: record.programme.clone(),
            opens_ms: span.opens_at_ms,
            closes_ms: span.closes_at_ms,
            digest: booked.entry.digest,
            issued_by,
        };
        let name = self.name(&record.trip_key);
        if self.waiting.insert(name, waiting).is_some() {
            findings.add(ONCE, place(), "a claim of this trip waits already");
        }
    }

    /// An issue takes the claim of a source.
    pub(super) fn take(&mut self, source_key: &Hash) -> Option<Waiting> {
        self.waiting.remove(source_key)
    }

    /// An entry that says a claim's window has closed.
    pub(super) fn lapse(&mut self, booked: &Booked<'_>, findings: &mut Findings) {
        findings.checked(ONCE, 1);
        let entry = booked.entry;
        let name = entry.reference.map(|trip_key| self.name(&trip_key));
        let Some(claim) = name.and_then(|name| self.waiting.remove(&name)) else {
            let what = "no claim of this trip waits: it was collected, has lapsed, or never was";
            return booked.wrong(ONCE, "journal", what, findings);
        };
        if claim.closes_ms.is_none_or(|closes_ms| booked.at_ms < closes_ms) {
            booked.wrong(ONCE, "journal", "lapses a claim whose window is not over", findings);
        }
        claim.issued_by(self.shard, None, findings);
        let expected = postings::of_legs(Figure::Lapsed, &claim);
        let said = [
            ("the address", entry.address == claim.address),
            ("the programme", entry.programme == claim.programme),
            ("the digest of the trip", entry.digest == claim.digest),
            ("the amount", i128::from(entry.amount.micrograms()) == claim.amount_ug()),
            ("the postings", entry.postings == expected),
            ("the lot", entry.lot.is_none()),
            ("the actor", entry.actor == GATEWAY),
        ];
        booked.differing(RECORDS, "journal", &said, findings);
    }

    /// Exactly the rows of what still waits.
    pub(super) async fn finish(self, c: &mut Connection, findings: &mut Findings) {
        let shard = self.shard;
        let mut due: BTreeMap<(i64, i64), Waiting> = BTreeMap::new();
        for claim in self.waiting.into_values() {
            // Without the secret nobody can tell which trips an issue named: what says that it was issued may have been.
            let taken = self.secret.is_none() && claim.issued_by.is_some();
            if !taken {
                claim.issued_by(shard, None, findings);
                due.insert((claim.user.value(), claim.seq), claim);
            }
        }
        let mut behind = (i64::MIN, i64::MIN);
        loop {
            let rows = match audit::claims(c, shard, behind, PIECE).await {
                Ok(rows) => rows,
                Err(error) => return findings.unreadable(ONCE, at(shard, "claim", "*"), &error),
            };
            let Some(last) = rows.last() else { break };
            behind = (last.user_id, last.seq);
            for row in rows {
                findings.checked(ONCE, 1);
                let claim = due.remove(&(row.user_id, row.seq));
                let place = at(shard, "claim", row_name(row.user_id, row.seq));
                match claim {
                    None => findings.add(ONCE, place, "no claim of this trip waits"),
                    Some(claim) => compare(place, &row, &claim, findings),
                }
            }
        }
        for (user, seq) in due.into_keys() {
            let place = at(shard, "claim", row_name(user, seq));
            findings.add(ONCE, place, "the row of this claim is missing");
        }
    }

    fn name(&self, trip_key: &Hash) -> Hash {
        self.secret.map_or(*trip_key, |secret| secret.source_key(trip_key))
    }
}

fn compare(place: super::findings::Place, row: &ClaimRow, claim: &Waiting, findings: &mut Findings) {
    let said = [
        ("programme", row.programme == claim.programme),
        ("opens_ms", row.opens_ms == claim.opens_ms),
        ("closes_ms", row.closes_ms == claim.closes_ms),
    ];
    findings.differing(ONCE, place, &said);
}

fn row_name(user: i64, seq: i64) -> String {
    format!("user {user}, seq {seq}")
}
