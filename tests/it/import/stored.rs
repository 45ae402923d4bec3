//! Every stored trip of a data folder, its evidence opened, as one line; and the figures that lines add up to.

use crate::database;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::evidence::{DataKey, Evidence};
use carbon_gateway::ledger::ids::{Hash, ShardId, UserId};
use carbon_gateway::ledger::trip::TripRecord;
use carbon_gateway::store::{audit, deployment};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::Path;

/// A stored trip of one leg.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoredTrip {
    pub(super) trip_id: String,
    pub(super) user: i64,
    pub(super) started_s: i64,
    pub(super) ended_s: i64,
    pub(super) metres: Option<u64>,
    pub(super) day: String,
    pub(super) outcome: String,
    pub(super) quantified_ug: i64,
    pub(super) amount_ug: i64,
    pub(super) capped_ug: i64,
    pub(super) has_claim: bool,
}

impl StoredTrip {
    /// Its fields with tabs between them.
    pub(super) fn line(&self) -> String {
        let metres = self.metres.map_or(String::new(), |metres| metres.to_string());
        format!(
            "{}\t{}\t{}\t{}\t{metres}\t{}\t{}\t{}\t{}\t{}",
            self.trip_id,
            self.user,
            self.started_s,
            self.ended_s,
            self.day,
            self.outcome,
            self.quantified_ug,
            self.amount_ug,
            self.capped_ug
        )
    }

    pub(super) fn is_credited(&self) -> bool {
        self.outcome == "credited"
    }

    pub(super) fn shard(&self) -> usize {
        usize::try_from(self.user % 30).unwrap()
    }
}

/// All trips of all shards.
pub(crate) async fn trips(data: &Path) -> Vec<StoredTrip> {
    let folder = DataFolder::new(data);
    let mut snapshot = database::location(data).snapshot().await.unwrap();
    let kek_id = deployment::find(&mut snapshot).await.unwrap().unwrap().kek_id;
    let kek = Kek::load(&folder.kek_file(), kek_id).unwrap();
    let mut trips = Vec::new();
    for shard in ShardId::all() {
        let mut keys: HashMap<(i64, String), DataKey> = HashMap::new();
        for account in audit::accounts(&mut snapshot, shard).await.unwrap() {
            let address = Hash::from_slice(&account.address).unwrap();
            let row = (
                UserId::from_stored(account.user_id),
                account.programme.as_str(),
                &address,
            );
            let key = kek.unwrap(&account.wrapped_key, row).unwrap();
            keys.insert((account.user_id, account.programme), key);
        }
        let mut from = 0;
        loop {
            let rows = audit::trips(&mut snapshot, shard, from, audit::PIECE).await.unwrap();
            let Some(last) = rows.last() else { break };
            from = last.seq + 1;
            for row in rows {
                let key = &keys[&(row.user_id, row.programme.clone())];
                let record = TripRecord::decode(&row.record).unwrap();
                let evidence = Evidence::open(&row.evidence, key, &record.trip_key).unwrap();
                trips.push(stored(row.user_id, &record, &evidence));
            }
        }
    }
    trips
}

fn stored(user: i64, record: &TripRecord, evidence: &Evidence) -> StoredTrip {
    assert_eq!(record.legs.len(), 1);
    let leg = &record.legs[0];
    StoredTrip {
        trip_id: evidence.trip_id.as_str().to_owned(),
        user,
        started_s: record.started_s,
        ended_s: record.ended_s,
        metres: leg.leg.distance.as_ref().map(|distance| distance.metres),
        day: record.day.to_string(),
        outcome: record.outcome().to_owned(),
        quantified_ug: leg.quantified.micrograms(),
        amount_ug: record.amount().unwrap().micrograms(),
        capped_ug: leg.capped.micrograms(),
        has_claim: record.claim.is_some(),
    }
}

/// The lines, sorted by their bytes.
pub(crate) fn lines(trips: &[StoredTrip]) -> Vec<String> {
    let mut lines: Vec<String> = trips.iter().map(StoredTrip::line).collect();
    lines.sort_unstable();
    lines
}

/// SHA-256 over the sorted lines, each ended by LF.
pub(super) fn digest(trips: &[StoredTrip]) -> String {
    let mut hash = Sha256::new();
    for line in lines(trips) {
        hash.update(line);
        hash.update("\n");
    }
    Hash::new(hash.finalize().into()).to_string()
}
