//! PURE. How far a leg went: great circles between coordinates, shortest ways through networks of stations.
//!
//! The only room with floats. They never leave it: every result is whole metres. It knows nothing of methodologies.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

mod coordinates;
mod names;
mod network;
mod route;

pub use coordinates::{Coordinates, CoordinatesError, DecimalError, Track, metres_of_decimal};
pub use names::bare;
pub use network::{Network, NetworkBuilder, NetworkError, SCHEMA, Station};
pub use route::RouteError;
