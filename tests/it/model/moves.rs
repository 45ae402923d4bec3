//! The naive model: claims become credits, credits are spent, merged and expire, by the words of the design.

use super::choice::{age, by_lot, choose};
use super::lists::{Credit, Fate, Model, Move, Owner, Said, Trip};
use super::orders::Wanted;
use super::translate::{address, key_of_trip};
use super::{TERMS, ground};
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::ledger::transaction::{
    Kind, Lot, NEVER, Output, Source, SourceKind, Transaction, content_id, credit_hash,
};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// Whoever touches an account books what is due first; answers the number of entries.
    pub(super) fn touch(&mut self, owner: Owner) -> usize {
        let due = |trip: &&mut Trip| {
            trip.owner() == owner
                && trip.fate == Fate::Waiting
                && trip.closes_ms().is_some_and(|closes_ms| closes_ms <= self.now_ms)
        };
        let mut booked = 0;
        for trip in self.trips.iter_mut().filter(due).take(self.most_lapsing) {
            trip.fate = Fate::Lapsed;
            booked += 1;
        }
        let now_ms = self.now_ms;
        let mut expired = self.unspent(owner);
        expired.retain(|credit| credit.expires_ms().is_some_and(|at_ms| at_ms <= now_ms));
        for (_, credits) in by_lot(expired) {
            for part in credits.chunks(32) {
                let amount = part.iter().map(|credit| credit.amount).sum();
                self.transact(Kind::Expire, owner, part, &[]);
                self.moves.push((owner, Move::Expired, amount));
                booked += 1;
            }
        }
        booked
    }

    pub(super) fn settle(&mut self, user: i64) -> Said {
        let mut booked = 0;
        for programme in (0..TERMS.len())
            .filter(|programme| self.has_account((user, *programme)))
            .collect::<Vec<_>>()
        {
            let owner = (user, programme);
            booked += self.touch(owner);
            if TERMS[programme].automatic {
                let open = self.open_claims(owner);
                let (taken, _) = self.fitting(&open);
                booked += usize::from(self.issue(owner, &taken).is_some());
            }
        }
        Said::Settled(booked)
    }

    pub(super) fn collect(&mut self, owner: Owner, wanted: &Wanted) -> Said {
        self.touch(owner);
        let mut skipped = Vec::new();
        let mut open = Vec::new();
        match wanted {
            Wanted::All => open = self.open_claims(owner),
            Wanted::Named(ids) => {
                for id in ids {
                    let why = self.why_not(owner, *id, &open);
                    skipped.push(why);
                    if why.is_empty() {
                        open.extend(self.place_of(owner.0, *id));
                    }
                }
            }
        }
        let (taken, more) = self.fitting(&open);
        let content_id = self.issue(owner, &taken);
        Said::Collected {
            content_id,
            collected: taken.len(),
            skipped,
            more,
            replayed: false,
        }
    }

    /// Why a trip asked for by name is not collected; empty if it is.
    fn why_not(&self, owner: Owner, id: u32, taken: &[usize]) -> &'static str {
        let found = self.place_of(owner.0, id).map(|at| (at, &self.trips[at]));
        match found {
            Some((at, trip)) if trip.owner() == owner && trip.fate != Fate::Nothing => {
                if trip.fate == Fate::Collected || taken.contains(&at) {
                    "already_collected"
                } else if self.over(trip) {
                    "lapsed"
                } else if self.now_ms < trip.opens_ms() {
                    "not_open"
                } else {
                    ""
                }
            }
            _ => "not_found",
        }
    }

    fn expiry(&self, owner: Owner) -> u16 {
        let Some(months) = TERMS[owner.1].valid_months else {
            return NEVER;
        };
        let at = jiff::Timestamp::from_millisecond(self.now_ms).unwrap();
        let date = at.to_zoned(ground().zone.clone()).date();
        u16::try_from((i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1).unwrap() + months
    }

    /// Of the claims those that fit into one issue, and whether any are left.
    fn fitting(&self, open: &[usize]) -> (Vec<usize>, bool) {
        let (mut taken, mut sources) = (Vec::new(), 0);
        let mut lots = BTreeSet::new();
        for at in open {
            let parts = self.trips[*at].lots(0);
            let with: BTreeSet<Lot> = lots.iter().chain(parts.keys()).cloned().collect();
            if taken.len() < 256 && sources + parts.len() <= 256 && with.len() <= 32 {
                taken.push(*at);
                sources += parts.len();
                lots = with;
            }
        }
        let more = taken.len() < open.len();
        (taken, more)
    }

    fn issue(&mut self, owner: Owner, taken: &[usize]) -> Option<Hash> {
        if taken.is_empty() {
            return None;
        }
        let expiry = self.expiry(owner);
        let mut sources = Vec::new();
        let mut sums: BTreeMap<Lot, i64> = BTreeMap::new();
        for at in taken {
            let trip = &mut self.trips[*at];
            trip.fate = Fate::Collected;
            let key = ground().source_secret.source_key(&key_of_trip(owner.0, trip.sent.id));
            for (lot, amount_ug) in trip.lots(expiry) {
                *sums.entry(lot.clone()).or_insert(0) += amount_ug;
                sources.push(Source {
                    kind: SourceKind::Trip,
                    key,
                    lot,
                    amount_ug,
                });
            }
        }
        sources.sort_by(|one, other| (one.key, &one.lot).cmp(&(other.key, &other.lot)));
        self.moves.push((owner, Move::Issued, sums.values().sum()));
        let outputs: Vec<_> = sums.into_iter().map(|(lot, amount)| (owner, lot, amount)).collect();
        Some(self.transact_from(Kind::Issue, owner, (&[], sources), &outputs))
    }

    pub(super) fn merge(&mut self, owner: Owner) -> Said {
        self.touch(owner);
        let mut merged = 0;
        for (_, credits) in by_lot(self.unspent(owner)) {
            for part in credits.chunks(32).filter(|part| part.len() > 1) {
                self.merge_into_one(owner, part);
                merged += 1;
            }
        }
        Said::Settled(merged)
    }

    fn merge_into_one(&mut self, owner: Owner, part: &[Credit]) {
        let amount = part.iter().map(|credit| credit.amount).sum();
        self.transact(Kind::Merge, owner, part, &[(owner, part[0].lot.clone(), amount)]);
    }

    pub(super) fn redeem(&mut self, owner: Owner, amount: i64, number: u32) -> Said {
        self.touch(owner);
        let available: i64 = self.unspent(owner).iter().map(|credit| credit.amount).sum();
        if available < amount {
            return Said::Rejected(format!("{available} there, {} missing", amount - available));
        }
        let sink = Self::sink(owner.0, owner.1);
        let mut merged = false;
        let (choice, chosen) = loop {
            let mine = self.unspent(owner);
            if let Some(found) = choose(&mine, amount, self.now_ms + TERMS[owner.1].notice_ms) {
                break found;
            }
            let mut by_age = mine;
            by_age.sort_by_key(age);
            let together = |lot: &Lot| {
                by_age
                    .iter()
                    .filter(|credit| credit.lot == *lot)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let oldest = by_age
                .iter()
                .map(|credit| together(&credit.lot))
                .find(|lot| lot.len() > 1);
            let oldest = oldest.unwrap(); // the orders drawn do not reach 32 lots
            self.merge_into_one(owner, &oldest[..oldest.len().min(32)]);
            merged = true;
        };
        self.open(sink, number);
        let content_id = self.pay((owner, sink), &chosen, amount);
        for (_, credits) in by_lot(self.unspent(sink)) {
            if credits.len() >= 32 {
                self.merge_into_one(sink, &credits[..32]);
            }
        }
        Said::Redeemed {
            content_id,
            choice: if merged { "merged" } else { choice },
            replayed: false,
        }
    }

    /// One output a lot, all but the last whole; what is over of the last comes back.
    fn pay(&mut self, (owner, sink): (Owner, Owner), chosen: &[Credit], amount: i64) -> Hash {
        let last = &chosen[chosen.len() - 1].lot;
        let mut order: Vec<&Lot> = Vec::new();
        for credit in chosen {
            if !order.contains(&&credit.lot) && credit.lot != *last {
                order.push(&credit.lot);
            }
        }
        order.push(last);
        let sum = |lot: &Lot| {
            chosen
                .iter()
                .filter(|credit| credit.lot == *lot)
                .map(|credit| credit.amount)
                .sum::<i64>()
        };
        let change = chosen.iter().map(|credit| credit.amount).sum::<i64>() - amount;
        let mut outputs: Vec<_> = order.iter().map(|lot| (sink, (*lot).clone(), sum(lot))).collect();
        outputs.last_mut().unwrap().2 -= change;
        if change > 0 {
            outputs.push((owner, last.clone(), change));
        }
        self.moves.push((owner, Move::Spent, amount));
        self.transact(Kind::Redeem, owner, chosen, &outputs)
    }

    fn transact(&mut self, kind: Kind, orderer: Owner, inputs: &[Credit], outputs: &[(Owner, Lot, i64)]) -> Hash {
        self.transact_from(kind, orderer, (inputs, Vec::new()), outputs)
    }

    fn transact_from(
        &mut self,
        kind: Kind,
        orderer: Owner,
        (inputs, sources): (&[Credit], Vec<Source>),
        outputs: &[(Owner, Lot, i64)],
    ) -> Hash {
        let mut spent: Vec<Hash> = inputs.iter().map(|credit| credit.hash).collect();
        spent.sort_unstable();
        for credit in self.credits.iter_mut().filter(|credit| spent.contains(&credit.hash)) {
            assert!(std::mem::take(&mut credit.unspent), "spent once");
        }
        let address_of = |owner: Owner| {
            let account = self.accounts.iter().find(|(known, _)| *known == owner);
            address(account.unwrap().1)
        };
        let output = |(owner, lot, amount_ug): &(Owner, Lot, i64)| Output {
            owner: address_of(*owner),
            lot: lot.clone(),
            amount_ug: *amount_ug,
        };
        let reason = if kind == Kind::Redeem { "model" } else { "" };
        let transaction = Transaction {
            kind,
            orderer: address_of(orderer),
            booked_ms: self.now_ms,
            inputs: spent,
            outputs: outputs.iter().map(output).collect(),
            sources,
            subject: None,
            reason: reason.to_owned(),
        };
        let id = content_id(&transaction.encode().unwrap());
        self.transactions += 1;
        for (index, (owner, lot, amount)) in (0_u16..).zip(outputs) {
            self.credits.push(Credit {
                owner: *owner,
                lot: lot.clone(),
                amount: *amount,
                hash: credit_hash(&id, index),
                age: self.transactions,
                unspent: true,
            });
        }
        id
    }
}
