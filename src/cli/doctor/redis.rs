//! Redis: whether it answers in time, and whether it may fill up.

use super::look::Look;
use super::report::Findings;
use super::words::{cause, lasting};
use crate::redis::seen::{self, Seen, Unseen};

/// The first version whose scripts may read the time and write.
const OLDEST: u32 = 5;

pub(super) async fn examine(look: &Look<'_>, say: &mut Findings) {
    let config = &look.config.redis;
    let Some(url) = &config.url else {
        return say.ok(
            "none",
            "the settings name no Redis: each instance counts its own callers and asks the database",
        );
    };
    match seen::look(config, url.as_str()).await {
        Ok(seen) => judge(&seen, say),
        Err(Unseen::Away(error)) => say.wrong(
            "away",
            format!(
                "it does not let us in, or not within {} ms (`redis.timeout_ms`): {}",
                config.timeout_ms.get(),
                cause(&error)
            ),
            "nothing is lost without it: instances count callers by themselves meanwhile; see that it runs, and that `redis.url` is right",
        ),
        Err(Unseen::Address(error)) => say.wrong(
            "address",
            error.to_string(),
            "write it as redis://user:password@host:6379/0",
        ),
    }
}

fn judge(seen: &Seen, say: &mut Findings) {
    let saw = format!("Redis {} answers within {}", seen.version, lasting(seen.took));
    let major = seen
        .version
        .split('.')
        .next()
        .and_then(|number| number.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST) {
        say.wrong("old", saw, format!("limits need Redis {OLDEST} or later"));
    } else {
        say.ok("answers", saw);
    }
    if let (Some(bytes), "noeviction") = (seen.most_bytes, seen.lets_go.as_str()) {
        say.warn(
            "may_fill",
            format!("it takes no more than {} MiB and then refuses to write", bytes >> 20),
            "set `maxmemory-policy allkeys-lru`: nothing in it is missed",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;
    use std::time::Duration;

    #[test]
    fn what_a_redis_is_worth() {
        let judged = |version: &str, most_bytes: Option<u64>| {
            let mut say = Findings::new();
            let seen = Seen {
                version: version.to_owned(),
                most_bytes,
                lets_go: "noeviction".to_owned(),
                took: Duration::from_millis(1),
            };
            judge(&seen, &mut say);
            say.codes()
        };
        assert_eq!(judged("7.0.15", None), [("answers", Level::Ok)]);
        assert_eq!(judged("3.2.1", None), [("old", Level::Wrong)]);
        let bounded = [("answers", Level::Ok), ("may_fill", Level::Warning)];
        assert_eq!(judged("6.2", Some(1 << 27)), bounded);
    }
}
