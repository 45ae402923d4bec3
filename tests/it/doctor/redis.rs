//! Redis, as it is found.

use super::{Level, Part, Stopped, level};
use crate::services::redis;
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_is_told_to_be_away_or_to_answer() {
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let report = stopped.examined().await;
    assert_eq!(level(&report, Part::Redis, "none"), Some(Level::Ok));

    let nobody = "redis://carbon:geheim@127.0.0.1:1/0";
    let report = stopped.examined_with(&[("CARBON_GATEWAY__REDIS__URL", nobody)]).await;
    assert_eq!(level(&report, Part::Redis, "away"), Some(Level::Wrong));
    assert!(!report.to_text().contains("geheim") && !report.to_json().to_string().contains("geheim"));

    let Some(url) = redis("doctor at a Redis") else {
        return;
    };
    let settings = [
        ("CARBON_GATEWAY__REDIS__URL", url.as_str()),
        ("CARBON_GATEWAY__REDIS__TIMEOUT_MS", "10000"),
    ];
    let report = stopped.examined_with(&settings).await;
    assert_eq!(level(&report, Part::Redis, "answers"), Some(Level::Ok));
}
