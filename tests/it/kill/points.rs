//! Each named point is hit in five imports of one folder, each after another number of passes. After each hit the same import is run
//! again, which goes on and drains; `verify` finds nothing, and table and books are those of a folder that was never disturbed.

use super::books::{Books, Progress};
use super::{Start, Town, assert_same_rows, assert_verified, tell};
use crate::database;
use carbon_gateway::crash::Point;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// SIGABRT, by which a drill ends.
const ABORTED: i32 = 6;
const ROUNDS: u8 = 5;
const ROUNDS_ON_A_SERVER: u8 = 2;
const RIDES: u64 = 150;
const RIDERS: u64 = 40;
/// Folders at once.
const LANES: usize = 2;

/// What stands after each round of an undisturbed folder, and what a second run over its file says.
struct Undisturbed(Vec<(Value, Value, Books)>);

#[tokio::test(flavor = "multi_thread")]
async fn every_point_is_hit_and_nothing_is_lost() {
    let rounds = database::times(ROUNDS, ROUNDS_ON_A_SERVER);
    let town = Arc::new(Town::found(rounds, RIDES, RIDERS));
    let undisturbed = Arc::new(undisturbed(&town).await);
    let points = Arc::new(Mutex::new(VecDeque::from(Point::ALL)));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..LANES {
        let (town, undisturbed, points) = (Arc::clone(&town), Arc::clone(&undisturbed), Arc::clone(&points));
        lanes.spawn(async move {
            let mut hits = Vec::new();
            loop {
                let Some(at) = points.lock().unwrap().pop_front() else {
                    return hits;
                };
                hits.extend(drilled(&town, at, &undisturbed).await);
            }
        });
    }
    let hits: Vec<(Point, String)> = lanes.join_all().await.into_iter().flatten().collect();
    for at in Point::ALL {
        let mine: Vec<&String> = hits
            .iter()
            .filter(|(hit, _)| *hit == at)
            .map(|(_, line)| line)
            .collect();
        assert!(
            mine.len() >= usize::from(rounds),
            "{} was hit {} times",
            at.as_str(),
            mine.len()
        );
        for line in mine {
            tell(line);
        }
    }
}

/// The passes after which a point is hit, round by round. Blocks and commits gather whatever has come, so nobody knows how many there are.
const fn counts(at: Point) -> [u32; ROUNDS as usize] {
    match at {
        // Within the activations of a new folder, the rides, the claims, and what dispatch orders.
        Point::AfterQueue => [4, 30, 75, 110, 150],
        Point::InKey => [1, 3, 9, 15, 20],
        Point::AfterSigning | Point::AfterRecording | Point::AfterSend | Point::AfterSettle => [1, 2, 4, 6, 8],
        Point::AfterFlush | Point::AfterCommit => [1, 3, 5, 7, 9],
        Point::InBlock | Point::AfterBlock => [1, 2, 3, 2, 1],
        // One is left behind on purpose, by a hit before.
        Point::AfterLease => [1; ROUNDS as usize],
    }
}

async fn undisturbed(town: &Town) -> Undisturbed {
    let data = tempfile::tempdir().unwrap();
    let mut rounds = Vec::new();
    for rides in &town.rides {
        let start = start(data.path(), rides, 0, 0);
        let (table, again) = (town.import(start).await, town.import(start).await);
        rounds.push((table, again, Books::of(data.path()).await));
    }
    assert_verified(data.path(), &["--recompute"]);
    Undisturbed(rounds)
}

/// A folder in which a point is hit in every round; every hit with its phase.
async fn drilled(town: &Town, at: Point, undisturbed: &Undisturbed) -> Vec<(Point, String)> {
    let data = tempfile::tempdir().unwrap();
    let mut hits = Vec::new();
    for (round, (rides, count)) in std::iter::zip(&town.rides, counts(at)).enumerate() {
        let seed = round as u64;
        let start = start(data.path(), rides, 20, seed);
        let (table, again, books) = &undisturbed.0[round];
        if at == Point::AfterLease {
            hits.push(
                hit(
                    town,
                    start,
                    (Point::AfterRecording, 1 + u32::try_from(round).unwrap()),
                    books,
                )
                .await,
            );
        }
        hits.push(hit(town, start, (at, count), books).await);
        let ended = town.import(start).await;
        assert_same_rows(&ended, table);
        assert_verified(data.path(), &[]);
        Books::of(data.path()).await.assert_are(books);
        if round + 1 == town.rides.len() {
            assert_eq!(town.import(start).await, *again);
            assert_verified(data.path(), &["--recompute"]);
        }
    }
    hits
}

async fn hit(town: &Town, start: Start<'_>, (at, count): (Point, u32), books: &Books) -> (Point, String) {
    let name = at.as_str();
    let ended = town.start(start, Some(&format!("{name}:{count}"))).ended().await;
    let told = format!("crash: {name}");
    let is_hit = ended.signal == Some(ABORTED) && ended.stderr.contains(&told);
    assert!(
        is_hit,
        "{name} was not passed {count} times: {:?}, {}",
        ended.table, ended.stderr
    );
    let progress = Progress::of(start.data).await;
    let phase = progress.phase(books.trip_count());
    (at, format!("{name:<16} pass {count:>3}, {phase:<10} {progress}"))
}

fn start<'a>(data: &'a Path, rides: &'a Path, fault_percent: u8, fault_seed: u64) -> Start<'a> {
    Start {
        data,
        rides,
        fault_percent,
        fault_seed,
    }
}
