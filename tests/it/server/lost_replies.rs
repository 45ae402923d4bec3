//! A connection that breaks around COMMIT: the server has it and the gateway does not hear of it, or the server never got it. Each command
//! is carried out once, and each caller is told the truth.

use super::{gateway_behind, submit};
use crate::database;
use crate::dispatch::{ride_of, until, verified};
use crate::services::listen;
use crate::support::{NOON_MS, TestApp, trip_at};
use carbon_gateway::store::db::Homes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A statement that ends a transaction, as a packet of the protocol: three bytes of length, a number, the command, the text.
const COMMIT: &[u8] = b"\x07\x00\x00\x00\x03COMMIT";
/// One in so many is hit.
const EVERY: u32 = 4;

/// Stands between a gateway and its server.
struct Between {
    /// Of so many commits one is hit; none if it is zero.
    every: u32,
    commits: AtomicU32,
    /// Commits that the server never got, and replies that the gateway never got.
    swallowed: [AtomicU32; 2],
    /// Swallows the next reply to COMMIT, and is away from then on.
    leaves: AtomicBool,
    is_away: AtomicBool,
}

impl Between {
    /// Serves on a port of its own as long as the tasks are kept; answers where.
    async fn start(server: String, every: u32, tasks: &mut JoinSet<()>) -> (Arc<Self>, String) {
        let between = Arc::new(Self {
            every,
            commits: AtomicU32::new(0),
            swallowed: Default::default(),
            leaves: AtomicBool::new(false),
            is_away: AtomicBool::new(false),
        });
        let serving = Arc::clone(&between);
        let carry = move |client| {
            let (serving, server) = (Arc::clone(&serving), server.clone());
            async move { serving.carry(client, &server).await }
        };
        let address = listen(tasks, carry).await;
        (between, address)
    }

    /// Carries bytes both ways until one side ends, or a commit is hit.
    async fn carry(&self, mut client: TcpStream, server: &str) {
        if self.is_away.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut server) = TcpStream::connect(server).await else {
            return;
        };
        let (mut asked, mut answered) = (vec![0; 16_384], vec![0; 16_384]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let Ok(count @ 1..) = read else { return };
                    let hit = asked[..count].ends_with(COMMIT).then(|| self.hit()).flatten();
                    if hit == Some(0) || server.write_all(&asked[..count]).await.is_err() {
                        return;
                    }
                    if hit == Some(1) {
                        // It is committed when the server answers.
                        let _reply = server.read(&mut answered).await;
                        return;
                    }
                    if self.is_away.load(Ordering::SeqCst) {
                        return;
                    }
                }
                read = server.read(&mut answered) => {
                    let Ok(count @ 1..) = read else { return };
                    if client.write_all(&answered[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Which way the commit that passes now is hit, if it is.
    fn hit(&self) -> Option<usize> {
        if self.every == 0 {
            let leaves = self.leaves.swap(false, Ordering::SeqCst);
            self.is_away.fetch_or(leaves, Ordering::SeqCst);
            return leaves.then_some(1);
        }
        let commit = self.commits.fetch_add(1, Ordering::Relaxed);
        let way = usize::try_from(commit / self.every % 2).unwrap();
        let hit = commit % self.every == self.every - 1;
        hit.then(|| {
            self.swallowed[way].fetch_add(1, Ordering::Relaxed);
            way
        })
    }
}

/// Sends an order until it is carried out, as a caller does who is told to come back.
async fn ordered(app: &TestApp, path: &str, key: &str, body: &Value) -> Value {
    loop {
        let request = app.client.post(format!("{}{path}", app.base)).bearer_auth(&app.key);
        let answer = request.header("Idempotency-Key", key).json(body).send().await.unwrap();
        if answer.status() != 503 {
            assert_eq!(answer.status(), 201);
            return answer.json().await.unwrap();
        }
    }
}

/// A gateway whose server is behind one who hits every so many commits.
async fn gateway_hit(every: u32, tasks: &mut JoinSet<()>) -> (Arc<Between>, TestApp) {
    gateway_behind(async |server| Between::start(server, every, tasks).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_be_told_what_became_of_a_commit_is_told_that() {
    if database::is_in_files("an unknown outcome", "a file has no connection") {
        return;
    }
    let mut tasks = JoinSet::new();
    let (between, app) = gateway_hit(0, &mut tasks).await;
    assert_eq!(submit(&app, 1).await, 201);
    between.leaves.store(true, Ordering::SeqCst);
    let code = async |n: u32| {
        let answer = app.post("/v1/trips", &trip_at(NOON_MS / 1_000, n)).await;
        assert!(answer.headers().contains_key("retry-after"));
        let problem: Value = answer.json().await.unwrap();
        problem["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(2).await, "outcome_unknown");
    assert_eq!(code(3).await, "storage_unavailable");
    between.is_away.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    let mut again = submit(&app, 2).await;
    while again == 503 {
        assert!(begun.elapsed() < Duration::from_mins(1));
        again = submit(&app, 2).await;
    }
    assert_eq!(again, 200, "it had been stored");
    assert_eq!(submit(&app, 3).await, 201, "nothing of it had been stored");
    let locations: Homes<_> = app.locations.clone();
    let (folder, _) = app.stop().await;
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_to_commit_doubles_nothing_and_a_lost_commit_loses_nothing() {
    if database::is_in_files("lost replies", "a file has no connection") {
        return;
    }
    let mut tasks = JoinSet::new();
    let (between, app) = gateway_hit(EVERY, &mut tasks).await;
    let app = Arc::new(app);
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let app = Arc::clone(&app);
        callers.spawn(async move {
            let mut refused = Vec::new();
            for n in caller * 25..caller * 25 + 25 {
                match submit(&app, n).await {
                    201 => {}
                    503 => refused.push(n),
                    other => panic!("trip {n}: {other}"),
                }
            }
            refused
        });
    }
    // A batch that is hit twice in a row is refused; whoever was told that nothing was stored was told the truth.
    let refused: Vec<u32> = callers.join_all().await.concat();
    assert!(refused.len() < 100, "{refused:?}");
    for n in refused {
        let mut again = submit(&app, n).await;
        while again == 503 {
            again = submit(&app, n).await;
        }
        assert_eq!(again, 201, "trip {n}");
    }
    // What dispatch could not record is taken up when its lease has ended.
    let clock = app.clock.clone();
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            clock.advance(Duration::from_millis(200));
        }
    });
    for user in [3, 17] {
        ordered(&app, "/v1/trips", "t", &ride_of(user, 0)).await;
        let all = json!({"programme": "demo", "all": true});
        let first = ordered(&app, &format!("/v1/users/{user}/claims/collect"), "c", &all).await;
        let spend = json!({"user_id": user, "programme": "demo", "amount": "40", "reference": "r"});
        let spend = ordered(&app, "/v1/redemptions", "r", &spend).await;
        let [first, spend] = [first, spend].map(|done| done["transaction_id"].as_str().unwrap().to_owned());
        until(&app, &first, "confirmed").await;
        until(&app, &spend, "confirmed").await;
    }
    for n in 0..200 {
        assert_eq!(submit(&app, n).await, 200, "trip {n} is there");
    }
    let swallowed = between.swallowed.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert!(swallowed.iter().all(|count| *count > 5), "{swallowed:?}");
    let app = Arc::into_inner(app).unwrap();
    app.drained().await;
    let locations: Homes<_> = app.locations.clone();
    let (folder, _) = app.stop().await;
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
