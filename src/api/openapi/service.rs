//! What needs no key, as the document shows it.

use super::operation::{Area, Operation};
use super::schema::{flag, may, need, object, only, refer, said, text, words};
use crate::api::problem::Code;
use serde_json::{Value, json};

/// `GET /problems/{code}`.
pub(in super::super) fn problem() -> Operation {
    let code = json!({"type": "string", "examples": ["insufficient"]});
    Operation::new(Area::Service, "explainProblem", "What the code of a problem means")
        .path("code", code, "The code.")
        .answer(200, "Its meaning.", refer("ProblemMeaning"))
        .codes(&[Code::NotFound])
}

/// `GET /healthz`.
pub(in super::super) fn alive() -> Operation {
    Operation::new(Area::Service, "isAlive", "Whether the process lives").answer(200, "It does.", refer("Liveness"))
}

/// `GET /readyz`.
pub(in super::super) fn ready() -> Operation {
    Operation::new(Area::Service, "isReady", "Whether requests can be carried out")
        .answer(200, "They can.", refer("Readiness"))
        .answer(503, "They cannot now.", refer("Readiness"))
}

/// `GET /metrics`.
pub(in super::super) fn figures() -> Operation {
    Operation::new(
        Area::Service,
        "readMetrics",
        "The figures of the process, for Prometheus",
    )
    .answer_as("text/plain", 200, "The figures.", text())
}

/// `GET /openapi.json`.
pub(in super::super) fn document() -> Operation {
    let document = said(
        "An OpenAPI document.",
        json!({"type": "object", "additionalProperties": true}),
    );
    Operation::new(Area::Service, "readOpenApi", "This document").answer(200, "OpenAPI 3.1.", document)
}

/// `GET /docs`.
pub(in super::super) fn page() -> Operation {
    Operation::new(Area::Service, "readDocs", "This document as a page for people").answer_as(
        "text/html",
        200,
        "A page that fetches nothing.",
        text(),
    )
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let checks = object(
        "What was looked at.",
        [
            need("database", words(["ok", "unavailable"])),
            need("chain", words(["ok", "unavailable"])),
            need("draining", said("Whether the gateway is stopping.", flag())),
            may(
                "redis",
                said(
                    "Only where the gateway is to use one. `degraded`: it is away, and this instance goes on by itself.",
                    words(["ok", "degraded"]),
                ),
            ),
        ],
    );
    let readiness = object(
        "Whether requests can be carried out.",
        [need("ready", flag()), need("checks", checks)],
    );
    let liveness = object("The process lives.", [need("alive", only(true))]);
    vec![("Liveness", liveness), ("Readiness", readiness)]
}
