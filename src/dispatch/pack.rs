//! Which transactions are signed and travel together: a spend alone, or up to 32 issues. What was refused with others travels with half as many,
//! until the cause stands alone.

use crate::identity::signer::Sender;
use crate::ledger::ids::{Hash, UserId};
use crate::ledger::standing::MOST_IN_ENVELOPE;
use crate::ledger::transaction::{Kind, MOST_SOURCES, Transaction};
use crate::store::reads::dispatch::Ready;

/// Transactions with envelopes of their own that are signed in one go: as many signatures as of a full envelope.
const MOST_SIGNED: usize = MOST_IN_ENVELOPE as usize;
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

    /// Who sends it, if it travels alone.
    pub(super) const fn sender(&self) -> Sender {
        match self.kind {
            Kind::Anchor | Kind::Attest => Sender::Issuer,
            _ => Sender::User(self.user),
        }
    }
}

/// What is signed in one go.
#[derive(Clone, Debug)]
pub(super) enum Pack {
    /// Issues that share an envelope, sent by the issuer.
    Issues(Vec<Member>),
    /// Others, each in an envelope of its own.
    Alone(Vec<Member>),
}

impl Pack {
    /// Keys of the chain's state that it writes.
    pub(super) fn state_keys(&self) -> u32 {
        let (Self::Issues(members) | Self::Alone(members)) = self;
        members.iter().map(|member| member.state_keys).sum()
    }
}

/// Packs transactions in their order.
pub(super) fn pack(members: Vec<Member>) -> Vec<Pack> {
    let (issues, alone): (Vec<Member>, Vec<Member>) =
        members.into_iter().partition(|member| member.kind == Kind::Issue);
    let mut packs: Vec<Vec<Member>> = Vec::new();
    for member in issues {
        match packs.last_mut() {
            Some(pack) if fits(pack, &member) => pack.push(member),
            _ => packs.push(vec![member]),
        }
    }
    let alone = alone.chunks(MOST_SIGNED).map(|members| Pack::Alone(members.to_vec()));
    packs.into_iter().map(Pack::Issues).chain(alone).collect()
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

    /// Sizes of the envelopes of issues, and of what is signed alone in one go.
    fn sizes(members: Vec<Member>) -> (Vec<usize>, Vec<usize>) {
        let mut sizes = (Vec::new(), Vec::new());
        for pack in pack(members) {
            match pack {
                Pack::Issues(members) => sizes.0.push(members.len()),
                Pack::Alone(members) => sizes.1.push(members.len()),
            }
        }
        sizes
    }

    #[test]
    fn issues_travel_together_and_spends_alone() {
        let issues = || std::iter::repeat_n(member(Kind::Issue, 32, 2), 40);
        assert_eq!(sizes(issues().collect()), (vec![32, 8], vec![]));
        let mixed = [
            member(Kind::Issue, 32, 1),
            member(Kind::Redeem, 32, 0),
            member(Kind::Issue, 32, 1),
        ];
        assert_eq!(sizes(mixed.to_vec()), (vec![2], vec![1]));
        let spends = std::iter::repeat_n(member(Kind::Redeem, 32, 0), 70);
        assert_eq!(sizes(spends.collect()), (vec![], vec![32, 32, 6]));
        assert_eq!(sizes(Vec::new()), (vec![], vec![]));
    }

    #[test]
    fn an_envelope_has_256_sources_at_most() {
        let issues = std::iter::repeat_n(member(Kind::Issue, 32, 100), 5);
        assert_eq!(sizes(issues.collect()).0, [2, 2, 1]);
    }

    #[test]
    fn what_was_refused_travels_with_fewer() {
        let issues = [32, 32, 2, 32, 1, 1, 32].map(|pack| member(Kind::Issue, pack, 1));
        assert_eq!(sizes(issues.to_vec()).0, [2, 2, 1, 1, 1]);
    }
}
