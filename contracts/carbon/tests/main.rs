//! The contract from outside: bytes against the vectors, attacks, random histories.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod attacks; // what must never pass, by name
mod bytes; // arbitrary bytes neither panic nor have a second spelling
mod kinds; // each kind's rule, and who may order it
mod model; // random histories against a naive model
mod support; // a chain in memory, keys, orders
mod vectors; // what a second implementation made of docs/formats.md
mod words; // the code words of refusals are told and provoked
