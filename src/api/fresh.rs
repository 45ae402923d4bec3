//! Randomness that a command brings along: the pure ledger makes none.

use super::problem::Problem;
use crate::identity::kek::Kek;
use crate::ledger::command::NewAccount;
use crate::ledger::evidence::DataKey;
use crate::ledger::ids::{Hash, UserId};

/// Address and data key of an account, in case a command opens it.
pub(super) fn new_account(kek: &Kek, user: UserId, programme: &str) -> Result<NewAccount, Problem> {
    let address = Hash::new(rand::random());
    let data_key = DataKey::new(rand::random());
    let wrapped_key = kek
        .wrap(&data_key, rand::random(), (user, programme, &address))
        .map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a data key cannot be wrapped");
            Problem::storage_unavailable()
        })?;
    Ok(NewAccount {
        address,
        data_key,
        wrapped_key,
    })
}
