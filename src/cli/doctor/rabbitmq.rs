//! The broker: whether it lets us in, who takes what from its queues, and what was put aside.

use super::look::Look;
use super::report::Findings;
use super::words::{lasting, many};
use crate::config::RabbitMqConfig;
use crate::messages::{self, QueueSeen};
use std::time::Instant;

/// Messages that may wait without anybody having to look.
const FEW: u32 = 10_000;

pub(super) async fn examine(look: &Look<'_>, say: &mut Findings) {
    let config = &look.config.rabbitmq;
    let Some(url) = &config.url else {
        return say.ok(
            "none",
            "the settings name no broker: no trips come by a queue, and no events go out",
        );
    };
    let names = names(config);
    let begun = Instant::now();
    match messages::queues(url.as_str(), &names).await {
        Err(messages::Unseen(why)) => say.wrong(
            "away",
            format!("the broker does not let us in, or not at our queues: {}", why.trim_end_matches('.')),
            "requests are served without it, and nothing is lost; see that it runs, that user and virtual host in `rabbitmq.url` are right, and what the user may",
        ),
        Ok(seen) => {
            say.ok("answers", format!("it lets us in within {}", lasting(begun.elapsed())));
            for (name, seen) in names.iter().zip(seen) {
                judge(config, name, seen, say);
            }
        }
    }
}

/// The queues that the settings speak of: of trips, of what was put aside, of events.
fn names(config: &RabbitMqConfig) -> Vec<String> {
    let trips = config.trips.get().map(|name| [name.to_owned(), format!("{name}.dead")]);
    let events = config.events.get().map(str::to_owned);
    trips.into_iter().flatten().chain(events).collect()
}

fn judge(config: &RabbitMqConfig, name: &str, seen: Option<QueueSeen>, say: &mut Findings) {
    let is = |one: Option<&str>| one == Some(name);
    let Some(QueueSeen { messages, consumers }) = seen else {
        let saw = format!("there is no queue {name}");
        let advice = if is(config.events.get()) {
            "a gateway makes it where there is no exchange of that name; whoever has bound queues of his own to the exchange needs none"
        } else {
            "a gateway makes it when it starts with these settings"
        };
        return say.warn("queue_missing", saw, advice);
    };
    let told = many(messages, "message");
    if !is(config.trips.get()) && !is(config.events.get()) {
        return match messages {
            0 => say.ok("aside_none", format!("{name} is empty: nothing had to be put aside")),
            _ => say.warn(
                "aside",
                format!("{told} in {name} could not be taken"),
                "their headers `x-carbon-code` and `x-carbon-detail` say why; mend that and move them back",
            ),
        };
    }
    let saw = format!("{name} has {told} waiting and {}", many(consumers, "consumer"));
    if consumers == 0 && messages > 0 {
        say.warn(
            "unread",
            saw,
            "nobody takes them: for trips a gateway has to run, for events one of your systems",
        );
    } else if messages > FEW {
        say.warn(
            "back_log",
            saw,
            "they come faster than they are taken, or whoever takes them has just come back",
        );
    } else {
        say.ok("queue", saw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;
    use crate::config::Loaded;

    #[test]
    fn what_queues_say() {
        let config = Loaded::read(None, []).unwrap().config.rabbitmq;
        assert_eq!(names(&config), ["carbon.trips", "carbon.trips.dead", "carbon.events"]);
        let judged = |name: &str, seen: Option<(u32, u32)>| {
            let mut say = Findings::new();
            let seen = seen.map(|(messages, consumers)| QueueSeen { messages, consumers });
            judge(&config, name, seen, &mut say);
            say.codes()
        };
        assert_eq!(judged("carbon.trips", None), [("queue_missing", Level::Warning)]);
        assert_eq!(judged("carbon.trips", Some((5, 1))), [("queue", Level::Ok)]);
        assert_eq!(judged("carbon.trips", Some((5, 0))), [("unread", Level::Warning)]);
        assert_eq!(
            judged("carbon.events", Some((10_001, 1))),
            [("back_log", Level::Warning)]
        );
        assert_eq!(judged("carbon.trips.dead", Some((0, 0))), [("aside_none", Level::Ok)]);
        assert_eq!(judged("carbon.trips.dead", Some((3, 0))), [("aside", Level::Warning)]);
    }
}
