//! Statements as text: values stand in it as numbers, as hexadecimal digits, and as words of letters, digits and a few signs that mean nothing to SQL.

use super::{Each, Statement, Value};
use carbon_contract::push_digits;
use std::fmt::Write as _;

/// Bytes after which no further row is added to a text: servers take messages of 4 MiB and more.
const MOST: usize = 1024 * 1024;

/// Rows of a statement: of a list of alternatives that is much longer a server no longer looks up each.
const ROWS: usize = 64;

/// Statements for one message.
#[derive(Default)]
pub(super) struct Text {
    pub(super) sql: String,
    /// What each statement must find, and for how many rows.
    pub(super) expected: Vec<(Option<Each>, usize)>,
}

/// Texts as they fill up.
#[derive(Default)]
pub(super) struct Texts(Text);

impl Texts {
    /// Adds a statement; what is full now is to be sent.
    pub(super) fn add(&mut self, statement: &Statement<'_>) -> Vec<Text> {
        let [head, item, separator, tail] = &statement.parts;
        let mut full = Vec::new();
        let mut rows = statement.rows.iter().peekable();
        while rows.peek().is_some() {
            if !self.0.sql.is_empty() {
                self.0.sql.push(';');
            }
            fill(head, &statement.first, &mut self.0.sql);
            let mut written = 0_usize;
            while let Some(row) = rows.next_if(|_| written == 0 || (written < ROWS && self.0.sql.len() < MOST)) {
                if written > 0 {
                    self.0.sql.push_str(separator);
                }
                fill(item, row, &mut self.0.sql);
                written = written.saturating_add(1);
            }
            self.0.sql.push_str(tail);
            self.0.expected.push((statement.each, written));
            if self.0.sql.len() >= MOST {
                full.extend(self.rest());
            }
        }
        full
    }

    /// What has not been sent yet.
    pub(super) fn rest(&mut self) -> Option<Text> {
        let rest = std::mem::take(&mut self.0);
        (!rest.sql.is_empty()).then_some(rest)
    }
}

/// Writes a part of a statement with its values in their places.
fn fill(part: &str, values: &[Value<'_>], sql: &mut String) {
    let mut pieces = part.split('?');
    sql.push_str(pieces.next().unwrap_or_default());
    for (piece, value) in pieces.zip(values) {
        put(value, sql);
        sql.push_str(piece);
    }
}

fn put(value: &Value<'_>, sql: &mut String) {
    match value {
        Value::Null => sql.push_str("NULL"),
        Value::Int(number) => {
            let _never_fails = write!(sql, "{number}");
        }
        Value::Text(text) if !text.is_empty() && text.bytes().all(is_plain) => {
            sql.push('\'');
            sql.push_str(text);
            sql.push('\'');
        }
        Value::Text(text) => {
            sql.push_str("_utf8mb4 x'");
            push_digits(text.as_bytes(), sql);
            sql.push('\'');
        }
        Value::Bytes(bytes) => {
            sql.push_str("x'");
            push_digits(bytes, sql);
            sql.push('\'');
        }
    }
}

/// Whether a byte of a word stands for itself between quotation marks, whatever the session's mode and character set. Nearly every word is
/// of such: programmes, modes, outcomes.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@')
}

#[cfg(test)]
mod tests {
    use super::super::LARGE;
    use super::*;
    use proptest::prelude::*;

    fn statement(rows: Vec<Vec<Value<'static>>>) -> Statement<'static> {
        Statement {
            parts: ["UPDATE t SET a = ? WHERE b IN (", "(?, ?)", ", ", ")"].map(str::to_owned),
            first: vec![Value::from(-7_i64)],
            rows,
            each: Some(Each::one("t", "a")),
        }
    }

    fn texts(statements: &[Statement<'_>]) -> Vec<Text> {
        let mut texts = Texts::default();
        let mut all: Vec<Text> = statements.iter().flat_map(|statement| texts.add(statement)).collect();
        all.extend(texts.rest());
        all
    }

    #[test]
    fn values_are_numbers_digits_and_plain_words() {
        let hostile = "'); DROP TABLE trip_00; -- ?\\";
        let rows = vec![
            vec![Value::from(hostile), Value::Null],
            vec![Value::from(vec![0, 0xab]), Value::from(i64::MIN)],
        ];
        let all = texts(&[
            statement(rows),
            statement(vec![vec![Value::from(""), Value::from(Vec::new())]]),
            statement(vec![vec![Value::from("bus-2@1.0_a"), Value::from("é")]]),
        ]);
        let sql: Vec<&str> = all.iter().map(|text| text.sql.as_str()).collect();
        let mut spelt = String::new();
        push_digits(hostile.as_bytes(), &mut spelt);
        let first =
            format!("UPDATE t SET a = -7 WHERE b IN ((_utf8mb4 x'{spelt}', NULL), (x'00ab', -9223372036854775808))");
        assert_eq!(
            sql,
            [format!(
                "{first};UPDATE t SET a = -7 WHERE b IN ((_utf8mb4 x'', x''));UPDATE t SET a = -7 WHERE b IN (('bus-2@1.0_a', _utf8mb4 x'c3a9'))"
            )]
        );
        let rows: Vec<usize> = all
            .iter()
            .flat_map(|text| &text.expected)
            .map(|(_, rows)| *rows)
            .collect();
        assert_eq!(rows, [2, 1, 1]);
    }

    #[test]
    fn a_statement_has_no_more_rows_than_a_server_looks_up() {
        let rows = (0..150_i64)
            .map(|number| vec![Value::from(number), Value::Null])
            .collect();
        let all = texts(&[statement(rows)]);
        let expected: Vec<usize> = all
            .iter()
            .flat_map(|text| &text.expected)
            .map(|(_, rows)| *rows)
            .collect();
        assert_eq!((all.len(), expected), (1, vec![64, 64, 22]));
    }

    proptest! {
        /// Whatever words say, nothing of them stands where a server could take it for anything but a word.
        #[test]
        fn words_stay_between_their_quotation_marks(words in ".*") {
            let mut sql = String::new();
            put(&Value::from(words.as_str()), &mut sql);
            let (before, rest) = sql.split_once('\'').unwrap();
            let within = rest.strip_suffix('\'').unwrap();
            prop_assert!(within.bytes().all(is_plain));
            let mut digits = String::new();
            push_digits(words.as_bytes(), &mut digits);
            let expected = if before.is_empty() { ("", words.as_str()) } else { ("_utf8mb4 x", digits.as_str()) };
            prop_assert_eq!((before, within), expected);
        }

    }

    proptest! {
        // Megabytes of digits each.
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// However large rows are: each stands in one text, in order, and no text is larger than a row more than it may be.
        #[test]
        fn texts_are_bounded(sizes in prop::collection::vec(prop::collection::vec(0_usize..LARGE, 1..6), 1..4)) {
            let statements: Vec<Statement<'_>> = sizes
                .iter()
                .map(|sizes| statement(sizes.iter().map(|size| vec![Value::from(0_i64), Value::from(vec![7; *size])]).collect()))
                .collect();
            let all = texts(&statements);
            let joined = all.iter().map(|text| text.sql.as_str()).collect::<Vec<_>>().join(";");
            let written: Vec<usize> = joined.split("x'").skip(1).map(|rest| rest.find('\'').unwrap() / 2).collect();
            prop_assert_eq!(written, sizes.concat());
            prop_assert!(all.iter().all(|text| text.sql.len() < MOST + 2 * LARGE + 100));
            let expected: usize = all.iter().flat_map(|text| &text.expected).map(|(_, rows)| *rows).sum();
            prop_assert_eq!(expected, sizes.concat().len());
            let statements: usize = all.iter().map(|text| text.expected.len()).sum();
            prop_assert_eq!(statements, joined.matches("UPDATE").count());
        }
    }
}
