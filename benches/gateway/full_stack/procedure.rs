//! A stored procedure that books one trip in one transaction: the rows that the gateway's writer leaves for it, in the same tables, sealed
//! by the server. It looks for no earlier trip, no overlap and no cap and opens no account, and changes accounts and totals where they
//! stand instead of reading them first: fewer statements than any that decides.

use super::model::Model;
use crate::desk::Riders;
use crate::load::Done;
use carbon_gateway::clock::Clock;
use sqlx::mysql::MySqlPool;
use sqlx::{AssertSqlSafe, Executor as _};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Makes one for each shard: a procedure's text is fixed, and so are the tables in it.
pub(super) async fn make(sessions: &MySqlPool, model: &Model) -> anyhow::Result<()> {
    let mut totals = String::new();
    for (gas, figure, mode, methodology) in &model.totals {
        let separator = if totals.is_empty() { "" } else { ", " };
        let amount = if figure == "trip" { "0" } else { "p_amount" };
        write!(
            totals,
            "{separator}({{n}}, {}, p_day, '{}', '{gas}', '{figure}', '{mode}', '{methodology}', 1, {amount})",
            model.booked_day, model.programme
        )?;
    }
    for shard in 0..30 {
        let text = BODY
            .replace("{totals}", &totals)
            .replace("{programme}", &model.programme)
            .replace("{shard}", &format!("{shard:02}"))
            .replace("{n}", &shard.to_string());
        sessions.execute(sqlx::raw_sql(AssertSqlSafe(text))).await?;
    }
    Ok(())
}

const BODY: &str = "
CREATE PROCEDURE book_trip_{shard} (
    p_user BIGINT, p_source VARBINARY(32), p_day BIGINT, p_started BIGINT, p_ended BIGINT, p_amount BIGINT, p_record MEDIUMBLOB,
    p_evidence MEDIUMBLOB, p_now BIGINT, p_closes BIGINT, p_entries MEDIUMBLOB)
BEGIN
    DECLARE v_seq BIGINT;
    DECLARE v_seal, v_next VARBINARY(32);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
    START TRANSACTION;
    SELECT seq + 1, seal INTO v_seq, v_seal FROM shard_head WHERE shard = {n} FOR UPDATE;
    INSERT INTO trip_{shard} (seq, user_id, source_key, programme, activity_day, started_s, ended_s, outcome, amount_ug, record, evidence)
        VALUES (v_seq, p_user, p_source, '{programme}', p_day, p_started, p_ended, 'credited', p_amount, p_record, p_evidence);
    INSERT INTO claim_{shard} (user_id, seq, programme, opens_ms, closes_ms) VALUES (p_user, v_seq, '{programme}', p_now, p_closes);
    UPDATE account_{shard} SET waiting_ug = waiting_ug + p_amount, quantified_ug = quantified_ug + p_amount,
        longest_trip_s = GREATEST(longest_trip_s, p_ended - p_started), last_end_s = GREATEST(last_end_s, p_ended),
        last_day_count = last_day_count + 1, last_day_ug = last_day_ug + p_amount WHERE user_id = p_user AND programme = '{programme}';
    INSERT INTO daily_total (shard, booked_day, activity_day, programme, gas, figure, mode, methodology, count, amount_ug)
        VALUES {totals} ON DUPLICATE KEY UPDATE count = count + 1, amount_ug = amount_ug + VALUES(amount_ug);
    SET v_next = UNHEX(SHA2(CONCAT(v_seal, p_entries), 256));
    INSERT INTO journal (shard, seq_from, seq_to, at_ms, previous_seal, seal, entries)
        VALUES ({n}, v_seq, v_seq, p_now, v_seal, v_next, p_entries);
    UPDATE shard_head SET epoch = epoch + 1, seq = v_seq, seal = v_next, at_ms = p_now WHERE shard = {n};
    COMMIT;
END";

/// Calls it over as many connections as there are, each with its next trip when the last is booked.
pub(super) async fn callers(
    sessions: &MySqlPool,
    (model, riders): (&Arc<Model>, Riders),
    counter: &Arc<AtomicU64>,
    lasting: Duration,
) -> anyhow::Result<Done> {
    let page = Arc::new(model.page(1)?);
    let mut open = Vec::new();
    for _ in 0..sessions.options().get_max_connections() {
        open.push(sessions.acquire().await?);
    }
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for mut session in open {
        let (model, page, counter) = (Arc::clone(model), Arc::clone(&page), Arc::clone(counter));
        callers.spawn(async move {
            let mut booked = 0_u64;
            while begun.elapsed() < lasting {
                let n = counter.fetch_add(1, Ordering::Relaxed);
                let own = model.own("procedure", riders.id(n)?, n)?;
                let now_ms = Clock::System.now_ms();
                let call = format!(
                    "CALL book_trip_{:02}(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    own.user.rem_euclid(30)
                );
                sqlx::query(AssertSqlSafe(call))
                    .bind(own.user)
                    .bind(own.source_key)
                    .bind(model.day)
                    .bind(own.started_s)
                    .bind(own.ended_s)
                    .bind(model.amount_ug)
                    .bind(&model.record)
                    .bind(&model.evidence)
                    .bind(now_ms)
                    .bind(now_ms + model.window_ms)
                    .bind(page.as_slice())
                    .execute(&mut *session)
                    .await?;
                booked += 1;
            }
            anyhow::Ok(booked)
        });
    }
    Done::of_all(callers, begun).await
}
