//! Orders: as the ledger takes them from a desk inside of the process, and trips as callers send them over HTTP. Riders come again and
//! again, each time half an hour later unless said otherwise, so that no ride of theirs meets another.

use anyhow::{Context as _, anyhow, ensure};
use carbon_gateway::app::Core;
use carbon_gateway::identity::fresh;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::command::{Collect, Command, Meta, Redeem, SubmitTrip, Wanted};
use carbon_gateway::ledger::evidence::Places;
use carbon_gateway::ledger::idempotency::{Keyed, key_digest, request_digest};
use carbon_gateway::ledger::ids::{Name, UserId, trip_key};
use carbon_gateway::methodology::programme::Programme;
use carbon_gateway::methodology::units::Amount;
use carbon_gateway::methodology::{Distance, DistanceFrom, Leg, Trip};
use carbon_gateway::store::writer::{Ledger, Pending, SubmitError};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const PROGRAMME: &str = "demo";
/// Riders before any comes again.
pub(crate) const RIDERS: u64 = 10_000;
/// Half an hour, seconds.
const SLOT_S: i64 = 1_800;
/// How long ago everybody's first ride was, seconds: a day less than the programme takes.
const SINCE_S: i64 = 29 * 86_400;
/// First rider; a multiple of the number of shards.
const FIRST: i64 = 3_000_000;

/// The `n`th ride: whose it is, when it ended, and how far it went.
struct Ride {
    user: i64,
    ended_s: i64,
    metres: u64,
}

impl Ride {
    fn started_s(&self) -> i64 {
        self.ended_s - 1_600
    }
}

/// Riders who ride in turn, and come again when the last of them has ridden.
#[derive(Clone, Copy)]
pub(crate) struct Riders {
    first: i64,
    count: u64,
    /// Between two rides of one rider, seconds.
    apart_s: i64,
}

impl Riders {
    /// So many, beginning behind the first `before` of all.
    pub(crate) fn new(before: u64, count: u64) -> anyhow::Result<Self> {
        let first = FIRST + i64::try_from(before)?;
        Ok(Self { first, count, ..MOST })
    }

    /// The same riders at another pace.
    pub(crate) const fn every(self, apart_s: i64) -> Self {
        Self { apart_s, ..self }
    }

    /// Whose the `n`th ride is.
    pub(crate) fn id(self, n: u64) -> anyhow::Result<i64> {
        Ok(self.first + i64::try_from(n % self.count)?)
    }

    fn ride(self, n: u64, now_s: i64) -> anyhow::Result<Ride> {
        let after_s = i64::try_from(n / self.count)? * self.apart_s;
        ensure!(
            after_s < SINCE_S,
            "ride {n} would lie ahead: these riders have had theirs"
        );
        Ok(Ride {
            user: self.id(n)?,
            ended_s: now_s - SINCE_S + after_s,
            metres: 8_550 + n % 100,
        })
    }

    /// The `n`th trip as a caller sends it.
    pub(crate) fn trip_json(self, n: u64, now_s: i64) -> anyhow::Result<serde_json::Value> {
        let ride = self.ride(n, now_s)?;
        let time = |s| jiff::Timestamp::from_second(s).map(|time| time.to_string());
        Ok(serde_json::json!({
            "programme": PROGRAMME, "trip_id": format!("T-{n:09}"), "user_id": ride.user.to_string(),
            "legs": [{"mode": "metro", "started_at": time(ride.started_s())?, "ended_at": time(ride.ended_s)?, "distance_m": ride.metres}],
        }))
    }
}

/// Those of most cases.
const MOST: Riders = Riders {
    first: FIRST,
    count: RIDERS,
    apart_s: SLOT_S,
};

/// The `n`th trip of most cases as a caller sends it.
pub(crate) fn trip_json(n: u64, now_s: i64) -> anyhow::Result<serde_json::Value> {
    MOST.trip_json(n, now_s)
}

/// The `n`th rider of most cases.
pub(crate) fn rider(n: u64) -> anyhow::Result<i64> {
    MOST.id(n)
}

/// Gives orders to a ledger.
#[derive(Clone)]
pub(crate) struct Desk {
    ledger: Ledger,
    kek: Arc<Kek>,
    programme: Arc<Programme>,
    client: Name,
    now_s: i64,
    riders: Riders,
    given: Arc<AtomicU64>,
}

impl Desk {
    /// A desk of an open data folder.
    pub(crate) fn new(core: &Core) -> anyhow::Result<Self> {
        let programme = core.in_force.programmes.get(PROGRAMME).context("no programme")?;
        Ok(Self {
            ledger: core.ledger.clone(),
            kek: Arc::clone(&core.kek),
            programme: Arc::clone(programme),
            client: Name::parse("bench")?,
            now_s: core.clock.now_ms() / 1_000,
            riders: MOST,
            given: Arc::default(),
        })
    }

    /// The same desk for other riders.
    pub(crate) fn of(&self, riders: Riders) -> Self {
        Self { riders, ..self.clone() }
    }

    /// The `n`th trip.
    pub(crate) fn trip(&self, n: u64) -> anyhow::Result<Command> {
        let ride = self.riders.ride(n, self.now_s)?;
        let (user, trip_id) = (UserId::new(ride.user)?, Name::parse(format!("T-{n:09}"))?);
        let leg = Leg {
            mode: "metro".to_owned(),
            started_s: ride.started_s(),
            ended_s: ride.ended_s,
            distance: Some(Distance {
                metres: ride.metres,
                from: DistanceFrom::Given,
            }),
            energy_wh: None,
            events: None,
            region: None,
            grid_year: None,
            replace: BTreeMap::new(),
        };
        let trip = Trip {
            legs: vec![leg],
            has_evidence: false,
        };
        Ok(Command::SubmitTrip(Arc::new(SubmitTrip {
            meta: self.meta(),
            user,
            trip_key: trip_key(&self.client, user, &trip_id),
            trip_id,
            assessment: self.programme.assess(&trip).map_err(|wrong| anyhow!("{wrong:?}"))?,
            programme: Arc::clone(&self.programme),
            trip,
            proof: None,
            places: vec![Places::None],
            fresh: fresh::fresh(&self.kek, user, PROGRAMME)?,
        })))
    }

    /// The collection of all that waits for a rider.
    pub(crate) fn collect(&self, user: i64) -> anyhow::Result<Command> {
        let user = UserId::new(user)?;
        Ok(Command::Collect(Arc::new(Collect {
            meta: self.meta(),
            user,
            programme: Arc::clone(&self.programme),
            wanted: Wanted::All,
            keyed: self.keyed(user)?,
        })))
    }

    /// A redemption that leaves change.
    pub(crate) fn redeem(&self, user: i64) -> anyhow::Result<Command> {
        let user = UserId::new(user)?;
        Ok(Command::Redeem(Arc::new(Redeem {
            meta: self.meta(),
            user,
            programme: Arc::clone(&self.programme),
            amount: Amount::from_micrograms(50_000_000),
            reference: "bench".to_owned(),
            keyed: self.keyed(user)?,
            sink: fresh::new_account(&self.kek, UserId::system(user.shard()), PROGRAMME)?,
        })))
    }

    /// Has all orders carried out, without a pause: as many wait as there is room for. An order that is not carried out is an error.
    pub(crate) async fn give(&self, orders: impl IntoIterator<Item = anyhow::Result<Command>>) -> anyhow::Result<()> {
        let mut waiting: VecDeque<Pending> = VecDeque::new();
        for order in orders {
            let order = order?;
            let taken = loop {
                match self.ledger.enqueue(order.clone()) {
                    Err(SubmitError::Overloaded) => {
                        let oldest = waiting.pop_front().context("the queue is full of others' orders")?;
                        oldest.answer().await?;
                    }
                    taken => break taken?,
                }
            };
            waiting.push_back(taken);
        }
        for order in waiting {
            order.answer().await?;
        }
        Ok(())
    }

    /// Books the trips of these numbers.
    pub(crate) async fn book(&self, trips: Range<u64>) -> anyhow::Result<()> {
        self.give(trips.map(|n| self.trip(n))).await
    }

    fn meta(&self) -> Meta {
        Meta {
            client: self.client.clone(),
            request_id: "bench".to_owned(),
        }
    }

    fn keyed(&self, user: UserId) -> anyhow::Result<Keyed> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let key = key_digest(&self.client, user, &format!("K-{number}"));
        let request = request_digest("POST", "/bench", |e| e.i64(user.value()))?;
        Ok(Keyed { key, request })
    }
}
