//! Several databases as one ledger: which shard is at home where is what their heads say, and nothing else. A shard whose head stands in
//! none of them, or in two, is nobody's to write: the start is refused.

use super::db::{Connection, Homes, Location, StoreError, with};
use super::deployment::{self, Founded};
use super::migrate;
use crate::ledger::ids::ShardId;
use std::collections::BTreeMap;

/// A database and the connection on which it is opened.
#[derive(Debug)]
pub struct Database {
    /// Where it is.
    pub location: Location,
    /// A connection for writing, or one that reads a single snapshot.
    pub connection: Connection,
}

/// Why databases are not one ledger.
#[derive(Debug, thiserror::Error)]
pub enum HomesError {
    /// One of them cannot be worked with.
    #[error("{database}")]
    Store {
        /// Which.
        database: String,
        /// Why.
        source: StoreError,
    },
    /// A head is missing.
    #[error(
        "shard {shard} is at home in none of the databases: `database.url` leaves one out, or one has lost its tables"
    )]
    NoHome {
        /// The first such shard.
        shard: ShardId,
    },
    /// A head is there twice.
    #[error("shard {shard} is at home in {one} and in {other}: one of them is an old copy, and must not be written")]
    TwoHomes {
        /// The first such shard.
        shard: ShardId,
        /// A database.
        one: String,
        /// Another.
        other: String,
    },
    /// Two ledgers, or a copy of one.
    #[error("{one} and {other} each hold a deployment: a ledger has one")]
    TwoDeployments {
        /// A database.
        one: String,
        /// Another.
        other: String,
    },
    /// The first shard keeps the entries of what the main database holds.
    #[error("the deployment lies in {deployment}, and the first shard in {first}: they must be in one database")]
    Parted {
        /// Where the deployment is.
        deployment: String,
        /// Where the first shard is.
        first: String,
    },
    /// Pages were written for a deployment that is in none of them.
    #[error("{database} holds shards of a ledger whose main database is not among these")]
    NoMain {
        /// Which.
        database: String,
    },
}

impl Database {
    fn failed(&self) -> impl Fn(StoreError) -> HomesError + use<> {
        failed(&self.location)
    }

    /// Numbers of the shards whose heads it holds.
    async fn heads(&mut self) -> Result<Vec<ShardId>, HomesError> {
        let rows: Result<Vec<(i64,)>, sqlx::Error> = with!(&mut self.connection, |c| {
            sqlx::query_as("SELECT shard FROM shard_head ORDER BY shard")
                .fetch_all(&mut *c)
                .await
        });
        let rows = rows.map_err(|error| self.failed()(error.into()))?;
        let shards = rows
            .into_iter()
            .filter_map(|(shard,)| u8::try_from(shard).ok().and_then(ShardId::new));
        Ok(shards.collect())
    }
}

fn failed(location: &Location) -> impl Fn(StoreError) -> HomesError + use<> {
    let database = location.to_string();
    move |source| HomesError::Store {
        database: database.clone(),
        source,
    }
}

/// Opens each for writing.
pub async fn connect(locations: Vec<Location>) -> Result<Vec<Database>, HomesError> {
    let mut databases = Vec::with_capacity(locations.len());
    for location in locations {
        let connection = location.connect_patiently().await.map_err(failed(&location))?;
        databases.push(Database { location, connection });
    }
    Ok(databases)
}

/// Keeps other instances from founding or migrating any of them, in one order for all instances.
pub async fn alone(databases: &mut [Database]) -> Result<(), HomesError> {
    let mut ordered: Vec<&mut Database> = databases.iter_mut().collect();
    ordered.sort_by_key(|database| database.location.to_string());
    for database in ordered {
        database.connection.alone().await.map_err(failed(&database.location))?;
    }
    Ok(())
}

/// Brings the tables of each up to this version; answers how many steps that was.
pub async fn migrate(databases: &mut [Database], now_ms: i64) -> Result<usize, HomesError> {
    let mut steps = 0_usize;
    for database in databases {
        let done = migrate::migrate(&mut database.connection, now_ms, usize::MAX).await;
        steps = steps.saturating_add(done.map_err(failed(&database.location))?);
    }
    Ok(steps)
}

/// The deployment, if one of them has been given one.
pub async fn founded(databases: &mut [Database]) -> Result<Option<Founded>, HomesError> {
    let mut found: Option<(String, Founded)> = None;
    for database in databases {
        let row = deployment::find(&mut database.connection).await;
        let Some(founded) = row.map_err(failed(&database.location))? else {
            continue;
        };
        let other = database.location.to_string();
        if let Some((one, _)) = found {
            return Err(HomesError::TwoDeployments { one, other });
        }
        found = Some((other, founded));
    }
    Ok(found.map(|(_, founded)| founded))
}

/// Gives new databases a deployment: its row and the first shards to the first of them, of the others each its part. The row is written last,
/// with the heads beside it, and nobody books before it is there: what was cut short is done again.
pub async fn found(databases: &mut [Database], founded: &Founded) -> Result<(), HomesError> {
    let count = databases.len();
    for (number, database) in databases.iter_mut().enumerate().rev() {
        let shards: Vec<ShardId> = ShardId::all()
            .filter(|shard| part_of(*shard, count) == number)
            .collect();
        let row = (number == 0).then_some(founded);
        if deployment::any_booked(&mut database.connection)
            .await
            .map_err(failed(&database.location))?
        {
            let database = database.location.to_string();
            return Err(HomesError::NoMain { database });
        }
        let done = deployment::found(&mut database.connection, &founded.deployment, row, &shards).await;
        done.map_err(failed(&database.location))?;
    }
    Ok(())
}

/// Which of so many databases a shard is given at first: neighbours stay together.
fn part_of(shard: ShardId, count: usize) -> usize {
    usize::from(shard.index()).saturating_mul(count) / ShardId::all().count()
}

/// What stands in a database of that which says where shards are at home.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Which database.
    pub database: String,
    /// Shards whose heads stand there.
    pub heads: Vec<ShardId>,
    /// Whether the deployment's row does.
    pub has_deployment: bool,
}

/// For each shard the number of the database where it is at home.
pub fn homes_by(holdings: &[Holding]) -> Result<BTreeMap<ShardId, usize>, HomesError> {
    let mut numbers: BTreeMap<ShardId, usize> = BTreeMap::new();
    for (number, holding) in holdings.iter().enumerate() {
        for shard in &holding.heads {
            if let Some(one) = numbers.insert(*shard, number).and_then(|one| holdings.get(one)) {
                return Err(HomesError::TwoHomes {
                    shard: *shard,
                    one: one.database.clone(),
                    other: holding.database.clone(),
                });
            }
        }
    }
    if let Some(shard) = ShardId::all().find(|shard| !numbers.contains_key(shard)) {
        return Err(HomesError::NoHome { shard });
    }
    let deployment = holdings.iter().rfind(|holding| holding.has_deployment);
    let main = numbers.get(&ShardId::FIRST).and_then(|main| holdings.get(*main));
    match (deployment, main) {
        (Some(deployment), Some(main)) if deployment.database != main.database => Err(HomesError::Parted {
            deployment: deployment.database.clone(),
            first: main.database.clone(),
        }),
        _ => Ok(numbers),
    }
}

/// Puts every shard where its head stands.
pub async fn arranged(mut databases: Vec<Database>) -> Result<Homes<Database>, HomesError> {
    let mut holdings = Vec::with_capacity(databases.len());
    for database in &mut databases {
        let row = deployment::find(&mut database.connection).await;
        holdings.push(Holding {
            database: database.location.to_string(),
            has_deployment: row.map_err(failed(&database.location))?.is_some(),
            heads: database.heads().await?,
        });
    }
    let numbers = homes_by(&holdings)?;
    Homes::arranged(databases, &numbers).ok_or(HomesError::NoHome { shard: ShardId::FIRST })
}

/// Where every shard is, for one who only reads. Of a single database nothing is asked: whoever reads it sees what is missing.
pub async fn homes(locations: Vec<Location>) -> Result<Homes<Location>, HomesError> {
    let mut databases = Vec::with_capacity(locations.len());
    if let [only] = locations.as_slice() {
        return Ok(Homes::one(only.clone()));
    }
    for location in locations {
        let connection = location.snapshot().await.map_err(failed(&location))?;
        databases.push(Database { location, connection });
    }
    let databases = arranged(databases).await?;
    let locations = databases.map(|database| database.location.clone());
    for Database { location, connection } in databases.into_each() {
        connection.close().await.map_err(failed(&location))?;
    }
    Ok(locations)
}
