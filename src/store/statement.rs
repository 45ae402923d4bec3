//! Statement texts: the one place where SQL is put together. Texts are made of constants, shard numbers and question marks;
//! no value of a caller ever stands in them.

use crate::ledger::ids::ShardId;
use sqlx::AssertSqlSafe;

/// Rows a multi-row statement may have: few enough that each text is prepared once, and so that the few rows that a batch has for
/// a shard go in one statement.
const SIZES: [usize; 8] = [64, 32, 16, 8, 4, 3, 2, 1];

/// A text with `{shard}` filled in.
pub(crate) fn of_shard(template: &str, shard: ShardId) -> AssertSqlSafe<String> {
    AssertSqlSafe(template.replace("{shard}", &shard.to_string()))
}

/// A SELECT of several shards, one below the other.
pub(crate) fn of_shards(template: &str, shards: &[ShardId]) -> AssertSqlSafe<String> {
    let parts: Vec<String> = shards.iter().map(|shard| of_shard(template, *shard).0).collect();
    AssertSqlSafe(parts.join(" UNION ALL "))
}

/// `head` followed by `item` repeated `count` times with `separator` between, then `tail`; `{shard}` filled in.
pub(crate) fn repeated(parts: [&str; 4], count: usize, shard: ShardId) -> AssertSqlSafe<String> {
    of_shard(&global(parts, count).0, shard)
}

/// The same for a table that all shards share.
pub(crate) fn global(parts: [&str; 4], count: usize) -> AssertSqlSafe<String> {
    let [head, item, separator, tail] = parts;
    AssertSqlSafe(format!("{head}{}{tail}", vec![item; count].join(separator)))
}

/// Cuts items into pieces of the allowed sizes, largest first.
pub(crate) fn pieces<T>(mut items: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    for size in SIZES {
        while let Some((piece, rest)) = items.split_at_checked(size) {
            pieces.push(piece);
            items = rest;
        }
    }
    pieces
}

/// Runs a statement over rows in pieces: head, item, separator, tail; `$bind` binds one row.
macro_rules! write_rows {
    ($c:expr, $shard:expr, $parts:expr, $rows:expr, |$query:ident, $row:ident| $bind:expr) => {
        for piece in $crate::store::statement::pieces($rows) {
            let sql = $crate::store::statement::repeated($parts, piece.len(), $shard);
            $crate::store::db::with!(&mut *$c, |c| {
                let mut $query = sqlx::query(sql);
                for $row in piece {
                    $query = $bind;
                }
                $query.execute(&mut *c).await.map(|_| ())
            })?;
        }
    };
}

/// Reads rows that a statement finds for keys in pieces; `$bind` binds one key.
macro_rules! read_rows {
    ($c:expr, $shard:expr, $parts:expr, $keys:expr, |$query:ident, $key:ident| $bind:expr) => {{
        let mut rows = Vec::new();
        for piece in $crate::store::statement::pieces($keys) {
            let sql = $crate::store::statement::repeated($parts, piece.len(), $shard);
            rows.extend($crate::store::db::with!(&mut *$c, |c| {
                let mut $query = sqlx::query_as(sql);
                for $key in piece {
                    $query = $bind;
                }
                $query.fetch_all(&mut *c).await
            })?);
        }
        rows
    }};
}
pub(crate) use {read_rows, write_rows};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_in_order() {
        let items: Vec<u32> = (0..151).collect();
        let sizes: Vec<usize> = pieces(&items).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [64, 64, 16, 4, 3]);
        assert_eq!(pieces(&items).concat(), items);
        assert!(pieces::<u32>(&[]).is_empty());
    }
}
