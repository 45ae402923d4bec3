//! What a morning came to, for a person to read and as one object.

use super::show::Played;
use crate::cli::trace::tree;
use crate::demo::Wish;
use crate::methodology::units::Day;
use crate::verify::Report;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Columns of a line that a terminal of a hundred shows whole.
const WIDTH: usize = 99;
/// Digits of a hash that a person reads.
const SHOWN_DIGITS: usize = 8;
/// Digits of a hash.
const HASH_DIGITS: usize = 64;
/// Mistakes that are told one by one.
const MOST_TOLD: usize = 20;

/// All there is to tell.
pub(super) struct Story {
    pub(super) wish: Wish,
    pub(super) day: Day,
    pub(super) base: String,
    pub(super) data: PathBuf,
    /// Blocks of the chain.
    pub(super) blocks: u64,
    pub(super) played: Played,
    /// The report's totals.
    pub(super) totals: Value,
    /// A credit's history.
    pub(super) trace: Option<Value>,
    pub(super) report: Report,
    /// Whatever is not as planned or does not add up.
    pub(super) wrong: Vec<String>,
}

impl Story {
    /// Whether everything is as planned, adds up and is verified.
    pub(super) const fn is_well(&self) -> bool {
        self.wrong.is_empty() && self.report.ok
    }

    /// For a person.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.put_morning(&mut lines);
        self.put_refused(&mut lines);
        self.put_totals(&mut lines);
        self.put_trace(&mut lines);
        self.put_verified(&mut lines);
        lines.push(String::new());
        for wrong in self.wrong.iter().take(MOST_TOLD) {
            lines.push(format!("WRONG: {wrong}"));
        }
        if let Some(more) = self.wrong.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
            lines.push(format!("… and {more} more"));
        }
        lines.push(if self.is_well() {
            "All is well: the morning adds up to the microgram, and every check holds.".to_owned()
        } else {
            "Something is wrong, see above.".to_owned()
        });
        lines
    }

    fn put_morning(&self, lines: &mut Vec<String>) {
        let sums = &self.played.told.sums;
        let credited = sums.trips.saturating_sub(sums.refusals());
        let rate = u128::from(self.played.requests) * 1_000 / self.played.answered.as_millis().max(1);
        lines.extend([
            String::new(),
            format!(
                "The morning: {} requests in {:.1?}, {rate} a second",
                self.played.requests, self.played.answered
            ),
            format!(
                "  {:>6} trips booked, of these {credited} credited and {} refused by a rule",
                sums.trips,
                sums.refusals()
            ),
            format!(
                "  {:>6} collections made credits, {} redemptions spent some",
                sums.collections, sums.redemptions
            ),
            format!(
                "  {:>6} trips and orders sent twice were answered as before and counted once",
                sums.replayed
            ),
            format!(
                "  {:>6} transactions confirmed on the chain, in {} blocks, after {:.1?}",
                self.played.watched.confirmed, self.blocks, self.played.took
            ),
        ]);
    }

    fn put_refused(&self, lines: &mut Vec<String>) {
        let sums = &self.played.told.sums;
        let groups: [(&str, &BTreeMap<&'static str, u64>); 2] = [
            ("Refused by a rule: stored, and worth nothing", &sums.refused),
            ("Turned away: nothing happened", &sums.problems),
        ];
        for (title, counts) in groups {
            lines.extend([String::new(), title.to_owned()]);
            for (name, count) in counts {
                let words = self.played.told.words.get(name).map_or("", String::as_str);
                lines.push(cut(&format!("  {count:>6} {name:<21} {words}")));
            }
        }
    }

    fn put_totals(&self, lines: &mut Vec<String>) {
        lines.extend([
            String::new(),
            "The day's totals, grams of CO2 (GET /v1/reports/totals)".to_owned(),
        ]);
        let words = [
            ("quantified", "what the rides saved, by the published methodologies"),
            ("collected", "issued as credits"),
            ("waiting", "not collected yet"),
            ("spent", "redeemed for rewards"),
        ];
        for (name, words) in words {
            lines.push(format!(
                "  {name:<11} {:>16}   {words}",
                self.totals[name].as_str().unwrap_or_default()
            ));
        }
    }

    fn put_trace(&self, lines: &mut Vec<String>) {
        let Some(trace) = &self.trace else { return };
        let credit = trace["credit"]["credit_id"].as_str().unwrap_or_default();
        lines.extend([
            String::new(),
            short(&format!("Where one credit comes from (GET /v1/credits/{credit}/trace)")),
        ]);
        // One system sent all of them.
        let sender = format!(", sent by {}", self.played.told.client);
        let line = |line: &String| cut(&short(&format!("  {}", line.replace(&sender, ""))));
        lines.extend(tree::lines(trace).iter().map(line));
    }

    fn put_verified(&self, lines: &mut Vec<String>) {
        lines.extend([
            String::new(),
            "Recomputed from the journal and the chain (carbon-gateway verify --recompute)".to_owned(),
        ]);
        for check in &self.report.checks {
            let verdict = if check.ok { "holds" } else { "FAILS" };
            lines.push(format!("  {verdict}  {:<44} {:>8} checked", check.name, check.checked));
            if !check.ok {
                lines.extend(check.detail.lines().map(|line| format!("         {line}")));
            }
        }
    }

    /// For a program.
    pub(super) fn document(&self) -> Value {
        let sums = &self.played.told.sums;
        json!({
            "ok": self.is_well(),
            "riders": self.wish.riders,
            "seed": self.wish.seed,
            "day": self.day,
            "base": self.base,
            "data": self.data,
            "client": self.played.told.client,
            "requests": self.played.requests,
            "trips": sums.trips,
            "refused": sums.refused,
            "replayed": sums.replayed,
            "problems": sums.problems,
            "collections": sums.collections,
            "redemptions": sums.redemptions,
            "quantified": sums.quantified,
            "collected": sums.collected,
            "waiting": sums.waiting(),
            "spent": sums.spent,
            "confirmed": self.played.watched.confirmed,
            "blocks": self.blocks,
            "milliseconds": u64::try_from(self.played.took.as_millis()).unwrap_or(u64::MAX),
            "totals": self.totals,
            "trace": self.trace,
            "verify": self.report,
            "wrong": self.wrong,
        })
    }
}

/// No longer than a line.
fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let kept: String = line.chars().take(WIDTH.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Every hash by its first digits.
fn short(line: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for character in line.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        if run.len() == HASH_DIGITS {
            out.extend(run.chars().take(SHOWN_DIGITS));
            out.push('…');
        } else {
            out.push_str(&run);
        }
        run.clear();
        out.push(character);
    }
    out.pop();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_short_and_other_words_whole() {
        let hash = "0123456789abcdef".repeat(4);
        assert_eq!(
            short(&format!("redeem tx_07_{hash}: 450 g")),
            "redeem tx_07_01234567…: 450 g"
        );
        assert_eq!(short(&format!("cr_07_{hash}")), "cr_07_01234567…");
        assert_eq!(short("a decade of 0123456789abcdef"), "a decade of 0123456789abcdef");
    }

    #[test]
    fn lines_fit_a_terminal() {
        assert_eq!(cut("ä").as_str(), "ä");
        let cut = cut(&"ä".repeat(200));
        assert!(cut.chars().count() == WIDTH && cut.ends_with('…'));
    }
}
