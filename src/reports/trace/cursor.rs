//! A place in a walk as text: what has been come upon and not been told yet, as seqs.

use crate::ledger::ids::Hash;
use std::collections::BTreeSet;

/// Seqs in a few lists, ascending.
pub(super) type Lists = Vec<BTreeSet<i64>>;

/// Not what the same trace said before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("must be what `next` of this trace said")]
pub struct CursorError;

/// Which way a walk goes; no cursor of one serves the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// To the sources.
    Back,
    /// To what became of them.
    Forth,
}

impl Way {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Back => "b1",
            Self::Forth => "f1",
        }
    }
}

/// Digits of the subject's name that a cursor repeats, so that it is not taken for another's.
const DIGITS: usize = 8;

/// The text: way, subject and lists, with `-` between; in a list the distances from seq to seq, hexadecimal, with `.` between.
pub(super) fn write(way: Way, subject: &Hash, lists: &[BTreeSet<i64>]) -> String {
    let mut text = head(way, subject);
    for list in lists {
        let mut before = 0_i64;
        let distances = list.iter().map(|seq| {
            let distance = seq.wrapping_sub(before);
            before = *seq;
            format!("{distance:x}")
        });
        text.push('-');
        text.push_str(&distances.collect::<Vec<_>>().join("."));
    }
    text
}

/// The lists of a text; each place has one spelling.
pub(super) fn read((way, subject): (Way, &Hash), text: &str) -> Result<Lists, CursorError> {
    let rest = text.strip_prefix(&head(way, subject)).ok_or(CursorError)?;
    let rest = rest.strip_prefix('-').ok_or(CursorError)?;
    let lists = rest
        .split('-')
        .map(list)
        .collect::<Option<Lists>>()
        .ok_or(CursorError)?;
    let same = write(way, subject, &lists) == text;
    same.then_some(lists).ok_or(CursorError)
}

fn head(way: Way, subject: &Hash) -> String {
    let name: String = subject.to_string().chars().take(DIGITS).collect();
    format!("{}-{name}", way.prefix())
}

fn list(text: &str) -> Option<BTreeSet<i64>> {
    let mut seq = 0_i64;
    let next = |distance: &str| {
        seq = seq.checked_add(
            i64::from_str_radix(distance, 16)
                .ok()
                .filter(|distance| *distance > 0)?,
        )?;
        Some(seq)
    };
    text.split('.').filter(|_| !text.is_empty()).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_spelling() {
        let subject = Hash::new([0xab; 32]);
        let lists = vec![
            BTreeSet::new(),
            BTreeSet::from([1, 17, i64::MAX]),
            BTreeSet::from([300]),
        ];
        let text = write(Way::Back, &subject, &lists);
        assert_eq!(text, "b1-abababab--1.10.7fffffffffffffee-12c");
        assert_eq!(read((Way::Back, &subject), &text), Ok(lists));
        for wrong in [
            text.replace("b1", "b2"),
            text.replace("abab", "abac"),
            text.replace("12c", "012c"),
            text.replace("12c", "+12c"),
            text.replace("12c", "12C"),
            text.replace(".10.", ".0."),
            text.replace(".10.", "..10."),
            text.replace("fee", "ff0"),
            "b1-abababab".to_owned(),
            String::new(),
        ] {
            assert_eq!(read((Way::Back, &subject), &wrong), Err(CursorError), "{wrong}");
        }
        assert_eq!(read((Way::Forth, &subject), &text), Err(CursorError));
        assert_eq!(read((Way::Back, &Hash::new([1; 32])), &text), Err(CursorError));
    }
}
