//! Statement texts, put together of constants, shard numbers and question marks.

use crate::ledger::ids::ShardId;
use sqlx::AssertSqlSafe;

/// Rows a multi-row statement may have: few enough that each text is prepared once, and so that the few rows that a batch has for
/// a shard go in one statement.
const SIZES: [usize; 12] = [64, 32, 24, 16, 8, 7, 6, 5, 4, 3, 2, 1];

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

/// A text, and the keys that are bound to it in this order.
pub(crate) type Asking<'k, K> = (AssertSqlSafe<String>, Vec<&'k K>);

/// Places that each shard has in a statement over several.
const PLACES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Of so many places in a statement over several shards one at least must be used.
const SPARSE: usize = 4;

/// Asks for keys of several shards, in which a key names a user and so finds nothing elsewhere: by one statement over all of `own`, a
/// writer's shards, so that its text depends on nothing but the number of places; or shard by shard where most places would be left empty.
/// A key twice finds no more than once, for it stands in a list of alternatives.
pub(crate) fn asking<'k, K>(parts: [&str; 4], own: &[ShardId], asked: &'k [(ShardId, Vec<K>)]) -> Vec<Asking<'k, K>> {
    let all: Vec<&K> = asked.iter().flat_map(|(_, keys)| keys).collect();
    let most = asked.iter().map(|(_, keys)| keys.len()).max().unwrap_or(0);
    let places = PLACES.into_iter().find(|places| *places >= most).unwrap_or(usize::MAX);
    let busy = asked.len() > 1 && places.saturating_mul(own.len()) <= all.len().saturating_mul(SPARSE);
    if !busy || asked.iter().any(|(shard, _)| !own.contains(shard)) {
        let each = asked.iter().flat_map(|(shard, keys)| {
            let pieces = pieces(keys).into_iter();
            pieces.map(|piece| (repeated(parts, piece.len(), *shard), piece.iter().collect()))
        });
        return each.collect();
    }
    let mut bound = Vec::with_capacity(places.saturating_mul(own.len()));
    for shard in own {
        let keys = asked.iter().find(|(of, _)| of == shard).map(|(_, keys)| keys);
        let keys = keys.into_iter().flatten();
        bound.extend(keys.chain(all.first().copied().into_iter().cycle()).take(places));
    }
    let texts: Vec<String> = own.iter().map(|shard| repeated(parts, places, *shard).0).collect();
    vec![(AssertSqlSafe(texts.join(" UNION ALL ")), bound)]
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
/// Reads the rows that statements of [`asking`] find; `$bind` binds one key.
macro_rules! read_asked {
    ($c:expr, $asking:expr, |$query:ident, $key:ident| $bind:expr) => {{
        let mut rows = Vec::new();
        for (sql, keys) in $asking {
            rows.extend($crate::store::db::with!(&mut *$c, |c| {
                let mut $query = sqlx::query_as(sql);
                for $key in keys {
                    $query = $bind;
                }
                $query.fetch_all(&mut *c).await
            })?);
        }
        rows
    }};
}
pub(crate) use {read_asked, read_rows};

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [&str; 4] = ["SELECT a FROM t_{shard} WHERE b IN (", "?", ", ", ")"];

    fn shards() -> Vec<ShardId> {
        ShardId::all().step_by(4).collect()
    }

    #[test]
    fn busy_shards_are_asked_together() {
        let asked: Vec<(ShardId, Vec<u32>)> = std::iter::zip(shards(), [vec![1, 2, 3], vec![4], vec![5, 6]]).collect();
        let one = asking(PARTS, &shards()[..3], &asked);
        assert_eq!(one.len(), 1);
        let (text, keys) = &one[0];
        assert_eq!(
            text.0,
            "SELECT a FROM t_00 WHERE b IN (?, ?, ?, ?) UNION ALL SELECT a FROM t_04 WHERE b IN (?, ?, ?, ?) \
             UNION ALL SELECT a FROM t_08 WHERE b IN (?, ?, ?, ?)"
        );
        let keys: Vec<u32> = keys.iter().map(|key| **key).collect();
        assert_eq!(keys, [1, 2, 3, 1, 4, 1, 1, 1, 5, 6, 1, 1]);
    }

    #[test]
    fn few_keys_are_asked_for_shard_by_shard() {
        let one = [(shards()[2], vec![7])];
        let alone = asking(PARTS, &shards(), &one);
        assert_eq!(alone.len(), 1);
        assert_eq!(alone[0].0.0, "SELECT a FROM t_08 WHERE b IN (?)");
        let uneven = [(shards()[0], (0..40).collect()), (shards()[1], vec![50])];
        let sizes: Vec<usize> = asking(PARTS, &shards(), &uneven)
            .iter()
            .map(|(_, keys)| keys.len())
            .collect();
        assert_eq!(sizes, [32, 8, 1]);
        assert!(asking::<u32>(PARTS, &shards(), &[]).is_empty());
    }

    #[test]
    fn pieces_cover_everything_in_order() {
        let items: Vec<u32> = (0..151).collect();
        let sizes: Vec<usize> = pieces(&items).iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [64, 64, 16, 7]);
        assert_eq!(pieces(&items).concat(), items);
        assert!(pieces::<u32>(&[]).is_empty());
    }
}
