//! `trace`: from a credit back to its rides, or from a ride forward, read from a data folder beside a running gateway.

pub(super) mod tree;

use super::{CommandError, Setting, output};
use crate::api::problem::{Code, Problem};
use crate::api::trace::{Desk, Part, TripName, credit_document, credit_reference, trip_document};
use crate::clock::Clock;
use crate::config::ChainKind;
use crate::identity::kek::Kek;
use crate::ledger::ground::SourceSecret;
use crate::ledger::ids::{Name, UserId, trip_key};
use crate::reports::trace::Bounds;
use crate::store::db::Readers;
use crate::store::{clients, deployment, reads};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A credit's reference (`cr_…`, or the hash alone); with a trip id, the user who rode.
    #[arg(value_name = "CREDIT|USER")]
    subject: String,
    /// The trip id: traces the trip forward.
    trip: Option<String>,
    /// The client that sent the trip; needed where several sent one of that id.
    #[arg(long, requires = "trip")]
    client: Option<String>,
}

/// What the ledger is read with.
struct Opened {
    readers: Readers,
    kek: Kek,
    source_secret: SourceSecret,
    /// Every client that has had a key.
    clients: Vec<Name>,
    chain: ChainKind,
}

/// Prints the trace; exit 1 if there is no such credit or trip.
pub(super) async fn run(setting: Setting, arguments: Arguments) -> ExitCode {
    match traced(&setting, &arguments).await {
        Ok(Some(document)) => {
            if setting.json {
                output::json(&document);
            } else {
                for line in tree::lines(&document) {
                    output::line(&line);
                }
            }
            ExitCode::SUCCESS
        }
        Ok(None) => {
            output::note("carbon-gateway: the ledger holds nothing of that name");
            ExitCode::from(1)
        }
        Err(error) => output::fail(&error),
    }
}

async fn traced(setting: &Setting, arguments: &Arguments) -> Result<Option<Value>, CommandError> {
    match &arguments.trip {
        None => {
            let (shard, hash) = credit_reference(&arguments.subject).map_err(told)?;
            let opened = open(setting).await?;
            match reads::credit(&opened.readers, shard, &hash).await? {
                None => Ok(None),
                Some(found) => {
                    whole(async |part| {
                        let document = credit_document(&opened.desk(), &found, &part, None).await;
                        document.map(Some).map_err(told)
                    })
                    .await
                }
            }
        }
        Some(trip_id) => {
            let wrong = |name: &str, error: &dyn std::fmt::Display| CommandError::Use(format!("{name}: {error}"));
            let user = UserId::parse(&arguments.subject).map_err(|error| wrong("the user", &error))?;
            let name = |text: &str| Name::parse(text);
            let trip_id = name(trip_id).map_err(|error| wrong("the trip id", &error))?;
            let client = arguments.client.as_deref().map(name).transpose();
            let client = client.map_err(|error| wrong("the client", &error))?;
            let opened = open(setting).await?;
            let Some(client) = opened.client(client, user, &trip_id).await? else {
                return Ok(None);
            };
            whole(async |part| {
                let name = TripName {
                    client: &client,
                    user,
                    trip_id: &trip_id,
                };
                let document = trip_document(&opened.desk(), &name, &part).await.map_err(told)?;
                Ok(document.map(|(_, document)| document))
            })
            .await
        }
    }
}

/// Reads part after part and answers one document.
async fn whole(
    part: impl AsyncFn(Part<'_>) -> Result<Option<Value>, CommandError>,
) -> Result<Option<Value>, CommandError> {
    let bounds = Bounds::ANSWER;
    let Some(mut document) = part(Part { cursor: None, bounds }).await? else {
        return Ok(None);
    };
    while let Some(cursor) = document["next"].as_str().map(str::to_owned) {
        let cursor = Some(cursor.as_str());
        let Some(mut next) = part(Part { cursor, bounds }).await? else {
            return Ok(None);
        };
        for list in ["sources", "credits", "via"] {
            if let (Some(list), Some(more)) = (document[list].as_array_mut(), next[list].as_array_mut()) {
                list.append(more);
            }
        }
        for field in ["complete", "next"] {
            document[field] = next[field].take();
        }
    }
    Ok(Some(document))
}

async fn open(setting: &Setting) -> Result<Opened, CommandError> {
    let folder = setting.existing().await?;
    let locations = setting.homes().await?;
    let mut connection = locations.main().snapshot().await?;
    let founded = deployment::find(&mut connection).await?;
    let founded = founded
        .ok_or_else(|| CommandError::Use(format!("the ledger in {} has no deployment", folder.root().display())))?;
    let kek = Kek::load(&setting.kek_file(), founded.kek_id)?;
    let names: BTreeSet<String> = clients::list(&mut connection)
        .await?
        .into_iter()
        .map(|client| client.name)
        .collect();
    connection.close().await?;
    Ok(Opened {
        readers: locations.readers(1).await?,
        source_secret: kek.unwrap_source(&founded.source_secret, &founded.deployment.id)?,
        kek,
        chain: setting.config.chain.kind,
        clients: names.into_iter().filter_map(|name| Name::parse(name).ok()).collect(),
    })
}

impl Opened {
    fn desk(&self) -> Desk<'_> {
        Desk {
            readers: &self.readers,
            kek: &self.kek,
            source_secret: &self.source_secret,
            chain: self.chain.as_str(),
            now_ms: Clock::System.now_ms(),
        }
    }

    /// The client that sent a trip of that id: the one given, or the only one that did.
    async fn client(&self, given: Option<Name>, user: UserId, trip_id: &Name) -> Result<Option<Name>, CommandError> {
        if given.is_some() {
            return Ok(given);
        }
        let mut found: Vec<&Name> = Vec::new();
        for client in &self.clients {
            let source_key = self.source_secret.source_key(&trip_key(client, user, trip_id));
            if reads::trip(&self.readers, user, &source_key).await?.is_some() {
                found.push(client);
            }
        }
        match found.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).clone())),
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                let names = names.join(", ");
                Err(CommandError::Use(format!(
                    "several clients sent a trip of that id: say --client, one of {names}"
                )))
            }
        }
    }
}

fn told(problem: Problem) -> CommandError {
    CommandError::Use(match problem.code {
        Code::StorageUnavailable => "the ledger does not hold what the trace needs; the log says what".to_owned(),
        _ => problem.detail,
    })
}
