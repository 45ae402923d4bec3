//! Traces: from a credit back to its rides, from a ride forward to what its grams are now. The same documents for HTTP and for
//! the command line.

use super::super::ApiState;
use super::super::auth::authenticate;
use super::super::frame::request_id;
use super::super::keys::Right;
use super::super::problem::{Code, Problem};
use super::super::query::{Query, name_of, user_of};
use super::super::reference::{self, Kind, reference};
use super::super::transactions::transaction;
use super::super::trips::{self, Named, Opener};
use super::super::written::position;
use super::{find, settled, shown};
use crate::identity::kek::Kek;
use crate::ledger::credit::Credit;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::{Hash, Name, ShardId, UserId, trip_key};
use crate::reports::trace::{self as walk, Bounds, Descendant, Source, TraceError};
use crate::store::db::Readers;
use crate::store::reads::{self, Transacted};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What documents of traces are made with.
pub struct Desk<'a> {
    /// Reads the ledger.
    pub readers: &'a Readers,
    /// Opens what trips keep sealed.
    pub kek: &'a Kek,
    /// Names trips as issues do.
    pub source_secret: &'a SourceSecret,
    /// Which kind of chain it is.
    pub chain: &'static str,
    /// The time, Unix milliseconds.
    pub now_ms: i64,
}

/// Which part of a trace is asked for.
pub struct Part<'a> {
    /// What the part before said in `next`.
    pub cursor: Option<&'a str>,
    /// How much it holds.
    pub bounds: Bounds,
}

/// A trip as its caller names it.
pub struct TripName<'a> {
    /// The calling system.
    pub client: &'a Name,
    /// The rider.
    pub user: UserId,
    /// The caller's order number.
    pub trip_id: &'a Name,
}

/// `GET /v1/credits/{credit_id}/trace`.
pub(in super::super) async fn back(
    request: HttpRequest,
    path: Path<String>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    let mut query = Query::of(&request)?;
    let client = trips::client(&caller, &mut query)?;
    let (bounds, cursor) = part(&mut query)?;
    query.close()?;
    let found = find(&caller, &state, (&path, &request_id(&request))).await?;
    let part = Part {
        cursor: cursor.as_deref(),
        bounds,
    };
    let document = credit_document(&desk(&state), &found, &part, Some(&client)).await?;
    Ok(HttpResponse::Ok().json(document))
}

/// `GET /v1/users/{user_id}/trips/{trip_id}/trace`.
pub(in super::super) async fn forth(
    request: HttpRequest,
    path: Path<(String, String)>,
    state: Data<ApiState>,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &state).await?;
    caller.require(&[Right::CreditsRead])?;
    let mut query = Query::of(&request)?;
    let client = trips::client(&caller, &mut query)?;
    let (bounds, cursor) = part(&mut query)?;
    query.close()?;
    let (user, trip_id) = (user_of(&path.0)?, name_of("trip_id", &path.1)?);
    settled(&state, user, &request_id(&request)).await?;
    let part = Part {
        cursor: cursor.as_deref(),
        bounds,
    };
    let name = TripName {
        client: &client,
        user,
        trip_id: &trip_id,
    };
    let (programme, document) = trip_document(&desk(&state), &name, &part).await?.ok_or_else(missing)?;
    caller.require_programme(&programme)?;
    Ok(HttpResponse::Ok().json(document))
}

fn missing() -> Problem {
    Problem::new(Code::NotFound, "this client has booked no such trip for this user")
}

fn desk(state: &ApiState) -> Desk<'_> {
    Desk {
        readers: &state.readers,
        kek: &state.kek,
        source_secret: &state.source_secret,
        chain: state.chain.kind(),
        now_ms: state.clock.now_ms(),
    }
}

/// Takes `?limit=`, which is of transactions, and `?cursor=`.
fn part(query: &mut Query) -> Result<(Bounds, Option<String>), Problem> {
    let most = Bounds::ANSWER.transactions;
    let wrong = || {
        Problem::field(
            Code::InvalidField,
            "?limit",
            format!("must be an integer from 1 to {most}"),
        )
    };
    let limit = query.take("limit")?.map(|text| {
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(wrong)
    });
    let bounds = Bounds {
        transactions: limit.transpose()?.unwrap_or(most),
        ..Bounds::ANSWER
    };
    Ok((bounds, query.take("cursor")?))
}

/// The shard, if the text names one, and the hash of a credit's reference.
pub fn credit_reference(text: &str) -> Result<(Option<ShardId>, Hash), Problem> {
    reference::parse(Kind::Credit, text)
}

/// From a credit back. Trips of one client are shown, or those of all; of the others no more than the grams.
pub async fn credit_document(
    desk: &Desk<'_>,
    found: &(Credit, Option<Hash>),
    part: &Part<'_>,
    client: Option<&Name>,
) -> Result<Value, Problem> {
    let told = walk::back(desk.readers, &found.0, part.cursor, part.bounds).await?;
    let mut openers: BTreeMap<i64, Opener> = BTreeMap::new();
    let mut sources = Vec::new();
    for source in &told.sources {
        let opener = match openers.remove(&source.user.value()) {
            Some(opener) => opener,
            None => Opener::of(desk.readers, desk.kek, source.user).await?,
        };
        sources.push(source_document(source, (&opener, desk.now_ms), client)?);
        openers.insert(source.user.value(), opener);
    }
    let credit = shown(desk.readers, found.0.user.shard(), std::slice::from_ref(found))
        .await?
        .pop();
    Ok(json!({
        "credit": credit,
        "sources": sources,
        "via": transactions(desk, &told.via).await?,
        "complete": told.next.is_none(),
        "next": told.next,
    }))
}

fn source_document(source: &Source, (opener, now_ms): (&Opener, i64), client: Option<&Name>) -> Result<Value, Problem> {
    let mut shown = None;
    if let Some(stored) = &source.trip {
        let evidence = opener.open(stored)?;
        let named = Named {
            client: evidence.client.as_str(),
            user: source.user,
            trip_id: Some(evidence.trip_id.as_str()),
        };
        let own = client.is_none_or(|client| *client == evidence.client);
        shown = own.then(|| json!(trips::trip(stored, &named, now_ms)));
    }
    Ok(json!({
        "kind": if source.trip.is_some() { "trip" } else { "opening" },
        "trip": shown,
        "amount": source.amount,
        "transaction_id": reference(Kind::Transaction, source.user.shard(), &source.issue),
    }))
}

/// From a trip forward, with the trip's programme; `None` for an unknown trip.
pub async fn trip_document(
    desk: &Desk<'_>,
    name: &TripName<'_>,
    part: &Part<'_>,
) -> Result<Option<(String, Value)>, Problem> {
    let user = name.user;
    let source_key = desk
        .source_secret
        .source_key(&trip_key(name.client, user, name.trip_id));
    let Some(stored) = reads::trip(desk.readers, user, &source_key).await? else {
        return Ok(None);
    };
    let told = walk::forth(desk.readers, (user, &stored, &source_key), part.cursor, part.bounds).await?;
    let named = Named {
        client: name.client.as_str(),
        user,
        trip_id: Some(name.trip_id.as_str()),
    };
    let document = json!({
        "trip": trips::trip(&stored, &named, desk.now_ms),
        "credits": descendants(desk, user.shard(), &told.credits).await?,
        "via": transactions(desk, &told.via).await?,
        "position": position(user.shard(), told.at_seq),
        "complete": told.next.is_none(),
        "next": told.next,
    });
    Ok(Some((stored.record.programme.clone(), document)))
}

async fn descendants(desk: &Desk<'_>, shard: ShardId, told: &[Descendant]) -> Result<Vec<Value>, Problem> {
    let ended = |descendant: &Descendant| descendant.ended.map(|(content_id, _)| content_id);
    let credits: Vec<(Credit, Option<Hash>)> = told.iter().map(|one| (one.credit.clone(), ended(one))).collect();
    let credits = shown(desk.readers, shard, &credits).await?;
    let document = |(one, credit): (&Descendant, Value)| {
        let ended_by = one.ended.map(|(_, kind)| kind.as_str());
        json!({"credit": credit, "ended_by": ended_by})
    };
    Ok(std::iter::zip(told, credits).map(document).collect())
}

async fn transactions(desk: &Desk<'_>, via: &[Transacted]) -> Result<Vec<Value>, Problem> {
    let mut documents = Vec::new();
    for found in via {
        documents.push(transaction((desk.readers, desk.chain), found).await?);
    }
    Ok(documents)
}

impl From<TraceError> for Problem {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Cursor(error) => Self::field(Code::InvalidField, "?cursor", error.to_string()),
            TraceError::Store(error) => error.into(),
        }
    }
}
