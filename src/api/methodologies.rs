//! `GET /v1/methodologies`: the parameter sets that figures are computed by, with their formulas for people to read. They
//! are public texts, so any key may.

use super::ApiState;
use super::auth::authenticate;
use super::list::Page;
use super::problem::{Code, Problem};
use super::query::Query;
use crate::ledger::ids::Hash;
use crate::methodology::set::Methodology;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All sets.
pub(super) async fn list(request: HttpRequest, state: Data<ApiState>) -> Result<HttpResponse, Problem> {
    authenticate(&request, &state).await?;
    let mut query = Query::of(&request)?;
    let page = Page::of(&mut query)?;
    query.close()?;
    let item = |set: &Methodology| {
        let document = set.document();
        json!({
            "id": set.id(),
            "version": set.version(),
            "title": document.title,
            "status": document.status,
            "gas": document.gas,
            "digest": Hash::new(set.digest()).to_string(),
        })
    };
    let items = state
        .library
        .iter()
        .map(|set| (format!("{}_{}", set.id(), set.version()), item(set)));
    Ok(HttpResponse::Ok().json(page.cut(items)))
}

/// One set: what its file says, each formula in words, and the factors that a template lacks.
pub(super) async fn read(
    request: HttpRequest,
    path: Path<(String, String)>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    authenticate(&request, &state).await?;
    Query::of(&request)?.close()?;
    let set = state.library.get(&path.0, &path.1);
    let set = set.map_err(|_| Problem::new(Code::NotFound, "there is no methodology of that id and version"))?;
    Ok(HttpResponse::Ok().json(document(&set)))
}

fn document(set: &Methodology) -> Value {
    let mut document = json!(set.document());
    let formulas: BTreeMap<&str, String> = set
        .document()
        .modes
        .iter()
        .map(|(mode, formula)| (mode.as_str(), formula.describe()))
        .collect();
    let tables: Vec<Value> = set
        .tables()
        .map(|table| {
            let digest = Hash::new(table.digest()).to_string();
            json!({"id": table.id(), "version": table.version(), "digest": digest})
        })
        .collect();
    if let Some(members) = document.as_object_mut() {
        members.insert("digest".to_owned(), json!(Hash::new(set.digest()).to_string()));
        members.insert("formulas".to_owned(), json!(formulas));
        members.insert("missing".to_owned(), json!(set.missing_factors()));
        members.insert("tables".to_owned(), json!(tables));
    }
    document
}
