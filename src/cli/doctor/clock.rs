//! Time: this machine's clock against those of the servers and against what was booked, and the ledger's own zone. Time that was booked
//! never goes back, so a clock that was ahead once holds back every later instant until it is reached.

use super::apart::{aside, is_off};
use super::look::Look;
use super::report::{Findings, Part};
use super::words::{ago, cause, instant};
use crate::clock::Clock;
use crate::store::db::Connection;
use crate::store::examine;
use jiff::tz::TimeZone;

pub(super) async fn examine(look: &mut Look<'_>, say: &mut Findings) {
    let clock = look.clock;
    for database in &mut look.databases {
        if let Ok(connection) = &mut database.opened {
            say.of(Part::Clock, Some(database.location.to_string()));
            of_server(connection, clock, say).await;
        }
    }
    say.of(Part::Clock, None);
    let now_ms = clock.now_ms();
    let heads = look.databases.iter().flat_map(|database| &database.heads);
    match heads.map(|head| head.at_ms).max() {
        Some(last_ms) => booked(last_ms, now_ms, say),
        None => say.ok("now", format!("this machine has {}", instant(now_ms))),
    }
    if let Some((_, founded)) = &look.founded {
        zone(&founded.deployment.zone, look.config.ledger.zone.as_str(), say);
    }
}

async fn of_server(connection: &mut Connection, clock: &Clock, say: &mut Findings) {
    let before_ms = clock.now_ms();
    match examine::clock_ms(connection).await {
        Ok(Some(server_ms)) => compare(server_ms, (before_ms, clock.now_ms()), say),
        Ok(None) => {}
        Err(error) => {
            let saw = format!("its clock cannot be asked: {}", cause(&error));
            say.warn("server_silent", saw, "see `database` above");
        }
    }
}

/// The server has read its clock at some time between; only what cannot be explained by that is a difference.
fn compare(server_ms: i64, (before_ms, after_ms): (i64, i64), say: &mut Findings) {
    let ahead_ms = if server_ms > after_ms {
        server_ms.saturating_sub(after_ms)
    } else {
        server_ms.saturating_sub(before_ms).min(0)
    };
    match is_off(ahead_ms) {
        None => say.ok("server", "the server's clock and this machine's agree"),
        Some(level) => {
            let saw = format!("the server's clock is {}", aside(ahead_ms));
            say.bad(
                level,
                "server",
                saw,
                "keep both by NTP (chronyd, systemd-timesyncd); `date -u` on both shows which is wrong",
            );
        }
    }
}

/// What was booked last, by the clock of whoever booked it.
fn booked(last_ms: i64, now_ms: i64, say: &mut Findings) {
    let ahead_ms = last_ms.saturating_sub(now_ms);
    let Some(level) = is_off(ahead_ms.max(0)) else {
        let (now, ago) = (instant(now_ms), ago(ahead_ms.saturating_neg()));
        let saw = format!("this machine has {now}, and the last entry was booked {ago}");
        return say.ok("booked", saw);
    };
    let saw = format!("the last entry was booked at {}, {}", instant(last_ms), aside(ahead_ms));
    let advice = "this clock is behind, or that of an instance was ahead: set it right. Until that instant everything is booked as of it, on that day";
    say.bad(level, "booked", saw, advice);
}

fn zone(founded: &str, wanted: &str, say: &mut Findings) {
    if TimeZone::get(founded).is_err() {
        let saw = format!("the ledger's zone {founded} is not in this program's zone data: no gateway starts");
        return say.wrong(
            "zone_unknown",
            saw,
            "the row `deployment` was changed, or this program lacks the zone: run the release that made the ledger",
        );
    }
    if founded != wanted {
        let saw = format!("the settings name the zone {wanted}, but this ledger counts its days in {founded} for ever");
        return say.warn(
            "zone_differs",
            saw,
            "mend `ledger.zone`, or look whether this is the right ledger",
        );
    }
    say.ok("zone", format!("the ledger counts its days in {founded}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;

    fn codes(judge: impl FnOnce(&mut Findings)) -> Vec<(&'static str, Level)> {
        let mut say = Findings::new();
        judge(&mut say);
        say.codes()
    }

    #[test]
    fn clocks_are_held_against_each_other() {
        let cases = [
            (0, Level::Ok),
            (1_000, Level::Ok),
            (1_001, Level::Warning),
            (30_000, Level::Warning),
            (30_001, Level::Wrong),
        ];
        for (ahead_ms, level) in cases {
            for server_ms in [1_000_000 + ahead_ms, 1_000_000 - ahead_ms] {
                assert_eq!(
                    codes(|say| compare(server_ms, (1_000_000, 1_000_000), say)),
                    [("server", level)]
                );
            }
            assert_eq!(
                codes(|say| booked(1_000_000 + ahead_ms, 1_000_000, say)),
                [("booked", level)]
            );
            assert_eq!(
                codes(|say| booked(1_000_000 - ahead_ms, 1_000_000, say)),
                [("booked", Level::Ok)]
            );
        }
        // An answer that took five seconds says nothing of a difference below.
        assert_eq!(
            codes(|say| compare(1_004_000, (1_000_000, 1_005_000), say)),
            [("server", Level::Ok)]
        );
    }

    #[test]
    fn the_zone_is_that_of_the_ledger() {
        assert_eq!(
            codes(|say| zone("Asia/Shanghai", "Asia/Shanghai", say)),
            [("zone", Level::Ok)]
        );
        assert_eq!(
            codes(|say| zone("UTC", "Asia/Shanghai", say)),
            [("zone_differs", Level::Warning)]
        );
        assert_eq!(
            codes(|say| zone("Mars/Olympus", "UTC", say)),
            [("zone_unknown", Level::Wrong)]
        );
    }
}
