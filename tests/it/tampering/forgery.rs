//! A journal rewritten by somebody who knows how to seal: every page behind a changed entry is sealed anew, and the head with it.

use super::scratch::Scratch;
use carbon_gateway::ledger::entry::{Entry, EntryKind};
use carbon_gateway::ledger::ids::{Hash, ShardId};
use carbon_gateway::ledger::page::Page;
use carbon_gateway::ledger::transaction::{Transaction, content_id, credit_hash};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// The journal of one shard in the making.
pub(super) struct Forgery {
    pub(super) c: SqliteConnection,
    shard: ShardId,
    genesis: Hash,
    /// Booked time and entries of each page.
    pages: Vec<(i64, Vec<Entry>)>,
}

impl Forgery {
    /// Reads the journal of a shard.
    pub(super) async fn open(scratch: &Scratch, shard: u8) -> Self {
        let mut c = scratch.open(false).await.unwrap();
        let sql = "SELECT at_ms, previous_seal, entries FROM journal WHERE shard = ? ORDER BY seq_from";
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql).bind(shard).fetch_all(&mut c).await.unwrap();
        let genesis = Hash::from_slice(&rows[0].1).unwrap();
        let shard = ShardId::new(shard).unwrap();
        let decoded = |(at_ms, _, entries): (i64, Vec<u8>, Vec<u8>)| {
            let page = Page {
                shard,
                seq_from: 0,
                seq_to: 0,
                at_ms,
                previous_seal: genesis,
                seal: genesis,
                entries,
            };
            (at_ms, page.decode_entries().unwrap())
        };
        Self {
            c,
            shard,
            genesis,
            pages: rows.into_iter().map(decoded).collect(),
        }
    }

    /// The `n`th entry of a kind, with its seq and its booked time.
    pub(super) fn entry(&mut self, kind: EntryKind, n: usize) -> (i64, i64, &mut Entry) {
        let entries = self
            .pages
            .iter_mut()
            .flat_map(|(at_ms, entries)| entries.iter_mut().map(|entry| (*at_ms, entry)));
        let numbered = (1..).zip(entries).map(|(seq, (at_ms, entry))| (seq, at_ms, entry));
        numbered.filter(|(_, _, entry)| entry.kind == kind).nth(n).unwrap()
    }

    /// When the last page was booked.
    pub(super) fn last_ms(&self) -> i64 {
        self.pages.last().unwrap().0
    }

    /// Adds a page; answers the seq of its first entry.
    pub(super) fn append(&mut self, at_ms: i64, entries: Vec<Entry>) -> i64 {
        let seq = self.length() + 1;
        self.pages.push((at_ms, entries));
        seq
    }

    /// The seq of the last entry.
    pub(super) fn length(&self) -> i64 {
        let entries: usize = self.pages.iter().map(|(_, entries)| entries.len()).sum();
        i64::try_from(entries).unwrap()
    }

    /// Books the page of an entry, and all behind it, not before an instant.
    pub(super) fn postpone(&mut self, seq: i64, at_ms: i64) {
        let mut last = 0;
        for (booked_ms, entries) in &mut self.pages {
            last += i64::try_from(entries.len()).unwrap();
            if last >= seq {
                *booked_ms = at_ms.max(*booked_ms);
            }
        }
    }

    /// Gives the entry of a kept answer another digest.
    pub(super) fn answer_anew(&mut self, key: &Hash, digest: Hash) {
        let entries = self.pages.iter_mut().flat_map(|(_, entries)| entries);
        let answered = |entry: &&mut Entry| entry.kind == EntryKind::Answered && entry.reference == Some(*key);
        for entry in entries.filter(answered) {
            entry.digest = digest;
        }
    }

    /// Runs a statement; `{}` is the shard.
    pub(super) async fn run(&mut self, sql: &str) {
        let sql = sql.replace("{}", &self.shard.to_string());
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.c).await.unwrap();
    }

    /// The transaction of an entry.
    pub(super) async fn transaction(&mut self, seq: i64) -> Transaction {
        let body = self.body(seq).await;
        Transaction::decode(&body).unwrap()
    }

    /// Puts another transaction in the place of an entry's, under its own name everywhere, with all rows that follow.
    pub(super) async fn replace(&mut self, seq: i64, transaction: &Transaction) {
        let before = content_id(&self.body(seq).await);
        let body = transaction.encode().unwrap();
        let after = content_id(&body);
        for (_, entries) in &mut self.pages {
            for entry in entries.iter_mut().filter(|entry| entry.digest == before) {
                (entry.digest, entry.reference) = (after, Some(after));
            }
        }
        self.run(&format!(
            "UPDATE ledger_tx_{{}} SET content_id = x'{after}', body = x'{}' WHERE seq = {seq}",
            hex(&body)
        ))
        .await;
        for (index, output) in (0..).zip(&transaction.outputs) {
            let (old, new) = (credit_hash(&before, index), credit_hash(&after, index));
            let amount = output.amount_ug;
            self.run(&format!(
                "UPDATE credit_{{}} SET hash = x'{new}', amount_ug = {amount}, created_by = x'{after}' WHERE hash = x'{old}'"
            ))
            .await;
        }
        for table in ["UPDATE credit_{} SET spent_by", "UPDATE trip_{} SET issued_by"] {
            let column = table.rsplit_once(' ').unwrap().1;
            self.run(&format!("{table} = x'{after}' WHERE {column} = x'{before}'"))
                .await;
        }
    }

    /// Adds a transaction that copies the rows of another one's: a page of one entry, its row, its credits.
    pub(super) async fn append_transaction(&mut self, model: i64, mut entry: Entry, transaction: &Transaction) {
        let body = transaction.encode().unwrap();
        let id = content_id(&body);
        (entry.digest, entry.reference) = (id, Some(id));
        let seq = self.append(transaction.booked_ms, vec![entry]);
        self.run(&format!(
            "INSERT INTO ledger_tx_{{}} SELECT {seq}, x'{id}', user_id, programme, kind, amount_ug, x'{}', status, unmet, next_attempt_ms, attempt, pack, \
             chain_tx_id, earlier, height, block_index, block_at_ms, reason FROM ledger_tx_{{}} WHERE seq = {model}",
            hex(&body)
        ))
        .await;
        for (index, _) in (0_u16..).zip(&transaction.outputs) {
            let hash = credit_hash(&id, index);
            self.run(&format!(
                "INSERT INTO credit_{{}} SELECT x'{hash}', user_id, programme, gas, vintage, expiry_month, amount_ug, expires_ms, x'{id}', \
                 {seq}, output, NULL FROM credit_{{}} WHERE created_seq = {model} AND output = {index}"
            ))
            .await;
        }
    }

    /// Seals everything and writes it.
    pub(super) async fn seal(mut self) {
        let (mut seq, mut seal) = (1, self.genesis);
        let pages = std::mem::take(&mut self.pages);
        let shard = self.shard.index();
        self.run(&format!("DELETE FROM journal WHERE shard = {shard}")).await;
        for (at_ms, entries) in pages {
            let page = Page::seal(self.shard, seq, at_ms, seal, &entries).unwrap().unwrap();
            let sql = "INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) VALUES (?, ?, ?, ?, ?, ?, ?)";
            let query = sqlx::query(sql)
                .bind(shard)
                .bind(page.seq_from)
                .bind(page.seq_to)
                .bind(at_ms);
            let query = query.bind(seal.as_bytes().to_vec()).bind(page.seal.as_bytes().to_vec());
            query.bind(page.entries.clone()).execute(&mut self.c).await.unwrap();
            (seq, seal) = (page.seq_to + 1, page.seal);
            self.run(&format!(
                "UPDATE shard_head SET seq = {}, seal = x'{seal}', at_ms = {at_ms} WHERE shard = {shard}",
                page.seq_to
            ))
            .await;
        }
        self.c.close().await.unwrap();
    }

    /// A column of the one row that a statement finds; `{}` is the shard.
    pub(super) async fn bytes(&mut self, sql: &str) -> Vec<u8> {
        let sql = sql.replace("{}", &self.shard.to_string());
        let row: SqliteRow = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.c).await.unwrap();
        row.get(0)
    }

    async fn body(&mut self, seq: i64) -> Vec<u8> {
        self.bytes(&format!("SELECT body FROM ledger_tx_{{}} WHERE seq = {seq}"))
            .await
    }
}

/// Lower-case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
