//! The head of an answer to a write: created or replayed, and where the shard stands.

use crate::ledger::ids::ShardId;
use actix_web::{HttpResponse, HttpResponseBuilder};

/// Where a shard stands, as `SS:seq`.
pub(super) const POSITION: &str = "Gateway-Position";
const REPLAYED: &str = "Idempotent-Replayed";

/// An answer with that status, at a position, and whether it was given before.
pub(super) fn written(mut response: HttpResponseBuilder, position: String, replayed: bool) -> HttpResponseBuilder {
    response.insert_header((POSITION, position));
    if replayed {
        response.insert_header((REPLAYED, "true"));
    }
    response
}

/// 201 for what was made, 200 where nothing was.
pub(super) fn created(made: bool) -> HttpResponseBuilder {
    if made {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    }
}

/// A shard with a seq.
pub(super) fn position(shard: ShardId, seq: i64) -> String {
    format!("{shard}:{seq}")
}
