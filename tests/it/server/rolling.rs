//! A new version is brought in by stopping one instance after the other: nothing is lost, and whoever is turned away is told.

use super::two::Two;
use super::{BOUND, comes_about, more_are_stored};
use crate::database;
use crate::process::Served;
use crate::support::{now_s, trip_at};
use reqwest::{Client, Response};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const LANES: usize = 16;

/// How long a caller leaves an instance alone that takes no connections.
const NOBODY_THERE: Duration = Duration::from_millis(100);

/// What all callers share.
struct Callers {
    bases: [String; 2],
    key: String,
    now_s: i64,
    next: AtomicU32,
    stored: AtomicU32,
    turned_away: AtomicU32,
    enough: CancellationToken,
}

impl Callers {
    /// Trips of a caller who keeps its connections, has one instance that it likes better, and goes to the other for as long as it is told.
    async fn lane(&self, liked: usize) -> Vec<u32> {
        let client = Client::builder().no_proxy().timeout(BOUND).build().unwrap();
        let (mut taken, mut away_until) = (Vec::new(), [Instant::now(); 2]);
        while !self.enough.is_cancelled() {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            loop {
                let now = Instant::now();
                let place = if away_until[liked] <= now { liked } else { 1 - liked };
                let Some(away) = self.turned_away(self.post(&client, place, n).await, n).await else {
                    break;
                };
                away_until[place] = Instant::now() + away;
                if away_until.iter().all(|until| *until > now) {
                    // Both at once: the other has just come back.
                    tokio::time::sleep(NOBODY_THERE).await;
                }
            }
            self.stored.fetch_add(1, Ordering::Relaxed);
            taken.push(n);
        }
        taken
    }

    async fn post(&self, client: &Client, place: usize, n: u32) -> reqwest::Result<Response> {
        let request = client
            .post(format!("{}/v1/trips", self.bases[place]))
            .bearer_auth(&self.key);
        request.json(&trip_at(self.now_s, n)).send().await
    }

    /// For how long an instance is left alone that did not take the trip. There is no other way not to take it: what was sent is answered.
    async fn turned_away(&self, answered: reqwest::Result<Response>, n: u32) -> Option<Duration> {
        if answered.as_ref().is_err_and(reqwest::Error::is_connect) {
            return Some(NOBODY_THERE);
        }
        let answer = answered.expect("what was sent is answered");
        if answer.status() == 201 {
            return None;
        }
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        assert_eq!(answer.status(), 503, "trip {n}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let (after, connection) = (header("retry-after"), header("connection"));
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["code"], connection.as_str()), (&"draining".into(), "close"));
        Some(Duration::from_secs(after.parse().unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_replaced_one_after_the_other_lose_nothing_and_leave_nobody_without_a_word() {
    if database::is_in_files("instances replaced", "a file has one instance") {
        return;
    }
    let mut two = Two::start().await;
    let callers = Arc::new(Callers {
        bases: two.each.each_ref().map(|one| one.base.clone()),
        key: two.each[0].key.clone(),
        now_s: now_s(),
        next: AtomicU32::new(0),
        stored: AtomicU32::new(0),
        turned_away: AtomicU32::new(0),
        enough: CancellationToken::new(),
    });
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let callers = Arc::clone(&callers);
        lanes.spawn(async move { callers.lane(lane % 2).await });
    }
    for place in [0, 1, 0, 1] {
        more_are_stored(&callers.stored).await;
        two.alone(place).signal("TERM");
        assert_eq!(two.alone(place).ended(), Some(0));
        more_are_stored(&callers.stored).await;
        two.start_again(place).await;
    }
    more_are_stored(&callers.stored).await;
    callers.enough.cancel();
    let taken: Vec<u32> = lanes.join_all().await.into_iter().flatten().collect();
    assert!(callers.turned_away.load(Ordering::Relaxed) > 0, "nobody noticed");
    two.assert_complete(callers.now_s, taken.into_iter()).await;
}

/// A balancer that asks for readiness hears of the stop while everything is still served, on connections that are not kept any longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_no_before_anything_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than the test: a second signal ends it.
    let notice = [("CARBON_GATEWAY__SHUTDOWN__NOTICE_S", "600")];
    let served = Served::start_with(folder.path(), &notice).await;
    served.signal("TERM");
    comes_about(async || served.status("/readyz").await == Some(503)).await;
    for n in 0..20 {
        let request = served
            .client
            .post(format!("{}/v1/trips", served.base))
            .bearer_auth(&served.key);
        let answer = request.json(&trip_at(now_s(), n)).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers()["connection"], "close");
    }
    assert_eq!(served.terminate(), Some(0));
}
