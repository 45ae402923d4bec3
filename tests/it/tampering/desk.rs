//! A writer of its own on the folder of a gateway that has stopped: orders that come without a request.

use crate::database::file_of;
use carbon_gateway::clock::ManualClock;
use carbon_gateway::identity::kek::Kek;
use carbon_gateway::ledger::command::{Collect, Command, Merge, Meta, NewAccount, Outcome, Redeem, SettleDue, Wanted};
use carbon_gateway::ledger::evidence::DataKey;
use carbon_gateway::ledger::ground::Ground;
use carbon_gateway::ledger::idempotency::{Keyed, key_digest, request_digest};
use carbon_gateway::ledger::ids::{Hash, Name, UserId, trip_key};
use carbon_gateway::methodology::units::Amount;
use carbon_gateway::methodology::{Environment, Library, Programme};
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::deployment;
use carbon_gateway::store::writer::{Ledger, WriterParts};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Where orders are given.
pub(super) struct Desk {
    pub(super) clock: ManualClock,
    ledger: Ledger,
    writing: JoinSet<()>,
    kek: Arc<Kek>,
    programmes: Arc<BTreeMap<String, Arc<Programme>>>,
    client: Name,
    orders: u8,
}

impl Desk {
    /// Opens on a folder whose gateway has stopped; `texts` are the programmes in force.
    pub(super) async fn open(folder: &Path, now_ms: i64, texts: &[&[u8]]) -> Self {
        let location = file_of(folder);
        let mut connection = location.connect().await.unwrap();
        let founded = deployment::find(&mut connection).await.unwrap().unwrap();
        connection.close().await.unwrap();
        let kek = Arc::new(Kek::load(&folder.join("keys/kek"), founded.kek_id).unwrap());
        let ground = Ground {
            zone: jiff::tz::TimeZone::get(&founded.deployment.zone).unwrap(),
            source_secret: kek
                .unwrap_source(&founded.source_secret, &founded.deployment.id)
                .unwrap(),
        };
        let clock = ManualClock::new(now_ms);
        let (ledger, writers) = Ledger::new(&WriterParts {
            locations: Homes::one(location),
            clock: clock.clock(),
            kek: Arc::clone(&kek),
            deployment: founded.deployment,
            ground: Arc::new(ground),
            hints: carbon_gateway::store::hints::hints().0,
            queue: 100,
            batch_max: 256,
            count: NonZeroUsize::MIN,
        });
        let mut writing = JoinSet::new();
        for writer in writers {
            writing.spawn(writer.run());
        }
        let library = Library::builtin().unwrap();
        let parse = |text: &&[u8]| Programme::parse(text, &library, Environment::Demo).unwrap();
        let by_id = |programme: Programme| (programme.id().to_owned(), Arc::new(programme));
        Self {
            clock,
            ledger,
            writing,
            kek,
            programmes: Arc::new(texts.iter().map(parse).map(by_id).collect()),
            client: Name::parse("first").unwrap(),
            orders: 0,
        }
    }

    /// Collects the claims of these trips of the client `first`; of all trips, if none are named.
    pub(super) async fn collect(&mut self, (user, programme): (i64, &str), trips: &[&str], key: &str) {
        let user = UserId::new(user).unwrap();
        let name = |trip: &&str| trip_key(&self.client, user, &Name::parse(*trip).unwrap());
        let wanted = match trips {
            [] => Wanted::All,
            trips => Wanted::Trips(trips.iter().map(name).collect()),
        };
        let command = Collect {
            user,
            programme: Arc::clone(&self.programmes[programme]),
            wanted,
            keyed: self.keyed(user, key),
            meta: self.meta(),
        };
        self.give(Command::Collect(Arc::new(command))).await;
    }

    /// Spends so many micrograms.
    pub(super) async fn redeem(&mut self, (user, programme): (i64, &str), amount_ug: i64, key: &str) {
        let user = UserId::new(user).unwrap();
        let sink = UserId::system(user.shard());
        let fill = 200 + self.orders;
        let (address, data_key) = (Hash::new([fill; 32]), DataKey::new([fill; 32]));
        let wrapped_key = self
            .kek
            .wrap(&data_key, [fill; 12], (sink, programme, &address))
            .unwrap();
        let command = Redeem {
            user,
            programme: Arc::clone(&self.programmes[programme]),
            amount: Amount::from_micrograms(amount_ug),
            reference: format!("reward {key}"),
            keyed: self.keyed(user, key),
            sink: NewAccount {
                address,
                data_key,
                wrapped_key,
            },
            meta: self.meta(),
        };
        self.give(Command::Redeem(Arc::new(command))).await;
    }

    /// Merges what a rider has.
    pub(super) async fn merge(&mut self, (user, programme): (i64, &str)) {
        let command = Merge {
            user: UserId::new(user).unwrap(),
            programme: programme.to_owned(),
            meta: self.meta(),
        };
        self.give(Command::Merge(Arc::new(command))).await;
    }

    /// Books what has become due.
    pub(super) async fn settle(&mut self, user: i64) {
        let command = SettleDue {
            user: UserId::new(user).unwrap(),
            programmes: Arc::clone(&self.programmes),
            meta: self.meta(),
        };
        self.give(Command::SettleDue(Arc::new(command))).await;
    }

    /// Stops in good order.
    pub(super) async fn close(mut self) {
        drop(self.ledger);
        self.writing.join_next().await.unwrap().unwrap();
    }

    async fn give(&self, command: Command) -> Outcome {
        self.ledger.submit(command).await.unwrap()
    }

    fn keyed(&self, user: UserId, key: &str) -> Keyed {
        Keyed {
            key: key_digest(&self.client, user, key),
            request: request_digest("POST", "/v1/orders", |e| e.text(key)).unwrap(),
        }
    }

    fn meta(&mut self) -> Meta {
        self.orders += 1;
        Meta {
            client: self.client.clone(),
            request_id: format!("order-{}", self.orders),
        }
    }
}
