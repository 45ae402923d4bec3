//! `rebind`: the issuer points an address at a key: at its first, if the address receives before it ever issues (a sink, a rider who
//! is sent credits), or at a new one. An address that nobody bound cannot spend, so no first comer can take it.

use super::{Fate, Outcome, outcome};
use crate::codec::Encoder;
use crate::envelope::Rebind;
use crate::record::{Binding, Identity, Record as _};
use crate::refusal::{Error, Refusal};
use crate::state::State;

/// Binds. The number must follow the present one, so that an old order that comes late cannot bring an old key back.
pub(super) fn rebind(state: &mut dyn State, riders: &str, rebind: &Rebind) -> Result<Outcome, Error> {
    let present = Binding::load(state, &rebind.address)?;
    let number = present.as_ref().map_or(0, |binding| binding.number);
    if present.is_some_and(|binding| binding.identity.key_id == rebind.key_id && number == rebind.number) {
        return told(rebind, Fate::Repeat);
    }
    if number.checked_add(1) != Some(rebind.number) {
        return Err(Refusal::BindingNumber {
            address: rebind.address,
            present: number,
            named: rebind.number,
        }
        .into());
    }
    let binding = Binding {
        identity: Identity {
            organisation: riders.to_owned(),
            key_id: rebind.key_id,
        },
        number: rebind.number,
    };
    binding.save(state, &rebind.address)?;
    told(rebind, Fate::Done)
}

fn told(rebind: &Rebind, fate: Fate) -> Result<Outcome, Error> {
    let mut answer = Encoder::document();
    answer.u8(fate.code());
    let mut data = Encoder::document();
    rebind.encode(&mut data);
    Ok(outcome(answer, (fate == Fate::Done).then_some(("rebind", data)))?)
}
