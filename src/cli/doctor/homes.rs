//! Where the thirty shards are at home, by the heads that stand in the databases that could be looked into.

use super::look::Look;
use super::report::Findings;
use crate::ledger::ids::ShardId;
use crate::store::audit::HeadRow;
use crate::store::databases::{Holding, HomesError, homes_by};

pub(super) fn examine(look: &Look<'_>, say: &mut Findings) {
    let holdings: Vec<Holding> = look
        .databases
        .iter()
        .filter_map(|database| database.holding.clone())
        .collect();
    let heads: Vec<&HeadRow> = look.databases.iter().flat_map(|database| &database.heads).collect();
    let deployment = look.founded.as_ref().map(|(_, founded)| founded.deployment.id);
    let seen = Seen {
        holdings: &holdings,
        heads: &heads,
        deployment,
        is_partial: look.is_partial(),
    };
    judge(&seen, say);
}

/// The shard of a head's row, unless it is no shard's.
pub(super) fn shard_of(head: &HeadRow) -> Option<ShardId> {
    u8::try_from(head.shard).ok().and_then(ShardId::new)
}

struct Seen<'a> {
    holdings: &'a [Holding],
    heads: &'a [&'a HeadRow],
    deployment: Option<[u8; 16]>,
    is_partial: bool,
}

fn judge(seen: &Seen<'_>, say: &mut Findings) {
    let deployments: Vec<&Holding> = seen.holdings.iter().filter(|holding| holding.has_deployment).collect();
    if let [one, other, ..] = deployments.as_slice() {
        let (one, other) = (one.database.clone(), other.database.clone());
        let saw = HomesError::TwoDeployments { one, other }.to_string();
        say.wrong(
            "two_deployments",
            saw,
            "`database.url` lists databases of two ledgers, or an old copy of one: name those of one ledger only",
        );
    }
    let Some(deployment) = seen.deployment else {
        return unfounded(seen, say);
    };
    foreign(seen.heads, deployment, say);
    match homes_by(seen.holdings) {
        Ok(_) => {
            let places = seen.holdings.iter().filter(|holding| !holding.heads.is_empty()).count();
            let saw = match places {
                1 => "all thirty shards are at home in it".to_owned(),
                places => format!("all thirty shards are at home, in {places} databases"),
            };
            say.ok("homes", saw);
        }
        Err(HomesError::NoHome { .. }) if seen.is_partial => unseen(say),
        // Which of two deployments lies apart from the first shard is said already.
        Err(HomesError::Parted { .. }) if deployments.len() > 1 => {}
        Err(error) => told(&error, say),
    }
}

/// Heads may stand there without the row that says whose they are.
fn unfounded(seen: &Seen<'_>, say: &mut Findings) {
    if seen.is_partial {
        return unseen(say);
    }
    if let Some(head) = seen.heads.iter().find(|head| head.seq > 0) {
        let saw = format!(
            "shard {:02} holds entries, but the row that says of which ledger is in none of the databases",
            head.shard
        );
        return say.wrong(
            "no_main",
            saw,
            "`database.url` leaves the main database out, or it has lost its tables: name it, or restore it",
        );
    }
    if !seen.heads.is_empty() {
        let saw = "the founding of this ledger was cut short, before anything was booked";
        say.warn(
            "founding_cut_short",
            saw,
            "the next start does it again from the beginning",
        );
    }
}

fn unseen(say: &mut Findings) {
    let saw = "where every shard is at home cannot be told while a database is not seen";
    say.warn(
        "homes_unknown",
        saw,
        "see above; the gateway serves the riders of those that answer",
    );
}

fn told(error: &HomesError, say: &mut Findings) {
    let saw = error.to_string();
    match error {
        HomesError::TwoHomes { .. } => say.wrong(
            "two_homes",
            saw,
            "find out which was written last (`shard_head`, `at_ms`), and take the other out of `database.url`",
        ),
        HomesError::NoHome { .. } => say.wrong(
            "no_home",
            saw,
            "add the database that has it to `database.url`, or restore it",
        ),
        HomesError::Parted { .. } => say.wrong(
            "parted",
            saw,
            "list the databases of one ledger, none of them an older copy",
        ),
        _ => say.wrong(
            "homes",
            saw,
            "list the databases of one ledger, none of them an older copy",
        ),
    }
}

/// Heads that another deployment has written.
fn foreign(heads: &[&HeadRow], deployment: [u8; 16], say: &mut Findings) {
    if let Some(head) = heads.iter().find(|head| head.home != deployment) {
        let saw = format!("shard {:02} is at home in another deployment", head.shard);
        say.wrong(
            "foreign_shard",
            saw,
            "a database of another ledger, or an old file, has been put in place: take the right one",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;

    const OURS: [u8; 16] = [1; 16];

    fn head(shard: i64, seq: i64) -> HeadRow {
        let (seal, home) = (Vec::new(), OURS.to_vec());
        HeadRow {
            shard,
            seq,
            seal,
            at_ms: 0,
            home,
        }
    }

    fn holding(database: &str, shards: std::ops::Range<usize>, has_deployment: bool) -> Holding {
        Holding {
            database: database.to_owned(),
            heads: ShardId::all().skip(shards.start).take(shards.len()).collect(),
            has_deployment,
        }
    }

    fn codes(
        holdings: &[Holding],
        heads: &[HeadRow],
        deployment: Option<[u8; 16]>,
        is_partial: bool,
    ) -> Vec<(&'static str, Level)> {
        let mut say = Findings::new();
        let heads: Vec<&HeadRow> = heads.iter().collect();
        let seen = Seen {
            holdings,
            heads: &heads,
            deployment,
            is_partial,
        };
        judge(&seen, &mut say);
        say.codes()
    }

    #[test]
    fn a_home_for_every_shard_and_no_second_one() {
        let whole = [holding("a", 0..15, true), holding("b", 15..30, false)];
        assert_eq!(codes(&whole, &[head(3, 1)], Some(OURS), false), [("homes", Level::Ok)]);
        let cases = [
            ([holding("a", 0..15, true), holding("b", 14..30, false)], "two_homes"),
            ([holding("a", 0..15, true), holding("b", 16..30, false)], "no_home"),
            ([holding("a", 0..15, false), holding("b", 15..30, true)], "parted"),
        ];
        for (holdings, code) in cases {
            assert_eq!(codes(&holdings, &[], Some(OURS), false), [(code, Level::Wrong)]);
        }
        let both = [holding("a", 0..30, true), holding("b", 0..0, true)];
        assert_eq!(
            codes(&both, &[], Some(OURS), false),
            [("two_deployments", Level::Wrong)]
        );
        assert_eq!(
            codes(&whole, &[head(3, 1)], Some([2; 16]), false),
            [("foreign_shard", Level::Wrong), ("homes", Level::Ok)]
        );
    }

    #[test]
    fn what_is_not_seen_is_not_missing() {
        let half = [holding("a", 0..15, true)];
        assert_eq!(codes(&half, &[], Some(OURS), true), [("homes_unknown", Level::Warning)]);
        assert_eq!(codes(&[], &[], None, true), [("homes_unknown", Level::Warning)]);
    }

    #[test]
    fn heads_without_a_deployment() {
        assert_eq!(codes(&[], &[], None, false), []);
        assert_eq!(
            codes(&[], &[head(3, 0)], None, false),
            [("founding_cut_short", Level::Warning)]
        );
        assert_eq!(
            codes(&[], &[head(3, 0), head(4, 7)], None, false),
            [("no_main", Level::Wrong)]
        );
    }
}
