//! How an embedded chain misbehaves when it is told to: for tests and for the demonstration. Which call meets which fault depends
//! on the plan and the call's number alone, so a run can be repeated.

use carbon_contract::codec::digest;
use std::collections::VecDeque;
use std::time::Duration;

/// What befalls one submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Refused for good, though nothing is wrong with it.
    Refuse,
    /// Taken, and answered late.
    Delay(Duration),
    /// Not taken, and no reply.
    LoseRequest,
    /// Taken, and no reply.
    LoseReply,
    /// Told that it was taken, and forgotten.
    Forget,
    /// Taken, and the block that takes it is in the reverse order of coming.
    Reorder,
    /// Not taken: the pool is full.
    Full,
    /// The chain is away for this call and so many after it, queries too.
    Away(u32),
}

/// Which submission meets which fault.
#[derive(Clone, Debug, Default)]
pub enum FaultPlan {
    /// None does.
    #[default]
    None,
    /// One after the other, as listed; `None` is a good one. After the list all are good.
    Script(VecDeque<Option<Fault>>),
    /// By the digest of seed and number, so many of a hundred.
    Seeded {
        /// The seed.
        seed: u64,
        /// Faults per hundred calls.
        percent: u8,
    },
}

/// A plan on its way.
#[derive(Debug)]
pub(super) struct Faults {
    plan: FaultPlan,
    calls: u64,
    away: u32,
    reversed: bool,
}

impl FaultPlan {
    /// A list of faults.
    pub fn script(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self::Script(faults.into_iter().collect())
    }

    fn next(&mut self, call: u64) -> Option<Fault> {
        match self {
            Self::None => None,
            Self::Script(list) => list.pop_front().flatten(),
            Self::Seeded { seed, percent } => {
                let dice = digest("carbon/chain-faults/1", |e| {
                    e.u64(*seed);
                    e.u64(call);
                });
                let [first, second, third, ..] = *dice.as_bytes();
                (u16::from(first) * 100 < u16::from(*percent) * 256).then(|| pick(second, third))
            }
        }
    }
}

fn pick(kind: u8, size: u8) -> Fault {
    match kind % 7 {
        0 => Fault::Delay(Duration::from_millis(u64::from(size))),
        1 => Fault::LoseRequest,
        2 => Fault::LoseReply,
        3 => Fault::Forget,
        4 => Fault::Reorder,
        5 => Fault::Full,
        // A refusal for good is left to scripts: whoever meets it has to be mended by hand.
        _ => Fault::Away(u32::from(size % 8)),
    }
}

impl Faults {
    pub(super) const fn new(plan: FaultPlan) -> Self {
        Self {
            plan,
            calls: 0,
            away: 0,
            reversed: false,
        }
    }

    /// Another plan from now on.
    pub(super) fn replace(&mut self, plan: FaultPlan) {
        *self = Self::new(plan);
    }

    /// What befalls the next submission; `Away` until the chain is back.
    pub(super) fn submission(&mut self) -> Option<Fault> {
        if self.is_away() {
            return Some(Fault::Away(0));
        }
        let fault = self.plan.next(self.calls);
        self.calls = self.calls.saturating_add(1);
        match fault {
            Some(Fault::Away(more)) => self.away = more,
            Some(Fault::Reorder) => self.reversed = true,
            _ => {}
        }
        fault
    }

    /// Whether a call finds the chain away; it is one of those that it stays away for.
    pub(super) fn is_away(&mut self) -> bool {
        let away = self.away > 0;
        self.away = self.away.saturating_sub(1);
        away
    }

    /// Whether the next block is to be reversed.
    pub(super) fn reversed(&mut self) -> bool {
        std::mem::take(&mut self.reversed)
    }
}
