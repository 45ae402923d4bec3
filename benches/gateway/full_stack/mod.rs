//! Trips over HTTP into a database server that waits for the disk, against the same rows written by others: by a stored procedure, by a
//! transaction for each request, by bare transactions as large as the writer's; two instances against one; and trips by the broker's queue
//! against those over HTTP.

mod grouped;
mod model;
mod procedure;
mod queue; // by the broker, in the place of HTTP
mod sides;

use super::Effort;
use super::child::Child;
use super::desk::Riders;
use super::load::{self, Done, Requests, callers, paced, post};
use super::server::{Place, Server};
use super::table::{Row, note};
use anyhow::{Context as _, ensure};
use carbon_gateway::clock::Clock;
use carbon_gateway::ledger;
use grouped::Grouped;
use model::{Model, fill};
use queue::{Broker, Senders};
use sides::{Side, Watch};
use sqlx::mysql::MySqlPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Riders, each of whom has a trip and an account before anything is measured.
const RIDERS: u64 = 30_000;
/// Between two trips of one rider, seconds: three a day, as with riders and not as with machines.
const APART_S: i64 = 8 * 3_600;
const ROUNDS: usize = 5;
/// Seconds of a slice for which riders have rides enough, at twice the rates that were measured.
const LONGEST_S: u64 = 7;
const CONNECTIONS: usize = 256;
/// As many as let each batch of two instances have as many trips of a shard as one has of fewer callers.
const MANY_CONNECTIONS: usize = 1_024;
/// Connections that call the procedure.
const CALLING: u32 = 32;
/// As many consecutive trips lie in as many shards, half of them in the first half of the shards.
const SHARDS: u64 = ledger::ids::SHARDS as u64;
/// Trips of a batch, and who sends batches: so many that every batch of the writer is full, as in the bare groups, and a few.
const BATCH: u64 = 100;
const BATCH_CALLERS: usize = 32;
const FEW_CALLERS: usize = 8;

/// Three instances on one database, each alone at work in its turn, but for the first two in theirs.
struct Gateways {
    /// Takes trips from the queue, too.
    first: Child,
    second: Child,
    /// A transaction for each request.
    single: Child,
    trips: Requests,
    batches: Requests,
    counter: Arc<AtomicU64>,
    senders: Senders,
    _place: Place,
    _folders: [tempfile::TempDir; 2],
}

/// The same tables in a database of their own, without a gateway.
struct Bare {
    model: Arc<Model>,
    riders: Riders,
    calling: MySqlPool,
    counter: Arc<AtomicU64>,
    grouped: Grouped,
    _place: Place,
}

/// What every round adds to.
#[derive(Default)]
struct Sides {
    ours: Side,
    procedure: Side,
    single: Side,
    batches: Side,
    few_batches: Side,
    grouped: Side,
    both: Side,
    both_by_shard: Side,
    many: Side,
    many_both: Side,
    queue: Side,
}

/// Measures everything in turn, several times.
pub(crate) async fn measure(effort: &Effort) -> anyhow::Result<Vec<Row>> {
    let slice = Duration::from_secs(effort.seconds);
    ensure!(
        effort.seconds <= LONGEST_S,
        "riders have rides for {LONGEST_S} seconds a slice"
    );
    let server = Server::find().await?;
    let broker = Broker::find(effort.broker)?;
    let riders = Riders::new(0, RIDERS)?.every(APART_S);
    note("filling two ledgers");
    let gateways = Gateways::start((&server, &broker), riders).await?;
    let mut bare = Bare::open(&server, riders).await?;
    let mut sides = Sides::default();
    for round in 1..=ROUNDS {
        measure_round((&server, &broker), (&gateways, &mut bare), slice, &mut sides).await?;
        note(&format!("round {round} of {ROUNDS}: {}", sides.last()));
    }
    let half = sides.ours.rate() / 2.0;
    let latencies = paced(
        gateways.first.address,
        (CONNECTIONS, half),
        slice * 3,
        (&gateways.trips, &gateways.counter),
    )
    .await?;
    let mut rows = sides.rows();
    for (percent, name) in [(50, "p50"), (99, "p99")] {
        let place = latencies.len() * percent / 100;
        let took = latencies.get(place).context("nothing was answered at half load")?;
        let name = format!("answered within, {name} at half load ({half:.0} a second)");
        rows.push(Row::figure(name, "ms", took.as_secs_f64() * 1e3));
    }
    let bytes = bare.model.bytes();
    rows.push(Row::figure("rows of one trip, by themselves", "bytes", bytes as f64));
    gateways.stop().await?;
    Ok(rows)
}

async fn measure_round(
    (server, broker): (&Server, &Broker),
    (gateways, bare): (&Gateways, &mut Bare),
    slice: Duration,
    sides: &mut Sides,
) -> anyhow::Result<()> {
    let (first, second, single) = (&gateways.first, &gateways.second, &gateways.single);
    let call = async |child: &Child, connections| {
        callers(child.address, connections, slice, (&gateways.trips, &gateways.counter)).await
    };
    let watch = |children| Watch {
        server,
        broker: None,
        children,
    };
    let both = async |connections: usize| {
        let half = connections / 2;
        let (one, other) = tokio::try_join!(call(first, half), call(second, half))?;
        Ok(one.beside(other))
    };
    let (alone, beside) = (watch(vec![first]), watch(vec![first, second]));
    let one = alone.measure(&mut sides.ours, call(first, CONNECTIONS)).await?;
    beside.measure(&mut sides.both, both(CONNECTIONS)).await?;
    beside
        .measure(&mut sides.both_by_shard, gateways.by_shard(CONNECTIONS / 2, slice))
        .await?;
    alone.measure(&mut sides.many, call(first, MANY_CONNECTIONS)).await?;
    beside.measure(&mut sides.many_both, both(MANY_CONNECTIONS)).await?;
    // As many as callers had booked in their time.
    let sent = gateways.senders.send(first, (one.answered, &gateways.counter));
    let with_broker = Watch {
        broker: Some(broker),
        ..watch(vec![first])
    };
    with_broker.measure(&mut sides.queue, sent).await?;
    let calls = procedure::callers(&bare.calling, (&bare.model, bare.riders), &bare.counter, slice);
    watch(vec![]).measure(&mut sides.procedure, calls).await?;
    watch(vec![single])
        .measure(&mut sides.single, call(single, CONNECTIONS))
        .await?;
    let batches = async |connections| load::batches(first.address, connections, slice, &gateways.batches).await;
    for (side, callers) in [
        (&mut sides.batches, BATCH_CALLERS),
        (&mut sides.few_batches, FEW_CALLERS),
    ] {
        watch(vec![first]).measure(side, batches(callers)).await?;
    }
    watch(vec![])
        .measure(&mut sides.grouped, bare.grouped.commit(slice))
        .await?;
    Ok(())
}

impl Gateways {
    async fn start((server, broker): (&Server, &Broker), riders: Riders) -> anyhow::Result<Self> {
        let place = server.database("bench_gateway").await?;
        fill(&place, riders, 0).await?;
        let (first, key) = place.gateway(&broker.settings())?;
        // Had anybody a key before, the first start would make none.
        broker.admit(&place).await?;
        let senders = Senders::connect(broker, &first, riders).await?;
        let (second, second_folder) = place.beside(&[])?;
        let (single, single_folder) = place.beside(&[("WRITER__BATCH_MAX", "1")])?;
        let now_s = Clock::System.now_ms() / 1_000;
        let counter = Arc::new(AtomicU64::new(RIDERS));
        let (own, numbers) = (key.clone(), Arc::clone(&counter));
        Ok(Self {
            first,
            second,
            single,
            trips: Arc::new(move |n| Ok(post(&own, "/v1/trips", &riders.trip_json(n, now_s)?))),
            batches: Arc::new(move |_| {
                let first = numbers.fetch_add(BATCH, Ordering::Relaxed);
                let trips: Result<Vec<_>, _> = (first..first + BATCH).map(|n| riders.trip_json(n, now_s)).collect();
                Ok(post(&key, "/v1/trips/batch", &serde_json::json!({"trips": trips?})))
            }),
            counter,
            senders,
            _place: place,
            _folders: [second_folder, single_folder],
        })
    }

    /// Callers of two instances who send the trips of half of the shards to the one and those of the others to the other, so that neither
    /// waits for what the other writes. What one of them was slower to send is left out.
    async fn by_shard(&self, connections: usize, lasting: Duration) -> anyhow::Result<Done> {
        let begun = self.counter.load(Ordering::Relaxed).next_multiple_of(SHARDS);
        let call = async |child: &Child, half: u64| {
            let (counter, trips) = (Arc::new(AtomicU64::new(0)), Arc::clone(&self.trips));
            let number = move |n: u64| begun + n / (SHARDS / 2) * SHARDS + half * (SHARDS / 2) + n % (SHARDS / 2);
            let own: Requests = Arc::new(move |n| trips(number(n)));
            let done = callers(child.address, connections, lasting, (&own, &counter)).await?;
            self.counter
                .fetch_max(number(counter.load(Ordering::Relaxed)) + SHARDS, Ordering::Relaxed);
            anyhow::Ok(done)
        };
        let (one, other) = tokio::try_join!(call(&self.first, 0), call(&self.second, 1))?;
        Ok(one.beside(other))
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.senders.stop().await?;
        self.second.stop()?;
        self.single.stop()?;
        self.first.stop()
    }
}

impl Bare {
    async fn open(server: &Server, riders: Riders) -> anyhow::Result<Self> {
        let place = server.database("bench_bare").await?;
        let model = Arc::new(Model::made(&place, riders).await?);
        let calling = place.sessions(CALLING).await?;
        procedure::make(&calling, &model).await?;
        let grouped = Grouped::new(&calling, (&model, riders)).await?;
        Ok(Self {
            model,
            riders,
            calling,
            counter: Arc::new(AtomicU64::new(RIDERS)),
            grouped,
            _place: place,
        })
    }
}

impl Sides {
    /// The rates of the last round, for whoever watches.
    fn last(&self) -> String {
        let each = [
            ("gateway", &self.ours),
            ("queue", &self.queue),
            ("procedure", &self.procedure),
            ("two instances", &self.both),
            ("two by shard", &self.both_by_shard),
            ("of many", &self.many),
            ("two of many", &self.many_both),
            ("one by one", &self.single),
            ("batches", &self.batches),
            ("of few", &self.few_batches),
            ("grouped", &self.grouped),
        ];
        let rates = each.map(|(name, side)| format!("{name} {:.0}", side.last()));
        rates.join(", ")
    }

    fn rows(&self) -> Vec<Row> {
        let rate = |name: &str, (ours, theirs): (&Side, &Side), aim| Row {
            ratio: Some(ours.rate_against(theirs)),
            ..Row::rate(name, "a second", (ours.rate(), theirs.rate()), aim)
        };
        let mut rows = vec![
            rate(
                "trips, 256 connections, against a stored procedure",
                (&self.ours, &self.procedure),
                Some(1.5),
            ),
            rate(
                "the same against a transaction for each request",
                (&self.ours, &self.single),
                Some(3.0),
            ),
            rate(
                "trips in batches, against the same rows in groups",
                (&self.batches, &self.grouped),
                Some(0.6),
            ),
            rate("the same of eight callers", (&self.few_batches, &self.grouped), None),
            rate(
                "two instances against one, 256 connections",
                (&self.both, &self.ours),
                Some(0.9),
            ),
            rate("the same, callers by shard", (&self.both_by_shard, &self.ours), None),
            rate(
                "two instances against one, 1,024 connections",
                (&self.many_both, &self.many),
                None,
            ),
            rate(
                "trips by the queue, against HTTP, 256 connections",
                (&self.queue, &self.ours),
                None,
            ),
        ];
        rows.extend(self.costs());
        let sides = [
            ("one instance", &self.ours),
            ("stored procedure", &self.procedure),
            ("a transaction for each request", &self.single),
            ("in batches", &self.batches),
            ("in batches of eight callers", &self.few_batches),
            ("in groups", &self.grouped),
            ("two instances", &self.both),
            ("two instances, callers by shard", &self.both_by_shard),
            ("one instance, 1,024 connections", &self.many),
            ("two instances, 1,024 connections", &self.many_both),
            ("by the queue", &self.queue),
        ];
        rows.extend(sides.iter().flat_map(|(name, side)| side.cpu_rows(name)));
        rows.extend(sides.iter().flat_map(|(name, side)| side.batch_rows(name)));
        rows
    }

    /// What a trip costs all who have a part in it, against what it costs others.
    fn costs(&self) -> [Row; 5] {
        let cost = |name: &str, (ours, theirs): (&Side, &Side)| Row {
            ratio: Some(ours.cpu_against(theirs)),
            ..Row::cost(name, "CPU us each", (ours.cpu_us(), theirs.cpu_us()), None)
        };
        [
            cost(
                "CPU of a trip, against a stored procedure",
                (&self.ours, &self.procedure),
            ),
            cost(
                "the same against a transaction for each request",
                (&self.ours, &self.single),
            ),
            cost(
                "CPU of a trip in batches, against groups",
                (&self.batches, &self.grouped),
            ),
            cost("CPU of a trip, two instances against one", (&self.both, &self.ours)),
            cost("CPU of a trip by the queue, against HTTP", (&self.queue, &self.ours)),
        ]
    }
}
