//! Methodologies as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{
    Member, count, flag, like, list, map, may, need, nullable, object, one_of, only, page_of, refer, said, text, words,
};
use crate::api::problem::Code;
use crate::methodology::document::SCHEMA;
use serde_json::Value;

/// `GET /v1/methodologies`.
pub(in super::super) fn list_all() -> Operation {
    Operation::new(Area::Methodology, "listMethodologies", "The parameter sets at hand")
        .any_key()
        .pages("MethodologyPage")
}

/// `GET /v1/methodologies/{id}/{version}`.
pub(in super::super) fn read() -> Operation {
    Operation::new(
        Area::Methodology,
        "readMethodology",
        "A parameter set, with its formulas in words",
    )
    .any_key()
    .path("id", like("cn-sz-public-transport-2021"), "The methodology.")
    .path("version", like("1.0.0"), "The set's version.")
    .answer(200, "The set.", refer("Methodology"))
    .codes(&[Code::NotFound])
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = set_schemas();
    schemas.extend(number_schemas());
    schemas
}

fn set_schemas() -> Vec<(&'static str, Value)> {
    let status = || {
        need(
            "status",
            said(
                "A template lacks numbers and cannot be used.",
                words(["builtin", "example", "template"]),
            ),
        )
    };
    let head = [
        need("id", text()),
        need("version", text()),
        need("title", refer("Names")),
        status(),
        need("gas", refer("Gas")),
        need("digest", refer("Digest")),
    ];
    let own = [
        need("digest", refer("Digest")),
        need("formulas", map("The formula of each mode, for a person.", text())),
        need("missing", said("Parameters without a value.", list(text()))),
        need(
            "tables",
            said("Factor tables that the formulas read.", list(refer("MethodologyRef"))),
        ),
        need("id", text()),
        need("version", text()),
        need("title", refer("Names")),
        status(),
        need("gas", refer("Gas")),
    ];
    vec![
        (
            "Names",
            object("In Chinese and English.", [need("zh", text()), need("en", text())]),
        ),
        ("MethodologyHead", object("A parameter set, in short.", head)),
        ("MethodologyPage", page_of(refer("MethodologyHead"))),
        (
            "Methodology",
            object(
                "A parameter set: what its file says, and what follows from it.",
                own.into_iter().chain(file()),
            ),
        ),
    ]
}

/// What stands in a parameter set's file besides its head.
fn file() -> [Member; 18] {
    let issuers = words([
        "government",
        "standard",
        "enterprise",
        "programme",
        "research",
        "project",
    ]);
    let issuer = [need("zh", text()), need("en", text()), need("type", issuers)];
    let source = ["id", "title", "publisher", "date", "seen", "locator"].map(|name| need(name, text()));
    let points = [need("g_per_point", nullable(refer("Exact"))), need("note", text())];
    [
        need("schema", only(SCHEMA)),
        need("kind", only("methodology")),
        need("issuer", object("Who stands behind it.", issuer)),
        need("source_version", said("The issuer's own version.", text())),
        need("evidence", refer("Grade")),
        need("valid_from", refer("Day")),
        need("valid_from_basis", text()),
        need("valid_to", nullable(refer("Day"))),
        need("region", text()),
        need("parameters", map("Its numbers.", refer("Parameter"))),
        need("modes", map("The formula of each mode.", refer("Formula"))),
        need("eligibility", limits()),
        need("caps", caps()),
        need("double_counting", twice()),
        need("rounding", rounding()),
        need(
            "points",
            nullable(object("The issuer's points; they are no credits.", points)),
        ),
        need("sources", list(object("Where numbers were seen.", source))),
        need("notes", list(text())),
    ]
}

fn limits() -> Value {
    let limits = [
        need("min_distance_m", nullable(count())),
        need("max_distance_m", nullable(count())),
        need("max_speed_kmh", nullable(count())),
        need("requires", list(text())),
        need("note", text()),
    ];
    object("The issuer's limits.", limits)
}

fn caps() -> Value {
    let caps = [
        need("per_person_per_day_g", nullable(refer("Amount"))),
        need("per_person_per_day_trips", nullable(count())),
        need("per_trip_g", nullable(refer("Amount"))),
    ];
    object("The issuer's caps.", caps)
}

fn twice() -> Value {
    let twice = [
        need("same_trip_one_methodology", flag()),
        need("same_trip_one_platform", flag()),
        need("issuer_rule", nullable(text())),
    ];
    object("Counting twice.", twice)
}

fn rounding() -> Value {
    let engine = [
        need("unit", only("ug")),
        need("per", only("leg")),
        need("mode", words(["floor", "half_up", "half_even"])),
    ];
    let rounding = [
        need("issuer_rule", nullable(text())),
        need("engine", object("How it is rounded here.", engine)),
    ];
    object("Rounding.", rounding)
}

fn number_schemas() -> Vec<(&'static str, Value)> {
    let grades = words([
        "primary",
        "primary-partial",
        "primary-abstract",
        "secondary",
        "derived",
        "assumption",
        "mixed",
        "missing",
    ]);
    let published = object(
        "As the issuer printed it.",
        [need("value", text()), need("unit", text())],
    );
    let parameter = object(
        "A number.",
        [
            need("value", nullable(refer("Exact"))),
            need("unit", text()),
            need("evidence", refer("Grade")),
            need("sources", list(text())),
            may("published", published),
            may(
                "override",
                said("Who may put another in its place.", words(["operator", "trip"])),
            ),
            may("note", text()),
        ],
    );
    let term = object(
        "A share of what a distance emits.",
        [
            need("factor", text()),
            may("share", refer("Exact")),
            may("basis", words(["passenger", "vehicle"])),
            may("occupancy", text()),
        ],
    );
    vec![
        ("Grade", said("How well a number is attested.", grades)),
        ("Parameter", parameter),
        ("Term", term),
        ("Formula", formula()),
    ]
}

fn formula() -> Value {
    let terms = || list(refer("Term"));
    let grid = object(
        "A series of a factor table.",
        [need("table", text()), need("series", text())],
    );
    let formula = |name: &str| need("formula", only(name));
    one_of([
        object("ER = n × D.", [formula("net_factor_distance"), need("net", text())]),
        object(
            "ER = BE − PE, both by distance.",
            [
                formula("baseline_minus_project"),
                need("baseline", terms()),
                need("project", terms()),
                may("detour", text()),
            ],
        ),
        object(
            "ER = v × N.",
            [
                formula("per_event"),
                need("value", text()),
                need("event", words(["trip", "step", "minute"])),
            ],
        ),
        object(
            "ER = BE − PE, the project's part by energy.",
            [
                formula("energy_displacement"),
                need("baseline", terms()),
                need("specific_consumption", text()),
                need("grid", grid),
                need("losses", text()),
            ],
        ),
        object("ER = BE − PE − LE on given totals.", [formula("totals")]),
    ])
}
