//! Queries: what the contract keeps, by name. Anybody may ask.

use crate::Hash;
use crate::codec::Decoder;
use crate::record::Installed;
use crate::refusal::{Error, Refusal};
use crate::state::{Key, Room, State};

/// `00`, or `01` and the document that stands under a name; `None` if the method is no query.
pub(super) fn query(state: &dyn State, method: &str, argument: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let room = match method {
        "installation" => Room::Installation,
        "credit" => Room::Credit,
        "source" => Room::Source,
        "transaction" => Room::Transaction,
        "binding" => Room::Binding,
        _ => return Ok(None),
    };
    let name = match room {
        Room::Installation if argument.is_empty() => Installed::NAME,
        _ => name(argument)?,
    };
    let found = state.get(&Key::new(room, name))?;
    Ok(Some(match found {
        None => vec![0],
        Some(document) => [vec![1], document].concat(),
    }))
}

fn name(argument: &[u8]) -> Result<Hash, Refusal> {
    let mut d = Decoder::part(argument);
    let name = d.hash().map_err(Refusal::NotCanonical)?;
    d.finish().map_err(Refusal::NotCanonical)?;
    Ok(name)
}
