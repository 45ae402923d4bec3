//! How far: each way on small files, and what is wrong with files that cannot be used.

use super::*;
use crate::import::paths::Paths;
use crate::import::profile::Profile;
use std::fs;

const NETWORK: &str = r#"{"schema": "carbon-network/1", "id": "town", "version": "1",
    "stations": [{"id": "a", "name": "甲站"}, {"id": "b", "name": "乙(东)"}, {"id": "c", "name": "乙(西)"}, {"id": "d", "name": "孤岛"}],
    "edges": [{"from": "a", "to": "b", "metres": 3000}, {"from": "b", "to": "c", "metres": 10}]}"#;
const JSON: &str = r#"{"all": [{"nr": 1, "title": "甲", "y": "0", "x": "0"}, {"nr": 2, "title": "乙", "y": 0, "x": 1},
    {"nr": 3, "title": "丙", "y": "0", "x": "2"}], "lines": [{"way": [1, 2]}], "walks": [{"a": 2, "b": 3, "m": 70}]}"#;
const DESCRIBED: &str = "id = 'town'\nversion = '2'\nsource = 'town.json'\n\
    [stations]\nlist = 'all'\nid = 'nr'\nname = 'title'\nlat = 'y'\nlon = 'x'\n\
    [[lines]]\nlist = 'lines'\nstations = 'way'\n[[links]]\nlist = 'walks'\nfrom = 'a'\nto = 'b'\nmetres = 'm'\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn load(&self, distance: &str) -> Result<Way, WayError> {
        let text = format!(
            "client = 'a'\nmode = 'm'\ntrip_id = '{{o}}'\n[rider]\ncolumn = 'r'\nid = 'number'\n\
             [time]\nforms = 'unix_seconds'\nstart = 's'\nend = 'e'\n[distance]\nfrom = 'f'\nto = 't'\n{distance}"
        );
        let paths = Paths::of(&self.0.path().join("profile.toml"), self.0.path());
        let profile = Profile::parse(text.as_bytes(), &paths).unwrap();
        Way::load(&profile.distance.unwrap(), self.0.path())
    }

    fn told(&self, distance: &str) -> String {
        use std::error::Error as _;
        let error = self.load(distance).err().unwrap();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}")
    }
}

fn metres(way: &mut Way, fields: &[&str]) -> Result<u64, Reason> {
    let said = way.read(fields)?;
    way.metres(said)
}

#[test]
fn stations_are_found_as_networks_find_them() {
    let folder = Folder::with(&[("n.json", NETWORK)]);
    let mut way = folder.load("by = 'network'\nnetwork = 'n.json'").unwrap();
    let cases = [
        (["甲", "乙(东)"], Ok(3000)),
        (["甲", "甲站"], Ok(0)),
        (["甲", "丁"], Err(Reason::UnknownStation)),
        (["甲", "乙"], Err(Reason::AmbiguousStation)),
        (["乙", "丁"], Err(Reason::UnknownStation)),
        (["甲", "孤岛"], Err(Reason::NoRoute)),
    ];
    for (ends, expected) in cases.into_iter().chain(cases) {
        assert_eq!(metres(&mut way, &ends), expected, "{ends:?}");
    }
    let mut way = folder
        .load("by = 'network'\nnetwork = 'n.json'\nstations = 'id'")
        .unwrap();
    assert_eq!(metres(&mut way, &["a", "c"]), Ok(3010));
    assert_eq!(metres(&mut way, &["甲", "c"]), Err(Reason::UnknownStation));
}

#[test]
fn a_network_may_be_described() {
    let folder = Folder::with(&[("n.toml", DESCRIBED), ("town.json", JSON)]);
    let mut way = folder.load("by = 'network'\nnetwork = '${SHARED_DIR}/n.toml'").unwrap();
    // A degree of longitude at the equator, and the walk.
    assert_eq!(metres(&mut way, &["甲", "丙"]), Ok(111_195 + 70));
    let wrong = [
        (DESCRIBED.replace("'all'", "'every'"), "there is no list \"every\""),
        (
            DESCRIBED.replace("'way'", "'ways'"),
            "lines[0]: there is no list \"ways\"",
        ),
        (
            DESCRIBED.replace("lat = 'y'\nlon = 'x'\n", ""),
            "stations.lat: is missing",
        ),
        (
            DESCRIBED.replace("metres = 'm'", "meters = 'm'"),
            "links[0].metres: is missing",
        ),
        (DESCRIBED.replace("town.json", "gone.json"), "gone.json"),
    ];
    for (text, words) in wrong {
        let folder = Folder::with(&[("n.toml", &text), ("town.json", JSON)]);
        let told = folder.told("by = 'network'\nnetwork = 'n.toml'");
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn hops_are_counted_between_numbered_stations() {
    let folder = Folder::with(&[
        ("a.csv", "0,1,0,0\n1,0,1,0\n0,0,0,0\n0,0,0,0\n"),
        ("b.csv", "0,1\n1,x\n"),
        ("c.csv", "0,1\n"),
    ]);
    let hops = |file: &str| format!("by = 'hops'\nadjacency = '{file}'\nmetres_per_hop = 1600");
    let mut way = folder.load(&hops("a.csv")).unwrap();
    let cases = [
        (["1", "3"], Ok(3200)),
        (["03", "1"], Ok(3200)),
        (["2", "2"], Ok(0)),
        (["1", "4"], Err(Reason::NoRoute)),
        (["0", "1"], Err(Reason::UnknownStation)),
        (["5", "1"], Err(Reason::UnknownStation)),
        (["A", "1"], Err(Reason::UnreadableValue)),
    ];
    for (ends, expected) in cases {
        assert_eq!(metres(&mut way, &ends), expected, "{ends:?}");
    }
    assert!(folder.told(&hops("b.csv")).contains("line 2, column 2"));
    assert!(folder.told(&hops("c.csv")).contains("no square"));
    assert!(folder.told(&hops("d.csv")).contains("d.csv"));
}

#[test]
fn places_are_listed_by_id() {
    let list = "id;lat;lon\n02;0;0\n2; 0 ;1\n";
    let folder = Folder::with(&[
        ("p.csv", list),
        ("twice.csv", &format!("{list}2;0;2\n")),
        ("far.csv", &format!("{list}3;91;0\n")),
    ]);
    let places = |file: &str, id: &str| {
        format!(
            "by = 'places'\nplaces = {{ path = '{file}', id = '{id}', lat = 'lat', lon = 'lon', file = {{ delimiter = ';' }} }}"
        )
    };
    let mut way = folder.load(&places("p.csv", "id")).unwrap();
    assert_eq!(metres(&mut way, &["02", "2"]), Ok(111_195));
    assert_eq!(metres(&mut way, &["2", "3"]), Err(Reason::UnknownStation));
    assert!(folder.told(&places("twice.csv", "id")).contains("line 4"));
    assert!(folder.told(&places("far.csv", "id")).contains("line 4"));
    assert!(
        folder
            .told(&places("p.csv", "nr"))
            .contains("there is no column \"nr\"; there are \"id\", \"lat\", \"lon\"")
    );
}

#[test]
fn metres_and_coordinates_stand_in_columns() {
    let mut way = Way {
        kind: Kind::Column,
        known: HashMap::new(),
    };
    assert_eq!(metres(&mut way, &["523.5"]), Ok(524));
    for wrong in ["-1", "1e3", "1000000000000001", "x"] {
        assert_eq!(metres(&mut way, &[wrong]), Err(Reason::UnreadableValue), "{wrong}");
    }
    way.kind = Kind::Coordinates;
    assert_eq!(metres(&mut way, &["0", "0", "0", "1"]), Ok(111_195));
    assert_eq!(metres(&mut way, &["0", "0", "91", "1"]), Err(Reason::UnreadableValue));
}
