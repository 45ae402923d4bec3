//! Which transactions travel together: one spend alone, or up to 32 issues. What was refused with others travels with half as many,
//! until the cause stands alone.

use crate::ledger::ids::{Hash, UserId};
use crate::ledger::standing::MOST_IN_ENVELOPE;
use crate::ledger::transaction::{Kind, MOST_SOURCES, Transaction};
use crate::store::reads::dispatch::Ready;

/// Bytes of the transactions of one envelope.
const MOST_BYTES: usize = 256 << 10;

/// A transaction that may leave, read.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) content_id: Hash,
    pub(super) user: UserId,
    /// Whose order it is, as the chain knows it.
    pub(super) orderer: Hash,
    pub(super) kind: Kind,
    pub(super) attempt: u32,
    pub(super) body: Vec<u8>,
    pack: u16,
    sources: usize,
    /// Keys of the chain's state that it writes.
    pub(super) state_keys: u32,
}

impl Member {
    /// Reads a transaction; `None` if its bytes are none, which `verify` would tell.
    pub(super) fn read(ready: Ready) -> Option<Self> {
        let transaction = Transaction::decode(&ready.body).ok()?;
        let Transaction {
            inputs,
            outputs,
            sources,
            ..
        } = &transaction;
        // Itself, its binding, what it consumes and what it makes.
        let state_keys = 2_usize.saturating_add(inputs.len()).saturating_add(outputs.len());
        let state_keys = state_keys.saturating_add(sources.len());
        Some(Self {
            content_id: ready.content_id,
            user: ready.user,
            orderer: transaction.orderer,
            kind: ready.kind,
            attempt: ready.attempt,
            pack: ready.pack.clamp(1, MOST_IN_ENVELOPE),
            sources: sources.len(),
            state_keys: u32::try_from(state_keys).unwrap_or(u32::MAX),
            body: ready.body,
        })
    }
}

/// Packs transactions in their order.
pub(super) fn pack(members: Vec<Member>) -> Vec<Vec<Member>> {
    let mut packs: Vec<Vec<Member>> = Vec::new();
    let mut open: Option<usize> = None;
    for member in members {
        if member.kind != Kind::Issue {
            packs.push(vec![member]);
            continue;
        }
        let place = open.filter(|place| packs.get(*place).is_some_and(|pack| fits(pack, &member)));
        if let Some(pack) = place.and_then(|place| packs.get_mut(place)) {
            pack.push(member);
        } else {
            open = Some(packs.len());
            packs.push(vec![member]);
        }
    }
    packs
}

fn fits(pack: &[Member], member: &Member) -> bool {
    let most = pack.iter().map(|other| other.pack).min().unwrap_or(1).min(member.pack);
    let sources: usize = pack.iter().map(|other| other.sources).sum();
    let bytes: usize = pack.iter().map(|other| other.body.len()).sum();
    pack.len() < usize::from(most)
        && sources.saturating_add(member.sources) <= MOST_SOURCES
        && bytes.saturating_add(member.body.len()) <= MOST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(kind: Kind, pack: u16, sources: usize) -> Member {
        Member {
            content_id: Hash::new([0; 32]),
            user: UserId::from_stored(1),
            orderer: Hash::new([0; 32]),
            kind,
            attempt: 0,
            body: vec![0; 100],
            pack,
            sources,
            state_keys: 1,
        }
    }

    fn sizes(members: Vec<Member>) -> Vec<usize> {
        pack(members).iter().map(Vec::len).collect()
    }

    #[test]
    fn issues_travel_together_and_spends_alone() {
        let issues = || std::iter::repeat_n(member(Kind::Issue, 32, 2), 40);
        assert_eq!(sizes(issues().collect()), [32, 8]);
        let mixed = [
            member(Kind::Issue, 32, 1),
            member(Kind::Redeem, 32, 0),
            member(Kind::Issue, 32, 1),
        ];
        assert_eq!(sizes(mixed.to_vec()), [2, 1]);
        assert_eq!(sizes(Vec::new()), [0; 0]);
    }

    #[test]
    fn an_envelope_has_256_sources_at_most() {
        let issues = std::iter::repeat_n(member(Kind::Issue, 32, 100), 5);
        assert_eq!(sizes(issues.collect()), [2, 2, 1]);
    }

    #[test]
    fn what_was_refused_travels_with_fewer() {
        let issues = [32, 32, 2, 32, 1, 1, 32].map(|pack| member(Kind::Issue, pack, 1));
        assert_eq!(sizes(issues.to_vec()), [2, 2, 1, 1, 1]);
    }
}
