//! Other bad days of the way to the chain, with the real executable: told to stop with much to send, and a disk too full for blocks.

use super::books::Progress;
use super::{PATIENCE, assert_verified, tell};
use crate::process::Served;
use crate::support::now_s;
use carbon_gateway::chain::embedded::ChainFile;
use carbon_gateway::folder::DataFolder;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A ride of the n-th rider, collected; `None` if the gateway does not answer that it has done both.
async fn issue(served: &Served, n: u32) -> Option<String> {
    if served.submit(now_s(), n).await != Some(201) {
        return None;
    }
    let path = format!("{}/v1/users/{}/claims/collect", served.base, 1_000_000 + n);
    let request = served.client.post(path).bearer_auth(&served.key);
    let request = request.header("Idempotency-Key", format!("c-{n}"));
    let answer = request
        .json(&json!({"programme": "demo", "all": true}))
        .send()
        .await
        .ok()?;
    if answer.status().as_u16() != 201 {
        return None;
    }
    let answer: Value = answer.json().await.ok()?;
    answer["transaction_id"].as_str().map(str::to_owned)
}

/// Waits until transactions are confirmed.
async fn confirmed(served: &Served, references: &[String]) {
    let begun = Instant::now();
    for reference in references {
        loop {
            let path = format!("{}/v1/transactions/{reference}", served.base);
            let answer = served.client.get(path).bearer_auth(&served.key).send().await.unwrap();
            let found: Value = answer.json().await.unwrap();
            if found["status"] == "confirmed" {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{found}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Blocks that are slow in coming: with time enough everything arrives before the process leaves, else it says that work is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_much_to_send_loses_nothing() {
    // The second is told to stop long before its first block is due, on a slow machine too.
    for (soft_s, block_delay_ms, issues, code) in [("30", "4000", 40, 0), ("1", "10000", 8, 3)] {
        let data = tempfile::tempdir().unwrap();
        let settings = [
            ("CARBON_GATEWAY__CHAIN__BLOCK_DELAY_MS", block_delay_ms),
            ("CARBON_GATEWAY__SHUTDOWN__SOFT_S", soft_s),
        ];
        let served = Served::start_with(data.path(), &settings).await;
        let mut references = Vec::new();
        for n in 0..issues {
            references.push(issue(&served, n).await.unwrap());
        }
        assert_eq!(served.terminate(), Some(code), "{soft_s} s");
        let left = Progress::of(data.path()).await;
        tell(&format!("told to stop, {soft_s} s: {left}"));
        if code == 0 {
            assert_eq!((left.stored, left.submitted), (0, 0), "{left}");
        } else {
            assert!(left.stored + left.submitted > 0, "{left}");
        }
        assert_verified(data.path(), &[]);
        let served = Served::start_with(data.path(), &[]).await;
        confirmed(&served, &references).await;
        assert_eq!(served.terminate(), Some(0));
        assert_verified(data.path(), &["--recompute"]);
    }
}

/// Commits go on; blocks do not. A reader keeps the chain's log from being folded into its file, so that it alone grows to the limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_too_full_for_blocks_is_told_and_harms_nothing() {
    let data = tempfile::tempdir().unwrap();
    Served::start(data.path(), None).await.terminate();
    let served = Served::start(data.path(), Some(LIMIT_KIB)).await;
    let mut references = vec![issue(&served, 0).await.unwrap()];
    confirmed(&served, &references).await;
    let reader = chain_file(data.path()).snapshot().await.unwrap();
    let mut n = 1;
    let ready = loop {
        assert!(n < 4_000, "the limit was never met");
        references.push(issue(&served, n).await.unwrap());
        n += 1;
        let answer = served
            .client
            .get(format!("{}/readyz", served.base))
            .send()
            .await
            .unwrap();
        let (status, ready) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
        if status == 503 {
            break ready;
        }
    };
    assert_eq!(
        (&ready["checks"]["chain"], &ready["checks"]["database"]),
        (&json!("unavailable"), &json!("ok"))
    );
    // The ledger goes on, what it books waits.
    references.push(issue(&served, n).await.unwrap());
    assert_eq!(served.status("/healthz").await, Some(200));
    drop(reader);
    served.kill();
    assert_verified(data.path(), &[]);
    let left = Progress::of(data.path()).await;
    assert!(left.stored + left.submitted > 0, "{left}");
    tell(&format!("full after {n} issues: {left}"));
    let served = Served::start(data.path(), None).await;
    confirmed(&served, &references).await;
    assert_eq!(served.terminate(), Some(0));
    assert_verified(data.path(), &["--recompute"]);
}

/// More than the ledger's file and its log will have, KiB: the log is folded at 32 MiB.
const LIMIT_KIB: u32 = 40_000;

fn chain_file(data: &Path) -> ChainFile {
    ChainFile {
        file: DataFolder::new(data).chain_file(),
        durable: false,
    }
}
