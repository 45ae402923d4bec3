//! The rows of trips in transactions as large as the writer's, and nothing else: its statements that lock and that write, over four
//! connections which share the shards as its tasks do, each always with a full batch. Nothing is read but heads, nothing is decided.

use super::model::{Model, Own};
use crate::desk::Riders;
use crate::load::Done;
use carbon_gateway::clock::Clock;
use sha2::{Digest as _, Sha256};
use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlPool};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor as _, MySql};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Connections, as many as the writer has tasks on a server.
const LANES: u32 = 4;
/// Trips of a shard in a batch: 256 of eight shards.
const EACH: u64 = 32;
const SHARDS: u64 = 30;

/// What a trip changes of an account.
const CHANGING: &str = "lapses_ms, collects_ms, waiting_ug, quantified_ug, capped_ug, longest_trip_s, last_end_s, last_day, last_day_count, \
    last_day_ug";

type Prepared = Query<'static, MySql, MySqlArguments>;

/// Shard, epoch, seq, seal and home.
type HeadRow = (i64, i64, i64, Vec<u8>, Vec<u8>);

/// A shard as a batch leaves it.
struct Shard {
    number: i64,
    epoch: i64,
    seq: i64,
    seal: Vec<u8>,
    home: Vec<u8>,
}

/// A connection with its shards, and how many trips each of these has.
struct Lane {
    session: MySqlConnection,
    shards: Vec<i64>,
    trips: u64,
}

/// Who commits.
pub(super) struct Grouped {
    model: Arc<Model>,
    riders: Riders,
    lanes: Vec<Lane>,
}

impl Grouped {
    /// Opens the connections.
    pub(super) async fn new(sessions: &MySqlPool, (model, riders): (&Arc<Model>, Riders)) -> anyhow::Result<Self> {
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            let shards = (0..30).filter(|shard| shard % LANES == lane).map(i64::from).collect();
            let session = sessions.acquire().await?.detach();
            lanes.push(Lane {
                session,
                shards,
                trips: 0,
            });
        }
        Ok(Self {
            model: Arc::clone(model),
            riders,
            lanes,
        })
    }

    /// Commits full batches for so long.
    pub(super) async fn commit(&mut self, lasting: Duration) -> anyhow::Result<Done> {
        let begun = Instant::now();
        let mut work = JoinSet::new();
        let (back, mut lanes) = tokio::sync::mpsc::channel(self.lanes.len());
        for mut lane in self.lanes.drain(..) {
            let (model, riders, back) = (Arc::clone(&self.model), self.riders, back.clone());
            work.spawn(async move {
                let mut booked = 0;
                while begun.elapsed() < lasting {
                    lane.batch(&model, riders).await?;
                    booked += EACH * u64::try_from(lane.shards.len())?;
                }
                back.try_send(lane)?;
                anyhow::Ok(booked)
            });
        }
        drop(back);
        let done = Done::of_all(work, begun).await?;
        while let Some(lane) = lanes.recv().await {
            self.lanes.push(lane);
        }
        Ok(done)
    }
}

impl Lane {
    async fn batch(&mut self, model: &Model, riders: Riders) -> anyhow::Result<()> {
        let (c, now_ms) = (&mut self.session, Clock::System.now_ms());
        c.execute(sqlx::raw_sql("START TRANSACTION")).await?;
        let mut heads = lock(c, &self.shards).await?;
        let entries = model.page(u32::try_from(EACH)?)?;
        let mut pages = Vec::new();
        for head in &mut heads {
            let numbers = (self.trips..self.trips + EACH).map(|place| place * SHARDS + head.number.unsigned_abs());
            let trips: Result<Vec<Own>, _> = numbers.map(|n| model.own("grouped", riders.id(n)?, n)).collect();
            write_shard(c, model, (head, now_ms), &trips?).await?;
            let sealed = Sha256::digest([head.seal.as_slice(), &entries].concat()).to_vec();
            pages.push((
                head.number,
                head.seq + 1,
                std::mem::replace(&mut head.seal, sealed.clone()),
                sealed,
            ));
            head.seq += i64::try_from(EACH)?;
        }
        self.trips += EACH;
        totals(c, model, &heads).await?;
        let sql = "INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries) VALUES ";
        rows(c, (sql, ""), &pages, |query, (shard, from, previous, seal)| {
            let to = from + EACH.cast_signed() - 1;
            query
                .bind(*shard)
                .bind(*from)
                .bind(to)
                .bind(now_ms)
                .bind(previous)
                .bind(seal)
                .bind(entries.as_slice())
        })
        .await?;
        let sql = "REPLACE INTO shard_head (shard, epoch, seq, seal, at_ms, home) VALUES ";
        rows(c, (sql, ""), &heads, |query, head| {
            query
                .bind(head.number)
                .bind(head.epoch + 1)
                .bind(head.seq)
                .bind(&head.seal)
                .bind(now_ms)
                .bind(&head.home)
        })
        .await?;
        c.execute(sqlx::raw_sql("COMMIT")).await?;
        Ok(())
    }
}

async fn lock(c: &mut MySqlConnection, shards: &[i64]) -> anyhow::Result<Vec<Shard>> {
    let marks = vec!["?"; shards.len()].join(", ");
    let read = format!(
        "SELECT shard, epoch, seq, seal, home FROM shard_head FORCE INDEX (PRIMARY) WHERE shard IN ({marks}) FOR UPDATE"
    );
    let query = sqlx::query_as(AssertSqlSafe(read));
    let heads: Vec<HeadRow> = shards
        .iter()
        .fold(query, |query, shard| query.bind(*shard))
        .fetch_all(c)
        .await?;
    let head = |(number, epoch, seq, seal, home)| Shard {
        number,
        epoch,
        seq,
        seal,
        home,
    };
    Ok(heads.into_iter().map(head).collect())
}

async fn write_shard(
    c: &mut MySqlConnection,
    model: &Model,
    (head, now_ms): (&Shard, i64),
    trips: &[Own],
) -> anyhow::Result<()> {
    let (table, programme) = (format!("{:02}", head.number), model.programme.as_str());
    let seqs: Vec<(i64, &Own)> = (head.seq + 1..).zip(trips).collect();
    let sql = format!(
        "INSERT INTO trip_{table} (seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence) \
         VALUES "
    );
    rows(c, (&sql, ""), &seqs, |query, (seq, own)| {
        let query = query
            .bind(*seq)
            .bind(own.user)
            .bind(&own.source_key)
            .bind(programme)
            .bind(model.day);
        let query = query
            .bind(own.started_s)
            .bind(own.ended_s)
            .bind("credited")
            .bind(model.amount_ug);
        query.bind(&model.record).bind(&model.evidence)
    })
    .await?;
    let sql = format!("INSERT INTO claim_{table} (user_id, seq, programme, opens_ms, closes_ms) VALUES ");
    rows(c, (&sql, ""), &seqs, |query, (seq, own)| {
        query
            .bind(own.user)
            .bind(*seq)
            .bind(programme)
            .bind(now_ms)
            .bind(now_ms + model.window_ms)
    })
    .await?;
    let sql = format!("INSERT INTO account_{table} (user_id, programme, address, wrapped_key, {CHANGING}) VALUES ");
    let changes: Vec<String> = CHANGING
        .split(", ")
        .map(|column| format!("{column} = VALUES({column})"))
        .collect();
    let tail = format!(" ON DUPLICATE KEY UPDATE {}", changes.join(", "));
    rows(c, (&sql, &tail), trips, |query, own| {
        let query = query
            .bind(own.user)
            .bind(programme)
            .bind(&own.source_key)
            .bind(&model.wrapped_key);
        let query = query.bind(model.lapses_ms).bind(None::<i64>);
        let query = query
            .bind(model.amount_ug * head.seq)
            .bind(model.amount_ug * head.seq)
            .bind(0_i64);
        let query = query.bind(own.ended_s - own.started_s).bind(own.ended_s);
        query.bind(model.day).bind(head.seq).bind(model.amount_ug * head.seq)
    })
    .await
}

async fn totals(c: &mut MySqlConnection, model: &Model, heads: &[Shard]) -> anyhow::Result<()> {
    let sql = "INSERT INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug) VALUES ";
    let add = " ON DUPLICATE KEY UPDATE count = count + VALUES(count), amount_ug = amount_ug + VALUES(amount_ug)";
    let all: Vec<_> = heads
        .iter()
        .flat_map(|head| model.totals.iter().map(move |total| (head, total)))
        .collect();
    rows(
        c,
        (sql, add),
        &all,
        |query, (head, (gas, figure, mode, methodology))| {
            let query = query
                .bind(head.number)
                .bind(model.booked_day)
                .bind(model.day)
                .bind(&model.programme);
            let query = query.bind(gas).bind(figure).bind(mode).bind(methodology);
            query
                .bind(EACH.cast_signed())
                .bind(model.amount_ug * EACH.cast_signed())
        },
    )
    .await
}

/// Writes rows by one statement; its columns stand in its text.
async fn rows<T>(
    c: &mut MySqlConnection,
    (head, tail): (&str, &str),
    rows: &[T],
    bind: impl Fn(Prepared, &T) -> Prepared,
) -> anyhow::Result<()> {
    let columns = head.split(',').count();
    let item = format!("({})", vec!["?"; columns].join(", "));
    let sql = format!("{head}{}{tail}", vec![item.as_str(); rows.len()].join(", "));
    let query = sqlx::query(AssertSqlSafe(sql));
    rows.iter().fold(query, bind).execute(c).await?;
    Ok(())
}
