//! A made-up file with every kind of dirt becomes what its naive reader expects: once, again, and gzipped.

use super::made::{arguments, as_texts, assert_summary, folder, made};
use super::{assert_verified, import, imported, run, stored};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;

#[tokio::test]
async fn a_dirty_file_becomes_what_a_naive_reader_expects() {
    for seed in [1, 2, 3] {
        let made = made(seed, 1_500, 60);
        let folder = folder(&made);
        let (data, arguments) = (folder.path().join("data"), arguments(folder.path()));
        let (arguments, rides) = (as_texts(&arguments), [folder.path().join("rides.csv")]);
        let first = imported(&data, &arguments, &rides);
        assert_summary(&first, &made.summary);
        assert_eq!(stored::lines(&stored::trips(&data).await), made.lines, "seed {seed}");
        // Again: every trip is there already, and nothing changes.
        let again = imported(&data, &arguments, &rides);
        assert_eq!((&again["created"], &again["amount"]), (&json!(0), &json!("0")));
        let taken = |summary: &Value| summary["created"].as_u64().unwrap() + summary["replayed"].as_u64().unwrap();
        assert_eq!(taken(&again), taken(&first));
        assert_eq!(stored::lines(&stored::trips(&data).await), made.lines, "seed {seed}");
        assert_verified(&data);
    }
}

#[tokio::test]
async fn gzip_changes_nothing_and_rejects_are_written_as_they_stand() {
    let made = made(7, 800, 40);
    let folder = folder(&made);
    let rides: PathBuf = folder.path().join("rides.csv.gz");
    let mut gzip = GzEncoder::new(std::fs::File::create(&rides).unwrap(), Compression::fast());
    gzip.write_all(&made.text).unwrap();
    gzip.finish().unwrap();
    let (data, rejects) = (folder.path().join("data"), folder.path().join("rejects.csv"));
    let mut all = arguments(folder.path());
    all.extend(["--strict".into(), "--rejects".into(), rejects.to_str().unwrap().into()]);
    let ended = run(import(&data, &as_texts(&all), &[rides]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(stored::lines(&stored::trips(&data).await), made.lines);
    let text = std::fs::read_to_string(&rejects).unwrap();
    let summary = ended.summary();
    let (count, first) = (
        summary["malformed"]["count"].as_u64().unwrap(),
        &summary["malformed"]["first"][0],
    );
    assert!(text.starts_with("file,line,reason,text\n"), "{text}");
    let rows = text.lines().filter(|line| line.starts_with("rides.csv.gz,")).count();
    assert_eq!(u64::try_from(rows).unwrap(), count);
    let head = format!("rides.csv.gz,{},{},", first["line"], first["reason"].as_str().unwrap());
    assert!(text.lines().nth(1).unwrap().starts_with(&head), "{head}: {text}");
}
