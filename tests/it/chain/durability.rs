//! Bad days of a chain: kill -9 inside block writes, a full disk, a restart with a pool that waits, a wrong or half-made file. What
//! was committed is there, whole, and the replay says so.

use super::support::{Person, TestChain, genesis, issue_of, judge, named, noon_clock, open, payload, settings};
use carbon_contract::Hash;
use carbon_gateway::chain::embedded::{ChainFile, EmbeddedChain, FaultPlan, FileError, Surroundings};
use carbon_gateway::chain::{ChainClient, ChainError, Found, RetryClass, Transient};
use carbon_gateway::lifecycle::Lifecycle;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "CARBON_TEST_CHAIN_FOLDER";
const CHILD: &str = "chain::durability::a_child_writes_blocks_until_it_is_ended";

fn word(round: u64, n: u64) -> String {
    format!("trip {round}/{n}")
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Commits for ever, and says what a block holds. Does nothing unless another test starts it.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the child is told its folder by its environment"
)]
async fn a_child_writes_blocks_until_it_is_ended() {
    let Ok(told) = std::env::var(FOLDER) else {
        return;
    };
    let (round, folder) = told.split_once(':').unwrap();
    let round: u64 = round.parse().unwrap();
    let lifecycle = Lifecycle::new(Duration::from_secs(1));
    let chain = open(settings(Path::new(folder)), noon_clock(), &lifecycle)
        .await
        .unwrap();
    let (issuer, rider) = (Person::new("issuer"), Person::new("rider"));
    say("started");
    for batch in 0..1_000 {
        let mut ids = Vec::new();
        for n in batch * 20..batch * 20 + 20 {
            let mut payload = payload(&word(round, n), &issue_of(&rider, &rider.issue(&word(round, n), 1)));
            // Many bytes, so that a write takes its time.
            payload
                .method
                .push_str(&" ".repeat(if n % 2 == 0 { 0 } else { 20_000 }));
            match chain.submit(issuer.signed(&payload)).await {
                Ok(_) => ids.push((n, payload.tx_id)),
                Err(ChainError::Transient(Transient::NotWriting)) => {
                    assert!(!chain.is_ready());
                    say("full");
                    lifecycle.stop();
                    lifecycle.wait().await;
                    return;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        for (n, id) in ids {
            loop {
                match chain.find(&id).await.unwrap() {
                    Found::Committed(_) => break say(&format!("committed {n}")),
                    Found::Pending if !chain.is_ready() => break,
                    Found::Pending => tokio::time::sleep(Duration::from_millis(1)).await,
                    Found::Absent { .. } => panic!("{n} is lost"),
                }
            }
        }
    }
}

/// Runs the child on a folder until `ends` says so, and answers what it has seen committed.
fn run(folder: &Path, round: u64, limit_kib: Option<u32>, ends: impl Fn(&[Hash], &str) -> bool) -> Vec<Hash> {
    let program = std::env::current_exe().unwrap();
    // An ignored signal is inherited: writes beyond the limit then fail with an error, as on a full disk.
    let script = match limit_kib {
        None => "exec \"$0\" \"$@\"".to_owned(),
        Some(kib) => format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""),
    };
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .arg(program)
        .args(["--exact", CHILD, "--nocapture"])
        .env(FOLDER, format!("{round}:{}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut committed = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, n)) = line.split_once("committed ") {
            committed.push(named(&word(round, n.parse().unwrap())));
        }
        if ends(&committed, &line) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    committed
}

async fn all_there(folder: &Path, committed: &[Hash]) {
    let (findings, replayed) = judge(folder).await.unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(replayed.transactions >= u64::try_from(committed.len()).unwrap());
    let lifecycle = Lifecycle::new(Duration::from_secs(1));
    let chain = open(settings(folder), noon_clock(), &lifecycle).await.unwrap();
    for id in committed {
        assert!(matches!(chain.find(id).await.unwrap(), Found::Committed(_)), "{id}");
    }
    lifecycle.stop();
    lifecycle.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_inside_a_block_write_leaves_whole_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut committed = Vec::new();
    for round in 0..6 {
        // Right after the first transactions of a batch are seen, the next batch is on its way into a block.
        let wanted = 21 + usize::try_from(round).unwrap() * 7;
        let more = run(folder.path(), round, None, |committed, _| committed.len() >= wanted);
        assert!(more.len() >= wanted, "round {round}: {} committed", more.len());
        committed.extend(more);
        all_there(folder.path(), &committed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let told = std::cell::Cell::new(false);
    let committed = run(folder.path(), 0, Some(1_500), |_, line| {
        told.set(told.get() || line.ends_with("full"));
        told.get()
    });
    assert!(told.get() && !committed.is_empty(), "{} committed", committed.len());
    all_there(folder.path(), &committed).await;
    let more = run(folder.path(), 1, None, |committed, _| committed.len() >= 40);
    all_there(folder.path(), &[committed, more].concat()).await;
}

#[tokio::test]
async fn a_pool_is_lost_with_its_process_and_the_same_bytes_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let (issuer, rider) = (Person::new("issuer"), Person::new("rider"));
    let waits = payload("waits", &issue_of(&rider, &rider.issue("trip", 1)));
    {
        let mut settings = settings(folder.path());
        settings.block_delay = Duration::from_hours(1);
        let lifecycle = Lifecycle::new(Duration::from_millis(1));
        let chain = open(settings, noon_clock(), &lifecycle).await.unwrap();
        chain.submit(issuer.signed(&waits)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(chain.find(&waits.tx_id).await.unwrap(), Found::Pending);
        lifecycle.stop();
        lifecycle.wait().await;
    }
    let chain = TestChain::in_folder(folder, |_| ()).await.unwrap();
    assert!(matches!(
        chain.client.find(&waits.tx_id).await.unwrap(),
        Found::Absent { .. }
    ));
    chain.commit(&chain.issuer, &waits).await;
    assert_eq!(chain.verified().await.transactions, 1);
}

#[tokio::test]
async fn the_chain_goes_on_where_it_stopped_and_takes_nothing_after_its_end() {
    let mut folder = tempfile::tempdir().unwrap();
    let rider = Person::new("rider");
    for n in 0..3_u64 {
        let chain = TestChain::in_folder(folder, |_| ()).await.unwrap();
        assert_eq!(chain.client.height().await.unwrap(), n);
        chain.credit(&rider, &word(0, n), 1).await;
        let ended: ChainClient = chain.client.clone();
        (folder, _) = chain.stop().await;
        let late = payload("late", &issue_of(&rider, &rider.issue("late", 1)));
        let error = ended.submit(Person::new("issuer").signed(&late)).await.unwrap_err();
        assert_eq!(error.class(), RetryClass::Transient);
    }
    assert_eq!(judge(folder.path()).await.unwrap().1.tip.height, 3);
}

#[tokio::test]
async fn a_file_that_is_another_chains_or_a_later_ones_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = ChainFile {
        file: folder.path().join("chain.db"),
        durable: false,
    };
    // Killed between schema and founding.
    sqlx::Connection::close(file.connect().await.unwrap()).await.unwrap();
    assert!(judge(folder.path()).await.is_err(), "nothing to replay");
    assert!(file.snapshot_if_founded().await.unwrap().is_none());
    let chain = TestChain::in_folder(folder, |_| ()).await.unwrap();
    let (folder, clock) = chain.stop().await;

    let mut other = genesis();
    "other".clone_into(&mut other.chain_id);
    let lifecycle = Lifecycle::new(Duration::from_secs(1));
    let surroundings = Surroundings {
        clock: clock.clock(),
        lifecycle: &lifecycle,
        faults: FaultPlan::None,
        held: None,
    };
    let refused = EmbeddedChain::start(settings(folder.path()), other, surroundings).await;
    assert!(matches!(refused.err(), Some(FileError::OtherGenesis { .. })));

    let mut connection = file.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 7")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let later = TestChain::in_folder(folder, |_| ()).await.err();
    assert!(matches!(later, Some(FileError::Later(7))));
}
