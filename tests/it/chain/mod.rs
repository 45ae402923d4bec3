//! The embedded chain: attacks are refused, the habits of a real chain are there, a kill or a full disk leaves whole blocks, and
//! whatever is changed in its file is found.

#![expect(clippy::panic, reason = "a helper that meets what cannot be says so by panicking")]

mod attacks; // forged senders, double spends, other payloads under an id
mod certificates; // an authority that also makes what no honest one would
mod durability; // kill -9 inside a block, a full disk, a restart
mod formats; // the bytes of docs/formats.md section 10 agree with contracts/vectors
mod habits; // pending repeats, used ids, both codes, faults on demand
mod support; // a chain of its own for every test
pub(crate) mod tampering; // every column, row and bit of chain.db
