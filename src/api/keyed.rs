//! `Idempotency-Key`: what moves value names its order, and the same order is answered once.

use super::auth::Caller;
use super::problem::{Code, Problem};
use crate::ledger::encode::Encoder;
use crate::ledger::idempotency::{Keyed, key_digest, request_digest};
use crate::ledger::ids::UserId;
use actix_web::HttpRequest;

/// Characters of a key.
const LONGEST: usize = 128;

/// The key that the request names.
pub(super) fn key_of(request: &HttpRequest) -> Result<String, Problem> {
    let mut values = request.headers().get_all("Idempotency-Key");
    let wrong = |detail: &str| Problem::new(Code::IdempotencyKeyRequired, detail);
    let value = values
        .next()
        .ok_or_else(|| wrong("the header Idempotency-Key is missing"))?;
    let key = value.to_str().unwrap_or_default();
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || key.is_empty() || key.len() > LONGEST || values.next().is_some() {
        return Err(wrong(
            "the header Idempotency-Key must stand there once, with 1 to 128 visible ASCII characters",
        ));
    }
    Ok(key.to_owned())
}

/// What the ledger keeps of key and request; `write` writes the parsed body as formats.md 8 says.
pub(super) fn keyed(
    (caller, user, key): (&Caller, UserId, &str),
    path: &str,
    write: impl FnOnce(&mut Encoder),
) -> Result<Keyed, Problem> {
    let request = request_digest("POST", path, write)
        .map_err(|_| Problem::field(Code::InvalidField, "", "the request is too long to be kept"))?;
    Ok(Keyed {
        key: key_digest(&caller.client, user, key),
        request,
    })
}
