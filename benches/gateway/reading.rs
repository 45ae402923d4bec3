//! Reads while others write, against a bare `SELECT` over HTTP: a server of the same library that looks up one row in the very ledger
//! file that the gateway is writing, and does nothing else.

use super::child::{Child, first_key};
use super::desk::{rider, trip_json};
use super::load::{Requests, callers, get, post};
use super::table::{Row, median, micros_each};
use super::{Effort, scratch};
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use carbon_gateway::clock::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The word by which this executable serves bare reads.
pub(crate) const BARE: &str = "bare-select";
const WRITERS: usize = 16;
const READERS: usize = 16;
const ROUNDS: usize = 3;
/// Trips there are before anything is measured.
const BEFORE: Duration = Duration::from_secs(3);

/// One kind of read.
struct Kind {
    name: &'static str,
    child: usize,
    requests: Requests,
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
}

/// Measures balances and totals.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let slice = Duration::from_secs(effort.seconds);
    let (_scratch, folder) = scratch()?;
    let gateway = Child::gateway(&folder, &[])?;
    let key = first_key(&folder)?;
    let mut reader = Command::new(std::env::current_exe()?);
    reader.arg(BARE).arg(folder.ledger_file());
    let children = [gateway, Child::start(reader)?];
    let now_s = Clock::System.now_ms() / 1_000;
    let (writing, numbers) = (key.clone(), Arc::default());
    let trips: Requests = Arc::new(move |n| Ok(post(&writing, "/v1/trips", &trip_json(n, now_s)?)));
    let address = children[0].address;
    let done = callers(address, WRITERS, BEFORE, (&trips, &numbers)).await?;
    let known = done.answered.max(1);
    let kind = |name, child, requests| Kind {
        name,
        child,
        requests,
        rates: Vec::new(),
        cpu_us: Vec::new(),
    };
    let (one, two) = (key.clone(), key);
    let mut kinds = [
        kind(
            "bare SELECT",
            1,
            Arc::new(move |n| Ok(get("none", &format!("/{}", rider(n % known)?)))),
        ),
        kind(
            "balance",
            0,
            Arc::new(move |n| Ok(get(&one, &format!("/v1/users/{}/balance", rider(n % known)?)))),
        ),
        kind(
            "report totals",
            0,
            Arc::new(move |_| Ok(get(&two, "/v1/reports/totals?programme=demo"))),
        ),
    ];
    for _ in 0..ROUNDS {
        for kind in &mut kinds {
            let (trips, numbers) = (Arc::clone(&trips), Arc::clone(&numbers));
            let mut writers = JoinSet::new();
            writers.spawn(async move { callers(address, WRITERS, slice, (&trips, &numbers)).await });
            let child = children.get(kind.child).context("no such process")?;
            let before = child.cpu()?;
            let done = callers(child.address, READERS, slice, (&kind.requests, &Arc::default())).await?;
            let cpu = child.cpu()?.saturating_sub(before);
            writers.join_next().await.context("no writers")???;
            kind.rates.push(done.rate());
            kind.cpu_us.push(micros_each(cpu, done.answered));
        }
    }
    let [select, ours @ ..] = &kinds;
    let base = median(select.rates.clone());
    let mut rows = vec![Row::figure(select.name, "a second", base)];
    for kind in ours {
        let name = format!("{} while writing, against {}", kind.name, select.name);
        rows.push(Row::rate(name, "a second", (median(kind.rates.clone()), base), None));
    }
    let cost = median(select.cpu_us.clone());
    rows.push(Row::figure("CPU of a bare SELECT", "CPU us each", cost));
    Ok(rows)
}

/// Serves `GET /{user}` by one `SELECT` until it is killed.
pub(crate) async fn serve_bare(file: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await?;
    let app = move || {
        App::new()
            .app_data(web::Data::new(pool.clone()))
            .route("/{user}", web::get().to(one_row))
    };
    let server = HttpServer::new(app).bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        super::table::note(&format!("the bare reader serves on http://{address}"));
    }
    Ok(server.run().await?)
}

async fn one_row(user: web::Path<i64>, pool: web::Data<SqlitePool>) -> HttpResponse {
    let user = user.into_inner();
    let sql = format!(
        "SELECT available_ug, waiting_ug, issued_ug FROM account_{:02} WHERE user_id = ?",
        user.rem_euclid(30)
    );
    let row: Result<(i64, i64, i64), _> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(user)
        .fetch_one(pool.get_ref())
        .await;
    row.map_or_else(
        |_| HttpResponse::NotFound().finish(),
        |row| HttpResponse::Ok().json(row),
    )
}
