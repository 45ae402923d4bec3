//! Settings that can be read and still are not what somebody wants in production, and the files that they name.

use super::look::Look;
use super::report::Findings;
use super::words::cause;
use crate::app::{self, in_force};
use crate::config::{Config, DatabaseKind, Environment, Synchronous};
use std::error::Error;

pub(super) fn examine(look: &Look<'_>, say: &mut Findings) {
    let config = look.config;
    let word = match config.environment {
        Environment::Demo => "demo",
        Environment::Production => "production",
    };
    say.ok("read", format!("the settings can be read; the environment is {word}"));
    production(config, say);
    if config.environment == Environment::Demo && !is_loopback(config.http.bind.as_str()) {
        let saw = format!(
            "a gateway for trying out listens on {}, where others may reach it",
            config.http.bind
        );
        say.warn(
            "demo_is_open",
            saw,
            "say `environment = \"production\"`, or listen on 127.0.0.1",
        );
    }
    if config.chain.fault_percent.get() > 0 {
        let saw = format!(
            "the chain fails on purpose, {} of a hundred times",
            config.chain.fault_percent.get()
        );
        say.warn("chain_fails_on_purpose", saw, "leave `chain.fault_percent` out");
    }
    rules(config, say);
}

/// What suits a trial and not a city.
fn production(config: &Config, say: &mut Findings) {
    if config.environment != Environment::Production {
        return;
    }
    if config.keys.kek_file.is_none() {
        say.warn(
            "kek_in_data_folder",
            "the key-encryption key lies in the data folder: whoever copies the folder has the data and the key to it",
            "move the file to another place (a mounted secret), and say where in `keys.kek_file`",
        );
    }
    if config.database.synchronous == Synchronous::Normal {
        let what = match config.database.kind {
            DatabaseKind::Sqlite => "ledger and chain",
            DatabaseKind::MySql => "the chain",
        };
        say.warn(
            "synchronous_normal",
            format!("a power cut may lose the last commits of {what} (`database.synchronous = normal`)"),
            "say `full`: what was answered then survives a power cut",
        );
    }
}

/// Methodologies, programmes and networks are read as a start reads them.
fn rules(config: &Config, say: &mut Findings) {
    let advice = "mend the file, or the setting that leads to it; until then no gateway starts";
    let told = |error: &dyn Error| {
        let (text, last) = (error.to_string(), cause(error));
        if text == last { text } else { format!("{text}: {last}") }
    };
    if let Err(error) = app::library(config) {
        say.wrong("rules_unreadable", told(&error), advice);
        return;
    }
    match in_force::wanted(config) {
        Ok(wanted) if wanted.is_empty() => {
            let saw = "the settings bring no programme; what was put in force before stays";
            say.ok("rules", saw);
        }
        Ok(wanted) => {
            let saw = format!(
                "{} programmes, methodologies and networks can be put in force",
                wanted.len()
            );
            say.ok("rules", saw);
        }
        Err(error) => say.wrong("rules_unreadable", told(&error), advice),
    }
}

fn is_loopback(bind: &str) -> bool {
    let host = bind.rsplit_once(':').map_or(bind, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::report::Level;
    use crate::config::Loaded;

    fn codes(settings: &[(&str, &str)]) -> Vec<(&'static str, Level)> {
        let variable = |(name, value): &(&str, &str)| (format!("CARBON_GATEWAY__{name}"), (*value).to_owned());
        let config = Loaded::read(None, settings.iter().map(variable).collect::<Vec<_>>())
            .unwrap()
            .config;
        let mut say = Findings::new();
        let folder = crate::folder::DataFolder::new("unused");
        examine(&Look::new(&config, &folder, &crate::clock::Clock::System), &mut say);
        let mut codes = say.codes();
        codes.retain(|(_, level)| *level != Level::Ok);
        codes
    }

    #[test]
    fn what_suits_a_trial_is_told_in_production() {
        assert_eq!(codes(&[]), []);
        let production = ("ENVIRONMENT", "production");
        let settings = [production, ("DATABASE__SYNCHRONOUS", "normal")];
        let expected = [
            ("kek_in_data_folder", Level::Warning),
            ("synchronous_normal", Level::Warning),
        ];
        assert_eq!(codes(&settings), expected);
        assert_eq!(
            codes(&[production, ("KEYS__KEK_FILE", "kek"), ("HTTP__BIND", "0.0.0.0:80")]),
            []
        );
        let open = [("HTTP__BIND", "0.0.0.0:80"), ("CHAIN__FAULT_PERCENT", "5")];
        let expected = [
            ("demo_is_open", Level::Warning),
            ("chain_fails_on_purpose", Level::Warning),
        ];
        assert_eq!(codes(&open), expected);
        assert_eq!(
            codes(&[("PROGRAMME__DIR", "nowhere")]),
            [("rules_unreadable", Level::Wrong)]
        );
    }

    #[test]
    fn loopback_is_told_from_the_rest() {
        for (bind, loopback) in [
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("localhost:0", true),
            ("0.0.0.0:80", false),
            ("db:1", false),
        ] {
            assert_eq!(is_loopback(bind), loopback, "{bind}");
        }
    }
}
