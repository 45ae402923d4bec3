//! Credits: every row is the output that made it, consumed by the transaction that it names, or by none. What is kept in
//! memory is what is unspent.

use super::accounts::Accounts;
use super::booked::Booked;
use super::calendar;
use super::findings::{Findings, ONCE, at, digits};
use super::ways::Maker;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::standing::Place;
use crate::ledger::transaction::{Lot, Output, Transaction, content_id, credit_hash};
use crate::store::audit::{self, CreditRow, PIECE};
use crate::store::db::Connection;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// A credit that is unspent so far.
pub(super) struct Unspent {
    /// Address of its owner.
    pub(super) owner: Hash,
    /// Its lot.
    pub(super) lot: Lot,
    /// Micrograms.
    pub(super) amount_ug: i64,
    /// What made it.
    pub(super) maker: Maker,
    /// From when it cannot be spent.
    pub(super) expires_ms: Option<i64>,
    has_row: bool,
    /// As its row says.
    spent_by: Option<Vec<u8>>,
}

/// The unspent credits of one shard.
pub(super) struct Credits {
    shard: ShardId,
    zone: Option<TimeZone>,
    unspent: BTreeMap<Hash, Unspent>,
    /// Rows that outputs have been found in.
    rows: i64,
}

impl Credits {
    /// None yet.
    pub(super) fn new(shard: ShardId, zone: Option<TimeZone>) -> Self {
        Self {
            shard,
            zone,
            unspent: BTreeMap::new(),
            rows: 0,
        }
    }

    /// A transaction makes its outputs: each has its row.
    pub(super) async fn make(
        &mut self,
        c: &mut Connection,
        (booked, content_id, transaction): (&Booked<'_>, &Hash, &Transaction),
        place: Option<Place>,
        (accounts, findings): (&mut Accounts, &mut Findings),
    ) {
        let maker = Maker { seq: booked.seq, place };
        let names: Vec<Hash> = (0_u16..)
            .zip(&transaction.outputs)
            .map(|(index, _)| credit_hash(content_id, index))
            .collect();
        let mut rows = self.read(c, &names, findings).await;
        for (index, (name, output)) in (0_i64..).zip(std::iter::zip(names, &transaction.outputs)) {
            findings.checked(ONCE, 1);
            let row = rows.remove(name.as_bytes().as_slice());
            let expires_ms = self
                .zone
                .as_ref()
                .and_then(|zone| calendar::ends_ms(zone, output.lot.expiry));
            match &row {
                None => findings.add(
                    ONCE,
                    self.place(&name),
                    format!("the row of output {index} of entry {} is missing", booked.seq),
                ),
                Some(row) => {
                    self.rows = self.rows.saturating_add(1);
                    let mut said = of_output(row, output).to_vec();
                    said.extend([
                        ("created_by", row.created_by == content_id.as_bytes()),
                        ("created_seq", row.created_seq == booked.seq),
                        ("output", row.output == index),
                        ("expires_ms", self.zone.is_none() || row.expires_ms == expires_ms),
                    ]);
                    if let Some(owner) = accounts.get(&output.owner) {
                        said.push(("user_id", row.user_id == owner.user.value()));
                    }
                    findings.differing(ONCE, self.place(&name), &said);
                }
            }
            if let Some(owner) = accounts.get(&output.owner) {
                owner.hold(i128::from(output.amount_ug), 1);
            }
            let unspent = Unspent {
                owner: output.owner,
                lot: output.lot.clone(),
                amount_ug: output.amount_ug,
                maker,
                expires_ms,
                has_row: row.is_some(),
                spent_by: row.and_then(|row| row.spent_by),
            };
            if self.unspent.insert(name, unspent).is_some() {
                findings.add(ONCE, self.place(&name), "the credit was made before");
            }
        }
    }

    /// A transaction consumes a credit; `None` if there is none to consume.
    pub(super) fn consume(
        &mut self,
        name: &Hash,
        content_id: &Hash,
        (accounts, findings): (&mut Accounts, &mut Findings),
    ) -> Option<Unspent> {
        let credit = self.unspent.remove(name)?;
        if let Some(owner) = accounts.get(&credit.owner) {
            owner.hold(-i128::from(credit.amount_ug), -1);
        }
        if credit.has_row && credit.spent_by.as_deref() != Some(content_id.as_bytes().as_slice()) {
            findings.add(
                ONCE,
                self.place(name),
                format!("spent_by is wrong: {content_id} consumed it"),
            );
        }
        Some(credit)
    }

    /// What is left has been consumed by nobody, and there are no other rows.
    pub(super) async fn finish(&self, c: &mut Connection, findings: &mut Findings) {
        for (name, credit) in &self.unspent {
            if credit.spent_by.is_some() {
                findings.add(
                    ONCE,
                    self.place(name),
                    "spent_by is set, but no transaction consumed it",
                );
            }
        }
        // One row with all its columns: of a shard without credits nothing else would tell that the table is broken.
        if let Err(error) = audit::credits_behind(c, self.shard, &[], 1).await {
            findings.unreadable(ONCE, at(self.shard, "credit", "*"), &error);
        }
        match audit::credit_count(c, self.shard).await {
            Ok(count) if count == self.rows => {}
            Ok(count) => {
                let what = format!("{count} rows, {} of them outputs of transactions", self.rows);
                findings.add(ONCE, at(self.shard, "credit", "*"), what);
                self.strays(c, findings).await;
            }
            Err(error) => findings.unreadable(ONCE, at(self.shard, "credit", "*"), &error),
        }
    }

    /// Names the rows that are no outputs: each says which transaction made it, so that one is asked.
    async fn strays(&self, c: &mut Connection, findings: &mut Findings) {
        let mut behind = Vec::new();
        loop {
            let rows = match audit::credits_behind(c, self.shard, &behind, PIECE).await {
                Ok(rows) => rows,
                Err(error) => return findings.unreadable(ONCE, at(self.shard, "credit", "*"), &error),
            };
            let Some(last) = rows.last() else { return };
            behind.clone_from(&last.hash);
            for row in rows {
                if !self.is_output(c, &row).await {
                    let place = at(self.shard, "credit", digits(&row.hash));
                    findings.add(ONCE, place, "no transaction made this row");
                }
            }
        }
    }

    async fn is_output(&self, c: &mut Connection, row: &CreditRow) -> bool {
        let Some(name) = Hash::from_slice(&row.hash) else {
            return false;
        };
        if self.unspent.contains_key(&name) {
            return true;
        }
        let made_by = audit::transactions(c, self.shard, row.created_seq, 1)
            .await
            .unwrap_or_default();
        let Some(made_by) = made_by.first().filter(|made_by| made_by.seq == row.created_seq) else {
            return false;
        };
        let outputs = Transaction::decode(&made_by.body).map_or(0, |transaction| transaction.outputs.len());
        let index = u16::try_from(row.output)
            .ok()
            .filter(|index| usize::from(*index) < outputs);
        index.is_some_and(|index| credit_hash(&content_id(&made_by.body), index) == name)
    }

    /// The rows of these names; where they cannot be read together, one by one up to the ones to blame.
    async fn read(&self, c: &mut Connection, names: &[Hash], findings: &mut Findings) -> BTreeMap<Vec<u8>, CreditRow> {
        if let Ok(rows) = audit::credits(c, self.shard, names).await {
            return rows.into_iter().map(|row| (row.hash.clone(), row)).collect();
        }
        let mut found = BTreeMap::new();
        for name in names {
            match audit::credits(c, self.shard, &[*name]).await {
                Ok(rows) => found.extend(rows.into_iter().map(|row| (row.hash.clone(), row))),
                Err(error) => findings.unreadable(ONCE, self.place(name), &error),
            }
        }
        found
    }

    fn place(&self, name: &Hash) -> super::findings::Place {
        at(self.shard, "credit", name)
    }
}

fn of_output(row: &CreditRow, output: &Output) -> [(&'static str, bool); 5] {
    [
        ("programme", row.programme == output.lot.programme),
        ("gas", row.gas == i64::from(output.lot.gas)),
        ("vintage", row.vintage == i64::from(output.lot.vintage)),
        ("expiry_month", row.expiry_month == i64::from(output.lot.expiry)),
        ("amount_ug", row.amount_ug == output.amount_ug),
    ]
}
