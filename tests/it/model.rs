//! The ledger against a naive model: random trips of a few riders, in memory and on the real store in batches of random size,
//! must be judged, capped, replayed and refused exactly as a list walked from its start says; and `verify` must agree.

use crate::support::NOON_MS;
use carbon_gateway::clock::Clock;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::activation::{Activate, Activation, ActivationKind};
use carbon_gateway::ledger::apply::apply;
use carbon_gateway::ledger::command::{Command, Fresh, Meta, Outcome, Rejection, SubmitTrip};
use carbon_gateway::ledger::evidence::{DataKey, Places};
use carbon_gateway::ledger::ids::{Hash, Name, ShardId, UserId, trip_key};
use carbon_gateway::ledger::page::Deployment;
use carbon_gateway::ledger::trip::TripRecord;
use carbon_gateway::ledger::view::View;
use carbon_gateway::methodology::{Day, Distance, DistanceFrom, Environment, Leg, Library, Programme, Trip};
use carbon_gateway::store::db::Location;
use carbon_gateway::store::writer::{Ledger, SubmitError, Writer, WriterParts};
use carbon_gateway::store::{deployment, migrate};
use carbon_gateway::verify::{Options, verify};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Every rule that the model knows bites here.
const TIGHT: &str = r#"
id = "tight"
time_zone = "Asia/Shanghai"
day_of = "end"
collect = "rider"
[modes.metro]
methodology = "cn-sz-public-transport-2021"
version = "1.0.0"
[rules]
max_speed_kmh = 120
overlap = "refuse"
[caps]
daily_count = 3
per_trip_amount = "300"
daily_amount = "500.000001"
"#;
/// Of metro, micrograms a metre: 46.8 g a kilometre.
const UG_PER_METRE: i64 = 46_800;
const PER_TRIP_UG: i64 = 300_000_000;
const DAILY_UG: i64 = 500_000_001;
const DAILY_COUNT: usize = 3;
/// 2026-11-17T16:00:00Z: midnight in Shanghai.
const MIDNIGHT_S: i64 = 1_794_931_200;
const DAY_S: i64 = 86_400;

static PROGRAMME: LazyLock<Arc<Programme>> = LazyLock::new(|| {
    let library = Library::builtin().unwrap();
    Arc::new(Programme::parse(TIGHT.as_bytes(), &library, Environment::Demo).unwrap())
});
static KEK: LazyLock<Arc<Kek>> = LazyLock::new(|| Arc::new(Kek::new(&[7; 32])));

/// A trip of one or two legs, the second starting where the first ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    user: i64,
    id: u8,
    start_s: i64,
    legs: Vec<(i64, u64)>, // seconds, metres
}

impl Sent {
    fn end_s(&self) -> i64 {
        self.start_s + self.legs.iter().map(|(seconds, _)| seconds).sum::<i64>()
    }

    fn day(&self) -> i64 {
        (self.end_s() - MIDNIGHT_S).div_euclid(DAY_S)
    }

    fn quantified(&self) -> Vec<i64> {
        self.legs
            .iter()
            .map(|(_, metres)| i64::try_from(*metres).unwrap() * UG_PER_METRE)
            .collect()
    }
}

/// What became of a trip: a rule's word, or the capped micrograms of each leg.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Refused(&'static str),
    Credited(Vec<i64>),
    Conflict,
}

/// Every stored trip with its verdict, first come first.
#[derive(Default)]
struct Model(Vec<(Sent, Verdict)>);

impl Model {
    fn submit(&mut self, sent: &Sent) -> (Verdict, bool) {
        if let Some((stored, verdict)) = self
            .0
            .iter()
            .find(|(stored, _)| (stored.user, stored.id) == (sent.user, sent.id))
        {
            return if stored == sent {
                (verdict.clone(), true)
            } else {
                (Verdict::Conflict, false)
            };
        }
        let verdict = self.judge(sent);
        self.0.push((sent.clone(), verdict.clone()));
        (verdict, false)
    }

    fn judge(&self, sent: &Sent) -> Verdict {
        if sent
            .legs
            .iter()
            .any(|(seconds, metres)| i128::from(*metres) * 18 > 120 * 5 * i128::from(*seconds))
        {
            return Verdict::Refused("too_fast");
        }
        let credited: Vec<(&Sent, i64)> = self
            .0
            .iter()
            .filter_map(|(stored, verdict)| match verdict {
                Verdict::Credited(cut) if stored.user == sent.user => Some((
                    stored,
                    stored.quantified().iter().sum::<i64>() - cut.iter().sum::<i64>(),
                )),
                _ => None,
            })
            .collect();
        if credited
            .iter()
            .any(|(stored, _)| stored.start_s < sent.end_s() && sent.start_s < stored.end_s())
        {
            return Verdict::Refused("overlap");
        }
        let of_the_day: Vec<i64> = credited
            .iter()
            .filter(|(stored, _)| stored.day() == sent.day())
            .map(|(_, amount)| *amount)
            .collect();
        if of_the_day.len() >= DAILY_COUNT {
            return Verdict::Refused("daily_count");
        }
        let quantified = sent.quantified();
        let total: i64 = quantified.iter().sum();
        let amount = total.min(PER_TRIP_UG).min(DAILY_UG - of_the_day.iter().sum::<i64>());
        let mut excess = total - amount;
        let mut cut: Vec<i64> = quantified
            .iter()
            .rev()
            .map(|leg| {
                let taken = excess.min(*leg);
                excess -= taken;
                taken
            })
            .collect();
        cut.reverse();
        Verdict::Credited(cut)
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let leg = (0..7_200_i64, prop_oneof![0..4_000_u64, 0..40_000_u64]);
    // Users 1 and 31 share a shard. A third of the starts crowd into one evening, so that rides meet and days fill up.
    let start = prop_oneof![0..3 * DAY_S, 70_000..DAY_S + 6_000, 70_000..DAY_S + 6_000];
    (
        prop_oneof![Just(1_i64), Just(2), Just(31)],
        0..14_u8,
        start,
        prop::collection::vec(leg, 1..3),
    )
        .prop_map(|(user, id, start, legs)| Sent {
            user,
            id,
            start_s: MIDNIGHT_S + start,
            legs,
        })
}

/// Some trips come again, as they were or with another start.
fn series(most: usize) -> impl Strategy<Value = Vec<Sent>> {
    let again = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..8);
    (prop::collection::vec(sent(), 1..most), again).prop_map(|(mut series, again)| {
        for (index, changed) in again {
            let mut copy = index.get(&series).clone();
            copy.start_s += i64::from(changed);
            series.push(copy);
        }
        series
    })
}

fn command(sent: &Sent, number: u8) -> Command {
    let (client, trip_id) = (
        Name::parse("model").unwrap(),
        Name::parse(format!("T{}", sent.id)).unwrap(),
    );
    let user = UserId::new(sent.user).unwrap();
    let mut from = sent.start_s;
    let legs: Vec<Leg> = sent
        .legs
        .iter()
        .map(|(seconds, metres)| {
            let started_s = from;
            from += seconds;
            Leg {
                mode: "metro".to_owned(),
                started_s,
                ended_s: from,
                distance: Some(Distance {
                    metres: *metres,
                    from: DistanceFrom::Given,
                }),
                energy_wh: None,
                events: None,
                region: None,
                grid_year: None,
                replace: BTreeMap::new(),
            }
        })
        .collect();
    let places = vec![Places::None; legs.len()];
    let trip = Trip {
        legs,
        has_evidence: false,
    };
    let (address, data_key) = (Hash::new([number; 32]), DataKey::new([number; 32]));
    let wrapped_key = KEK
        .wrap(&data_key, [number; 12], (user, PROGRAMME.id(), &address))
        .unwrap();
    Command::SubmitTrip(Arc::new(SubmitTrip {
        meta: Meta {
            client: client.clone(),
            request_id: format!("r{number}"),
        },
        user,
        trip_key: trip_key(&client, user, &trip_id),
        trip_id,
        assessment: PROGRAMME.assess(&trip).unwrap(),
        programme: Arc::clone(&PROGRAMME),
        trip,
        proof: None,
        places,
        fresh: Fresh {
            address,
            data_key,
            wrapped_key,
            nonce: [number; 12],
        },
    }))
}

fn verdict_of(record: &TripRecord) -> Verdict {
    match &record.refusal {
        Some(refusal) => Verdict::Refused(refusal.rule.as_str()),
        None => Verdict::Credited(record.legs.iter().map(|leg| leg.capped.micrograms()).collect()),
    }
}

fn answer_of(outcome: Result<Outcome, Rejection>) -> (Verdict, bool) {
    match outcome {
        Ok(Outcome::Trip(answer)) => (verdict_of(&answer.record), answer.replayed),
        Ok(Outcome::Activated(_)) => unreachable!("a trip was sent"),
        Err(rejection) => {
            assert!(matches!(rejection, Rejection::TripConflict { .. }), "{rejection:?}");
            (Verdict::Conflict, false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_memory(series in series(40)) {
        let mut model = Model::default();
        let mut views: BTreeMap<ShardId, View> = BTreeMap::new();
        for (number, sent) in (0_u8..).zip(&series) {
            let command = command(sent, number);
            let view = views.entry(command.shard()).or_insert_with(|| {
                View::new(command.shard(), 0, NOON_MS, Day::from_epoch_days(20_777))
            });
            let entries_before = view.changes.entries.len();
            let answer = answer_of(apply(view, &command));
            if answer.0 == Verdict::Conflict || answer.1 {
                prop_assert_eq!(view.changes.entries.len(), entries_before, "nothing changes");
            }
            prop_assert_eq!(answer, model.submit(sent), "{:?}", sent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_the_store(series in series(60), sizes in prop::collection::vec(1_usize..12, 80)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(store_agrees(&series, &sizes));
    }
}

async fn store_agrees(series: &[Sent], sizes: &[usize]) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location {
        file: folder.path().join("ledger.db"),
        busy_timeout: Duration::from_secs(5),
        durable: false,
    };
    let mut connection = location.connect().await.unwrap();
    migrate::migrate(&mut connection, 0, usize::MAX).await.unwrap();
    let made = Deployment {
        id: [3; 16],
        zone: "Asia/Shanghai".to_owned(),
        created_ms: NOON_MS,
    };
    deployment::found(&mut connection, &made, KEK.id()).await.unwrap();
    connection.close().await.unwrap();
    let (ledger, writer) = Writer::new(WriterParts {
        location: location.clone(),
        clock: Clock::System,
        kek: Arc::clone(&KEK),
        zone: jiff::tz::TimeZone::get(&made.zone).unwrap(),
        deployment: made,
        queue: 100,
        batch_max: 256,
    });
    let mut writing = tokio::task::JoinSet::new();
    writing.spawn(writer.run());
    put_in_force(&ledger).await;
    let mut model = Model::default();
    let mut numbers = 0_u8..;
    let mut rest = series;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (batch, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        let queued: Vec<_> = batch
            .iter()
            .zip(&mut numbers)
            .map(|(sent, number)| ledger.enqueue(command(sent, number)).unwrap())
            .collect();
        for (sent, pending) in batch.iter().zip(queued) {
            let outcome = pending.answer().await.map_err(|error| match error {
                SubmitError::Rejected(rejection) => rejection,
                other => unreachable!("{other}"),
            });
            assert_eq!(answer_of(outcome), model.submit(sent), "{sent:?}");
        }
    }
    drop(ledger);
    writing.join_next().await.unwrap().unwrap();
    let mut snapshot = location.snapshot().await.unwrap();
    let report = verify(&mut snapshot, Ok(&KEK), Options { recompute: true }, &mut |_| {})
        .await
        .unwrap();
    assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
}

/// The programme and its parameter set; a second time changes nothing.
async fn put_in_force(ledger: &Ledger) {
    let binding = PROGRAMME.modes().next().unwrap().1.methodology().clone();
    let sets = (
        ActivationKind::Methodology,
        binding.id(),
        binding.version(),
        binding.bytes(),
    );
    for (kind, id, version, bytes) in [sets, (ActivationKind::Programme, "tight", "", PROGRAMME.bytes())] {
        let (id, version, bytes) = (id.to_owned(), version.to_owned(), bytes.to_vec());
        let activation = Activation {
            kind,
            id,
            version,
            confirmed_by: "model".to_owned(),
            bytes,
        };
        let meta = Meta {
            client: Name::parse("model").unwrap(),
            request_id: "start".to_owned(),
        };
        let order = Command::Activate(Arc::new(Activate { meta, activation }));
        assert!(matches!(
            ledger.submit(order.clone()).await,
            Ok(Outcome::Activated(true))
        ));
        assert!(matches!(ledger.submit(order).await, Ok(Outcome::Activated(false))));
    }
}
