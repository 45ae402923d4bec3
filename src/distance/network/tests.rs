//! Networks: shortest ways, stations by name, files with every mistake named.

use proptest::prelude::*;

use super::{Network, NetworkBuilder, NetworkError, Station};
use crate::distance::route::RouteError;

fn station(id: &str, name: &str) -> Station {
    Station {
        id: id.to_owned(),
        name: name.to_owned(),
        lat: None,
        lon: None,
    }
}

/// A square A-B-C-D with a short and a long way round, an interchange of two platforms, and an island.
fn square() -> Result<Network, NetworkError> {
    let mut builder = NetworkBuilder::new("square", "1.0.0");
    for (id, name) in [
        ("a", "甲"),
        ("b", "乙站"),
        ("c1", "丙"),
        ("c2", "丙"),
        ("d", "丁(1号线)"),
        ("d2", "丁(2号线)"),
        ("e", "孤岛"),
    ] {
        builder.station(station(id, name));
    }
    builder
        .edge("a", "b", 1000)
        .edge("b", "c1", 1000)
        .edge("a", "d", 300)
        .edge("d", "c2", 400);
    builder.edge("d", "d2", 0).edge("b", "a", 1200);
    builder.build()
}

#[test]
fn the_shortest_way_is_found() -> Result<(), NetworkError> {
    let square = square()?;
    assert_eq!(
        square.metres_between("a", "b"),
        Ok(1000),
        "of two edges the shorter one"
    );
    assert_eq!(square.metres_between("a", "c1"), Ok(2000));
    assert_eq!(square.metres_between("c2", "a"), Ok(700));
    assert_eq!(square.metres_between("a", "a"), Ok(0));
    assert_eq!(
        square.metres_between_names("甲", "丙"),
        Ok(700),
        "any platform of the place will do"
    );
    assert_eq!(square.metres_between_names("丙", "乙"), Ok(1000));
    assert_eq!((square.edge_count(), square.edge_metres()), (5, 2700));
    let island = square.metres_between("a", "e");
    assert_eq!(
        island,
        Err(RouteError::NoRoute {
            from: "a".to_owned(),
            to: "e".to_owned()
        })
    );
    assert_eq!(
        square.metres_between("a", "甲"),
        Err(RouteError::UnknownStation("甲".to_owned())),
        "ids are not names"
    );
    Ok(())
}

#[test]
fn stations_are_found_by_name() -> Result<(), NetworkError> {
    let square = square()?;
    let find = |name: &str| square.find(name).map(|station| station.id.clone());
    for (name, id) in [
        ("甲", "a"),
        ("甲站", "a"),
        ("乙", "b"),
        ("乙站", "b"),
        ("丁(2号线)", "d2"),
        (" 孤·岛 ", "e"),
    ] {
        assert_eq!(find(name).as_deref(), Ok(id), "{name}");
    }
    assert!(matches!(find("丁"), Err(RouteError::AmbiguousStation { candidates, .. }) if candidates.len() == 2));
    for name in ["", "-", "(1号线)", "戊"] {
        assert_eq!(find(name), Err(RouteError::UnknownStation(name.to_owned())), "{name}");
    }
    Ok(())
}

#[test]
fn the_digest_is_that_of_the_bytes() -> Result<(), NetworkError> {
    let (one, other) = (square()?, square()?);
    assert_eq!(one.digest(), other.digest());
    let text = String::from_utf8_lossy(one.bytes()).into_owned();
    assert_eq!(Network::parse(text.as_bytes())?, one);
    let spaced = Network::parse(format!("{text}\n").as_bytes())?;
    assert_ne!(spaced.digest(), one.digest(), "another spelling is another file");
    Ok(())
}

#[test]
fn mistakes_are_reported_together() {
    let text = r#"{"schema": "carbon-network/2", "id": "a b", "version": "",
        "stations": [{"id": "a", "name": "A", "lat": "91", "lon": "0"}, {"id": "a", "name": ""},
                     {"id": "b", "name": "B", "lat": "1"}],
        "edges": [{"from": "a", "to": "z", "metres": 60000000}]}"#;
    let mistakes = match Network::parse(text.as_bytes()) {
        Err(NetworkError::Invalid { mistakes }) => mistakes,
        _ => Vec::new(),
    };
    assert_eq!(mistakes.len(), 9, "{mistakes:?}");
    let text = r#"{"schema": "carbon-network/1", "id": "a", "version": "1",
        "stations": [], "edges": [{"from": "a", "to": "b", "metres": -1}]}"#;
    let error = Network::parse(text.as_bytes()).err();
    assert!(matches!(error, Some(NetworkError::Malformed { path, .. }) if path == "edges[0].metres"));
    assert!(NetworkBuilder::new("empty", "1").build().is_err());
}

proptest! {
    #[test]
    fn ways_obey_the_triangle(edges in prop::collection::vec((0_u8..8, 0_u8..8, 0_u64..1000), 0..24)) {
        let mut builder = NetworkBuilder::new("random", "1");
        for id in 0..8 {
            builder.station(station(&id.to_string(), &id.to_string()));
        }
        for (from, to, metres) in &edges {
            builder.edge(from.to_string(), to.to_string(), *metres);
        }
        let network = builder.build()?;
        let metres = |from: u8, to: u8| network.metres_between(&from.to_string(), &to.to_string()).ok();
        for (from, to, edge) in edges {
            prop_assert!(metres(from, to).is_some_and(|way| way <= edge));
            prop_assert_eq!(metres(from, to), metres(to, from));
            for other in 0..8 {
                if let (Some(there), Some(on)) = (metres(from, to), metres(to, other)) {
                    prop_assert!(metres(from, other).is_some_and(|way| way <= there.saturating_add(on)));
                }
            }
        }
    }
}
