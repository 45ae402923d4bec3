//! The same deployment, sent to the chain: most of it confirmed, one transaction refused with a child that waits for it, one on its way.

use super::desk::Desk;
use super::finished::{END_MS, LATER_MS, Made, made, read};
use super::scratch::Finished;
use super::signed;
use crate::database::file_of;
use crate::support::embedded;
use carbon_gateway::app::dispatching::{self, Standing};
use carbon_gateway::app::{Core, Parts};
use carbon_gateway::chain::embedded::{Fault, FaultPlan};
use carbon_gateway::clock::ManualClock;
use carbon_gateway::config::Loaded;
use carbon_gateway::dispatch::Taking;
use carbon_gateway::folder::DataFolder;
use carbon_gateway::lifecycle::Lifecycle;
use carbon_gateway::store::db::Homes;
use carbon_gateway::store::reads::dispatch::{Backlog, backlog};
use std::path::Path;
use std::time::Duration;

/// Builds it.
pub(super) async fn sent() -> Finished {
    let Made {
        folder,
        programmes,
        texts,
    } = made().await;
    let (folder, programmes) = (folder.path(), programmes.path());
    let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    // While the answers are still kept: what is booked later would let them be forgotten.
    let within = (LATER_MS, FaultPlan::None);
    dispatch(folder, programmes, within, Backlog::is_drained).await;

    let mut desk = Desk::open(folder, END_MS, &texts).await;
    desk.settle(20).await;
    desk.redeem((20, "own"), 1_000_000, "tea").await;
    desk.close().await;
    let refusal = FaultPlan::script([Some(Fault::Refuse)]);
    dispatch(folder, programmes, (END_MS, refusal), |left| {
        left.refused == 1 && left.waiting == 1
    })
    .await;

    let mut desk = Desk::open(folder, END_MS, &texts).await;
    desk.settle(21).await;
    desk.close().await;
    let lost = FaultPlan::script(std::iter::repeat_n(Some(Fault::LoseRequest), 100_000));
    dispatch(folder, programmes, (END_MS, lost), |left| left.submitted == 1).await;
    signed::keys(folder).await;
    read(folder)
}

/// Lets dispatch work on a folder until as much is left.
async fn dispatch(folder: &Path, programmes: &Path, (now_ms, plan): (i64, FaultPlan), done: impl Fn(&Backlog) -> bool) {
    let lifecycle = Lifecycle::new(Duration::from_millis(200));
    let variables = [(
        "CARBON_GATEWAY__PROGRAMME__DIR".to_owned(),
        programmes.to_str().unwrap().to_owned(),
    )];
    let parts = Parts {
        config: Loaded::read(None, variables).unwrap().config,
        folder: DataFolder::new(folder),
        clock: ManualClock::new(now_ms).clock(),
    };
    let core = Core::open(parts, &lifecycle).await.unwrap();
    let chain = embedded(&core.outgoing.chain);
    chain.plan(plan);
    let readers = Homes::one(file_of(folder)).readers(2).await.unwrap();
    let on = Standing {
        ledger: &core.ledger,
        locations: &core.locations,
        readers: &readers,
        kek: &core.kek,
        clock: &core.clock,
        config: &core.config,
    };
    let sweeper = dispatching::start(core.outgoing, &on, &lifecycle).unwrap();
    sweeper.sweep(Taking::All, &lifecycle.soft()).await.unwrap();
    while !done(&backlog(&readers).await.unwrap()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop((sweeper, core.ledger));
    core.connections.close().await.unwrap();
    lifecycle.stop();
    lifecycle.wait().await;
}
