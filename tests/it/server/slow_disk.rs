//! A disk that is slow to say that it has written: a commit waits longer, but one commit is many callers' commit, so that they hardly feel it.

use super::{gateway_on, raw, session, submit};
use crate::database;
use crate::dispatch::verified;
use crate::services::Server;
use crate::support::TestApp;
use carbon_gateway::store::db::Homes;
use sqlx::MySqlConnection;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How much longer each wait for the disk takes.
const LONGER: Duration = Duration::from_millis(1);
/// Callers at once, trips of a round, and rounds of each kind.
const CALLERS: u32 = 128;
const ROUND: u32 = 600;
const ROUNDS: u32 = 4;
/// Commits one after the other.
const ALONE: u32 = 50;
/// Of a hundred trips so many at least are stored in the same time on the slow disk.
const KEPT_PERCENT: u128 = 60;

/// What `slow-disk.c` looks at.
struct Dial(File);

impl Dial {
    fn new(file: &Path) -> Self {
        std::fs::write(file, [0; 16]).unwrap();
        Self(File::options().read(true).write(true).open(file).unwrap())
    }

    fn longer(&self, by: Duration) {
        let by_us = u64::try_from(by.as_micros()).unwrap();
        self.0.write_all_at(&by_us.to_ne_bytes(), 0).unwrap();
    }

    /// How often somebody has waited for the disk.
    fn waits(&self) -> u64 {
        let mut waits = [0; 8];
        self.0.read_exact_at(&mut waits, 8).unwrap();
        u64::from_ne_bytes(waits)
    }
}

/// Makes the library that the server loads.
fn compiled(folder: &Path) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server/slow-disk.c");
    let library = folder.join("slow-disk.so");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(made.success());
    library.into_os_string().into_string().unwrap()
}

/// How long many callers need for the trips of a round, and how often somebody waited for the disk.
async fn round(app: &Arc<TestApp>, dial: &Dial, next: &Arc<AtomicU32>) -> (Duration, u64) {
    let end = next.load(Ordering::Relaxed) + ROUND;
    let (begun, waits) = (Instant::now(), dial.waits());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (app, next) = (Arc::clone(app), Arc::clone(next));
        callers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= end {
                    return;
                }
                assert_eq!(submit(&app, n).await, 201, "trip {n}");
            }
        });
    }
    callers.join_all().await;
    next.store(end, Ordering::Relaxed);
    (begun.elapsed(), dial.waits() - waits)
}

/// The shortest time that a commit takes which nobody shares.
async fn alone(c: &mut MySqlConnection) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..ALONE {
        let begun = Instant::now();
        sqlx::raw_sql("INSERT INTO aside.pace VALUES (1)")
            .execute(&mut *c)
            .await
            .unwrap();
        shortest = shortest.min(begun.elapsed());
    }
    shortest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_is_waited_for_by_many_at_once() {
    if database::is_in_files("a slow disk", "the file's own disk is the machine's") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dial");
    let dial = Dial::new(&file);
    let library = compiled(folder.path());
    let server = Server::start_seeing("mariadb", &["--preload", &library], &[("SLOW_DISK_DIAL", &file)]);
    let (app, location) = gateway_on(&server).await;
    let (app, next) = (Arc::new(app), Arc::new(AtomicU32::new(0)));
    let mut aside = session(&location).await;
    aside.execute("CREATE DATABASE aside").await.unwrap();
    aside.execute("CREATE TABLE aside.pace (a BIGINT)").await.unwrap();
    round(&app, &dial, &next).await;
    // Fast and slow by turns, and of each the best: what else the machine does hits both.
    let (mut fast, mut slow, mut waits) = (Duration::MAX, Duration::MAX, 0);
    let (mut fast_alone, mut slow_alone) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        dial.longer(Duration::ZERO);
        fast = fast.min(round(&app, &dial, &next).await.0);
        fast_alone = fast_alone.min(alone(raw(&mut aside)).await);
        dial.longer(LONGER);
        let (took, waited) = round(&app, &dial, &next).await;
        (slow, waits) = (slow.min(took), waits + waited);
        slow_alone = slow_alone.min(alone(raw(&mut aside)).await);
    }
    let kept = fast.as_micros() * 100 / slow.as_micros();
    let of_hundred = waits * 100 / u64::from(ROUND * ROUNDS);
    #[expect(clippy::print_stdout, reason = "a person who looks wants to know the figures")]
    {
        println!(
            "{ROUND} trips of {CALLERS} callers in {fast:?}, on the slow disk {slow:?} ({kept} %), {of_hundred} waits a hundred trips; \
             a commit alone {fast_alone:?} and {slow_alone:?}"
        );
    }
    assert!(
        slow_alone > fast_alone + LONGER,
        "the disk is not slow: {fast_alone:?}, {slow_alone:?}"
    );
    assert!(kept >= KEPT_PERCENT, "{kept} % of the rate are kept");
    // What does not depend on how fast the rest is: a commit each would be two waits a trip.
    assert!((1..=50).contains(&of_hundred), "{of_hundred} waits for a hundred trips");
    dial.longer(Duration::ZERO);
    for n in (0..next.load(Ordering::Relaxed)).step_by(7) {
        assert_eq!(submit(&app, n).await, 200, "trip {n} was acknowledged");
    }
    let (folder, _) = Arc::into_inner(app).unwrap().stop().await;
    let report = verified(&Homes::one(location), folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
