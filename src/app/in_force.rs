//! What is in force: the settings and the compiled-in programme say what is wanted, the ledger records it, and what serves is
//! built from the recorded bytes alone.

use super::{AppError, library};
use crate::config::{self, Config, FilePath};
use crate::distance::Network;
use crate::import::ways::read_network;
use crate::ledger::activation::{Activate, Activation, ActivationKind};
use crate::ledger::command::{Command, Meta};
use crate::ledger::ids::Name;
use crate::methodology::{Environment, Library, Programme};
use crate::store::writer::Ledger;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const BUILT_IN: &str = "built-in";
const SETTINGS: &str = "settings";

/// Programmes and what they stand on, built from recorded bytes.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// By id.
    pub programmes: BTreeMap<String, Arc<Programme>>,
    /// By id.
    pub networks: BTreeMap<String, Arc<Network>>,
}

impl InForce {
    /// Builds what the activations say; every network that a programme names must be among them.
    pub fn build(activations: &[Activation], environment: Environment) -> Result<Self, AppError> {
        let of = |kind| activations.iter().filter(move |activation| activation.kind == kind);
        let files = of(ActivationKind::Table).chain(of(ActivationKind::Methodology));
        let named = files.map(|file| (format!("{} {}.json", file.id, file.version), file.bytes.clone()));
        let library = Library::default().load_dir(named)?;
        let mut built = Self::default();
        for activation in of(ActivationKind::Network) {
            let network = Network::parse(&activation.bytes)?;
            built.networks.insert(network.id().to_owned(), Arc::new(network));
        }
        for activation in of(ActivationKind::Programme) {
            let programme = Programme::parse(&activation.bytes, &library, environment)?;
            built.programmes.insert(programme.id().to_owned(), Arc::new(programme));
        }
        built.check_networks()?;
        Ok(built)
    }

    /// Insists that every network which a programme names is there.
    pub(super) fn check_networks(&self) -> Result<(), AppError> {
        for programme in self.programmes.values() {
            for (mode, binding) in programme.modes() {
                if let Some(network) = binding
                    .network()
                    .filter(|network| !self.networks.contains_key(*network))
                {
                    return Err(AppError::NetworkMissing {
                        programme: programme.id().to_owned(),
                        mode: mode.to_owned(),
                        network: network.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// The environment as the pure rooms know it.
pub fn environment(config: &Config) -> Environment {
    match config.environment {
        config::Environment::Demo => Environment::Demo,
        config::Environment::Production => Environment::Production,
    }
}

/// What the settings want in force, in the order in which one refers to the other.
pub fn wanted(config: &Config) -> Result<Vec<Activation>, AppError> {
    let library = library(config)?;
    let mut programmes = Vec::new();
    if matches!(config.environment, config::Environment::Demo) {
        programmes.push((Programme::demo(&library)?, BUILT_IN));
    }
    for (_, bytes) in files(config.programme.dir.as_ref(), "toml")? {
        programmes.push((Programme::parse(&bytes, &library, environment(config))?, SETTINGS));
    }
    let mut wanted = Vec::new();
    for (programme, confirmed_by) in &programmes {
        push_sets(&mut wanted, programme, confirmed_by);
    }
    let mut networks = Vec::new();
    for (_, bytes) in files(config.network.dir.as_ref(), "json")? {
        networks.push(Network::parse(&bytes)?);
    }
    for (path, _) in files(config.network.dir.as_ref(), "toml")? {
        networks.push(read_network(Path::new(&path), &config::shared_dir())?);
    }
    for network in &networks {
        let name = (ActivationKind::Network, network.id(), network.version());
        push(&mut wanted, activation(name, SETTINGS, network.bytes()));
    }
    for (programme, confirmed_by) in &programmes {
        let name = (ActivationKind::Programme, programme.id(), "");
        push(&mut wanted, activation(name, confirmed_by, programme.bytes()));
    }
    Ok(wanted)
}

/// What a programme of its own wants in force: its parameter sets and tables, and itself.
pub fn wanted_by(programme: &Programme, confirmed_by: &str) -> Vec<Activation> {
    let mut wanted = Vec::new();
    push_sets(&mut wanted, programme, confirmed_by);
    let name = (ActivationKind::Programme, programme.id(), "");
    push(&mut wanted, activation(name, confirmed_by, programme.bytes()));
    wanted
}

/// Has the ledger record what is wanted; what is in force already changes nothing.
pub async fn activate(ledger: &Ledger, wanted: Vec<Activation>) -> Result<(), AppError> {
    let client = Name::parse("gateway").map_err(|_| AppError::Activation("the gateway's own name".to_owned()))?;
    for activation in wanted {
        let meta = Meta {
            client: client.clone(),
            request_id: "start".to_owned(),
        };
        let name = format!("{} {} {}", activation.kind.as_str(), activation.id, activation.version);
        let command = Command::Activate(Arc::new(Activate { meta, activation }));
        ledger
            .submit(command)
            .await
            .map_err(|error| AppError::Activation(format!("{name}: {error}")))?;
    }
    Ok(())
}

/// The files of a folder with an ending, sorted by path; none without a folder.
pub(super) fn files(folder: Option<&FilePath>, ending: &str) -> Result<Vec<(String, Vec<u8>)>, AppError> {
    let Some(folder) = folder.map(FilePath::as_path) else {
        return Ok(Vec::new());
    };
    let io = |source| AppError::SettingsFolder {
        folder: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder).map_err(io)? {
        let path = file.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            files.push((display(&path), std::fs::read(&path).map_err(io)?));
        }
    }
    files.sort();
    Ok(files)
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

fn activation((kind, id, version): (ActivationKind, &str, &str), confirmed_by: &str, bytes: &[u8]) -> Activation {
    Activation {
        kind,
        id: id.to_owned(),
        version: version.to_owned(),
        confirmed_by: confirmed_by.to_owned(),
        bytes: bytes.to_vec(),
    }
}

/// The parameter sets that a programme binds, each behind its tables.
fn push_sets(wanted: &mut Vec<Activation>, programme: &Programme, confirmed_by: &str) {
    for (_, binding) in programme.modes() {
        let set = binding.methodology();
        let tables = set
            .tables()
            .map(|table| (ActivationKind::Table, table.id(), table.version(), table.bytes()));
        let set = (ActivationKind::Methodology, set.id(), set.version(), set.bytes());
        for (kind, id, version, bytes) in tables.chain([set]) {
            push(wanted, activation((kind, id, version), confirmed_by, bytes));
        }
    }
}

/// Two programmes may stand on the same set.
fn push(wanted: &mut Vec<Activation>, activation: Activation) {
    if wanted
        .iter()
        .all(|known| known.slot() != activation.slot() || known.bytes != activation.bytes)
    {
        wanted.push(activation);
    }
}
