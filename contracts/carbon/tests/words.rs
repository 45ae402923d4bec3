//! The code words of refusals: each is told in `contracts/README.md`, stands there once as code, and is provoked by a test.

use std::collections::BTreeSet;

const SOURCE: &str = include_str!("../src/refusal.rs");
const README: &str = include_str!("../../README.md");
const TESTS: [&str; 3] = [
    include_str!("attacks.rs"),
    include_str!("kinds.rs"),
    include_str!("vectors.rs"),
];

/// The right-hand sides of `Refusal::code`.
fn words() -> Vec<&'static str> {
    let word = |line: &'static str| line.split_once("=> \"")?.1.strip_suffix("\",");
    SOURCE.lines().filter_map(word).collect()
}

#[test]
fn every_word_is_told_and_provoked() {
    let words = words();
    assert!(words.len() > 20, "the source reads otherwise than this test thinks");
    assert_eq!(
        words.iter().collect::<BTreeSet<_>>().len(),
        words.len(),
        "two refusals share a word"
    );
    for word in words {
        assert!(
            README.contains(&format!("`{word}`")),
            "{word} is not in contracts/README.md"
        );
        let provoked = TESTS.iter().any(|test| test.contains(&format!("\"{word}")));
        assert!(provoked, "{word} is provoked by no test");
    }
}
