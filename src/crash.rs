//! Named points at which a drill ends the process at once, as `kill -9` would: nothing is flushed, nobody is told. A test cannot time a
//! signal to fall between two statements, so the places that matter have names. Only builds with debug assertions have them; a release
//! build keeps nothing of this room. It reads its one variable itself, the only room but `config` that reads the environment: a drill is
//! no setting, must not stand beside settings in a file or in `check-config`, and reaches rooms that are given none.

use std::env;
use std::io::Write as _;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Says where and when, as `after-commit:3`: at the third time that a commit is done.
pub const VARIABLE: &str = "CARBON_GATEWAY_CRASH_AT";

/// A place between two steps that must not need each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// A command has queued, and nobody has taken it.
    AfterQueue,
    /// A batch stands in its transaction, which is not committed.
    AfterFlush,
    /// A batch is committed, and no caller knows.
    AfterCommit,
    /// An envelope that somebody left is ours, and nothing has been done about it.
    AfterLease,
    /// An envelope is signed, and nothing of it is stored.
    AfterSigning,
    /// An envelope is stored, and not sent.
    AfterRecording,
    /// The chain has taken an envelope, and nothing of that is stored.
    AfterSend,
    /// Some of a block is written, and not committed.
    InBlock,
    /// A block is committed, and nobody knows.
    AfterBlock,
    /// What became of an envelope is booked.
    AfterSettle,
    /// A user's key is written, and not committed.
    InKey,
}

impl Point {
    /// Every point, along the way of a ride.
    pub const ALL: [Self; 11] = [
        Self::AfterQueue,
        Self::AfterFlush,
        Self::AfterCommit,
        Self::InKey,
        Self::AfterSigning,
        Self::AfterRecording,
        Self::AfterSend,
        Self::InBlock,
        Self::AfterBlock,
        Self::AfterSettle,
        Self::AfterLease,
    ];

    /// Its name in the variable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AfterQueue => "after-queue",
            Self::AfterFlush => "after-flush",
            Self::AfterCommit => "after-commit",
            Self::AfterLease => "after-lease",
            Self::AfterSigning => "after-signing",
            Self::AfterRecording => "after-recording",
            Self::AfterSend => "after-send",
            Self::InBlock => "in-block",
            Self::AfterBlock => "after-block",
            Self::AfterSettle => "after-settle",
            Self::InKey => "in-key",
        }
    }
}

/// Ends the process if this is the point, and the time, that the variable names.
pub fn point(at: Point) {
    if cfg!(debug_assertions)
        && let Some(drill) = drill()
        && drill.is_due(at)
    {
        end(at.as_str());
    }
}

/// The end at a point.
#[derive(Debug)]
struct Drill {
    at: Point,
    /// Times that the point has yet to be passed.
    left: AtomicU32,
}

impl Drill {
    fn parse(text: &str) -> Option<Self> {
        let (name, count) = text.split_once(':')?;
        let at = Point::ALL.into_iter().find(|point| point.as_str() == name)?;
        let left = count.parse().ok().filter(|count| *count > 0)?;
        Some(Self {
            at,
            left: AtomicU32::new(left),
        })
    }

    fn is_due(&self, at: Point) -> bool {
        self.at == at && self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a drill is no setting: the module's page says why it reads its variable itself"
)]
fn drill() -> Option<&'static Drill> {
    static DRILL: OnceLock<Option<Drill>> = OnceLock::new();
    let read = || {
        let text = env::var_os(VARIABLE)?;
        let drill = text.to_str().and_then(Drill::parse);
        if drill.is_none() {
            // A drill that would never come would pass for one that did no harm.
            end("no such point");
        }
        drill
    };
    DRILL.get_or_init(read).as_ref()
}

/// Ends the process; only the point's name is left behind.
fn end(name: &str) -> ! {
    // Whether anybody reads it or not.
    let _unread = writeln!(std::io::stderr(), "crash: {name}");
    process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_due_once_and_at_its_point_only() {
        let drill = Drill::parse("after-commit:2").unwrap();
        let passed = [
            Point::AfterCommit,
            Point::AfterFlush,
            Point::AfterCommit,
            Point::AfterCommit,
        ];
        assert_eq!(passed.map(|at| drill.is_due(at)), [false, false, true, false]);
    }

    #[test]
    fn every_point_is_named_and_nothing_else_is() {
        for at in Point::ALL {
            assert_eq!(Drill::parse(&format!("{}:1", at.as_str())).unwrap().at, at);
        }
        for text in [
            "",
            "after-commit",
            "after-commit:0",
            "after-commit:-1",
            "after_commit:1",
            "commit:1",
        ] {
            assert!(Drill::parse(text).is_none(), "{text}");
        }
    }
}
