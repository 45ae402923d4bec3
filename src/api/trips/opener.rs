//! Opens the sealed evidence of one rider's trips.

use super::super::problem::Problem;
use crate::identity::kek::Kek;
use crate::ledger::evidence::{DataKey, Evidence};
use crate::ledger::ids::UserId;
use crate::ledger::view::StoredTrip;
use crate::store::db::Readers;
use crate::store::reads;
use std::collections::BTreeMap;

/// The data keys of a rider's accounts, by programme.
pub(in super::super) struct Opener(BTreeMap<String, DataKey>);

impl Opener {
    /// Unwraps the keys of a rider.
    pub(in super::super) async fn of(readers: &Readers, kek: &Kek, user: UserId) -> Result<Self, Problem> {
        let mut keys = BTreeMap::new();
        for (programme, (address, wrapped_key)) in reads::wrapped_keys(readers, user).await? {
            let row = (user, programme.as_str(), &address);
            let key = kek.unwrap(&wrapped_key, row).map_err(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a data key cannot be unwrapped"
                );
                Problem::unreadable()
            })?;
            keys.insert(programme, key);
        }
        Ok(Self(keys))
    }

    /// What a trip keeps sealed.
    pub(in super::super) fn open(&self, trip: &StoredTrip) -> Result<Evidence, Problem> {
        let record = &trip.record;
        let key = self.0.get(&record.programme);
        let opened = key.and_then(|key| Evidence::open(&trip.evidence, key, &record.trip_key).ok());
        opened.ok_or_else(|| {
            tracing::error!(seq = trip.seq, "the sealed evidence of a stored trip cannot be opened");
            Problem::unreadable()
        })
    }
}
