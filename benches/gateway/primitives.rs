//! What one signature and one check of it cost here and now: on as many threads as there are cores, since that is how dispatch uses
//! them and a core shares its parts with its neighbour.

use super::machine::thread_cpu;
use anyhow::Context as _;
use carbon_gateway::identity::user_key::PrivateKey;
use carbon_gateway::ledger::ids::Hash;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Costs in CPU microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bill {
    /// One signature.
    pub(crate) sign: f64,
    /// One check.
    pub(crate) verify: f64,
}

/// Measures both, each for this long on every core.
pub(crate) fn bill(lasting: Duration) -> anyhow::Result<Bill> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores).map(|_| std::thread::spawn(move || one(lasting))).collect();
    let mut bills = Vec::new();
    for thread in threads {
        bills.push(thread.join().ok().context("a thread panicked")??);
    }
    let mean = |figure: fn(&Bill) -> f64| bills.iter().map(figure).sum::<f64>() / bills.len() as f64;
    Ok(Bill {
        sign: mean(|bill| bill.sign),
        verify: mean(|bill| bill.verify),
    })
}

fn one(lasting: Duration) -> anyhow::Result<Bill> {
    let key = PrivateKey::draw(|| Zeroizing::new(rand::random()));
    let mut digest = [0; 32];
    let sign = each(lasting, |turn| {
        digest[..8].copy_from_slice(&turn.to_be_bytes());
        std::hint::black_box(key.sign_content(&Hash::new(digest)));
        Ok(())
    })?;
    let signature = key.sign_content(&Hash::new(digest));
    let signature = Signature::from_slice(signature.as_bytes())?;
    let point = VerifyingKey::from_sec1_bytes(key.point().as_bytes())?;
    let verify = each(lasting, |_| Ok(point.verify_prehash(&digest, &signature)?))?;
    Ok(Bill { sign, verify })
}

/// CPU microseconds of one turn.
fn each(lasting: Duration, mut turn: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let (begun, before, mut turns) = (Instant::now(), thread_cpu()?, 0_u64);
    while begun.elapsed() < lasting {
        turn(turns)?;
        turns += 1;
    }
    Ok((thread_cpu()?.saturating_sub(before)).as_secs_f64() * 1e6 / turns as f64)
}
