//! More than fits into one command: what is left over waits, and what is too finely divided is merged first.

use super::lists::Said;
use super::memory::Memory;
use super::orders::{Asked, Much, Order, Sent, Until, Wanted};
use super::stored::{Stored, run};
use super::translate::{command, said};
use super::{DAY_MS, DAY_S, FREE, MIDNIGHT_S, TIGHT};
use carbon_gateway::ledger::command::{Outcome, Rejection};
use carbon_gateway::store::writer::SubmitError;

const RIDER: i64 = 31;
const COLLECT: Order = Order::Collect(RIDER, FREE, Wanted::All);

/// The n-th of a series of trips that earn 46.8 g of one gas and, if `both`, 150.42 g of the other.
fn trip(n: u32, programme: usize, both: bool) -> Order {
    // Three a day, an hour each: the caps of the tight programme let them pass.
    let (day, place) = (i64::from(n / 3), i64::from(n % 3));
    let legs = [(0, 1_800, 1_000), (1, 1_800, 1_000)];
    Order::Trip(Sent {
        user: RIDER,
        programme,
        id: n,
        start_s: MIDNIGHT_S + day * DAY_S + place * 7_200,
        legs: legs[..=usize::from(both)].to_vec(),
    })
}

fn redeem(much: Much) -> Order {
    Order::Redeem(RIDER, FREE, much)
}

/// Carries out the orders in memory and on the store, in batches of twenty; what the last one was answered.
async fn on_both(orders: &[Order]) -> Said {
    let mut memory = Memory::new();
    let last = orders.iter().filter_map(|order| memory.step(order)).last().unwrap();
    let mut stored = Stored::new().await;
    for batch in orders.chunks(20) {
        for order in batch {
            stored.queue(order);
        }
        stored.commit().await;
    }
    stored.finish().await;
    last
}

fn collected(said: &Said) -> Option<(usize, bool)> {
    match said {
        Said::Collected { collected, more, .. } => Some((*collected, *more)),
        _ => None,
    }
}

/// Trips of which each becomes a credit, or one of each gas, of its own.
fn credits(count: u32, both: bool) -> Vec<Order> {
    (0..count).flat_map(|n| [trip(n, FREE, both), COLLECT]).collect()
}

#[test]
fn more_than_32_credits_are_merged_on_the_way() {
    run(async {
        let mut orders = credits(40, true);
        orders.push(redeem(Much::Permille(990)));
        let said = on_both(&orders).await;
        assert!(matches!(said, Said::Redeemed { choice: "merged", .. }), "{said:?}");
        orders.extend([redeem(Much::Permille(1_000)), trip(50, FREE, true), COLLECT]);
        let said = on_both(&orders).await;
        assert_eq!(collected(&said), Some((1, false)));
    });
}

#[test]
fn what_the_sink_owns_stays_few() {
    run(async {
        let mut orders = credits(2, true);
        orders.extend((0..70).map(|n| redeem(Much::Micrograms(2_000_000 + n))));
        let mut memory = Memory::new();
        for order in &orders {
            memory.step(order);
            for (owner, sums) in memory.model.sums().iter().filter(|(owner, _)| owner.0 < 0) {
                assert!(sums.unspent_count < 2 * 32, "{owner:?}");
            }
        }
        on_both(&orders).await;
    });
}

#[test]
fn more_than_256_claims_are_collected_in_turns() {
    run(async {
        let mut orders: Vec<Order> = (0..300).map(|n| trip(n, FREE, false)).collect();
        orders.push(COLLECT);
        assert_eq!(collected(&on_both(&orders).await), Some((256, true)));
        orders.push(COLLECT);
        assert_eq!(collected(&on_both(&orders).await), Some((44, false)));
    });
}

#[test]
fn an_issue_names_256_sources_and_no_more() {
    run(async {
        let mut orders: Vec<Order> = (0..140).map(|n| trip(n, FREE, true)).collect();
        orders.push(COLLECT);
        assert_eq!(collected(&on_both(&orders).await), Some((128, true)));
    });
}

#[test]
fn more_than_256_claims_lapse_in_turns() {
    run(async {
        let mut stored = Stored::new().await;
        for n in 0..300 {
            stored.queue(&trip(n, TIGHT, false));
        }
        stored.commit().await;
        stored.queue(&Order::Wait(Until::Later(2 * DAY_MS)));
        for lapsed in [256, 44, 0] {
            let settle = command(&Asked::Settle(RIDER), lapsed);
            let outcome = stored.carry_out(settle).await.unwrap();
            assert!(matches!(outcome, Outcome::Settled(entries) if entries == usize::try_from(lapsed).unwrap()));
        }
        stored.verified().await;
    });
}

#[test]
fn more_than_256_credits_expire_in_turns() {
    run(async {
        let mut stored = Stored::new().await;
        for n in 0..300 {
            stored.queue(&trip(n, TIGHT, false));
        }
        stored.commit().await;
        stored.queue(&Order::Wait(Until::Later(3_600_000)));
        for n in 0..300 {
            stored.queue(&Order::Collect(RIDER, TIGHT, Wanted::Named(vec![n])));
        }
        stored.commit().await;
        stored.queue(&Order::Wait(Until::Later(32 * DAY_MS)));
        for (number, left) in (1_000_u32..).zip([44_usize, 0]) {
            stored.carry_out(command(&Asked::Settle(RIDER), number)).await.unwrap();
            assert_eq!(stored.sums_of((RIDER, TIGHT)).await.unspent_count, left);
        }
        let sums = stored.sums_of((RIDER, TIGHT)).await;
        assert_eq!((sums.available, sums.expired), (0, sums.issued));
        stored.verified().await;
    });
}

#[test]
fn more_than_640_credits_must_be_merged_first() {
    run(async {
        let mut stored = Stored::new().await;
        for batch in credits(650, false).chunks(200) {
            for order in batch {
                stored.queue(order);
            }
            stored.commit().await;
        }
        let before = stored.sums_of((RIDER, FREE)).await;
        assert_eq!(before.unspent_count, 650);
        let all = command(&Asked::Redeem(RIDER, FREE, before.available, 9_000), 9_000);
        let refused = stored.carry_out(all.clone()).await;
        assert!(matches!(refused, Err(SubmitError::Rejected(Rejection::Fragmented))));
        let merged = stored.carry_out(command(&Asked::Merge(RIDER, FREE), 9_001)).await;
        assert_eq!(
            said(Ok(merged.unwrap())),
            Said::Settled(21),
            "two lots: 32 at a time, and what is over of each"
        );
        let after = stored.sums_of((RIDER, FREE)).await;
        assert_eq!((after.available, after.issued), (before.available, before.issued));
        let paid = said(Ok(stored.carry_out(all).await.unwrap()));
        assert!(matches!(paid, Said::Redeemed { .. }), "{paid:?}");
        let after = stored.sums_of((RIDER, FREE)).await;
        assert_eq!((after.available, after.unspent_count), (0, 0));
        stored.verified().await;
    });
}
