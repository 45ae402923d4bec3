//! Profiles: what is read, and that every mistake is told with its key and with what would be right.

use super::*;
use crate::import::paths::Paths;
use std::path::Path;

const WHOLE: &str = r#"
client = "app"
mode = "metro"
trip_id = "{order}"
[rider]
column = "rider"
id = "hashed"
[time]
zone = "Asia/Shanghai"
forms = "YYYY-MM-DD hh:mm:ss"
start = "start"
end = "end"
[distance]
by = "column"
metres = "metres"
"#;

fn parse(text: &str) -> Result<Profile, ProfileError> {
    Profile::parse(text.as_bytes(), &Paths::of(Path::new("/p/a.toml"), Path::new("/s")))
}

fn keys(text: &str) -> Vec<String> {
    let error = parse(text).unwrap_err();
    error.mistakes.into_iter().map(|mistake| mistake.path).collect()
}

#[test]
fn a_whole_profile_is_read() {
    let profile = parse(WHOLE).unwrap();
    assert_eq!(profile.file.columns, Columns::Header);
    assert_eq!((profile.file.delimiter, profile.file.encoding), (b',', Encoding::Utf8));
    assert!(!profile.needs_date());
    assert_eq!(profile.used_columns(), ["rider", "start", "end", "order", "metres"]);
    assert!(
        parse(&WHOLE.replace("{order}", "{@date}/{order}"))
            .unwrap()
            .needs_date()
    );
}

#[test]
fn every_mistake_is_told_at_once_with_its_key() {
    let text = WHOLE
        .replace("client = \"app\"\n", "cleint = \"app\"\n")
        .replace("{order}", "{order")
        .replace("Asia/Shanghai", "Asia/Qingdao")
        .replace("hh:mm:ss", "HH:mm:ss")
        .replace("by = \"column\"", "by = \"column\"\nhops = 3")
        .replace("id = \"hashed\"", "id = \"name\"");
    let expected = [
        "client",
        "trip_id",
        "rider.id",
        "time.forms",
        "time.zone",
        "distance.hops",
        "cleint",
    ];
    assert_eq!(keys(&text), expected);
    let told = parse(&text).unwrap_err().to_string();
    for words in [
        "is missing; must be the name of the calling system",
        "known here are",
        "such as \"Asia/Shanghai\"",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(keys("client = "), [""]);
}

#[test]
fn what_goes_together_is_checked_together() {
    let with = |file: &str| format!("{WHOLE}\n[file]\n{file}");
    assert_eq!(keys(&with("header = false")), ["file.columns"]);
    assert_eq!(keys(&with("columns = 3")), ["file.columns"]);
    assert_eq!(keys(&with("delimiter = \"ab\"")), ["file.delimiter"]);
    assert_eq!(keys(&with("encoding = \"gbk\"")), ["file.encoding"]);
    assert!(parse(&with("header = false\ncolumns = 5\ndelimiter = \"\\t\"")).is_ok());
    let (head, _) = WHOLE.split_once("[distance]").unwrap();
    assert_eq!(keys(head), ["distance"]);
    assert!(parse(&format!("events = 1\n{head}")).is_ok());
    assert_eq!(keys(&format!("keep = 1\n{WHOLE}")), ["keep"]);
    assert_eq!(keys(&format!("{WHOLE}[[keep]]\ncolumn = \"a\"\n")), ["keep[0].values"]);
}

#[test]
fn distances_have_the_keys_of_their_way() {
    let (head, _) = WHOLE.split_once("[distance]").unwrap();
    let with = |table: &str| format!("{head}\n[distance]\n{table}");
    let sound = [
        "by = \"coordinates\"\nfrom = { lat = \"a\", lon = \"b\" }\nto = { lat = \"c\", lon = \"d\" }",
        "by = \"hops\"\nfrom = \"a\"\nto = \"b\"\nadjacency = \"${SHARED_DIR}/x.csv\"\nmetres_per_hop = 1600",
        "by = \"network\"\nfrom = \"a\"\nto = \"b\"\nnetwork = \"n.toml\"\nstations = \"id\"",
        "by = \"places\"\nfrom = \"a\"\nto = \"b\"\nplaces = { path = \"p.csv\", id = \"i\", lat = \"y\", lon = \"x\", file = { encoding = \"latin-1\" } }",
    ];
    for table in sound {
        assert!(parse(&with(table)).is_ok(), "{table}: {:?}", parse(&with(table)));
    }
    let wrong = [
        ("metres = \"a\"", vec!["distance.by"]),
        (
            "by = \"coordinates\"\nfrom = { lat = \"a\" }",
            vec!["distance.from.lon", "distance.to.lat", "distance.to.lon"],
        ),
        (
            "by = \"hops\"\nfrom = \"a\"\nto = \"b\"\nadjacency = \"${HOME}/x.csv\"",
            vec!["distance.adjacency", "distance.metres_per_hop"],
        ),
    ];
    for (table, expected) in wrong {
        assert_eq!(keys(&with(table)), expected, "{table}");
    }
}
