//! Starts what goes by the broker, if the settings name one.

use super::dispatching::Standing;
use crate::api::TripDesk;
use crate::api::events::Events;
use crate::lifecycle::Lifecycle;
use crate::messages::{Broker, EventsOut, TripsIn};
use crate::store::leases::Leases;
use std::sync::Arc;

/// Takes trips to the desk and sends events of the deployment out until the stop.
pub(super) fn start(on: &Standing<'_>, desk: TripDesk, deployment: &[u8; 16], lifecycle: &Lifecycle) {
    let config = &on.config.rabbitmq;
    let Some(url) = &config.url else { return };
    let broker = Broker::new(url.as_str());
    if let Some(queue) = config.trips.get() {
        let trips = TripsIn {
            broker: broker.clone(),
            desk,
            queue: queue.to_owned(),
            prefetch: u16::try_from(config.prefetch.get()).unwrap_or(u16::MAX),
            stop: lifecycle.soft(),
        };
        lifecycle.spawn("trips in", trips.run());
    }
    if let Some(exchange) = config.events.get() {
        let events = EventsOut {
            broker,
            events: Events::new(on.readers.clone(), Arc::clone(on.kek), deployment),
            readers: on.readers.clone(),
            locations: on.locations.clone(),
            leases: Leases::new(on.locations.main().clone(), rand::random()).lasting(EventsOut::LEASE),
            clock: on.clock.clone(),
            exchange: exchange.to_owned(),
            stop: lifecycle.soft(),
        };
        lifecycle.spawn("events out", events.run());
    }
}
