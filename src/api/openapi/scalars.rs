//! What is written alike wherever it stands: amounts, users, references, times, cursors, and problems.

use super::schema::{Member, between, list, may, need, object, refer, said, shaped, short, text, words};
use crate::api::problem::Code;
use crate::methodology::trip::LARGEST_INPUT;
use crate::redis::limits::Scope;
use serde_json::{Value, json};

/// The schemas that every resource shares.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = values();
    schemas.extend(identities());
    schemas.extend(problems());
    schemas
}

/// Name, meaning, regular expression, example.
const TEXTS: [(&str, &str, &str, &str); 8] = [
    (
        "Amount",
        "Grams, at most six decimals, in their shortest form.",
        r"^(0|[1-9][0-9]{0,12})(\.[0-9]{0,5}[1-9])?$",
        "400.14",
    ),
    (
        "GivenAmount",
        "Grams above 0, at most six decimals, no exponent, no sign.",
        r"^[0-9]+(\.[0-9]{1,6})?$",
        "500",
    ),
    (
        "Sum",
        "A sum of grams, in its shortest form; it may be below 0 where only a part of the days is asked for.",
        r"^-?(0|[1-9][0-9]*)(\.[0-9]{0,5}[1-9])?$",
        "1204.3",
    ),
    (
        "Exact",
        "An exact number: a decimal, or a quotient of whole numbers.",
        r"^-?[0-9]+(\.[0-9]+|/[1-9][0-9]*)?$",
        "44800/3",
    ),
    (
        "GivenExact",
        "A decimal, or a quotient of two.",
        r"^-?[0-9]+(\.[0-9]+)?(/[0-9]+(\.[0-9]+)?)?$",
        "2",
    ),
    (
        "Time",
        "An instant in UTC, with milliseconds.",
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        "2026-11-20T00:24:40.000Z",
    ),
    (
        "Position",
        "How far a shard had come: shard and entry.",
        "^[0-2][0-9]:[0-9]+$",
        "17:4711",
    ),
    (
        "Cursor",
        "A place in a list, as `next` said.",
        "^[A-Za-z0-9._-]{1,200}$",
        "20777.4711",
    ),
];

fn values() -> Vec<(&'static str, Value)> {
    let time = json!({"type": "string", "format": "date-time", "examples": ["2026-11-20T07:58:11+08:00"]});
    let day = json!({"type": "string", "format": "date", "examples": ["2026-11-20"]});
    let at = shaped("^[A-Za-z0-9._-]+$", &format!("v1{}", ".0".repeat(30)));
    let mut values: Vec<(&str, Value)> = TEXTS
        .into_iter()
        .map(|(name, meaning, pattern, example)| (name, said(meaning, shaped(pattern, example))))
        .collect();
    values.extend([
        (
            "GivenTime",
            said(
                "An instant with its offset (RFC 3339); it is cut to whole seconds.",
                time,
            ),
        ),
        ("Day", said("A day in the programme's zone.", day)),
        ("Measure", said("A whole number.", between(0, LARGEST_INPUT))),
        (
            "At",
            said(
                "An instant of the whole ledger, as a report said; it may be used for ever.",
                at,
            ),
        ),
        ("Gas", said("What a figure counts.", words(["CO2", "CO2e"]))),
        ("Digest", said("SHA-256.", shaped("^[0-9a-f]{64}$", &"ab".repeat(32)))),
    ]);
    values
}

fn identities() -> Vec<(&'static str, Value)> {
    let hash = "5d".repeat(32);
    let reference = |kind: &str| {
        let shape = format!("^{kind}_[0-2][0-9]_[0-9a-f]{{64}}$");
        shaped(&shape, &format!("{kind}_07_{hash}"))
    };
    let mut name = short(128);
    name["examples"] = json!(["T-0001"]);
    let given_user = json!({"anyOf": [
        {"type": "string", "pattern": "^[0-9]{1,40}$", "examples": ["1000017"]},
        {"type": "integer", "format": "int64", "minimum": 0},
    ]});
    vec![
        (
            "UserId",
            said(
                "A rider in the caller's own numbering: 0 … 2^63 − 1.",
                shaped("^(0|[1-9][0-9]{0,18})$", "1000017"),
            ),
        ),
        (
            "GivenUserId",
            said(
                "A rider in the caller's own numbering: 0 … 2^63 − 1, as a text or as a number.",
                given_user,
            ),
        ),
        (
            "Name",
            said(
                "A text that the caller chose: at most 128 characters (512 bytes), no control characters.",
                name,
            ),
        ),
        ("CreditRef", said("A credit: kind, shard, hash.", reference("cr"))),
        (
            "TransactionRef",
            said("A transaction: kind, shard, hash.", reference("tx")),
        ),
        (
            "RedemptionRef",
            said("A redemption: kind, shard, hash.", reference("rd")),
        ),
        (
            "MethodologyRef",
            object(
                "The parameter set that a figure was computed by.",
                [
                    need("id", text()),
                    need("version", text()),
                    need("digest", refer("Digest")),
                ],
            ),
        ),
    ]
}

fn problems() -> Vec<(&'static str, Value)> {
    let codes = words(Code::ALL.iter().map(|code| code.as_str()));
    let field = object(
        "One wrong field.",
        [
            need(
                "pointer",
                said(
                    "JSON pointer into the body; `?name` is a parameter of the query.",
                    text(),
                ),
            ),
            need("code", refer("ProblemCode")),
            need("detail", text()),
        ],
    );
    let problem = object(
        "What went wrong (RFC 9457).",
        [
            need(
                "type",
                said(
                    "Where the code is explained.",
                    shaped("^/problems/[a-z_]+$", "/problems/not_found"),
                ),
            ),
            need("title", said("The same for every occurrence of the code.", text())),
            need("status", between(400, 599)),
            need("detail", said("This occurrence.", text())),
            need("instance", said("Id of the request.", text())),
            need("code", refer("ProblemCode")),
            may(
                "errors",
                said(
                    "All fields that are wrong, at most 100 of them.",
                    list(refer("FieldError")),
                ),
            ),
        ]
        .into_iter()
        .chain(of_some_codes()),
    );
    let meaning = object(
        "What a code means.",
        [
            need("type", text()),
            need("code", refer("ProblemCode")),
            need("status", between(400, 599)),
            need("title", text()),
            need("advice", said("What the caller can do about it.", text())),
        ],
    );
    vec![
        ("ProblemCode", said("A stable word for each kind of problem.", codes)),
        ("FieldError", field),
        ("Problem", problem),
        ("ProblemMeaning", meaning),
    ]
}

fn of_some_codes() -> [Member; 4] {
    [
        may(
            "retry_after_ms",
            said("When sending the same again makes sense.", between(0, 86_400_000)),
        ),
        may(
            "available",
            said("With `insufficient`: what may be spent.", refer("Amount")),
        ),
        may(
            "missing",
            said("With `insufficient`: what is lacking.", refer("Amount")),
        ),
        may(
            "limit",
            said(
                "With `rate_limited`: whose limit was reached.",
                words(Scope::ALL.map(Scope::as_str)),
            ),
        ),
    ]
}
