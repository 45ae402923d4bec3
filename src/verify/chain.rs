//! The chain against itself and against the deployment: replayed from its genesis, every block, signature, result and row of its
//! state; what is learnt on the way is kept for whatever holds the ledger's transactions against it.

use super::Setting;
use super::findings::{CHAIN, Findings, at};
use crate::chain::embedded::verify::{ChainFinding, Listener, Replayed, Seen, replay};
use crate::chain::embedded::{CERTIFICATES, ChainFile, FileError, Genesis, Snapshot};
use crate::ledger::ids::Hash;
use crate::ledger::transaction::Lot;
use carbon_contract::envelope::Envelope;
use std::collections::BTreeMap;

/// The chain's file, and a look at it: none where no chain was ever founded, or why it cannot be read. It is older than the look at
/// the ledger: a transaction is stored before it is sent, so all that stands there then stands in the ledger too. What the ledger
/// has seen confirmed since is looked for once more, in the end.
pub struct ChainLook {
    file: ChainFile,
    first: Result<Option<Snapshot>, FileError>,
}

impl ChainLook {
    /// Looks now: before the ledger's snapshot is taken.
    pub async fn take(file: ChainFile) -> Self {
        let first = file.snapshot_if_founded().await;
        Self { file, first }
    }
}

/// What stands on the chain: 48 bytes for each transaction that a rider ordered, and sums.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnChain {
    /// Content id, height and place of each in the first block that has it, ascending.
    positions: Vec<(Hash, u64, u32)>,
    unspent_ug: BTreeMap<Lot, i128>,
    height: u64,
}

impl OnChain {
    /// From content ids with height and place, in any order, repeats too: the first on the chain counts.
    fn new(mut positions: Vec<(Hash, u64, u32)>, unspent_ug: BTreeMap<Lot, i128>, height: u64) -> Self {
        positions.sort_unstable();
        positions.dedup_by_key(|(content_id, ..)| *content_id);
        positions.shrink_to_fit();
        Self {
            positions,
            unspent_ug,
            height,
        }
    }

    /// Height of the block and place in it where a transaction succeeded first; `None` if it is not on the chain.
    pub fn position_of(&self, content_id: &Hash) -> Option<(u64, u32)> {
        let found = self.positions.binary_search_by_key(content_id, |(known, ..)| *known);
        let (_, height, place) = self.positions.get(found.ok()?)?;
        Some((*height, *place))
    }

    /// Height of the last block that was looked at.
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// Transactions that succeeded.
    pub const fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Content ids of all that succeeded, ascending.
    pub fn content_ids(&self) -> impl Iterator<Item = &Hash> {
        self.positions.iter().map(|(content_id, ..)| content_id)
    }

    /// Micrograms in unspent credits, by lot.
    pub const fn unspent_ug(&self) -> &BTreeMap<Lot, i128> {
        &self.unspent_ug
    }
}

/// Hears the replay.
struct Heard<'a> {
    findings: &'a mut Findings,
    positions: Vec<(Hash, u64, u32)>,
}

impl Listener for Heard<'_> {
    fn found(&mut self, finding: ChainFinding) {
        let table = format!("chain.db, {}", finding.table);
        self.findings.add(CHAIN, at(None, &table, finding.row), finding.what);
    }

    fn saw(&mut self, seen: Seen<'_>) {
        self.findings.checked(CHAIN, 1);
        if !seen.succeeded || seen.payload.contract == CERTIFICATES {
            return;
        }
        // What does not decode has not succeeded, or is a finding of the replay.
        let envelope = Envelope::decode(&seen.payload.argument);
        let content_ids = envelope.map_or(Vec::new(), |envelope| envelope.content_ids());
        let (height, place) = seen.place;
        let positions = content_ids.into_iter().map(|content_id| (content_id, height, place));
        self.positions.extend(positions);
    }
}

/// Replays the chain; `None` if it cannot be read, which is a finding. One that was never founded has nothing on it.
pub(super) async fn read(
    look: ChainLook,
    setting: &Setting<'_>,
    findings: &mut Findings,
) -> (Option<OnChain>, ChainFile) {
    let ChainLook { file, first } = look;
    (replayed(first, setting, findings).await, file)
}

async fn replayed(
    first: Result<Option<Snapshot>, FileError>,
    setting: &Setting<'_>,
    findings: &mut Findings,
) -> Option<OnChain> {
    let mut snapshot = match first {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => {
            findings.figure(CHAIN, "chains founded", 0);
            return Some(OnChain::default());
        }
        Err(error) => {
            findings.unreadable(CHAIN, at(None, "chain.db", "*"), &error);
            return None;
        }
    };
    let expected = genesis(setting);
    if expected.is_none() {
        let what = "deployment, authority and issuer do not say what it must be";
        findings.add(CHAIN, at(None, "chain.db, genesis", "*"), what);
    }
    let mut heard = Heard {
        findings,
        positions: Vec::new(),
    };
    let replayed = replay(&mut snapshot, expected.as_ref(), &mut heard).await;
    let positions = heard.positions;
    match replayed {
        Ok(replayed) => {
            tell(&replayed, findings);
            Some(OnChain::new(positions, replayed.unspent_ug, replayed.tip.height))
        }
        Err(error) => {
            findings.unreadable(CHAIN, at(None, "chain.db", "*"), &error);
            None
        }
    }
}

/// What the chain of this deployment rests on, as far as the ledger's rows say it.
fn genesis(setting: &Setting<'_>) -> Option<Genesis> {
    let (deployment, authority) = (setting.deployment.as_ref()?, setting.authorities.first()?);
    Some(Genesis::of_deployment(deployment, authority, setting.issuer?))
}

fn tell(replayed: &Replayed, findings: &mut Findings) {
    findings.checked(CHAIN, replayed.tip.height);
    for (name, count) in [
        ("blocks", replayed.tip.height),
        ("transactions", replayed.transactions),
        ("failed", replayed.failed),
        ("credits unspent", replayed.unspent),
    ] {
        findings.figure(CHAIN, name, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_stands_where_it_came_first() {
        let [one, two, three] = [1, 2, 3].map(|byte| Hash::new([byte; 32]));
        let seen = vec![(two, 1, 0), (one, 1, 1), (two, 3, 0), (one, 2, 0)];
        let on_chain = OnChain::new(seen, BTreeMap::new(), 3);
        assert_eq!(on_chain.position_of(&one), Some((1, 1)));
        assert_eq!(on_chain.position_of(&two), Some((1, 0)));
        assert_eq!(on_chain.position_of(&three), None);
        assert_eq!(on_chain.content_ids().collect::<Vec<_>>(), [&one, &two]);
        assert_eq!((on_chain.len(), on_chain.is_empty()), (2, false));
    }
}
