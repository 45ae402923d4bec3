//! Lines of messages, one for each shard: a rider's trips are queued in the order in which they come, and nobody waits for another shard.

use crate::ledger::ids::ShardId;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Whom the next of each shard waits for.
#[derive(Default)]
pub(super) struct Lines(BTreeMap<ShardId, oneshot::Receiver<()>>);

/// A place in a line.
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    own: oneshot::Sender<()>,
}

/// Whoever has it is the first of its line; when it is let go of, the next is.
pub(super) struct First {
    _own: oneshot::Sender<()>,
}

impl Lines {
    /// The last place in a shard's line.
    pub(super) fn join(&mut self, shard: ShardId) -> Turn {
        let (own, behind) = oneshot::channel();
        Turn {
            before: self.0.insert(shard, behind),
            own,
        }
    }
}

impl Turn {
    /// Waits until nobody is before it.
    pub(super) async fn come(self) -> First {
        if let Some(before) = self.before {
            // Nothing is ever sent: it ends.
            let _ended = before.await;
        }
        First { _own: self.own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn each_waits_for_the_one_before_it_in_its_own_line() {
        let [here, there] = [0, 1].map(|number| ShardId::new(number).unwrap());
        let mut lines = Lines::default();
        let [first, second, third] = [(); 3].map(|()| lines.join(here));
        let first = first.come().now_or_never().unwrap();
        let mut second = Box::pin(second.come());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(lines.join(there).come().now_or_never().is_some());
        drop(first);
        let second = second.now_or_never().unwrap();
        let mut third = Box::pin(third.come());
        assert!(third.as_mut().now_or_never().is_none());
        // Who stands behind somebody that went away comes next.
        drop(second);
        drop(third);
        assert!(lines.join(here).come().now_or_never().is_some());
    }
}
