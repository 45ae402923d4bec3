//! An instance that dies or freezes while another serves.

use super::two::Two;
use super::{AT_ONCE, BOUND, WAITING_FOR_SHARDS, comes_about, more_are_stored, number, raw, session};
use crate::database;
use crate::process::Served;
use crate::support::now_s;
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::store::db::Connection;
use sqlx::{Executor as _, MySqlConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long an instance that freezes may hold its shards up.
const LONGEST_FREEZE: Duration = Duration::from_secs(15);

/// How long a lock has to be held to be that of the one that froze: what it had said before is done by then.
const HELD: Duration = Duration::from_millis(500);

/// The writers of an instance where nobody says otherwise; a shard's is that of its number, counted round.
const WRITERS: u8 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_killed_while_another_serves_loses_nothing() {
    if database::is_in_files("an instance killed", "a file has one instance") {
        return;
    }
    let two = Two::start().await;
    let now_s = now_s();
    let (next, stored) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let enough = CancellationToken::new();
    let mut lanes = JoinSet::new();
    for lane in 0..8 {
        let to = Arc::clone(&two.each[lane % 2]);
        let (next, stored, enough) = (Arc::clone(&next), Arc::clone(&stored), enough.clone());
        lanes.spawn(async move {
            let mut taken = Vec::new();
            while !enough.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                match to.submit(now_s, n).await {
                    Some(201) => {
                        stored.fetch_add(1, Ordering::Relaxed);
                        taken.push(n);
                    }
                    None if lane % 2 == 1 => break, // killed: the answer is unknown
                    other => panic!("trip {n}: {other:?}"),
                }
            }
            taken
        });
    }
    more_are_stored(&stored).await;
    two.each[1].kill_now();
    more_are_stored(&stored).await;
    enough.cancel();
    let taken = lanes.join_all().await.into_iter().flatten().collect::<Vec<u32>>();
    two.assert_complete(now_s, taken.into_iter()).await;
}

/// The shard of the rider of the `n`th trip, and the writer that it belongs to.
fn shard_of(n: u32) -> (u8, u8) {
    let shard = UserId::new(i64::from(1_000_000 + n)).unwrap().shard().index();
    (shard, shard % WRITERS)
}

/// Shards of the first writer that somebody has locked.
async fn locked(c: &mut Connection) -> Vec<u8> {
    const FREE: &str = "SELECT CAST(shard AS SIGNED) FROM shard_head WHERE shard IN (0, 4, 8, 12, 16, 20, 24, 28) FOR UPDATE SKIP LOCKED";
    c.begin().await.unwrap();
    let c: &mut MySqlConnection = raw(c);
    let free: Vec<(i64,)> = sqlx::query_as(FREE).fetch_all(&mut *c).await.unwrap();
    c.execute("ROLLBACK").await.unwrap();
    let of_first = (0..30).step_by(usize::from(WRITERS));
    of_first.filter(|shard| !free.contains(&(i64::from(*shard),))).collect()
}

/// Stops an instance again and again, until it has stopped in the middle of a batch; since when it stands still, and the shards of it.
async fn frozen_in_a_batch(of: &Served, stored: &AtomicU32, c: &mut Connection) -> (Instant, Vec<u8>) {
    let begun = Instant::now();
    loop {
        more_are_stored(stored).await;
        of.signal("STOP");
        let frozen = Instant::now();
        let mut held = locked(c).await;
        while !held.is_empty() && frozen.elapsed() < HELD {
            tokio::time::sleep(Duration::from_millis(20)).await;
            held = locked(c).await;
        }
        if !held.is_empty() {
            return (frozen, held);
        }
        of.signal("CONT");
        assert!(begun.elapsed() < BOUND, "it never stands still in a batch");
    }
}

/// Submits trips at once, each as often as it takes; for each its writer, and how long it took.
async fn waits(to: &Arc<Served>, now_s: i64, trips: impl Iterator<Item = u32>) -> Vec<(u8, Duration)> {
    let mut riders = JoinSet::new();
    for n in trips {
        let to = Arc::clone(to);
        riders.spawn(async move {
            let begun = Instant::now();
            while to.submit(now_s, n).await != Some(201) {
                assert!(begun.elapsed() < LONGEST_FREEZE, "trip {n} waits");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (shard_of(n).1, begun.elapsed())
        });
    }
    riders.join_all().await
}

/// A batch that freezes holds up its writer's shards in every instance, and no others; the server ends the session, and another instance
/// goes on with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_frozen_in_a_batch_holds_its_shards_up_for_seconds() {
    if database::is_in_files("an instance frozen", "a file has one instance") {
        return;
    }
    let two = Two::start().await;
    let [first, second] = two.each.each_ref();
    let mut looking = session(&database::location(two.home())).await;
    let now_s = now_s();
    let (next, stored) = (Arc::new(AtomicU32::new(1_000)), Arc::new(AtomicU32::new(0)));
    let stop = CancellationToken::new();
    let mut lanes = JoinSet::new();
    for _ in 0..16 {
        let (to, next, stored, stop) = (Arc::clone(second), Arc::clone(&next), Arc::clone(&stored), stop.clone());
        lanes.spawn(async move {
            let mut taken = Vec::new();
            while !stop.is_cancelled() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if shard_of(n).1 > 0 {
                    continue;
                }
                match to.submit(now_s, n).await {
                    Some(201) => {
                        stored.fetch_add(1, Ordering::Relaxed);
                        taken.push(n);
                    }
                    Some(503) | None => {} // what was in the batch that froze
                    other => panic!("trip {n}: {other:?}"),
                }
            }
            taken
        });
    }
    let (frozen, held) = frozen_in_a_batch(second, &stored, &mut looking).await;
    // A rider of every shard: those of shards in the batch first, the others once the first instance waits for its shards.
    let (in_it, others): (Vec<u32>, Vec<u32>) = (0..30).partition(|n| held.contains(&shard_of(*n).0));
    let waiting = async || number(raw(&mut looking), WAITING_FOR_SHARDS).await > 0;
    let (mut all, beside) = tokio::join!(waits(first, now_s, in_it.into_iter()), async {
        comes_about(waiting).await;
        waits(first, now_s, others.into_iter()).await
    });
    all.extend(beside);
    two.each[1].signal("CONT");
    stop.cancel();
    for (writer, wait) in &all {
        let as_expected = if *writer == 0 {
            *wait > AT_ONCE && *wait < LONGEST_FREEZE
        } else {
            *wait < AT_ONCE
        };
        assert!(as_expected, "frozen with {held:?} for {:?}: {all:?}", frozen.elapsed());
    }
    let taken: Vec<u32> = lanes.join_all().await.into_iter().flatten().collect();
    two.assert_complete(now_s, taken.into_iter().chain(0..30)).await;
}
