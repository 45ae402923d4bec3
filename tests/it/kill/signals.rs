//! SIGKILL at random moments over imports of 2,000 rides with a chain that fails on purpose. An import that was ended is run again, and
//! ended again, until it comes to its end by itself; then the next folder begins, until there were kills enough.

use super::books::{Books, Progress};
use super::{Start, Town, assert_same_rows, assert_verified, tell};
use crate::database;
use crate::import::made::Dice;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KILLED: i32 = 9;
const RIDES: u64 = 2_000;
const RIDERS: u64 = 300;
/// Folders at once, and kills in each lane.
const LANES: u64 = 2;
const KILLS: usize = 25;
const KILLS_ON_A_SERVER: usize = 8;

/// What an undisturbed folder says: the first table, the second, its books; and how long the first took.
struct Undisturbed {
    table: Value,
    again: Value,
    books: Books,
    took: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_change_nothing() {
    let town = Arc::new(Town::found(1, RIDES, RIDERS));
    let undisturbed = Arc::new(undisturbed(&town).await);
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        let (town, undisturbed) = (Arc::clone(&town), Arc::clone(&undisturbed));
        lanes.spawn(async move {
            let mut dice = Dice(90 + lane);
            let mut phases = Vec::new();
            while phases.len() < database::times(KILLS, KILLS_ON_A_SERVER) {
                phases.extend(folder(&town, &undisturbed, &mut dice).await);
            }
            phases
        });
    }
    let kills: Vec<(&str, String)> = lanes.join_all().await.into_iter().flatten().collect();
    let mut phases: BTreeMap<&str, u32> = BTreeMap::new();
    for (phase, line) in &kills {
        tell(line);
        *phases.entry(phase).or_default() += 1;
    }
    tell(&format!("{} kills: {phases:?}", kills.len()));
    // So few on a server that not every phase need be met.
    let wanted: &[&[&str]] = database::times(
        &[&["importing"], &["sending"]],
        &[&["importing", "collecting", "sending", "closing"]],
    );
    for any in wanted {
        assert!(
            any.iter().any(|phase| phases.contains_key(phase)),
            "no kill in {any:?}: {phases:?}"
        );
    }
}

async fn undisturbed(town: &Town) -> Undisturbed {
    let data = tempfile::tempdir().unwrap();
    let start = Start {
        data: data.path(),
        rides: &town.rides[0],
        fault_percent: 15,
        fault_seed: 1,
    };
    let begun = Instant::now();
    let table = town.import(start).await;
    let took = begun.elapsed();
    tell(&format!("undisturbed: {took:?}"));
    Undisturbed {
        table,
        again: town.import(start).await,
        books: Books::of(data.path()).await,
        took,
    }
}

/// One folder, from its beginning to its end; the phase of every kill.
async fn folder(town: &Town, undisturbed: &Undisturbed, dice: &mut Dice) -> Vec<(&'static str, String)> {
    let data = tempfile::tempdir().unwrap();
    let whole_ms = u64::try_from(undisturbed.took.as_millis()).unwrap();
    let mut kills = Vec::new();
    let mut before = Progress::default();
    let table = loop {
        let start = Start {
            data: data.path(),
            rides: &town.rides[0],
            fault_percent: 15,
            fault_seed: dice.below(1_000),
        };
        let mut import = town.start(start, None);
        let after = Duration::from_millis(whole_ms / 8 + dice.below(whole_ms * 3 / 4));
        tokio::time::sleep(after).await;
        import.kill();
        let ended = import.ended().await;
        if let Some(table) = ended.table {
            break table;
        }
        assert_eq!(ended.signal, Some(KILLED), "{}", ended.stderr);
        let progress = Progress::of(data.path()).await;
        let phase = if progress == before {
            "reopening"
        } else {
            progress.phase(undisturbed.books.trip_count())
        };
        kills.push((phase, format!("after {after:>10.3?}, {phase:<10} {progress}")));
        before = progress;
    };
    assert_same_rows(&table, &undisturbed.table);
    Books::of(data.path()).await.assert_are(&undisturbed.books);
    let last = Start {
        data: data.path(),
        rides: &town.rides[0],
        fault_percent: 15,
        fault_seed: 1,
    };
    assert_eq!(town.import(last).await, undisturbed.again);
    assert_verified(data.path(), &["--recompute"]);
    kills
}
