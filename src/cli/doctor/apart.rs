//! How far apart two clocks may be.

use super::report::Level;
use super::words::span;

/// So much two clocks of one network never differ that are kept.
const APART_MS: i64 = 1_000;
/// A lease lasts as long: beyond it an instance takes another's work over.
const OFF_MS: i64 = 30_000;

/// How bad it is that a clock is so far off; nothing if it is not.
pub(super) const fn is_off(apart_ms: i64) -> Option<Level> {
    let apart_ms = apart_ms.saturating_abs();
    if apart_ms <= APART_MS {
        None
    } else if apart_ms <= OFF_MS {
        Some(Level::Warning)
    } else {
        Some(Level::Wrong)
    }
}

/// Where something stands by this machine's clock.
pub(super) fn aside(ahead_ms: i64) -> String {
    let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
    format!("{} {side} this machine's clock", span(ahead_ms))
}
