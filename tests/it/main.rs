//! The one integration binary. Each module says in a line what it proves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod database; // where a test's ledger lies
mod described; // every answer is held against the OpenAPI document
mod process; // the real executable, to be killed
mod sending; // what a test sends to a gateway's chain by itself
mod services; // Redis and RabbitMQ, where they are at hand
mod support; // a gateway of its own for every test

mod chain; // the embedded chain: attacks, habits, bad days, tampering
mod containers; // the files of containers speak of settings and variables that are there
mod demo; // the made-up morning, by the real executable
mod dispatch; // what is booked is confirmed, whatever the chain does
mod doctor; // what is broken is named, one thing at a time, and the rest is examined all the same
mod durability; // kill -9, migrations interrupted, the folder's lock, a full disk
mod formats; // the bytes of docs/formats.md agree with contracts/vectors
mod house; // sizes, edges between rooms, bans
mod http; // every answer and every problem of the interface
mod identity; // keys and certificates on a real store: races, renewal, revocation, the change of the key
mod import; // files of rides into the ledger, by the real executable
mod java; // a Java caller whose client is generated from the OpenAPI document, where Maven is installed
mod jobs; // riders who stay away are settled by the clock
mod kill; // ended at every named point and at random moments, and run again: what stands is what an undisturbed run leaves
mod licences; // what we link may be linked
mod messages; // trips in and events out by a real broker, whatever ends in between
mod model; // random orders are judged, answered and booked as naive lists say, in memory and on the store
mod operations; // figures, alerts, dashboard and runbook speak of the same things
mod plans; // every statement that is executed uses the index meant for it
mod readme; // the two READMEs say the same
mod redis; // limits and hints that instances share, and Redis flushed, silent and killed
mod server; // many writers at once, sessions that end, a server killed under load
mod shared; // what is compiled in is what the reference data says
mod tampering; // whatever is changed behind the ledger's back, verify names it
mod traces; // where the time went, told to a collector in the caller's trace
