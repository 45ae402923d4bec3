//! What a batch writes: statements over rows, put down one after the other and then carried out together.
//!
//! A file takes them one by one, each prepared once. A server gets as many as fit into one message as text, for to wait for the answer of each
//! costs both sides more than its rows, and the further away the server the more. In such a text every value is a number, hexadecimal
//! digits or a plain word, so nothing that a caller has sent can be read as anything but a value. Only where a row is very large are they sent one by one.

mod text;
mod value;

pub(crate) use value::Value;

use super::db::{Connection, StoreError, with};
use super::statement::{global, of_shard, pieces};
use crate::ledger::ids::ShardId;
use futures_util::TryStreamExt as _;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Either};
use text::Texts;

/// Bytes of a row that are never written as twice as many digits.
const LARGE: usize = 512 * 1024;

/// Statements in the order in which they are to be carried out.
#[derive(Default)]
pub(crate) struct Script<'v>(Vec<Statement<'v>>);

/// A statement over rows, in four parts: what comes first, what stands for a row, what stands between rows, what comes last. Each `?` is a
/// value, those of the first part before those of the rows.
struct Statement<'v> {
    parts: [String; 4],
    first: Vec<Value<'v>>,
    rows: Vec<Vec<Value<'v>>>,
    each: Option<Each>,
}

/// What a row must find: a statement that changes fewer rows fails the batch.
#[derive(Clone, Copy)]
pub(crate) struct Each {
    /// Rows of the table.
    pub(crate) rows: usize,
    /// The table, and a column that was not as expected if it finds fewer.
    pub(crate) of: (&'static str, &'static str),
}

impl Each {
    /// One row of a table.
    pub(crate) const fn one(table: &'static str, column: &'static str) -> Self {
        Self {
            rows: 1,
            of: (table, column),
        }
    }
}

impl<'v> Script<'v> {
    /// Puts rows down; `{shard}` in the parts is filled in.
    pub(crate) fn put(&mut self, parts: [&str; 4], shard: ShardId, rows: impl IntoIterator<Item = Vec<Value<'v>>>) {
        self.add(|| of(parts, shard), Vec::new(), rows, None);
    }

    /// The same for a table that all shards share.
    pub(crate) fn put_shared(&mut self, parts: [&str; 4], rows: impl IntoIterator<Item = Vec<Value<'v>>>) {
        self.add(|| parts.map(str::to_owned), Vec::new(), rows, None);
    }

    /// Changes rows that are there, each of which must be as expected; `first` are the values of the first part.
    pub(crate) fn change(
        &mut self,
        each: Each,
        (parts, shard): ([&str; 4], ShardId),
        first: Vec<Value<'v>>,
        rows: impl IntoIterator<Item = Vec<Value<'v>>>,
    ) {
        self.add(|| of(parts, shard), first, rows, Some(each));
    }

    /// Most batches have nothing for most tables: the parts are only made for rows.
    fn add(
        &mut self,
        parts: impl FnOnce() -> [String; 4],
        first: Vec<Value<'v>>,
        rows: impl IntoIterator<Item = Vec<Value<'v>>>,
        each: Option<Each>,
    ) {
        let rows: Vec<Vec<Value<'v>>> = rows.into_iter().collect();
        if !rows.is_empty() {
            self.0.push(Statement {
                parts: parts(),
                first,
                rows,
                each,
            });
        }
    }

    /// Carries everything out; only in a transaction all of it or nothing.
    pub(crate) async fn carry_out(self, c: &mut Connection) -> Result<(), StoreError> {
        match c {
            Connection::MySql(server) if self.fits_into_texts() => {
                let mut texts = Texts::default();
                for statement in self.0 {
                    for text in texts.add(&statement) {
                        send(server, text).await?;
                    }
                }
                match texts.rest() {
                    Some(text) => send(server, text).await,
                    None => Ok(()),
                }
            }
            _ => {
                for statement in self.0 {
                    statement.execute(c).await?;
                }
                Ok(())
            }
        }
    }

    /// Whether each row is small enough to stand in a text.
    fn fits_into_texts(&self) -> bool {
        let mut rows = self.0.iter().flat_map(|statement| &statement.rows);
        let bytes = |row: &Vec<Value<'_>>| row.iter().map(Value::size).fold(0, usize::saturating_add);
        rows.all(|row| bytes(row) <= LARGE)
    }
}

impl Statement<'_> {
    /// Carries it out by itself, in pieces of which each text is prepared once.
    async fn execute(self, c: &mut Connection) -> Result<(), StoreError> {
        let [head, item, separator, tail] = self.parts.each_ref().map(String::as_str);
        for piece in pieces(&self.rows) {
            let sql = global([head, item, separator, tail], piece.len());
            let values = || self.first.iter().chain(piece.iter().flatten());
            let done = with!(&mut *c, |c| {
                let mut query = sqlx::query(sql);
                for value in values() {
                    query = match value {
                        Value::Null => query.bind(None::<i64>),
                        Value::Int(number) => query.bind(*number),
                        Value::Text(text) => query.bind(text.to_string()),
                        Value::Bytes(bytes) => query.bind(bytes.to_vec()),
                    };
                }
                query.execute(&mut *c).await.map(|done| done.rows_affected())
            })?;
            expect(self.each, piece.len(), done)?;
        }
        Ok(())
    }
}

/// Parts with the number of a shard filled in.
fn of(parts: [&str; 4], shard: ShardId) -> [String; 4] {
    parts.map(|part| of_shard(part, shard).0)
}

/// Sends a text, and hears what became of each of its statements.
async fn send(c: &mut MySqlConnection, text: text::Text) -> Result<(), StoreError> {
    let mut answers = sqlx::raw_sql(AssertSqlSafe(text.sql)).fetch_many(c);
    let mut expected = text.expected.into_iter();
    while let Some(answer) = answers.try_next().await? {
        if let (Either::Left(done), Some((each, rows))) = (answer, expected.next()) {
            expect(each, rows, done.rows_affected())?;
        }
    }
    match expected.next() {
        None => Ok(()),
        Some(_) => Err(sqlx::Error::Protocol("fewer answers than statements".to_owned()).into()),
    }
}

/// Demands that so many rows of a statement have found what they must.
fn expect(each: Option<Each>, rows: usize, done: u64) -> Result<(), StoreError> {
    let Some(Each { rows: each, of }) = each else {
        return Ok(());
    };
    let named = rows.saturating_mul(each);
    if u64::try_from(named).is_ok_and(|named| named == done) {
        Ok(())
    } else {
        let reason = format!("{done} of {named} rows were as expected");
        Err(StoreError::row(of.0, of.1, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_large_row_keeps_a_script_from_being_text() {
        let script = |sizes: &[usize]| {
            let mut script = Script::default();
            for bytes in sizes {
                let row = vec![Value::from(1_i64), Value::from(vec![0; *bytes])];
                script.put_shared(["INSERT INTO t (a, b) VALUES ", "(?, ?)", ", ", ""], [row]);
            }
            script
        };
        assert!(script(&[1, LARGE, 1, LARGE]).fits_into_texts());
        assert!(!script(&[1, LARGE + 1, 1]).fits_into_texts());
        let mut nothing = Script::default();
        nothing.put_shared(["", "", "", ""], []);
        assert!(nothing.0.is_empty());
    }

    #[test]
    fn rows_that_are_not_as_expected_are_told() {
        assert!(expect(None, 3, 0).is_ok());
        assert!(expect(Some(Each::one("trip", "issued_by")), 3, 3).is_ok());
        let told = expect(Some(Each::one("trip", "issued_by")), 3, 2).map_err(|error| error.to_string());
        assert_eq!(
            told,
            Err("trip, column issued_by: 2 of 3 rows were as expected".to_owned())
        );
    }
}
