//! Whether a gateway serves where the settings would have it, and what it says of itself.

use super::look::Look;
use super::report::Findings;
use super::words::cause;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// As long as a balancer would wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// What `/readyz` answers.
#[derive(Deserialize)]
struct Ready {
    ready: bool,
    checks: BTreeMap<String, serde_json::Value>,
}

pub(super) async fn examine(look: &Look<'_>, say: &mut Findings) {
    let Some(base) = base_of(look.config.http.bind.as_str()) else {
        return say.ok(
            "anywhere",
            "a gateway listens on a port that is not fixed (`http.bind`), so none is looked for",
        );
    };
    say.of(super::Part::Gateway, Some(base.clone()));
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    let answer = match client {
        Ok(client) => client.get(format!("{base}/readyz")).send().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => judge(answer.json().await.ok(), say),
        Err(error) if error.is_connect() => {
            say.ok("none", "nobody listens there: no gateway serves on this machine now");
        }
        Err(error) => {
            let saw = format!("somebody listens there and does not answer: {}", cause(&error));
            say.wrong(
                "silent",
                saw,
                "if it is the gateway, it hangs: keep its log, and end it (SIGTERM, after 30 seconds SIGKILL)",
            );
        }
    }
}

fn judge(ready: Option<Ready>, say: &mut Findings) {
    match ready {
        None => {
            let saw = "something that is no gateway listens there: a gateway cannot start on this address";
            say.warn("other", saw, "end what it is, or give the gateway another `http.bind`");
        }
        Some(Ready { ready: true, .. }) => say.ok("ready", "a gateway serves there and is ready"),
        Some(Ready { checks, .. }) => {
            let lacking = checks
                .iter()
                .filter(|(_, said)| **said == "unavailable" || **said == true);
            let lacking: Vec<&str> = lacking.map(|(name, _)| name.as_str()).collect();
            let saw = format!("a gateway serves there and is not ready: {}", lacking.join(", "));
            say.wrong(
                "not_ready",
                saw,
                "what is named here is what it waits for; `draining` is a stop that has begun",
            );
        }
    }
}

/// Where a gateway is reached from this machine that listens so; `None` for whatever port is free.
fn base_of(bind: &str) -> Option<String> {
    let (host, port) = bind.rsplit_once(':')?;
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    (!port.trim_start_matches('0').is_empty()).then(|| format!("http://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;

    #[test]
    fn an_address_to_listen_on_becomes_one_to_call() {
        assert_eq!(base_of("0.0.0.0:80").as_deref(), Some("http://127.0.0.1:80"));
        assert_eq!(base_of("[::]:8080").as_deref(), Some("http://[::1]:8080"));
        assert_eq!(base_of("gateway-1:8080").as_deref(), Some("http://gateway-1:8080"));
        assert_eq!(base_of("127.0.0.1:0"), None);
    }

    #[test]
    fn what_a_gateway_says_of_itself() {
        let judged = |text: &str| {
            let mut say = Findings::new();
            judge(serde_json::from_str(text).ok(), &mut say);
            say.codes()
        };
        let ready = r#"{"ready": true, "checks": {"database": "ok", "chain": "ok", "draining": false}}"#;
        assert_eq!(judged(ready), [("ready", Level::Ok)]);
        let away = r#"{"ready": false, "checks": {"database": "unavailable", "chain": "ok", "draining": false}}"#;
        assert_eq!(judged(away), [("not_ready", Level::Wrong)]);
        assert_eq!(judged("<html>"), [("other", Level::Warning)]);
    }
}
