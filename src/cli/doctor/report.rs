//! What was found: findings with stable codes for a machine, and the same for a person at three in the morning, part by part, the worst
//! in the last line.

use serde::Serialize;
use std::fmt::Write as _;

/// Columns that a line takes at most.
const WIDTH: usize = 110;
/// Columns before what was seen.
const INDENT: usize = 12;

/// What is examined, in the order in which it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The settings, beyond what refuses to be read.
    Settings,
    /// The data folder and its disk.
    Folder,
    /// Where the ledger lies.
    Database,
    /// The chain, and what is on its way to it.
    Chain,
    /// Key-encryption key, authority, issuer, API keys.
    Keys,
    /// This machine's clock, the servers', and the time that was booked.
    Clock,
    /// How riders fall on the shards.
    Spread,
    /// What instances share besides the database.
    Redis,
    /// The broker of trips and events.
    #[serde(rename = "rabbitmq")]
    RabbitMq,
    /// Whether a gateway serves.
    Gateway,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// Something does not work, or will not.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What it belongs to.
    pub part: Part,
    /// Which of several it is about: a database, a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Names it within its part, for ever.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was seen.
    pub saw: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Findings as they come.
#[derive(Debug)]
pub(super) struct Findings {
    part: Part,
    subject: Option<String>,
    all: Vec<Finding>,
}

/// All that an examination has found.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of the parts.
    pub findings: Vec<Finding>,
}

impl Part {
    /// All, in their order.
    pub const ALL: [Self; 10] = [
        Self::Settings,
        Self::Folder,
        Self::Database,
        Self::Chain,
        Self::Keys,
        Self::Clock,
        Self::Spread,
        Self::Redis,
        Self::RabbitMq,
        Self::Gateway,
    ];

    /// Word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Folder => "folder",
            Self::Database => "database",
            Self::Chain => "chain",
            Self::Keys => "keys",
            Self::Clock => "clock",
            Self::Spread => "spread",
            Self::Redis => "redis",
            Self::RabbitMq => "rabbitmq",
            Self::Gateway => "gateway",
        }
    }
}

impl Level {
    /// Word in answers; for a person what is not well is louder.
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

impl Findings {
    pub(super) const fn new() -> Self {
        Self {
            part: Part::Settings,
            subject: None,
            all: Vec::new(),
        }
    }

    /// What is found from now on belongs there.
    pub(super) fn of(&mut self, part: Part, subject: Option<String>) {
        self.part = part;
        self.subject = subject;
    }

    pub(super) fn ok(&mut self, code: &'static str, saw: impl Into<String>) {
        self.add(Level::Ok, code, saw.into(), None);
    }

    pub(super) fn warn(&mut self, code: &'static str, saw: impl Into<String>, advice: impl Into<String>) {
        self.add(Level::Warning, code, saw.into(), Some(advice.into()));
    }

    pub(super) fn wrong(&mut self, code: &'static str, saw: impl Into<String>, advice: impl Into<String>) {
        self.add(Level::Wrong, code, saw.into(), Some(advice.into()));
    }

    /// The same thing may be a warning or wrong, by how far it has gone.
    pub(super) fn bad(&mut self, level: Level, code: &'static str, saw: impl Into<String>, advice: impl Into<String>) {
        self.add(level, code, saw.into(), Some(advice.into()));
    }

    fn add(&mut self, level: Level, code: &'static str, saw: String, advice: Option<String>) {
        self.all.push(Finding {
            part: self.part,
            subject: self.subject.clone(),
            code,
            level,
            saw,
            advice,
        });
    }

    /// Findings so far.
    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn into_report(self) -> Report {
        Report { findings: self.all }
    }

    #[cfg(test)]
    pub(super) fn codes(&self) -> Vec<(&'static str, Level)> {
        self.all.iter().map(|finding| (finding.code, finding.level)).collect()
    }
}

impl Report {
    /// Findings of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether nothing is wrong; there may be warnings.
    pub fn is_ok(&self) -> bool {
        self.count(Level::Wrong) == 0
    }

    /// One object for a machine.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "ok": self.is_ok(), "wrong": self.count(Level::Wrong), "warnings": self.count(Level::Warning), "findings": self.findings,
        })
    }

    /// Lines for a person.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut group: Option<(Part, Option<&str>)> = None;
        for finding in &self.findings {
            let (part, subject) = (finding.part, finding.subject.as_deref());
            // What is about the part as a whole stands below what is about something in it.
            let goes_on = group.is_some_and(|(known, of)| known == part && (subject.is_none() || subject == of));
            if !goes_on {
                let gap = if group.is_some() { "\n" } else { "" };
                let title = format!("{:<INDENT$}{}", part.as_str(), subject.unwrap_or_default());
                let _ = writeln!(text, "{gap}{}", title.trim_end());
                group = Some((part, subject));
            }
            let head = format!("  {:<width$}", finding.level.word(), width = INDENT - 2);
            text.push_str(&hanging(&head, &finding.saw));
            if let Some(advice) = &finding.advice {
                text.push_str(&hanging(&format!("{:>INDENT$}", "→ "), advice));
            }
        }
        let _ = write!(text, "\n{}", self.last_line());
        text
    }

    /// The worst of it in a line.
    pub fn last_line(&self) -> String {
        let (wrong, warnings) = (self.count(Level::Wrong), self.count(Level::Warning));
        let plural = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let warned = plural(warnings, "warning", "warnings");
        let first = |level| self.findings.iter().find(|finding| finding.level == level);
        let told = |finding: &Finding| match &finding.subject {
            Some(subject) => format!("{} {subject}: {}", finding.part.as_str(), finding.saw),
            None => format!("{}: {}", finding.part.as_str(), finding.saw),
        };
        match (first(Level::Wrong), first(Level::Warning)) {
            (None, None) => "nothing is wrong".to_owned(),
            (None, Some(finding)) => format!("nothing is wrong, {warned}; the first, {}", told(finding)),
            (Some(finding), _) => {
                let things = plural(wrong, "thing is wrong", "things are wrong");
                let rest = if warnings == 0 {
                    String::new()
                } else {
                    format!(", {warned}")
                };
                format!("{things}{rest}; begin with {}", told(finding))
            }
        }
    }
}

/// A text behind a head, in lines that begin below each other.
fn hanging(head: &str, text: &str) -> String {
    let mut lines = head.to_owned();
    let mut column = INDENT;
    for (number, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if number > 0 && column.saturating_add(length).saturating_add(1) > WIDTH {
            let _ = write!(lines, "\n{:INDENT$}", "");
            column = INDENT;
        } else if number > 0 {
            lines.push(' ');
            column = column.saturating_add(1);
        }
        lines.push_str(word);
        column = column.saturating_add(length);
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Findings {
        let mut say = Findings::new();
        say.of(Part::Database, Some("mysql://db:3306/carbon".to_owned()));
        say.ok("answers", "it answers");
        say.warn("sync_binlog", "a power cut may lose commits", "set it to 1");
        say
    }

    #[test]
    fn the_worst_is_told_last_and_decides() {
        assert_eq!(Findings::new().into_report().last_line(), "nothing is wrong");
        let report = found().into_report();
        assert!(report.is_ok());
        let told =
            "nothing is wrong, 1 warning; the first, database mysql://db:3306/carbon: a power cut may lose commits";
        assert_eq!(report.last_line(), told);
        let mut say = found();
        say.of(Part::Keys, None);
        say.wrong("kek_missing", "the key is not there", "put it back");
        let report = say.into_report();
        assert!(!report.is_ok());
        let told = "1 thing is wrong, 1 warning; begin with keys: the key is not there";
        assert_eq!(report.last_line(), told);
    }

    #[test]
    fn a_person_reads_groups_and_a_machine_codes() {
        let report = found().into_report();
        let text = "database    mysql://db:3306/carbon\n  ok        it answers\n  warning   a power cut may lose commits\n          → set it to 1\n\n";
        assert!(report.to_text().starts_with(text), "{}", report.to_text());
        let told = report.to_json();
        assert_eq!((&told["ok"], &told["warnings"]), (&true.into(), &1.into()));
        let finding = serde_json::json!({
            "part": "database", "subject": "mysql://db:3306/carbon", "code": "sync_binlog", "level": "warning",
            "saw": "a power cut may lose commits", "advice": "set it to 1",
        });
        assert_eq!(told["findings"][1], finding);
    }

    #[test]
    fn long_sentences_hang_below_their_beginning() {
        let told = hanging("  ok        ", &"word ".repeat(40));
        assert_eq!(told.lines().count(), 3);
        assert!(told.lines().all(|line| line.chars().count() <= WIDTH), "{told}");
        assert!(
            told.lines()
                .nth(1)
                .is_some_and(|line| line.starts_with("            word")),
            "{told}"
        );
    }
}
