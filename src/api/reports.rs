//! `GET /v1/reports/totals`: what finance closes its months on, as JSON or CSV.

use super::ApiState;
use super::auth::{Caller, authenticate};
use super::keys::Right;
use super::problem::{Code, Problem};
use super::query::Query;
use crate::ledger::entry::Figure;
use crate::methodology::units::{Day, grams};
use crate::reports::{Days, Dimension, Instant, InstantError, Question, Report, ReportError, Row, Sums, report};
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Says which instant a CSV is of.
const AT: &str = "Report-At";

const DIMENSIONS: [(Dimension, &str); 6] = [
    (Dimension::Day, "day"),
    (Dimension::Programme, "programme"),
    (Dimension::Mode, "mode"),
    (Dimension::Kind, "kind"),
    (Dimension::Methodology, "methodology"),
    (Dimension::Shard, "shard"),
];

/// Answers totals.
pub(super) async fn totals(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::ReportsRead])?;
    let question = question(&caller, Query::of(&request)?)?;
    let report = report(&state.readers, &state.zone, &question).await?;
    if wants_csv(&request) {
        let mut answer = HttpResponse::Ok();
        answer.insert_header((AT, report.at.to_string()));
        return Ok(answer
            .content_type("text/csv; charset=utf-8")
            .body(csv(&question, &report)?));
    }
    Ok(HttpResponse::Ok().json(document(&report)))
}

fn question(caller: &Caller, mut query: Query) -> Result<Question, Problem> {
    let programme = query.take("programme")?;
    match &programme {
        Some(programme) => caller.require_programme(programme)?,
        None => caller.require_all_programmes()?,
    }
    let first = day(&mut query, "from")?;
    let last = day(&mut query, "to")?;
    let by_day = match query.take("days")?.as_deref() {
        None | Some("booked") => Days::Booked,
        Some("activity") => Days::Activity,
        Some(_) => {
            return Err(Problem::field(
                Code::InvalidField,
                "?days",
                "must be booked or activity",
            ));
        }
    };
    let by = by(&mut query)?;
    let at = query.take("at")?.map(|text| Instant::parse(&text)).transpose();
    let at = at.map_err(ReportError::from)?;
    query.close()?;
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        return Err(Problem::field(Code::InvalidField, "?to", "is before from"));
    }
    Ok(Question {
        programme,
        days: (first, last),
        by_day,
        by,
        at,
    })
}

fn day(query: &mut Query, name: &str) -> Result<Option<Day>, Problem> {
    let wrong = |_| Problem::field(Code::InvalidField, format!("?{name}"), "must be a day: YYYY-MM-DD");
    query
        .take(name)?
        .map(|text| Day::parse(&text).map_err(wrong))
        .transpose()
}

fn by(query: &mut Query) -> Result<BTreeSet<Dimension>, Problem> {
    let text = query.take("by")?.unwrap_or_default();
    let words = text.split(',').filter(|word| !word.is_empty());
    let dimension = |word: &str| {
        let known = DIMENSIONS.iter().find(|(_, name)| *name == word);
        known.map(|(dimension, _)| *dimension).ok_or_else(|| {
            let names: Vec<&str> = DIMENSIONS.iter().map(|(_, name)| *name).collect();
            Problem::field(
                Code::InvalidField,
                "?by",
                format!("must be of {}, with commas between", names.join(", ")),
            )
        })
    };
    words.map(dimension).collect()
}

fn wants_csv(request: &HttpRequest) -> bool {
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let kinds = accept.unwrap_or_default().split(',');
    let named = |kind: &str| {
        kind.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("text/csv")
    };
    kinds.into_iter().any(named)
}

fn document(report: &Report) -> Value {
    let rows: Vec<Value> = report.rows.iter().map(|(row, sums)| object(row, sums)).collect();
    let amount = |figure| grams(report.amount_ug(figure));
    json!({
        "at": report.at.to_string(),
        "rows": rows,
        "totals": {
            "trips": count(report.count(Figure::Trip)),
            "refused": count(report.count(Figure::Refused)),
            "quantified": amount(Figure::Quantified),
            "capped": amount(Figure::Capped),
            "waiting": grams(report.waiting_ug()),
            "collected": amount(Figure::Collected),
            "lapsed": amount(Figure::Lapsed),
            "issued": amount(Figure::Issued),
            "spent": amount(Figure::Spent),
            "expired": amount(Figure::Expired),
            "retired": "0",
        },
    })
}

fn object(row: &Row, sums: &Sums) -> Value {
    let mut object = Map::new();
    for (name, cell) in cells(row) {
        if let Some(cell) = cell {
            object.insert(name.to_owned(), json!(cell));
        }
    }
    object.insert("count".to_owned(), count(sums.count));
    object.insert("amount".to_owned(), json!(grams(sums.amount_ug)));
    Value::Object(object)
}

/// A count: no deployment has more than 2^63 of anything.
fn count(count: i128) -> Value {
    json!(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The parts of a row by name, those that were not asked for empty.
fn cells(row: &Row) -> [(&'static str, Option<String>); 7] {
    [
        ("day", row.day.map(|day| day.to_string())),
        ("shard", row.shard.map(|shard| shard.to_string())),
        ("programme", row.programme.clone()),
        ("mode", row.mode.clone()),
        ("methodology", row.methodology.clone()),
        ("kind", Some(row.kind.as_str().to_owned())),
        ("gas", Some(row.gas.as_str().to_owned())),
    ]
}

/// One line a row, under a line of names; the same columns however many rows there are.
fn csv(question: &Question, report: &Report) -> Result<Vec<u8>, Problem> {
    let shown = |name: &str| {
        let dimension = DIMENSIONS.iter().find(|(_, own)| *own == name);
        dimension.is_none_or(|(dimension, _)| *dimension == Dimension::Kind || question.by.contains(dimension))
    };
    let names = ["day", "shard", "programme", "mode", "methodology", "kind", "gas"]
        .into_iter()
        .filter(|name| shown(name));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |_| Problem::storage_unavailable(); // a vector takes whatever is written
    writer.write_record(names.chain(["count", "amount"])).map_err(failed)?;
    for (row, sums) in &report.rows {
        let cells = cells(row).into_iter().filter(|(name, _)| shown(name));
        let cells = cells.map(|(_, cell)| cell.unwrap_or_default());
        let record = cells.chain([sums.count.to_string(), grams(sums.amount_ug)]);
        writer.write_record(record).map_err(failed)?;
    }
    writer.into_inner().map_err(|_| Problem::storage_unavailable())
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Instant(error @ (InstantError::Malformed | InstantError::Future)) => {
                Self::field(Code::InvalidField, "?at", error.to_string())
            }
            ReportError::Store(error) => error.into(),
        }
    }
}
