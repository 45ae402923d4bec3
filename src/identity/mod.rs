//! Keys: the key-encryption key and what it wraps, the signing keys of riders, sinks and issuer, our certificate authority, and
//! the signer, the only holder of clear keys. It knows no SQL and no HTTP: rows come and go through [`rows::KeyRows`].

pub mod authority;
mod cache;
pub mod certificate;
pub mod chain_secret;
pub mod found;
pub mod fresh;
pub mod kek;
pub mod rows;
pub mod signer;
pub mod signing_threads;
pub mod user_key;
pub mod wrapping;
