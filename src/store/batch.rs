//! One batch in one transaction: heads locked in ascending order; then loaded, applied, flushed. The commit is the writer's.

use super::db::{Connection, StoreError, with};
use super::flush::{self, Head};
use super::load::{self, Search};
use super::statement::global;
use crate::identity::kek::Kek;
use crate::ledger::apply::apply;
use crate::ledger::command::{Command, Outcome, Rejection};
use crate::ledger::entry::Figure;
use crate::ledger::ground::Ground;
use crate::ledger::ids::{Hash, ShardId};
use crate::ledger::page::Page;
use crate::ledger::view::View;
use std::collections::{BTreeMap, BTreeSet};
use tracing::{Instrument as _, debug_span};

/// What a batch needs besides its commands.
pub(super) struct Setting {
    /// Unwraps data keys.
    pub(super) kek: std::sync::Arc<Kek>,
    /// The deployment in which shards must be at home.
    pub(super) home: [u8; 16],
    /// What the deployment brings to every booking.
    pub(super) ground: std::sync::Arc<Ground>,
}

/// Of each figure how many were booked, and how much in micrograms.
pub(super) type Booked = BTreeMap<Figure, (u64, u64)>;

/// A batch that has been flushed but not committed.
pub(super) struct Flushed {
    /// One answer a command, in order.
    pub(super) answers: Vec<Result<Outcome, Rejection>>,
    /// `(shard, seq_from, seal)` of each page written: how the batch is recognised if the reply to COMMIT is lost.
    pub(super) pages: Vec<(i64, i64, Hash)>,
    /// Whether anything was written, if only when an account is due.
    pub(super) changed: bool,
    /// Shards of which something may leave for the chain now.
    pub(super) ready: Vec<ShardId>,
    /// What the entries say, for whoever counts.
    pub(super) booked: Booked,
}

/// The heads of locked shards.
pub(super) struct Heads(BTreeMap<i64, Head>);

/// Locks shards in an open transaction: until it ends, nobody else writes them.
pub(super) async fn lock(c: &mut Connection, shards: &BTreeSet<ShardId>) -> Result<Heads, StoreError> {
    lock_heads(c, shards).await.map(Heads)
}

/// Runs commands of locked shards, all of them a writer's `own`, up to, not including, the commit.
pub(super) async fn run(
    c: &mut Connection,
    setting: &Setting,
    (own, heads): (&[ShardId], Heads),
    (now_ms, search): (i64, Search),
    commands: &[&Command],
) -> Result<Flushed, StoreError> {
    let mut views = open(setting, heads, now_ms, commands)?;
    let mut answers: Vec<Option<Result<Outcome, Rejection>>> = commands.iter().map(|_| None).collect();
    let mut flushed = Flushed {
        answers: Vec::new(),
        pages: Vec::new(),
        changed: false,
        ready: Vec::new(),
        booked: Booked::new(),
    };
    let each = views.iter_mut().map(|(view, _, _, mine)| (view, mine.as_slice()));
    load::load(c, (&setting.kek, search), own, each)
        .instrument(debug_span!("load"))
        .await?;
    let (mut pages, mut advanced, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for (mut view, head, indexes, mine) in views {
        for (index, command) in std::iter::zip(indexes, mine) {
            if let Some(answer) = answers.get_mut(index) {
                *answer = Some(apply(&mut view, command));
            }
        }
        if let Some((page, head)) = close_view(&view, head)? {
            flushed
                .pages
                .push((i64::from(view.shard.index()), page.seq_from, page.seal));
            pages.push(page);
            advanced.push(head);
        }
        if view.has_ready() {
            flushed.ready.push(view.shard);
        }
        if view.has_changed() {
            count(&view, &mut flushed.booked);
            changed.push(view);
        }
    }
    let script = flush::flush(c, &changed, &pages, &advanced)?;
    script.carry_out(c).instrument(debug_span!("flush")).await?;
    flushed.changed = !changed.is_empty();
    flushed.answers = answers.into_iter().flatten().collect();
    Ok(flushed)
}

/// A shard as a batch sees it, with its head, and its commands and their places in the batch.
type Open<'b> = (View, Head, Vec<usize>, Vec<&'b Command>);

/// Opens the views of the shards that commands name.
fn open<'b>(
    setting: &Setting,
    Heads(mut heads): Heads,
    now_ms: i64,
    commands: &[&'b Command],
) -> Result<Vec<Open<'b>>, StoreError> {
    let mut by_shard: BTreeMap<ShardId, Vec<usize>> = BTreeMap::new();
    for (index, command) in commands.iter().enumerate() {
        by_shard.entry(command.shard()).or_default().push(index);
    }
    let mut views = Vec::new();
    for (shard, indexes) in by_shard {
        let number = i64::from(shard.index());
        let at_home = heads.remove(&number).filter(|head| head.home == setting.home);
        let head = at_home.ok_or(StoreError::NotHome { shard: number })?;
        let mine: Vec<&Command> = indexes
            .iter()
            .filter_map(|index| commands.get(*index).copied())
            .collect();
        views.push((open_view(shard, &head, setting, now_ms)?, head, indexes, mine));
    }
    Ok(views)
}

/// Nothing booked is negative.
fn count(view: &View, booked: &mut Booked) {
    for posting in view.changes.entries.iter().flat_map(|entry| &entry.postings) {
        let (count, micrograms) = booked.entry(posting.figure).or_default();
        *count = count.saturating_add(u64::try_from(posting.count).unwrap_or(0));
        *micrograms = micrograms.saturating_add(u64::try_from(posting.amount.micrograms()).unwrap_or(0));
    }
}

/// Whether the pages of a batch stand in the journal: what became of a commit whose reply was lost.
pub(super) async fn stands(c: &mut Connection, flushed: &Flushed) -> Result<bool, StoreError> {
    let Some((shard, seq_from, seal)) = flushed.pages.first() else {
        return Ok(false); // only due times changed: to run it again does no harm
    };
    let row: Option<(Vec<u8>,)> = with!(c, |c| {
        sqlx::query_as("SELECT seal FROM journal WHERE shard = ? AND seq_from = ?")
            .bind(*shard)
            .bind(*seq_from)
            .fetch_optional(&mut *c)
            .await
    })?;
    Ok(row.is_some_and(|(stored,)| stored == seal.as_bytes()))
}

type HeadRow = (i64, i64, i64, Vec<u8>, i64, Vec<u8>);

/// The heads of shards, locked as they are read.
async fn lock_heads(c: &mut Connection, shards: &BTreeSet<ShardId>) -> Result<BTreeMap<i64, Head>, StoreError> {
    let (by_key, locking) = c.locking();
    let head = format!("SELECT shard, epoch, seq, seal, at_ms, home FROM shard_head{by_key} WHERE shard IN (");
    let read = global([&head, "?", ", ", &format!("){locking}")], shards.len());
    let rows: Vec<HeadRow> = with!(c, |c| {
        let query = sqlx::query_as(read);
        shards
            .iter()
            .fold(query, |query, shard| query.bind(i64::from(shard.index())))
            .fetch_all(&mut *c)
            .await
    })?;
    let heads = rows.into_iter().map(|(shard, epoch, seq, seal, at_ms, home)| {
        (
            shard,
            Head {
                shard,
                epoch,
                seq,
                seal,
                at_ms,
                home,
            },
        )
    });
    Ok(heads.collect())
}

/// Booked time never goes back in a shard, whatever the clock does.
fn open_view(shard: ShardId, head: &Head, setting: &Setting, now_ms: i64) -> Result<View, StoreError> {
    let booked_ms = now_ms.max(head.at_ms);
    let booked_day = setting
        .ground
        .booked_day(booked_ms)
        .ok_or_else(|| StoreError::row("shard_head", "at_ms", "beyond the calendar"))?;
    Ok(View::new(
        shard,
        head.seq,
        (booked_ms, booked_day),
        std::sync::Arc::clone(&setting.ground),
    ))
}

/// The page of what the view changed, and the head behind it; `None` if nothing changed.
fn close_view(view: &View, head: Head) -> Result<Option<(Page, Head)>, StoreError> {
    let previous = Hash::from_slice(&head.seal).ok_or_else(|| StoreError::row("shard_head", "seal", "not 32 bytes"))?;
    let page = Page::seal(
        view.shard,
        head.seq.saturating_add(1),
        view.booked_ms,
        previous,
        &view.changes.entries,
    )
    .map_err(|error| StoreError::row("journal", "entries", error))?;
    Ok(page.map(|page| {
        let head = Head {
            epoch: head.epoch.saturating_add(1),
            seq: page.seq_to,
            seal: page.seal.as_bytes().to_vec(),
            at_ms: page.at_ms,
            ..head
        };
        (page, head)
    }))
}
