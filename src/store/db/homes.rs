//! The databases of a ledger and which shard is at home in which: one for all thirty by default. Whatever there is once per database
//! (its address, its connections, its snapshot) is kept as [`Homes`], so that nobody asks a database for a shard that lives elsewhere.

use super::{Connection, Location, Pool, Snapshot, StoreError};
use crate::ledger::ids::{SHARDS, ShardId};
use std::collections::BTreeMap;

/// For each shard the number of its database.
type Numbers = [usize; SHARDS as usize];

/// One thing per database.
#[derive(Clone, Debug)]
pub struct Homes<T> {
    first: T,
    more: Vec<T>,
    numbers: Numbers,
}

impl<T> Homes<T> {
    /// All shards at home in one database.
    pub const fn one(only: T) -> Self {
        Self {
            first: only,
            more: Vec::new(),
            numbers: [0; SHARDS as usize],
        }
    }

    /// Several, by the number of each shard's; none of nothing.
    pub(in crate::store) fn arranged(each: Vec<T>, numbers: &BTreeMap<ShardId, usize>) -> Option<Self> {
        let mut each = each.into_iter();
        let first = each.next()?;
        let mut homes = Self::one(first);
        homes.more = each.collect();
        for (number, shard) in homes.numbers.iter_mut().zip(ShardId::all()) {
            *number = numbers.get(&shard).copied().unwrap_or(0);
        }
        Some(homes)
    }

    /// What a shard's database has.
    pub fn of(&self, shard: ShardId) -> &T {
        let number = self.number_of(shard);
        let further = number.checked_sub(1).and_then(|number| self.more.get(number));
        further.unwrap_or(&self.first)
    }

    /// The same, to work with.
    pub fn of_mut(&mut self, shard: ShardId) -> &mut T {
        let number = self.number_of(shard);
        let further = number.checked_sub(1).and_then(|number| self.more.get_mut(number));
        further.unwrap_or(&mut self.first)
    }

    /// What the main database has: that of the first shard, with the tables that are no shard's.
    pub fn main(&self) -> &T {
        self.of(ShardId::FIRST)
    }

    /// The same, to work with.
    pub fn main_mut(&mut self) -> &mut T {
        self.of_mut(ShardId::FIRST)
    }

    /// Each database with the shards that are at home in it, ascending.
    pub fn each(&self) -> impl Iterator<Item = (&T, Vec<ShardId>)> {
        std::iter::once(&self.first)
            .chain(&self.more)
            .enumerate()
            .map(|(number, one)| (one, self.shards_of(number)))
    }

    /// The same, to work with.
    pub fn each_mut(&mut self) -> impl Iterator<Item = &mut T> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }

    /// Each database's, without the shards.
    pub fn into_each(self) -> impl Iterator<Item = T> {
        std::iter::once(self.first).chain(self.more)
    }

    /// Another thing per database, made of this one.
    pub fn into_map<U>(self, mut make: impl FnMut(T) -> U) -> Homes<U> {
        Homes {
            first: make(self.first),
            more: self.more.into_iter().map(make).collect(),
            numbers: self.numbers,
        }
    }

    /// Another thing per database.
    pub fn map<U>(&self, mut make: impl FnMut(&T) -> U) -> Homes<U> {
        Homes {
            first: make(&self.first),
            more: self.more.iter().map(make).collect(),
            numbers: self.numbers,
        }
    }

    /// The same where it takes time and may fail.
    async fn try_map<'a, U, F>(&'a self, make: impl Fn(&'a T) -> F) -> Result<Homes<U>, StoreError>
    where
        F: Future<Output = Result<U, StoreError>>,
    {
        let first = make(&self.first).await?;
        let mut more = Vec::with_capacity(self.more.len());
        for one in &self.more {
            more.push(make(one).await?);
        }
        let numbers = self.numbers;
        Ok(Homes { first, more, numbers })
    }

    fn number_of(&self, shard: ShardId) -> usize {
        self.numbers.get(usize::from(shard.index())).copied().unwrap_or(0)
    }

    fn shards_of(&self, number: usize) -> Vec<ShardId> {
        ShardId::all()
            .filter(|shard| self.number_of(*shard) == number)
            .collect()
    }
}

impl Homes<Location> {
    /// A connection for writing to each database, on which one may be silent while working on another.
    pub async fn connect(&self) -> Result<Homes<Connection>, StoreError> {
        self.try_map(Location::connect_patiently).await
    }

    /// Connections for reads, `size` to each database.
    pub async fn readers(&self, size: u32) -> Result<Homes<Pool>, StoreError> {
        self.try_map(|location| location.pool(size)).await
    }

    /// A connection to each database for a long read in a single snapshot of it.
    pub async fn snapshot(&self) -> Result<Homes<Connection>, StoreError> {
        self.try_map(Location::snapshot).await
    }
}

impl Homes<Pool> {
    /// A connection to each database that sees one state of it until it is dropped.
    pub async fn snapshot(&self) -> Result<Homes<Snapshot>, StoreError> {
        self.try_map(Pool::snapshot).await
    }
}

impl Homes<Connection> {
    /// Closes all of them.
    pub async fn close(self) -> Result<(), StoreError> {
        for connection in self.into_each() {
            connection.close().await?;
        }
        Ok(())
    }
}
