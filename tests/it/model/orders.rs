//! What may be asked for: orders as they are drawn and shrunk, and as they stand once the moment has come.

use super::{AUTO, DAY_MS, DAY_S, FREE, MIDNIGHT_S, MODES, TERMS, TIGHT};
use proptest::prelude::*;

/// A trip of one or two legs, the second starting where the first ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) user: i64,
    pub(super) programme: usize,
    pub(super) id: u32,
    pub(super) start_s: i64,
    pub(super) legs: Vec<(usize, i64, u64)>, // mode, seconds, metres
}

impl Sent {
    pub(super) fn end_s(&self) -> i64 {
        self.start_s + self.legs.iter().map(|(_, seconds, _)| seconds).sum::<i64>()
    }

    /// Days since the last of the year 2026.
    pub(super) fn day(&self) -> i64 {
        (self.end_s() - MIDNIGHT_S).div_euclid(DAY_S)
    }

    pub(super) fn quantified(&self) -> Vec<i64> {
        let leg = |(mode, _, metres): &(usize, i64, u64)| i64::try_from(*metres).unwrap() * MODES[*mode].1;
        self.legs.iter().map(leg).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Named(Vec<u32>),
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Trip(Sent),
    /// A trip that begins so many seconds after the end of the rider's last in that programme.
    Onward(Sent, i64),
    Collect(i64, usize, Wanted),
    Redeem(i64, usize, Much),
    Merge(i64, usize),
    Settle(i64),
    /// What was asked for so many orders ago, as it was or changed.
    Again(usize, bool),
    Wait(Until),
}

/// How much is to be spent.
#[derive(Clone, Debug)]
pub(super) enum Much {
    Micrograms(i64),
    /// So many thousandths of what there is.
    Permille(i64),
    /// Exactly one of the credits, if there is any.
    Credit(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Until {
    Later(i64),
    /// So many milliseconds from the next instant at which time alone changes something.
    Due(i64),
}

/// What is asked for when its moment has come; keys are numbers of orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Trip(Sent),
    Collect(i64, usize, Wanted, u32),
    Redeem(i64, usize, i64, u32),
    Merge(i64, usize),
    Settle(i64),
}

impl Asked {
    /// The same with other content under the same name.
    pub(super) fn changed(&self) -> Self {
        match self.clone() {
            Self::Trip(mut sent) => {
                sent.start_s += 1;
                Self::Trip(sent)
            }
            Self::Collect(user, programme, Wanted::All, key) => {
                Self::Collect(user, programme, Wanted::Named(Vec::new()), key)
            }
            Self::Collect(user, programme, Wanted::Named(_), key) => Self::Collect(user, programme, Wanted::All, key),
            Self::Redeem(user, programme, amount, key) => Self::Redeem(user, programme, amount + 1, key),
            same => same,
        }
    }
}

// Users 1 and 31 share a shard; most of a series is about the first of them, so that there is something to spend.
fn user() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(1_i64), 1 => Just(2), 2 => Just(31)]
}

/// A series has a programme of its own and strays from it now and then.
fn programme(home: usize) -> impl Strategy<Value = usize> {
    prop_oneof![8 => Just(home), 1 => 0..TERMS.len()]
}

fn trip(home: usize) -> impl Strategy<Value = Sent> {
    let seconds = prop_oneof![0..7_200_i64, 1_200..3_000_i64];
    let leg = (0..MODES.len(), seconds, prop_oneof![0..2_000_u64, 0..40_000_u64]);
    // Two thirds of the starts crowd into the evening of the last day of the year, so that rides meet and days fill up.
    let start = prop_oneof![0..3 * DAY_S, 60_000..DAY_S + 12_000];
    let legs = prop::collection::vec(leg, 1..3);
    (user(), programme(home), 0..30_u32, start, legs).prop_map(|(user, programme, id, start, legs)| Sent {
        user,
        programme,
        id,
        start_s: MIDNIGHT_S + start,
        legs,
    })
}

fn order(home: usize) -> impl Strategy<Value = Order> {
    let wanted = prop_oneof![
        2 => Just(Wanted::All),
        1 => prop::collection::vec(0..30_u32, 0..8).prop_map(Wanted::Named)
    ];
    let much = prop_oneof![
        1 => (1..400_000_000_i64).prop_map(Much::Micrograms),
        4 => (1..500_i64).prop_map(Much::Permille),
        2 => (500..1_050_i64).prop_map(Much::Permille),
        1 => Just(Much::Permille(1_000)),
        2 => (0..8_usize).prop_map(Much::Credit),
    ];
    let until = prop_oneof![
        10 => (1..5_400_000_i64).prop_map(Until::Later),
        2 => (1..2 * DAY_MS).prop_map(Until::Later),
        1 => (1..32 * DAY_MS).prop_map(Until::Later),
        6 => (-1..=0_i64).prop_map(Until::Due),
    ];
    let of = || (user(), programme(home));
    prop_oneof![
        5 => trip(home).prop_map(Order::Trip),
        4 => (trip(home), prop_oneof![-600..=1_i64, 0..20_000_i64]).prop_map(|(sent, after_s)| Order::Onward(sent, after_s)),
        5 => (of(), wanted).prop_map(|((user, programme), wanted)| Order::Collect(user, programme, wanted)),
        3 => (of(), much).prop_map(|((user, programme), much)| Order::Redeem(user, programme, much)),
        1 => of().prop_map(|(user, programme)| Order::Merge(user, programme)),
        3 => user().prop_map(Order::Settle),
        2 => (1..12_usize, prop::bool::weighted(0.3)).prop_map(|(back, changed)| Order::Again(back, changed)),
        5 => until.prop_map(Order::Wait),
    ]
}

/// Orders one after another.
pub(super) fn series(most: usize) -> impl Strategy<Value = Vec<Order>> {
    let home = prop_oneof![2 => Just(AUTO), 2 => Just(FREE), 3 => Just(TIGHT)];
    home.prop_flat_map(move |home| prop::collection::vec(order(home), 1..most))
}
