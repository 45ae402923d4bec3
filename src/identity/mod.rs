//! Keys: the key-encryption key and what it wraps. It knows no SQL and no HTTP.

pub mod fresh;
pub mod kek;
