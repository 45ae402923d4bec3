//! One trip as the gateway's own writer stored it, and others after its model: what the bare sides write has the same columns and the
//! same sizes, byte for byte.

use super::RIDERS;
use crate::desk::Riders;
use crate::open::Open;
use crate::server::Place;
use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use sqlx::mysql::MySqlPool;

/// What stands before the entries of a page: a version and their number.
const PAGE_HEAD: usize = 5;
/// Riders come again half an hour later.
const SLOT_S: i64 = 1_800;

/// The rows of a trip of a rider who is known.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) programme: String,
    pub(super) day: i64,
    pub(super) started_s: i64,
    pub(super) ended_s: i64,
    pub(super) amount_ug: i64,
    pub(super) record: Vec<u8>,
    pub(super) evidence: Vec<u8>,
    /// How long its claim waits.
    pub(super) window_ms: i64,
    pub(super) wrapped_key: Vec<u8>,
    pub(super) lapses_ms: Option<i64>,
    pub(super) booked_day: i64,
    /// Gas, figure, mode and methodology of the daily totals that it adds to.
    pub(super) totals: Vec<(String, String, String, String)>,
    /// Its entry, with the length before it.
    entry: Vec<u8>,
}

/// What each trip has for itself.
pub(super) struct Own {
    pub(super) user: i64,
    pub(super) source_key: Vec<u8>,
    pub(super) started_s: i64,
    pub(super) ended_s: i64,
}

impl Model {
    /// Books a trip of every rider in an empty ledger, and one more, which is the model.
    pub(super) async fn made(place: &Place, riders: Riders) -> anyhow::Result<Self> {
        fill(place, riders, 1).await?;
        let sessions = place.sessions(1).await?;
        let model = Self::read(&sessions).await?;
        sessions.close().await;
        Ok(model)
    }

    /// The first rider's second trip was booked alone, so it is the last of shard 0 and has a page for itself.
    async fn read(sessions: &MySqlPool) -> anyhow::Result<Self> {
        let (seq, user, programme, day, started_s, ended_s, amount_ug): (i64, i64, String, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT seq, user_id, programme, activity_day, started_s, ended_s, amount_ug FROM trip_00 ORDER BY seq DESC LIMIT 1",
        )
        .fetch_one(sessions)
        .await?;
        let (record, evidence): (Vec<u8>, Vec<u8>) =
            sqlx::query_as("SELECT record, evidence FROM trip_00 WHERE seq = ?")
                .bind(seq)
                .fetch_one(sessions)
                .await?;
        let (opens_ms, closes_ms): (i64, i64) =
            sqlx::query_as("SELECT opens_ms, closes_ms FROM claim_00 WHERE seq = ?")
                .bind(seq)
                .fetch_one(sessions)
                .await?;
        let (wrapped_key, lapses_ms): (Vec<u8>, Option<i64>) =
            sqlx::query_as("SELECT wrapped_key, lapses_ms FROM account_00 WHERE user_id = ? AND programme = ?")
                .bind(user)
                .bind(&programme)
                .fetch_one(sessions)
                .await?;
        let (seq_from, entries): (i64, Vec<u8>) =
            sqlx::query_as("SELECT seq_from, entries FROM journal WHERE shard = 0 AND seq_to = ?")
                .bind(seq)
                .fetch_one(sessions)
                .await?;
        ensure!(seq_from == seq, "the model shares its page");
        let totals: Vec<(i64, String, String, String, String)> = sqlx::query_as(
            "SELECT booked_day, gas, figure, mode, methodology FROM daily_total WHERE shard = 0 AND activity_day = ?",
        )
        .bind(day)
        .fetch_all(sessions)
        .await?;
        Ok(Self {
            programme,
            day,
            started_s,
            ended_s,
            amount_ug,
            record,
            evidence,
            window_ms: closes_ms - opens_ms,
            wrapped_key,
            lapses_ms,
            booked_day: totals.first().context("no totals")?.0,
            totals: totals
                .into_iter()
                .map(|(_, gas, figure, mode, methodology)| (gas, figure, mode, methodology))
                .collect(),
            entry: entries.get(PAGE_HEAD..).context("an empty page")?.to_vec(),
        })
    }

    /// The `n`th trip that this side writes, of this rider.
    pub(super) fn own(&self, side: &str, user: i64, n: u64) -> anyhow::Result<Own> {
        let later_s = i64::try_from(n / RIDERS)? * SLOT_S;
        Ok(Own {
            user,
            source_key: Sha256::digest(format!("{side} {n}")).to_vec(),
            started_s: self.started_s + later_s,
            ended_s: self.ended_s + later_s,
        })
    }

    /// The entries of a page with so many trips.
    pub(super) fn page(&self, trips: u32) -> anyhow::Result<Vec<u8>> {
        let head = [&[1], trips.to_be_bytes().as_slice()].concat();
        ensure!(head.len() == PAGE_HEAD, "a page begins otherwise");
        Ok([head, self.entry.repeat(usize::try_from(trips)?)].concat())
    }

    /// Bytes of what one trip adds, columns only: its rows of trip, claim and account and its page with the head.
    pub(super) fn bytes(&self) -> usize {
        const NUMBERS: usize = 8;
        let trip = 6 * NUMBERS + 32 + self.programme.len() + self.record.len() + self.evidence.len();
        let claim = 4 * NUMBERS + self.programme.len();
        let account = 18 * NUMBERS + 32 + self.programme.len() + self.wrapped_key.len();
        let page = 4 * NUMBERS + 2 * 32 + PAGE_HEAD + self.entry.len();
        trip + claim + account + page
    }
}

/// Books a trip of every rider, and as many more one by one.
pub(super) async fn fill(place: &Place, riders: Riders, more: u64) -> anyhow::Result<()> {
    let open = Open::ledger(&place.folder, place.settings()).await?;
    let desk = open.desk()?.of(riders);
    open.book(&desk, RIDERS).await?;
    for n in RIDERS..RIDERS + more {
        desk.book(n..n + 1).await?;
    }
    drop(desk);
    open.close().await
}
