//! Texts as they were sent, without their values; and texts with values that the filled tables have.

use super::tables::MIDDLE;
use carbon_contract::push_digits;

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The statements of a text, each with a question mark for every value: a batch is sent with its values in it.
pub(super) fn statements(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let parts = without_values(&lines.join("\n"));
    let parts = parts.split(';').map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// A text with a question mark for every number, digits and NULL that is a value.
pub(super) fn without_values(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = value(rest, &out) {
            out.push('?');
            length
        } else {
            let word = rest.strip_prefix('\'').and_then(|word| word.find('\''));
            let length = word.map_or(first.len_utf8(), |end| end + 2);
            out.push_str(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    out
}

/// A text with a question mark for every word that may be a value, too: a plain one stands there as those do that belong to the statement.
pub(super) fn without_words(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('\'') {
        let (word, after) = behind.split_once('\'').unwrap_or((behind, ""));
        out.push_str(before);
        out.push_str(if word.is_empty() { "''" } else { "?" });
        rest = after;
    }
    out + rest
}

/// The length of the value with which a text begins behind `before`.
fn value(rest: &str, before: &str) -> Option<usize> {
    if before.ends_with(is_word) {
        return None;
    }
    let bytes = rest.strip_prefix("_utf8mb4 ").unwrap_or(rest);
    if let Some(digits) = bytes.strip_prefix("x'") {
        return Some(rest.len() - digits.len() + digits.find('\'')? + 1);
    }
    if rest.starts_with("NULL") && ["= ", "THEN ", "(", ", "].iter().any(|behind| before.ends_with(behind)) {
        return Some(4);
    }
    let number = rest.strip_prefix('-').unwrap_or(rest);
    let count = number.bytes().take_while(u8::is_ascii_digit).count();
    (count > 0).then(|| rest.len() - number.len() + count)
}

/// A statement with a value of the filled tables for every question mark, another one each time that a column is asked for.
pub(super) fn with_values(statement: &str) -> String {
    let mut parts = statement.split('?');
    let mut out = parts.next().unwrap().to_owned();
    let mut asked: Vec<String> = Vec::new();
    for part in parts {
        let column = column(&out, part);
        let before = asked.iter().filter(|other| **other == column).count();
        out.push_str(&value_of(&column, before));
        out.push_str(part);
        asked.push(column);
    }
    out
}

/// The column that a question mark between two texts stands for, or the word that says what else it is.
fn column(before: &str, after: &str) -> String {
    let words: Vec<&str> = before.split_whitespace().collect();
    let back = |count: usize| words.len().checked_sub(count).map_or("", |at| words[at]);
    let listed = before.rsplit_once(" IN (").filter(|(_, list)| !list.contains(')'));
    let named = match (back(1), back(3), listed) {
        (_, _, Some((named, _))) => named.rsplit(' ').next().unwrap(),
        ("WHEN" | "THEN", ..) => before.rsplit_once("CASE ").unwrap().1.split(' ').next().unwrap(),
        ("BETWEEN", ..) => back(2),
        ("AND", "BETWEEN", _) => back(4),
        // What no row has.
        ("<>", ..) => "",
        ("=" | "<" | ">" | "<=" | ">=", ..) => match back(2).strip_suffix(')') {
            Some(_) => before.rsplit_once("COALESCE(").unwrap().1,
            None => back(2),
        },
        (other @ ("LIMIT" | "+"), ..) => other,
        _ => after
            .strip_prefix(" AS ")
            .and_then(|name| name.split(' ').next())
            .unwrap_or(""),
    };
    let named = named.trim_start_matches('(');
    let named = named.split_once('.').map_or(named, |(_, column)| column);
    named
        .split(|character| !is_word(character) && character != '+')
        .next()
        .unwrap()
        .to_owned()
}

/// What the `n`th question mark for a column stands for.
fn value_of(column: &str, n: usize) -> String {
    let at = MIDDLE + 1 + i64::try_from(n).unwrap();
    let digits = |width: usize| {
        let mut digits = "x'".to_owned();
        push_digits(format!("{at:0width$}").as_bytes(), &mut digits);
        digits + "'"
    };
    match column {
        "LIMIT" => "100".to_owned(),
        "shard" => ((at - MIDDLE + 16) % 30).to_string(),
        "user_id" => ((at - 1 - MIDDLE + MIDDLE / 10) * 30 + 17).to_string(),
        "activity_day" => (20_000 + at % 5).to_string(),
        "next_attempt_ms" | "output" => "0".to_owned(),
        "lease_ms" => (at % 100).to_string(),
        "programme" => "'demo'".to_owned(),
        "status" => "'stored'".to_owned(),
        "name" => format!("'name-{at}'"),
        "source_key" | "hash" | "content_id" | "chain_tx_id" | "key_digest" | "key_id" => digits(32),
        "serial" => digits(16),
        "spent_by" => "x'02'".to_owned(),
        "holder" => "x'01'".to_owned(),
        column if column == "seq" || column == "height" || column.ends_with("_seq") || column.ends_with("_from") => {
            at.to_string()
        }
        column if column.ends_with("_ms") || column == "booked_day" => at.to_string(),
        // No index has any other.
        _ => "1".to_owned(),
    }
}

#[test]
fn values_are_taken_out_and_put_in() {
    let sent = "-- a; b\nUPDATE ledger_tx_07 SET status = _utf8mb4 x'6f', height = NULL, pack = -5 WHERE unmet = 0 AND reason IS NULL \
                AND kind = 'a;1' AND seq IN (3, 12);COMMIT";
    assert_eq!(
        statements(&sent.replace("a;1", "a1")),
        [
            "UPDATE ledger_tx_07 SET status = ?, height = ?, pack = ? WHERE unmet = ? AND reason IS NULL AND kind = 'a1' AND seq IN (?, ?)",
            "COMMIT"
        ]
    );
    assert_eq!(
        without_words("SET status = 'open', unmet = ? WHERE COALESCE(status, '') = 'stored' AND seq IN (?)"),
        "SET status = ?, unmet = ? WHERE COALESCE(status, '') = ? AND seq IN (?)"
    );
    assert_eq!(
        with_values(
            "SELECT ? AS shard FROM t WHERE (c.seq > ? AND t.user_id = ?) OR seq BETWEEN ? AND ? AND status IN (?, ?) LIMIT ?"
        ),
        "SELECT 17 AS shard FROM t WHERE (c.seq > 50001 AND t.user_id = 150017) OR seq BETWEEN 50002 AND 50003 \
         AND status IN ('stored', 'stored') LIMIT 100"
    );
    assert_eq!(
        with_values("SET a = CASE seq WHEN ? THEN ? END WHERE COALESCE(status, '') = ?"),
        "SET a = CASE seq WHEN 50001 THEN 50002 END WHERE COALESCE(status, '') = 'stored'"
    );
}
