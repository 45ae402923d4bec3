//! The real store: orders queue up to batches of random size, and after each batch every account is read back.

use super::lists::{Model, Owner, Said};
use super::memory::owner;
use super::orders::{Order, series};
use super::sums::{Sums, assert_conserved};
use super::translate::{command, meta, said};
use super::{KEK, PROGRAMMES, START_MS, TERMS, ground};
use crate::database::{file_of, location, times};
use carbon_gateway::chain::embedded::ChainFile;
use carbon_gateway::clock::ManualClock;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::identity::chain_secret::ChainSecret;
use carbon_gateway::ledger::account::Due;
use carbon_gateway::ledger::activation::{Activate, Activation, ActivationKind};
use carbon_gateway::ledger::command::{Command, Outcome};
use carbon_gateway::ledger::credit::Credit;
use carbon_gateway::ledger::ids::UserId;
use carbon_gateway::ledger::page::Deployment;
use carbon_gateway::store::databases;
use carbon_gateway::store::db::{Homes, Location, Readers};
use carbon_gateway::store::deployment::Founded;
use carbon_gateway::store::reads;
use carbon_gateway::store::writer::{Ledger, Pending, SubmitError, WriterParts};
use carbon_gateway::verify::{ChainLook, Options, verify};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use tokio::task::JoinSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: times(80, 20), max_shrink_iters: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_the_store(orders in series(100), sizes in prop::collection::vec(1_usize..12, 1..8)) {
        run(async {
            let mut stored = Stored::new().await;
            let mut sizes = sizes.iter().cycle();
            let mut room = sizes.next().copied().unwrap();
            for order in &orders {
                if matches!(order, Order::Wait(_)) || room == 0 {
                    stored.commit().await;
                    room = sizes.next().copied().unwrap();
                }
                stored.queue(order);
                room -= 1;
            }
            stored.finish().await;
        });
    }
}

/// On one thread: what is queued without waiting in between is one batch.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

/// Both sides.
pub(super) struct Stored {
    pub(super) model: Model,
    ledger: Ledger,
    readers: Readers,
    location: Location,
    clock: ManualClock,
    writing: JoinSet<()>,
    queued: Vec<(String, Pending, Said)>,
    number: u32,
    folder: tempfile::TempDir,
}

impl Stored {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = location(folder.path());
        match &location {
            Location::Sqlite(made) => std::fs::write(&made.file, &*FOUNDED).unwrap(),
            Location::MySql(_) => found(&location).await,
        }
        let clock = ManualClock::new(START_MS);
        let (ledger, writing) = start(&location, &clock);
        Self {
            model: Model::new(256),
            ledger,
            readers: Homes::one(location.clone()).readers(1).await.unwrap(),
            location,
            clock,
            writing,
            queued: Vec::new(),
            number: 0,
            folder,
        }
    }

    /// Queues an order and has the model carry it out; time passes only between batches.
    pub(super) fn queue(&mut self, order: &Order) {
        let Some(asked) = self.model.resolve(order) else {
            if self.clock.clock().now_ms() != self.model.now_ms {
                assert!(self.queued.is_empty(), "time passes between batches");
                self.clock.set(self.model.now_ms);
            }
            return;
        };
        self.number += 1;
        let pending = self.ledger.enqueue(command(&asked, self.number)).unwrap();
        let expected = self.model.answer(&asked, self.number);
        self.queued.push((format!("{asked:?}"), pending, expected));
    }

    /// Waits for what is queued; both sides must have said the same and look the same.
    pub(super) async fn commit(&mut self) {
        let batch = std::mem::take(&mut self.queued);
        for (asked, pending, expected) in batch {
            let outcome = pending.answer().await.map_err(|error| match error {
                SubmitError::Rejected(rejection) => rejection,
                other => unreachable!("{other}: {asked}"),
            });
            assert_eq!(said(outcome), expected, "{asked}");
        }
        let seen = self.accounts().await;
        for (owner, (_, due)) in &seen {
            self.model.assert_waits(*owner, *due);
        }
        let seen = seen.into_iter().map(|(owner, (sums, _))| (owner, sums)).collect();
        assert_eq!(seen, self.model.sums());
        assert_conserved(&seen);
    }

    /// Carries out one command outside the model.
    pub(super) async fn carry_out(&self, command: Command) -> Result<Outcome, SubmitError> {
        self.ledger.submit(command).await
    }

    /// One account as the store says.
    pub(super) async fn sums_of(&self, owner: Owner) -> Sums {
        self.accounts().await.remove(&owner).unwrap().0
    }

    /// Every account of the riders and sinks that the model knows, as the store says.
    async fn accounts(&self) -> BTreeMap<Owner, (Sums, Due)> {
        let users: BTreeSet<i64> = self.model.accounts.iter().map(|(owner, _)| owner.0).collect();
        let mut accounts = BTreeMap::new();
        for user in users {
            let id = UserId::from_stored(user);
            let unspent = reads::credits_after(&self.readers, id, Some(false), (-1, -1), i64::MAX);
            let unspent: Vec<Credit> = unspent.await.unwrap().into_iter().map(|(credit, _)| credit).collect();
            for balance in reads::balances(&self.readers, id).await.unwrap().0 {
                let mine = |credit: &&Credit| credit.lot.programme == balance.programme;
                let mine: Vec<Credit> = unspent.iter().filter(mine).cloned().collect();
                let sums = Sums::said(&balance.figures, balance.unspent_count, &mine);
                accounts.insert(owner(user, &balance.programme), (sums, balance.due));
            }
        }
        accounts
    }

    /// Commits what is queued and has everything verified.
    pub(super) async fn finish(mut self) {
        self.commit().await;
        self.verified().await;
    }

    /// Stops the writer and has everything verified.
    pub(super) async fn verified(mut self) {
        drop(self.ledger);
        self.writing.join_next().await.unwrap().unwrap();
        let mut snapshots = Homes::one(self.location).snapshot().await.unwrap();
        let nowhere = ChainFile {
            file: self.folder.path().join("chain.db"),
            durable: false,
        };
        let report = verify(
            &mut snapshots,
            ChainLook::take(nowhere).await,
            Ok(&KEK),
            Options { recompute: true },
            &mut |_| {},
        )
        .await
        .unwrap();
        assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
    }
}

/// The file of a ledger with its tables, its deployment and its programmes: made once, copied for every series.
static FOUNDED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let founding = || {
        let folder = tempfile::tempdir().unwrap();
        run(found(&file_of(folder.path())));
        std::fs::read(DataFolder::new(folder.path()).ledger_file()).unwrap()
    };
    // Of a thread of its own, for a runtime cannot start inside another.
    std::thread::scope(|scope| scope.spawn(founding).join().unwrap())
});

fn deployment_made() -> Deployment {
    Deployment {
        id: [3; 16],
        zone: "Asia/Shanghai".to_owned(),
        created_ms: START_MS,
    }
}

fn start(location: &Location, clock: &ManualClock) -> (Ledger, JoinSet<()>) {
    let (ledger, writers) = Ledger::new(&WriterParts {
        locations: Homes::one(location.clone()),
        clock: clock.clock(),
        kek: Arc::clone(&KEK),
        ground: ground(),
        deployment: deployment_made(),
        hints: carbon_gateway::store::hints::hints().0,
        queue: 1_000,
        batch_max: 256,
        count: NonZeroUsize::MIN,
    });
    let mut writing = JoinSet::new();
    for writer in writers {
        writing.spawn(writer.run());
    }
    (ledger, writing)
}

async fn found(location: &Location) {
    let mut opened = databases::connect(vec![location.clone()]).await.unwrap();
    databases::migrate(&mut opened, 0).await.unwrap();
    let made = deployment_made();
    let founded = Founded {
        source_secret: KEK.wrap_source(&ground().source_secret, [1; 12], &made.id).unwrap(),
        chain_secret: KEK.wrap_chain(&ChainSecret::new([2; 32]), [2; 12], &made.id).unwrap(),
        deployment: made,
        kek_id: KEK.id(),
    };
    databases::found(&mut opened, &founded).await.unwrap();
    databases::arranged(opened)
        .await
        .unwrap()
        .into_map(|database| database.connection)
        .close()
        .await
        .unwrap();
    let (ledger, mut writing) = start(location, &ManualClock::new(START_MS));
    put_in_force(&ledger).await;
    drop(ledger);
    writing.join_next().await.unwrap().unwrap();
}

/// The programmes and their parameter sets; a second time changes nothing.
async fn put_in_force(ledger: &Ledger) {
    let sets = PROGRAMMES[0].modes().map(|(_, binding)| binding.methodology());
    let sets = sets.map(|set| (ActivationKind::Methodology, set.id(), set.version(), set.bytes()));
    let programmes = TERMS
        .iter()
        .map(|terms| (ActivationKind::Programme, terms.id, "", terms.file.as_bytes()));
    for (kind, id, version, bytes) in sets.chain(programmes) {
        let activation = Activation {
            kind,
            id: id.to_owned(),
            version: version.to_owned(),
            confirmed_by: "model".to_owned(),
            bytes: bytes.to_vec(),
        };
        let meta = meta(0);
        let order = Command::Activate(Arc::new(Activate { meta, activation }));
        assert!(matches!(
            ledger.submit(order.clone()).await,
            Ok(Outcome::Activated(true))
        ));
        assert!(matches!(ledger.submit(order).await, Ok(Outcome::Activated(false))));
    }
}
