//! How riders fall on the thirty shards. A rider's shard is the id modulo 30 for ever, so ids that share a divisor with 30 leave shards,
//! and with them writers and servers, without work. Accounts are not counted: of each shard the riders with the lowest and the highest
//! ids are looked at, and the seqs of the heads say how much was booked in each.

use super::look::Look;
use super::report::Findings;
use super::words::{cause, many};
use crate::ledger::ids::{SHARDS, ShardId, UserId};
use crate::store::examine::riders;
use std::collections::BTreeSet;

/// Riders looked at from either end of a shard's ids.
const EACH: i64 = 20;
/// With fewer riders their ids may share a divisor by chance.
const FEW_RIDERS: usize = 30;
/// Riders that used shards have on the average before an empty one is no chance.
const RIDERS_A_SHARD: usize = 10;
/// Entries before shares are compared.
const FEW_ENTRIES: i64 = 3_000;
/// A shard with so many times its share is far from the others.
const TIMES: i64 = 3;

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    let mut ids = Vec::new();
    for database in &mut look.databases {
        let Some((connection, shards)) = database.shards() else {
            continue;
        };
        let shards = shards.to_vec();
        match riders(connection, &shards, EACH).await {
            Ok(found) => ids.extend(found),
            Err(error) => {
                let saw = format!("accounts cannot be read: {}", cause(&error));
                return say.wrong("unreadable", saw, "see `database` above");
            }
        }
    }
    if look.is_partial() {
        let saw = "how riders fall on the shards cannot be told while a database is not seen";
        return say.warn("not_seen", saw, "mend what stands above under `database` first");
    }
    let heads = look.databases.iter().flat_map(|database| &database.heads);
    let entries: Vec<(i64, i64)> = heads.map(|head| (head.shard, head.seq)).collect();
    judge_ids(&ids, say);
    judge_entries(&entries, say);
}

/// What the ids have in common: each leaves `rest` when divided by `by`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Common {
    by: i64,
    rest: i64,
}

/// The greatest number by which all ids leave the same rest; `None` of fewer than two.
fn common(ids: &[i64]) -> Option<Common> {
    let lowest = *ids.iter().min()?;
    let by = ids.iter().fold(0, |by, id| divisor(by, id.saturating_sub(lowest)));
    let rest = lowest.checked_rem_euclid(by)?;
    Some(Common { by, rest })
}

/// The greatest common divisor.
const fn divisor(mut one: i64, mut other: i64) -> i64 {
    while let Some(rest) = one.checked_rem(other) {
        (one, other) = (other, rest);
    }
    one
}

fn judge_ids(ids: &[i64], say: &mut Findings) {
    if ids.len() < FEW_RIDERS {
        let saw = match ids.len() {
            0 => "there is no rider yet".to_owned(),
            count => format!(
                "only {} so far, too few to say how they fall on the shards",
                many(count, "rider")
            ),
        };
        return say.ok("riders_few", saw);
    }
    let used: BTreeSet<ShardId> = ids.iter().map(|id| UserId::from_stored(*id).shard()).collect();
    let advice = "give new riders ids without that pattern (divide them before they are sent): a rider's shard is for ever, those who are here keep theirs";
    if let Some(Common { by, rest }) = common(ids)
        && divisor(by, i64::from(SHARDS)) > 1
    {
        let what = if rest == 0 {
            format!("is a multiple of {by}")
        } else {
            format!("leaves {rest} when divided by {by}")
        };
        let saw = format!(
            "every one of {} user ids looked at {what}, so only {} of the 30 shards are used",
            ids.len(),
            used.len()
        );
        return say.warn("ids_in_step", saw, advice);
    }
    if used.len() < usize::from(SHARDS) && ids.len() >= used.len().saturating_mul(RIDERS_A_SHARD) {
        let unused: Vec<String> = ShardId::all()
            .filter(|shard| !used.contains(shard))
            .map(|shard| shard.to_string())
            .collect();
        let saw = format!("{} of the 30 shards have no rider: {}", unused.len(), unused.join(", "));
        return say.warn("shards_unused", saw, advice);
    }
    let shards = if used.len() < usize::from(SHARDS) {
        format!("{} of the 30 shards", used.len())
    } else {
        "all 30 shards".to_owned()
    };
    let saw = format!(
        "the {} riders looked at fall on {shards}, without a pattern in their ids",
        ids.len()
    );
    say.ok("riders", saw);
}

/// Shares of the shards in which anything was booked, by the seqs of their heads.
fn judge_entries(heads: &[(i64, i64)], say: &mut Findings) {
    let booked: Vec<&(i64, i64)> = heads.iter().filter(|(_, seq)| *seq > 0).collect();
    let total = booked.iter().fold(0_i64, |sum, (_, seq)| sum.saturating_add(*seq));
    let Some((shard, most)) = booked.iter().max_by_key(|(_, seq)| *seq) else {
        return;
    };
    let count = i64::try_from(booked.len()).unwrap_or(i64::MAX);
    if total < FEW_ENTRIES {
        return;
    }
    // In tenths of a share, so that no float is needed.
    let tenths = most
        .saturating_mul(10)
        .saturating_mul(count)
        .checked_div(total)
        .unwrap_or(0);
    let times = format!("{}.{}", tenths / 10, tenths % 10);
    if tenths < TIMES.saturating_mul(10) {
        return say.ok(
            "entries",
            format!("the busiest shard has {times} times its share of {total} entries"),
        );
    }
    let saw = format!("shard {shard:02} has {most} of {total} entries, {times} times its share");
    let advice = "a few ids do most of it (a test account, many riders under one id): `GET /v1/reports/totals?by=shard` shows the days";
    say.warn("entries_uneven", saw, advice);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;

    fn of_ids(ids: impl Iterator<Item = i64>) -> Vec<(&'static str, Level)> {
        let mut say = Findings::new();
        judge_ids(&ids.collect::<Vec<_>>(), &mut say);
        say.codes()
    }

    #[test]
    fn a_pattern_in_ids_is_found() {
        assert_eq!(common(&[40, 10, 100]), Some(Common { by: 30, rest: 10 }));
        assert_eq!(common(&[7, 17, 27]), Some(Common { by: 10, rest: 7 }));
        assert_eq!(common(&[5, 5]), None);
        assert_eq!(common(&[]), None);
        assert_eq!(common(&[0, i64::MAX]), Some(Common { by: i64::MAX, rest: 0 }));
        assert_eq!(of_ids((0..40).map(|n| n * 10)), [("ids_in_step", Level::Warning)]);
        assert_eq!(of_ids((0..40).map(|n| n * 6 + 1)), [("ids_in_step", Level::Warning)]);
        // Seven has nothing in common with thirty: every shard is reached.
        assert_eq!(of_ids((0..300).map(|n| n * 7)), [("riders", Level::Ok)]);
    }

    #[test]
    fn few_riders_prove_nothing_and_empty_shards_do() {
        assert_eq!(of_ids(std::iter::empty()), [("riders_few", Level::Ok)]);
        assert_eq!(of_ids((0..29).map(|n| n * 10)), [("riders_few", Level::Ok)]);
        assert_eq!(of_ids(0..29 * 20), [("riders", Level::Ok)]);
        let lacking = (0..900).filter(|id| id % 30 != 17);
        assert_eq!(of_ids(lacking), [("shards_unused", Level::Warning)]);
        // Riders of one and two shards beside each other: no more than chance.
        assert_eq!(of_ids((0..40).filter(|id| id % 30 != 17)), [("riders", Level::Ok)]);
    }

    #[test]
    fn one_shard_with_most_of_it_is_told() {
        let judged = |heads: &[(i64, i64)]| {
            let mut say = Findings::new();
            judge_entries(heads, &mut say);
            say.codes()
        };
        let even: Vec<(i64, i64)> = (0..30).map(|shard| (shard, 1_000 + shard)).collect();
        assert_eq!(judged(&even), [("entries", Level::Ok)]);
        let mut uneven = even.clone();
        uneven[17].1 = 10_000;
        assert_eq!(judged(&uneven), [("entries_uneven", Level::Warning)]);
        assert_eq!(judged(&[(17, 500), (3, 1)]), []);
        assert_eq!(judged(&[]), []);
    }
}
