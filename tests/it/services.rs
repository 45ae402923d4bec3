//! Redis and RabbitMQ, where the tests are told of them. Where they are not at hand, a test says so.

use crate::support::skipping;

/// The address of Redis, or `None` with a line that says which test was skipped.
pub(crate) fn redis(test: &str) -> Option<String> {
    named("CARBON_TEST_REDIS", test)
}

/// The address of RabbitMQ, likewise.
pub(crate) fn broker(test: &str) -> Option<String> {
    named("CARBON_TEST_AMQP", test)
}

#[expect(clippy::disallowed_methods, reason = "the test script names the servers by these variables")]
fn named(variable: &str, test: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        skipping(test, &format!("{variable} names no server"));
    }
    url
}
