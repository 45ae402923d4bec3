//! One of two servers falls silent, which is worse than being away: who asks it has to wait until it is clear that nobody answers.

use super::AT_ONCE;
use super::shards::{Pair, RIDERS};
use crate::database;
use crate::dispatch::{ride_of, verified};
use crate::support::TestApp;
use carbon_gateway::store::databases;
use reqwest::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const LANES: usize = 16;

/// Longer than a request waits for a database that has fallen silent: a minute for a batch, and a quarter of one for each of three reads, of its
/// key, of what is due, and of what was asked.
const GIVEN_UP: Duration = Duration::from_mins(2);

/// How long a number may take to rise: a lane is turned away twice, and each of its requests may have waited for as long as any.
const PATIENCE: Duration = Duration::from_mins(5);

/// Rides after which a lane begins anew: more would lie in the future.
const RIDES: i64 = 190;

/// Callers side by side, every second of them of riders of the server that falls silent.
struct Callers {
    app: TestApp,
    /// Rides that were booked, by server, and callers that were turned away.
    booked: [AtomicUsize; 2],
    turned_away: AtomicUsize,
    next: AtomicI64,
}

impl Callers {
    /// Rides and asks for balances until told to stop; the longest that an answer took, and since when.
    async fn lane(&self, lane: usize, silent: usize, enough: CancellationToken) -> (Duration, Instant) {
        let server = lane % 2;
        let user = RIDERS[server * 2 + lane / 2 % 2];
        let mut longest = (Duration::ZERO, Instant::now());
        while !enough.is_cancelled() {
            let n = self.next.fetch_add(1, Ordering::Relaxed) % RIDES;
            let begun = Instant::now();
            let booked = told(&self.app.post("/v1/trips", &ride_of(user, n)).await);
            longest = (begun.elapsed(), begun).max(longest);
            let asked = Instant::now();
            let balance = told(&self.app.get(&format!("/v1/users/{user}/balance")).await);
            longest = (asked.elapsed(), asked).max(longest);
            for status in [booked, balance] {
                assert!(
                    [200, 201].contains(&status) || (status == 503 && server == silent),
                    "{status} for a rider of server {server} while {silent} is silent"
                );
            }
            if booked == 503 {
                self.turned_away.fetch_add(1, Ordering::Relaxed);
            } else {
                self.booked[server].fetch_add(1, Ordering::Relaxed);
            }
        }
        longest
    }

    /// Waits until a counter has risen by so many.
    async fn more(&self, counter: &AtomicUsize, many: usize) {
        let (before, begun) = (counter.load(Ordering::Relaxed), Instant::now());
        while counter.load(Ordering::Relaxed) < before + many {
            assert!(begun.elapsed() < PATIENCE, "no more than {before}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The status of an answer; one that turns the caller away says when to come back.
fn told(answer: &Response) -> u16 {
    let status = answer.status().as_u16();
    assert_eq!(
        answer.headers().contains_key("retry-after"),
        status == 503,
        "{answer:?}"
    );
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_silent_is_felt_by_its_riders_only() {
    if database::is_in_files("one server silent", "a file has no server") {
        return;
    }
    // Not the disk's patience is at stake: on a busy one a commit takes seconds.
    let pair = Pair::start_with(&["--fast"]);
    let app = pair.spawn_with_credits().await;
    let callers = Arc::new(Callers {
        app,
        booked: Default::default(),
        turned_away: AtomicUsize::new(0),
        next: AtomicI64::new(1),
    });
    for silent in [1, 0] {
        let enough = CancellationToken::new();
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let (callers, enough) = (Arc::clone(&callers), enough.clone());
            lanes.spawn(async move { (lane % 2, callers.lane(lane, silent, enough).await) });
        }
        callers.more(&callers.booked[silent], 20).await;
        let (silenced, fell_silent) = (pair.servers[silent].silenced(), Instant::now());
        callers.more(&callers.turned_away, LANES).await;
        callers.more(&callers.booked[1 - silent], 20).await;
        let asked = Instant::now();
        assert_eq!(
            callers.app.get("/readyz").await.status(),
            200,
            "half of all riders are served"
        );
        assert!(
            asked.elapsed() < AT_ONCE,
            "a balancer does not wait: {:?}",
            asked.elapsed()
        );
        drop(silenced);
        callers.more(&callers.booked[silent], 20).await;
        enough.cancel();
        for (server, (longest, since)) in lanes.join_all().await {
            let bound = if server == silent { GIVEN_UP } else { AT_ONCE };
            let before = fell_silent.saturating_duration_since(since);
            let after = since.saturating_duration_since(fell_silent);
            assert!(
                longest < bound,
                "{longest:?} for a rider of {server}, {before:?} before or {after:?} after {silent} fell silent"
            );
        }
    }
    let app = Arc::into_inner(callers).unwrap().app;
    app.drained().await;
    let (folder, _) = app.stop().await;
    let report = verified(&databases::homes(pair.locations()).await.unwrap(), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
