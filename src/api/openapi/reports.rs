//! Reports as the document shows them.

use super::operation::{Area, Operation};
use super::schema::{count, list, may, need, object, refer, said, shaped, text, words};
use crate::api::keys::Right;
use crate::ledger::entry::Figure;
use serde_json::Value;

/// `GET /v1/reports/totals`.
pub(in super::super) fn totals() -> Operation {
    let dimension = "(day|programme|mode|kind|methodology|shard)";
    let by = shaped(&format!("^({dimension}(,{dimension})*)?$"), "day,kind");
    Operation::new(Area::Reports, "readTotals", "Sums over all riders")
        .details(
            "As of an instant: `at` is given back, and asked for again it answers the same for ever. With \
             `Accept: text/csv` the rows come as CSV and the instant in the header `Report-At`. A key that is limited \
             to programmes must name one.",
        )
        .needs(&[Right::ReportsRead])
        .query("programme", text(), "Only this programme; left out, all.")
        .query("from", refer("Day"), "First day.")
        .query("to", refer("Day"), "Last day.")
        .query(
            "days",
            words(["booked", "activity"]),
            "Which days are meant: of booking (usual) or of the ride.",
        )
        .query("by", by, "What rows are kept apart by, with commas between.")
        .query("at", refer("At"), "The instant, as a report said; left out, now.")
        .answer(200, "The sums.", refer("Totals"))
        .answer_as("text/csv", 200, "The rows.", text())
        .header("Report-At", false)
}

/// The schemas of this resource.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    let sum = |description| said(description, refer("Sum"));
    let row = object(
        "A sum. What was not asked for in `by` is left out.",
        [
            may("day", refer("Day")),
            may("shard", shaped("^[0-2][0-9]$", "17")),
            may("programme", text()),
            may("mode", text()),
            may("methodology", said("Id and version.", text())),
            need("kind", words(Figure::ALL.map(Figure::as_str))),
            need("gas", refer("Gas")),
            need("count", count()),
            need("amount", refer("Sum")),
        ],
    );
    let sums = object(
        "Sums over all rows, whatever `by` says.",
        [
            need("trips", said("Trips stored.", count())),
            need("refused", said("Those of them that a rule refused.", count())),
            need("quantified", sum("What trips gave, before caps.")),
            need("capped", sum("What caps cut off.")),
            need(
                "waiting",
                sum("quantified − capped − collected − lapsed of the days asked for."),
            ),
            need("collected", sum("What was collected.")),
            need("lapsed", sum("What was not collected in time.")),
            need("issued", sum("Outputs of issues.")),
            need("spent", sum("What left riders by redeeming, without change.")),
            need("expired", sum("What was not spent in time.")),
            need("retired", sum("What was retired.")),
        ],
    );
    let totals = object(
        "A report.",
        [
            need("at", refer("At")),
            need("rows", list(refer("TotalsRow"))),
            need("totals", refer("TotalsSums")),
        ],
    );
    vec![("TotalsRow", row), ("TotalsSums", sums), ("Totals", totals)]
}
