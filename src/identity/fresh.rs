//! Fresh accounts: the one place where addresses and data keys come into being. The pure ledger makes no randomness.

use super::kek::{Kek, KekError};
use crate::ledger::command::{Fresh, NewAccount};
use crate::ledger::evidence::DataKey;
use crate::ledger::ids::{Hash, UserId};

/// Address and data key of an account, in case a command opens it.
pub fn new_account(kek: &Kek, user: UserId, programme: &str) -> Result<NewAccount, KekError> {
    let address = Hash::new(rand::random());
    let data_key = DataKey::new(rand::random());
    let wrapped_key = kek.wrap(&data_key, rand::random(), (user, programme, &address))?;
    Ok(NewAccount {
        address,
        data_key,
        wrapped_key,
    })
}

/// What a trip brings along: the account it may open, and a nonce for sealing its evidence.
pub fn fresh(kek: &Kek, user: UserId, programme: &str) -> Result<Fresh, KekError> {
    Ok(Fresh {
        account: new_account(kek, user, programme)?,
        nonce: rand::random(),
    })
}
