//! A finished deployment with rows in every table: trips by request, what riders do with them by order, keys by the signer, and a
//! chain of a few blocks.

use super::desk::Desk;
use super::scratch::Finished;
use super::signed;
use crate::database::file_of;
use crate::sending::{Sending, binding};
use crate::support::{NOON_MS, TestApp};
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::methodology::Programme;
use carbon_gateway::store::clients::{self, ClientKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// When riders who stay away were settled.
pub(super) const LATER_MS: i64 = NOON_MS + 12 * DAY_MS;
/// When the last order was given.
pub(super) const END_MS: i64 = NOON_MS + 40 * DAY_MS;

/// Claims wait a day, credits live to the end of their month.
const SHORT: &str = r#"
id = "short"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "rider"
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[modes.shared_bike]
methodology = "cn-hello-two-wheel-2022"
version = "1.0.0"
[claims]
delay_s = 0
window_s = 86400
[credits]
valid_months = 0
notice_days = 30
"#;

/// The gateway collects by itself.
const OWN: &str = r#"
id = "own"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "automatic"
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[claims]
delay_s = 60
"#;

fn at(minute: i64) -> String {
    jiff::Timestamp::from_millisecond(NOON_MS + minute * 60_000)
        .unwrap()
        .to_string()
}

fn trip((programme, id): (&str, &str), user: u64, legs: &[(&str, i64, i64, u64)]) -> Value {
    let leg = |(mode, from, to, metres): &(&str, i64, i64, u64)| json!({"mode": mode, "started_at": at(*from), "ended_at": at(*to), "distance_m": metres});
    let legs: Vec<Value> = legs.iter().map(leg).collect();
    json!({"programme": programme, "trip_id": id, "user_id": user.to_string(), "legs": legs, "evidence": {"kind": "gate"}})
}

/// Users in five shards, three programmes, rides credited, refused by several rules and cut by the day's cap; each with the
/// client that sends it.
fn trips() -> Vec<(bool, Value)> {
    let two = [("metro", -300, -270, 8_550), ("shared_bike", -265, -255, 2_000)];
    let mut trips = vec![
        (true, trip(("demo", "a-1"), 3, &two)),
        (false, trip(("demo", "a-1"), 3, &[("bus_electric", -200, -180, 5_000)])),
        (true, trip(("demo", "a-2"), 3, &[("metro", -290, -280, 4_000)])), // overlap
        (true, trip(("demo", "b-1"), 34, &[("metro", -100, -99, 90_000)])), // too_fast
        (false, trip(("demo", "b-2"), 34, &[("shared_ebike", -90, -80, 2_345)])),
        (true, trip(("demo", "b-3"), 34, &[("metro", -60_000, -59_990, 3_000)])), // too_old
        (true, trip(("demo", "c-1"), 64, &[("shared_bike", -50, -30, 3_210)])),
        (false, trip(("demo", "d-1"), 29, &[("metro", -50, -30, 12_345)])),
        (true, trip(("short", "f-1"), 5, &two)),
        (true, trip(("short", "f-2"), 5, &[("metro", -200, -180, 5_000)])),
        (true, trip(("short", "f-3"), 5, &[("metro", -100, -80, 6_000)])),
        (true, trip(("short", "g-1"), 35, &two)),
        (true, trip(("own", "h-1"), 29, &[("metro", -100, -80, 7_000)])),
        (true, trip(("own", "i-1"), 20, &[("metro", -100, -80, 7_000)])),
        (true, trip(("own", "j-1"), 21, &[("metro", -100, -80, 7_000)])),
    ];
    let long = |n: i64| {
        let legs = [("metro", -2_400 + n * 80, -2_325 + n * 80, 149_000)];
        (true, trip(("demo", &format!("e-{n}")), 10, &legs))
    };
    trips.extend((0..16).map(long));
    trips
}

/// What became of the claims: collected one by one, together, by the gateway itself, lapsed, and some still wait; credits merged,
/// spent exactly and with change, expired; answers kept, one of them anew after its 30 days.
async fn orders(desk: &mut Desk) {
    desk.clock.set(NOON_MS + HOUR_MS);
    let (rider, saver) = ((3, "demo"), (10, "demo"));
    desk.collect(rider, &[], "all").await;
    desk.collect(rider, &[], "nothing left").await;
    desk.collect((41, "demo"), &[], "early").await;
    desk.collect((34, "demo"), &["b-1", "b-9"], "none of these").await;
    for (trips, key) in [
        (["e-0", "e-1"], "1"),
        (["e-2", "e-3"], "2"),
        (["e-4", "e-4"], "3"),
        (["e-5", "e-6"], "4"),
    ] {
        desk.collect(saver, &trips, key).await;
    }
    desk.collect((5, "short"), &["f-1"], "1").await;
    desk.collect((5, "short"), &["f-2"], "2").await;
    desk.collect((35, "short"), &[], "1").await;
    desk.settle(29).await;
    desk.redeem(rider, 150_000_000, "tea").await;
    desk.redeem(rider, 50_000_000, "cake").await;
    desk.redeem((35, "short"), 100_000_000, "tea").await;
    desk.merge(saver).await;
    desk.collect(saver, &["e-7"], "5").await;
    desk.redeem(saver, 100_000_000, "tea").await;
    desk.redeem(saver, 20_000_000_000, "bicycle").await;
    desk.clock.set(LATER_MS);
    for user in [5, 35, 64] {
        desk.settle(user).await;
    }
    desk.clock.set(END_MS);
    desk.collect((41, "demo"), &[], "early").await;
}

/// A data folder with the programmes that are in force in it.
pub(super) struct Made {
    pub(super) folder: tempfile::TempDir,
    pub(super) programmes: tempfile::TempDir,
    pub(super) texts: [Vec<u8>; 3],
}

/// Builds it.
pub(super) async fn finished() -> Finished {
    let made = made().await;
    signed::keys(made.folder.path()).await;
    read(made.folder.path())
}

/// Reads its files.
pub(super) fn read(folder: &Path) -> Finished {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    Finished {
        ledger: read("ledger.db"),
        chain: read("chain.db"),
        kek: read("keys/kek"),
    }
}

/// Builds all of it but the keys.
pub(super) async fn made() -> Made {
    let programmes = tempfile::tempdir().unwrap();
    fs::write(programmes.path().join("own.toml"), OWN).unwrap();
    fs::write(programmes.path().join("short.toml"), SHORT).unwrap();
    let folder = programmes.path().to_str().unwrap();
    let app = TestApp::spawn_in_a_file(&[("CARBON_GATEWAY__PROGRAMME__DIR", folder)]).await;
    let location = file_of(app.data_dir());
    let second = format!(
        "{}{}",
        &app.key[..app.key.len() - 2],
        if app.key.ends_with("00") { "11" } else { "00" }
    );
    let mut connection = location.connect().await.unwrap();
    let key_digest = Hash::new(Sha256::digest(second.as_bytes()).into());
    let key = ClientKey {
        key_digest,
        name: "second".to_owned(),
        rights: "trips:write".to_owned(),
        programmes: "demo".to_owned(),
        created_ms: NOON_MS,
        expires_ms: Some(NOON_MS * 2),
        revoked_ms: None,
    };
    clients::insert(&mut connection, &key).await.unwrap();
    connection.close().await.unwrap();
    for (first, body) in trips() {
        let answer = app
            .client
            .post(format!("{}/v1/trips", app.base))
            .bearer_auth(if first { &app.key } else { &second })
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{body}");
    }
    let sending = Sending::beside(&app).await;
    for word in ["one", "two", "three"] {
        sending.commit(word, &binding(word), NOON_MS).await;
    }
    sending.close().await;
    let (made, _) = app.stop().await;
    let texts = [Programme::DEMO, SHORT.as_bytes(), OWN.as_bytes()];
    let mut desk = Desk::open(made.path(), NOON_MS, &texts).await;
    orders(&mut desk).await;
    desk.close().await;
    Made {
        folder: made,
        programmes,
        texts: texts.map(<[u8]>::to_vec),
    }
}
