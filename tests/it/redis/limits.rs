//! Limits that instances share, counted in Redis; and what becomes of them while it is away.

use super::{Server, ask, config, connect, space, until};
use crate::services;
use carbon_gateway::config::{LimitsConfig, Loaded, RedisConfig};
use carbon_gateway::ledger::ids::{Name, UserId};
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::redis::Redis;
use carbon_gateway::redis::limits::{Limits, Refused, Scope};
use carbon_gateway::redis::space::Space;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn figures(client_per_s: u32, user_per_s: u32) -> LimitsConfig {
    let named = [("CLIENT_PER_S", client_per_s), ("USER_PER_S", user_per_s)];
    let variables = named.map(|(name, figure)| (format!("CARBON_GATEWAY__LIMITS__{name}"), figure.to_string()));
    Loaded::read(None, variables).unwrap().config.limits
}

/// What one instance counts by.
async fn instance(url: &str, figures: LimitsConfig, space: &Arc<Space>, life: &Lifecycle) -> (Limits, Redis) {
    on(&config(url), figures, space, life).await
}

async fn on(config: &RedisConfig, figures: LimitsConfig, space: &Arc<Space>, life: &Lifecycle) -> (Limits, Redis) {
    let redis = Redis::start(config, life).await.unwrap().unwrap();
    (Limits::new(figures, Some((redis.clone(), Arc::clone(space)))), redis)
}

fn life() -> Lifecycle {
    Lifecycle::new(Duration::from_secs(10))
}

async fn end(life: &Lifecycle) {
    life.stop();
    life.wait().await;
}

fn client() -> Name {
    Name::parse("metro").unwrap()
}

fn rider(id: u32) -> UserId {
    UserId::new(i64::from(id)).unwrap()
}

#[tokio::test]
async fn two_instances_let_through_what_one_does() {
    let Some(url) = services::redis("limits of two instances") else {
        return;
    };
    let (life, (space, prefix), client) = (life(), space(), client());
    let (one, _) = instance(&url, figures(50, 0), &space, &life).await;
    let (other, _) = instance(&url, figures(50, 0), &space, &life).await;
    let begun = Instant::now();
    let mut passed = 0;
    for _ in 0..100 {
        passed += u32::from(one.admit(&client, None).await.is_ok());
        passed += u32::from(other.admit(&client, None).await.is_ok());
    }
    let most = 51.0 + 50.0 * begun.elapsed().as_secs_f64();
    assert!(
        passed >= 50 && f64::from(passed) <= most,
        "{passed} of 200 passed, at most {most}"
    );
    // Another deployment on the same Redis has a budget of its own.
    let (elsewhere, _) = instance(&url, figures(50, 0), &super::space().0, &life).await;
    assert_eq!(elsewhere.admit(&client, None).await, Ok(()));
    // Had they counted in their own memory, nothing would stand there.
    let mut connection = connect(&url).await;
    let key = format!("{prefix}:client:metro");
    assert_eq!(ask::<u32>(&mut connection, &["EXISTS", &key]).await, 1);
    end(&life).await;
}

#[tokio::test]
async fn who_is_refused_is_told_how_long_and_passes_then() {
    let Some(url) = services::redis("the wait of a refused request") else {
        return;
    };
    let (life, (space, _), client) = (life(), space(), client());
    let (limits, _) = instance(&url, figures(3, 0), &space, &life).await;
    let mut refused = None;
    for _ in 0..1_000 {
        refused = limits.admit(&client, None).await.err();
        if refused.is_some() {
            break;
        }
    }
    let Refused { scope, per_s, wait } = refused.expect("a thousand in a row, at three a second");
    assert_eq!((scope, per_s.get()), (Scope::Client, 3));
    assert!(!wait.is_zero() && wait <= Duration::from_micros(333_334), "{wait:?}");
    tokio::time::sleep(wait + Duration::from_millis(5)).await;
    assert_eq!(limits.admit(&client, None).await, Ok(()));
    end(&life).await;
}

#[tokio::test]
async fn what_is_refused_for_its_rider_counts_for_nobody() {
    let Some(url) = services::redis("requests refused for their rider") else {
        return;
    };
    let (life, (space, prefix), client) = (life(), space(), client());
    let (limits, _) = instance(&url, figures(1_000, 1), &space, &life).await;
    let (mut connection, key) = (connect(&url).await, format!("{prefix}:client:metro"));
    let mut refusals = 0;
    for _ in 0..200 {
        let before: Option<String> = ask(&mut connection, &["GET", &key]).await;
        let admitted = limits.admit(&client, Some(rider(17))).await;
        let after: Option<String> = ask(&mut connection, &["GET", &key]).await;
        match admitted {
            Ok(()) => assert_ne!(before, after),
            Err(refused) => {
                assert_eq!(refused.scope, Scope::Rider);
                // It may have been forgotten meanwhile, but nobody has counted anything.
                assert!(after == before || after.is_none(), "{before:?} {after:?}");
                refusals += 1;
            }
        }
    }
    assert!(refusals > 0, "a rider ordered 200 times in 200 seconds");
    end(&life).await;
}

#[tokio::test]
async fn each_item_of_a_batch_counts_for_its_rider() {
    let Some(url) = services::redis("items of a batch") else {
        return;
    };
    let (life, (space, _)) = (life(), space());
    let (limits, _) = instance(&url, figures(1, 2), &space, &life).await;
    // One script judges them at one instant, however slow the machine.
    let batch = [1, 2, 0, 1, 1, 1, 2, 2].map(|id| (id > 0).then(|| rider(id)));
    let refused = limits.admit_each(&batch).await;
    let passes: Vec<bool> = refused.iter().map(Option::is_none).collect();
    assert_eq!(passes, [true, true, true, true, false, false, true, false]);
    assert!(refused.iter().flatten().all(|refused| refused.scope == Scope::Rider));
    end(&life).await;
}

#[tokio::test]
async fn what_stands_in_redis_names_no_rider_and_goes_by_itself() {
    let Some(url) = services::redis("what stands in Redis") else {
        return;
    };
    let (life, (space, prefix), client) = (life(), space(), client());
    let (limits, _) = instance(&url, figures(10, 10), &space, &life).await;
    let mut connection = connect(&url).await;
    // Keys live for seconds: on a machine that sleeps meanwhile they are written again.
    let mut keys: Vec<String> = Vec::new();
    for _ in 0..100 {
        let _counted = limits.admit(&client, Some(rider(1_000_017))).await;
        keys = ask(&mut connection, &["KEYS", &format!("{prefix}:*")]).await;
        if keys.len() == 2 {
            break;
        }
    }
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        assert!(!key.contains("1000017"), "{key}");
        let left_ms: i64 = ask(&mut connection, &["PTTL", key]).await;
        assert!((-2..=3_000).contains(&left_ms) && left_ms != -1, "{key}: {left_ms}");
    }
    // What a clock that was wrong has written, or somebody else, locks nobody out for longer than a second.
    for wrong in ["99999999999999999", "nonsense"] {
        for key in &keys {
            ask::<()>(&mut connection, &["SET", key, wrong]).await;
        }
        until("a wrong figure lasts", async || {
            limits.admit(&client, Some(rider(1_000_017))).await.is_ok()
        })
        .await;
    }
    end(&life).await;
}

fn counted(handle: &PrometheusHandle, name: &str) -> u64 {
    let text = handle.render();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_default()
}

/// Asks many times while Redis is away; all but those who were waiting when it went are answered without asking it.
async fn passed_over(limits: &Limits, redis: &Redis, figures: &PrometheusHandle) {
    const MANY: u32 = 2_000;
    let [local, failures] = ["carbon_limits_local_total", "carbon_redis_failures_total"];
    let before = [counted(figures, local), counted(figures, failures)];
    let begun = Instant::now();
    for id in 0..MANY {
        assert_eq!(limits.admit(&client(), Some(rider(id))).await, Ok(()));
    }
    // The limits hold here all the same.
    let twice = limits.admit_each(&[Some(rider(MANY)), Some(rider(MANY))]).await;
    assert!(twice[0].is_none() && twice[1].is_some_and(|refused| refused.scope == Scope::Rider));
    assert_eq!(counted(figures, local) - before[0], u64::from(MANY) + 1);
    // One who asked, and the looks whether it is back: one a second at most.
    let failed = counted(figures, failures) - before[1];
    assert!(
        failed >= 1 && failed <= 2 + begun.elapsed().as_secs(),
        "{failed} failures"
    );
    assert!(!redis.is_up());
}

/// Waits until limits are counted in Redis again, by themselves.
async fn back(limits: &Limits, redis: &Redis, figures: &PrometheusHandle) {
    until("Redis is not found again", async || redis.is_up()).await;
    let local = counted(figures, "carbon_limits_local_total");
    assert_eq!(limits.admit(&client(), Some(rider(3_000_000))).await, Ok(()));
    assert_eq!(counted(figures, "carbon_limits_local_total"), local);
}

#[test]
fn while_redis_is_away_nobody_waits_for_it_and_limits_hold() {
    if services::redis("Redis killed and silent").is_none() {
        return;
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures_of = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // All runs on this thread, so what is counted is counted here and by nobody else.
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let (server, life, (space, _)) = (Server::start(), life(), space());
            let mut config = config(&server.url);
            config.timeout_ms = 2_000.try_into().unwrap();
            let (limits, redis) = on(&config, figures(1_000_000, 1), &space, &life).await;
            assert!(redis.is_up());
            assert_eq!(limits.admit(&client(), Some(rider(3_000_001))).await, Ok(()));
            assert_eq!(counted(&figures_of, "carbon_limits_local_total"), 0);

            server.signal("KILL");
            passed_over(&limits, &redis, &figures_of).await;
            server.restart();
            back(&limits, &redis, &figures_of).await;

            // One that takes connections and says nothing: whoever asks it has to give up.
            tokio::time::sleep(Duration::from_secs(2)).await;
            server.signal("STOP");
            passed_over(&limits, &redis, &figures_of).await;
            server.signal("CONT");
            back(&limits, &redis, &figures_of).await;

            // The script is gone with everything else, and comes again.
            let mut connection = connect(&server.url).await;
            ask::<()>(&mut connection, &["FLUSHALL"]).await;
            ask::<()>(&mut connection, &["SCRIPT", "FLUSH"]).await;
            back(&limits, &redis, &figures_of).await;
            assert!(redis.is_up());
            end(&life).await;
        });
    });
}

#[tokio::test]
async fn a_redis_that_is_away_hinders_no_start() {
    let life = life();
    // Nobody listens on the port of a socket that was closed.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("redis://127.0.0.1:{port}");
    let (limits, redis) = instance(&url, figures(5, 0), &space().0, &life).await;
    assert!(!redis.is_up());
    assert_eq!(limits.admit(&client(), None).await, Ok(()));
    end(&life).await;
}
