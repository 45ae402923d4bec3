//! What is done by the clock is done by one instance, as long as it is there, and then by another.

use super::two::Two;
use super::{comes_about, number, raw, session};
use crate::database;
use crate::jobs::collecting_after;
use crate::process::Served;
use crate::support::{now_s, trip_at};
use carbon_gateway::store::db::Connection;

/// How often the job has come to an outcome in an instance.
async fn runs(of: &Served, outcome: &str) -> u32 {
    let figures = of.client.get(format!("{}/metrics", of.base)).send().await.unwrap();
    let figures = figures.text().await.unwrap();
    let mut lines = figures
        .lines()
        .filter(|line| line.starts_with("carbon_job_runs_total{"));
    let line = lines
        .find(|line| line.contains(&format!("outcome=\"{outcome}\"")))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The rides of this test, every one of another rider of the same shard, and the credits that came of them.
async fn ride(at: &Served, n: u32) {
    let mut trip = trip_at(now_s(), 30 * n);
    trip["programme"] = "automatic".into();
    let request = at.client.post(format!("{}/v1/trips", at.base)).bearer_auth(&at.key);
    assert_eq!(request.json(&trip).send().await.unwrap().status(), 201);
}

async fn collected(c: &mut Connection, many: i64) {
    comes_about(async || number(raw(c), "SELECT COUNT(*) FROM credit_10").await == many).await;
}

/// Who has the lease, and until when.
async fn lease(c: &mut Connection) -> (Vec<u8>, i64) {
    let sql = "SELECT holder, until_ms FROM job WHERE name = 'settle-due'";
    sqlx::query_as(sql).fetch_one(raw(c)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_settles_what_is_due_and_the_other_when_it_is_gone() {
    if database::is_in_files("turns of instances", "a file has one instance") {
        return;
    }
    let programmes = collecting_after(1);
    let mut two = Two::start_with(&[
        ("CARBON_GATEWAY__PROGRAMME__DIR", programmes.path().to_str().unwrap()),
        ("CARBON_GATEWAY__JOBS__SETTLE_DUE_S", "4"),
    ])
    .await;
    let mut looking = session(&database::location(two.home())).await;
    ride(&two.each[0], 0).await;
    collected(&mut looking, 1).await;
    comes_about(async || runs(&two.each[0], "done").await + runs(&two.each[1], "done").await > 0).await;
    let holder = usize::from(runs(&two.each[0], "done").await == 0);
    let other = 1 - holder;
    comes_about(async || runs(&two.each[holder], "done").await >= 3).await;
    comes_about(async || runs(&two.each[other], "elsewhere").await >= 3).await;
    assert_eq!(
        runs(&two.each[other], "done").await,
        0,
        "it was the other's turn all the time"
    );

    // Killed, it keeps its turn until its lease ends.
    two.alone(holder).kill_now();
    two.alone(holder).ended();
    ride(&two.each[other], 1).await;
    collected(&mut looking, 2).await;
    comes_about(async || runs(&two.each[other], "done").await > 0).await;

    // Stopped in good order it gives its turn back.
    two.start_again(holder).await;
    comes_about(async || runs(&two.each[holder], "elsewhere").await > 0).await;
    let (before, _) = lease(&mut looking).await;
    two.alone(other).signal("TERM");
    assert_eq!(two.alone(other).ended(), Some(0));
    let (after, until_ms) = lease(&mut looking).await;
    assert!(after != before || until_ms == 0, "it is kept until {until_ms}");
    ride(&two.each[holder], 2).await;
    collected(&mut looking, 3).await;
    two.start_again(other).await;
    two.assert_complete(now_s(), std::iter::empty()).await;
}
