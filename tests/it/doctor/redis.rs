//! Redis, as it is found.

use super::{Level, Part, Stopped, level};
use crate::services::redis;
use crate::support::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Says to every order that a password is wanted.
async fn refusing() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let mut refusing = JoinSet::new();
    refusing.spawn(async move {
        let (mut stream, mut read) = (listener.accept().await.unwrap().0, Vec::new());
        while stream.read_buf(&mut read).await.unwrap() > 0 {
            // Every order is a list, and nothing else in it begins with a star.
            for _ in read.drain(..).filter(|byte| *byte == b'*') {
                let told = b"-NOAUTH Authentication required.\r\n";
                stream.write_all(told).await.unwrap();
            }
        }
    });
    (url, refusing)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_is_told_to_be_away_or_to_answer() {
    let stopped = Stopped::of(TestApp::spawn().await).await;
    let report = stopped.examined().await;
    assert_eq!(level(&report, Part::Redis, "none"), Some(Level::Ok));

    let nobody = "redis://carbon:geheim@127.0.0.1:1/0";
    let report = stopped.examined_with(&[("CARBON_GATEWAY__REDIS__URL", nobody)]).await;
    assert_eq!(level(&report, Part::Redis, "away"), Some(Level::Wrong));
    assert!(!report.to_text().contains("geheim") && !report.to_json().to_string().contains("geheim"));

    // One that answers, and does not let us in.
    let (url, refusing) = refusing().await;
    let settings = [
        ("CARBON_GATEWAY__REDIS__URL", url.as_str()),
        ("CARBON_GATEWAY__REDIS__TIMEOUT_MS", "10000"),
    ];
    let report = stopped.examined_with(&settings).await;
    drop(refusing);
    assert_eq!(level(&report, Part::Redis, "away"), Some(Level::Wrong));
    assert!(report.to_text().contains("NOAUTH"), "{}", report.to_text());

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
