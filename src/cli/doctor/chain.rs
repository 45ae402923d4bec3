//! The chain: whether its file is this ledger's and as long as the ledger knows it, and whether what is booked arrives there.

use super::apart::{aside, is_off};
use super::look::{Database, Look};
use super::report::{Findings, Level, Part};
use super::words::{ago, cause, many, span};
use crate::app;
use crate::chain::embedded::genesis::genesis_digest;
use crate::chain::embedded::{ChainFile, FileError, Snapshot, Tip};
use crate::config::ChainKind;
use crate::ledger::ids::Hash;
use crate::store::db::StoreError;
use crate::store::deployment::is_any_confirmed;
use crate::store::examine::{Waiting, newest_confirmed_height, waiting};
use crate::store::reads::dispatch::Backlog;

/// As long as the alert waits that rings for this.
const BEHIND_MS: i64 = 5 * 60_000;
/// Whoever looks after an hour is not looking at a hiccup.
const STUCK_MS: i64 = 60 * 60_000;

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    match look.config.chain.kind {
        ChainKind::Embedded => {
            let file = app::chain::file(look.config, look.folder);
            say.of(Part::Chain, Some(file.file.display().to_string()));
            if let Err(error) = of_file(look, &file, say).await {
                say.wrong(
                    "ledger_unreadable",
                    format!("what the ledger says of it cannot be read: {}", cause(&error)),
                    "see `database` above",
                );
            }
        }
        ChainKind::Elsewhere => {
            say.ok(
                "elsewhere",
                "another instance has the chain and takes there what this one books (`chain.kind = elsewhere`)",
            );
        }
    }
    say.of(Part::Chain, None);
    match backlog(look).await {
        Ok(Some(found)) => judge_backlog(&found, look.clock.now_ms(), say),
        Ok(None) => {}
        Err(error) => {
            let saw = format!("what waits for the chain cannot be read: {}", cause(&error));
            say.wrong("backlog_unreadable", saw, "see `database` above");
        }
    }
}

/// What the ledger has seen of its chain.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Something is confirmed.
    any: bool,
    /// The highest block of late.
    height: i64,
}

async fn of_file(look: &mut Look<'_>, file: &ChainFile, say: &mut Findings) -> Result<(), StoreError> {
    // The ledger before the chain: a transaction is in a block before the ledger hears of it, so a gateway at work is not taken for a loss.
    let mut known = Known::default();
    for database in &mut look.databases {
        known = known_by(database, known).await?;
    }
    let expected = match look.main() {
        Some((connection, founded)) => app::chain::genesis(connection, &founded.deployment).await.ok(),
        None => None,
    };
    let expected = expected
        .and_then(|genesis| genesis.encode().ok())
        .map(|document| genesis_digest(&document));
    match file.snapshot_if_founded().await {
        Ok(None) => absent(known, look.is_partial(), say),
        Ok(Some(snapshot)) => match read(snapshot).await {
            Ok((found, tip)) => judge(
                &Shown {
                    expected,
                    found,
                    tip,
                    known,
                },
                look.clock.now_ms(),
                say,
            ),
            Err(error) => unreadable(&error, say),
        },
        Err(error) => unreadable(&error, say),
    }
    Ok(())
}

async fn known_by(database: &mut Database, mut known: Known) -> Result<Known, StoreError> {
    let Some((connection, shards)) = database.shards() else {
        return Ok(known);
    };
    for shard in shards {
        known.any |= is_any_confirmed(connection, *shard).await?;
        known.height = known
            .height
            .max(newest_confirmed_height(connection, *shard).await?.unwrap_or(0));
    }
    Ok(known)
}

async fn read(mut snapshot: Snapshot) -> Result<(Option<Hash>, Option<Tip>), FileError> {
    Ok((snapshot.founded_on().await?, snapshot.tip().await?))
}

fn unreadable(error: &FileError, say: &mut Findings) {
    let advice = "look at owner and rights of the file; if it is damaged, restore it from a backup that is not older than the ledger's";
    say.wrong(
        "unreadable",
        format!("the chain's file cannot be read: {}", cause(error)),
        advice,
    );
}

fn absent(known: Known, is_partial: bool, say: &mut Findings) {
    if known.any {
        let saw = "the ledger has transactions confirmed by a chain, and here is none";
        let advice = "start in the folder that holds the chain, or say `chain.kind = elsewhere` where another instance has it; no gateway starts a second one";
        say.wrong("missing", saw, advice);
    } else if is_partial {
        let saw = "there is no chain here; whether the ledger has one cannot be told while its database is not seen";
        say.warn("not_seen", saw, "mend what stands above under `database` first");
    } else {
        say.ok(
            "none",
            "there is no chain yet, and nothing is confirmed: the next start makes one",
        );
    }
}

/// What file and ledger show.
struct Shown {
    expected: Option<Hash>,
    found: Option<Hash>,
    tip: Option<Tip>,
    known: Known,
}

fn judge(shown: &Shown, now_ms: i64, say: &mut Findings) {
    if let Some(expected) = shown.expected
        && shown.found != Some(expected)
    {
        let saw = "this is the chain of another ledger: it was founded on another deployment or another authority";
        return say.wrong(
            "other",
            saw,
            "put the ledger's own chain.db in its place; no gateway starts with this one",
        );
    }
    let height = shown.tip.map_or(0, |tip| i64::try_from(tip.height).unwrap_or(i64::MAX));
    if shown.known.height > height {
        let saw = format!(
            "the ledger has transactions confirmed in block {}, but the chain ends with block {height}",
            shown.known.height
        );
        let advice =
            "this file is an older copy: put the newest one in its place before a gateway makes other blocks on it";
        return say.wrong("shorter", saw, advice);
    }
    let whose = match shown.expected {
        Some(_) => "it is this ledger's chain",
        None => "it is a chain, whose cannot be told now",
    };
    match shown.tip {
        None => say.ok("height", format!("{whose}, and it has no block yet")),
        Some(tip) => {
            let ahead_ms = tip.at_ms.saturating_sub(now_ms);
            let (blocks, ago) = (many(height, "block"), ago(ahead_ms.saturating_neg()));
            say.ok("height", format!("{whose}, with {blocks}, the last one {ago}"));
            if let Some(level) = is_off(ahead_ms.max(0)) {
                let saw = format!("its last block is dated {}", aside(ahead_ms));
                say.bad(
                    level,
                    "ahead",
                    saw,
                    "one of the clocks is wrong, this machine's or that of whoever made the block; see `clock`",
                );
            }
        }
    }
}

/// Of all databases that are seen; `None` if that is none.
async fn backlog(look: &mut Look<'_>) -> Result<Option<Waiting>, StoreError> {
    let mut sum: Option<Waiting> = None;
    for database in &mut look.databases {
        let Some((connection, shards)) = database.shards() else {
            continue;
        };
        if shards.is_empty() {
            continue;
        }
        let shards = shards.to_vec();
        let found = waiting(connection, &shards).await?;
        sum = Some(sum.unwrap_or_default().and(found));
    }
    Ok(sum)
}

fn judge_backlog(found: &Waiting, now_ms: i64, say: &mut Findings) {
    let Backlog {
        stored,
        waiting,
        submitted,
        refused,
        dead,
    } = found.backlog;
    let on_the_way = stored.saturating_add(submitted);
    let aged_ms = found.oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest));
    let behind = waiting.checked_add(on_the_way).unwrap_or(i64::MAX);
    let advice = "is a gateway with the chain at work? `GET /v1/chain` and its log say what holds it up; riders feel nothing, and it drains by itself";
    match aged_ms {
        _ if on_the_way == 0 => say.ok("backlog", "nothing is on its way to the chain"),
        ..BEHIND_MS => {
            let (behind, aged) = (many(behind, "transaction"), span(aged_ms.max(0)));
            say.ok(
                "backlog",
                format!("{behind} on the way to the chain, the oldest for {aged}"),
            );
        }
        _ => {
            let level = if aged_ms < STUCK_MS {
                Level::Warning
            } else {
                Level::Wrong
            };
            let saw = format!(
                "{} on the way to the chain for too long, the oldest was booked {} ago",
                many(behind, "transaction"),
                span(aged_ms)
            );
            say.bad(level, "backlog", saw, advice);
        }
    }
    if refused.saturating_add(dead) > 0 {
        let saw = format!(
            "{} refused by the chain, and {dead} given up after too many attempts",
            many(refused, "transaction")
        );
        let advice = "`GET /v1/transactions?status=refused` (and `dead`) gives the reasons; mend the cause, then `carbon-gateway redrive --all`";
        say.warn("refused", saw, advice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_176_000_000;

    fn codes(found: &Waiting) -> Vec<(&'static str, Level)> {
        let mut say = Findings::new();
        judge_backlog(found, NOW_MS, &mut say);
        say.codes()
    }

    #[test]
    fn what_waits_is_judged_by_its_age() {
        assert_eq!(codes(&Waiting::default()), [("backlog", Level::Ok)]);
        let cases = [
            (1_000, Level::Ok),
            (BEHIND_MS, Level::Warning),
            (STUCK_MS, Level::Wrong),
        ];
        for (aged_ms, level) in cases {
            let backlog = Backlog {
                submitted: 1,
                ..Backlog::default()
            };
            let found = Waiting {
                backlog,
                oldest_ms: Some(NOW_MS - aged_ms),
            };
            assert_eq!(codes(&found), [("backlog", level)], "{aged_ms}");
        }
        // What waits for a refused one waits for an operator, who is told of the refused one.
        let backlog = Backlog {
            waiting: 5,
            refused: 1,
            ..Backlog::default()
        };
        let found = Waiting {
            backlog,
            oldest_ms: None,
        };
        assert_eq!(codes(&found), [("backlog", Level::Ok), ("refused", Level::Warning)]);
    }

    #[test]
    fn a_chain_is_the_ledgers_and_as_long() {
        let hash = |byte| Hash::new([byte; 32]);
        let tip = |height, at_ms| {
            Some(Tip {
                height,
                at_ms,
                hash: hash(9),
            })
        };
        let known = |height| Known { any: true, height };
        let judged = |shown: Shown| {
            let mut say = Findings::new();
            judge(&shown, NOW_MS, &mut say);
            say.codes()
        };
        let shown = |found, tip, height| Shown {
            expected: Some(hash(1)),
            found: Some(hash(found)),
            tip,
            known: known(height),
        };
        assert_eq!(judged(shown(1, tip(7, NOW_MS), 7)), [("height", Level::Ok)]);
        assert_eq!(judged(shown(1, None, 0)), [("height", Level::Ok)]);
        assert_eq!(judged(shown(2, tip(7, NOW_MS), 7)), [("other", Level::Wrong)]);
        assert_eq!(judged(shown(1, tip(6, NOW_MS), 7)), [("shorter", Level::Wrong)]);
        let ahead = judged(shown(1, tip(7, NOW_MS + 60_000), 7));
        assert_eq!(ahead, [("height", Level::Ok), ("ahead", Level::Wrong)]);
        let mut say = Findings::new();
        absent(known(0), true, &mut say);
        absent(Known::default(), true, &mut say);
        absent(Known::default(), false, &mut say);
        let expected = [
            ("missing", Level::Wrong),
            ("not_seen", Level::Warning),
            ("none", Level::Ok),
        ];
        assert_eq!(say.codes(), expected);
    }
}
