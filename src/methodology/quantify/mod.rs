//! Quantifying: one leg by one methodology, exact from end to end, floored at zero and rounded once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::methodology::document::Override;
use crate::methodology::family::{Activity, Formula, Role};
use crate::methodology::set::{Methodology, MethodologyRef};
use crate::methodology::trip::{InputError, LARGEST_INPUT, Leg};
use crate::methodology::units::{Amount, Ratio};

/// What a leg earned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegFigure {
    /// Grams, at least zero, in whole micrograms.
    pub quantified: Amount,
    /// The exact grams before the floor at zero and the rounding, for audit.
    pub unfloored: Ratio,
    /// By which methodology.
    pub methodology: Arc<MethodologyRef>,
}

/// Whose word the replaced parameters of a leg are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replacing {
    /// A trip's: it may replace what the set marks for trips.
    Trip,
    /// A what-if's, which stores nothing: what the set marks for the operator too.
    WhatIf,
}

/// Quantifies a leg under `word`, the methodology's own word for its mode. A mode the methodology does not name earns
/// nothing and is no error. Mistakes point into the leg (`/distance_m`) and are all reported at once.
pub fn quantify_leg(
    methodology: &Methodology,
    word: &str,
    leg: &Leg,
    replacing: Replacing,
) -> Result<LegFigure, Vec<InputError>> {
    let reference = Arc::clone(methodology.reference());
    let mut mistakes = size_mistakes(leg);
    let Some(formula) = methodology.formula(word) else {
        let nothing = LegFigure {
            quantified: Amount::ZERO,
            unfloored: Ratio::zero(),
            methodology: reference,
        };
        return if mistakes.is_empty() {
            Ok(nothing)
        } else {
            Err(mistakes)
        };
    };
    let roles = formula.roles();
    let mut values: BTreeMap<String, Ratio> = BTreeMap::new();
    for (name, _) in &roles {
        if let Some(value) = methodology
            .document()
            .parameters
            .get(*name)
            .and_then(|found| found.value.clone())
        {
            values.insert((*name).to_owned(), value);
        }
    }
    for (name, value) in &leg.replace {
        match refused_replacement(methodology, formula, &roles, (name, value), replacing) {
            Some(reason) => mistakes.push(InputError::invalid(format!("/replace/{name}"), reason)),
            None => {
                values.insert(name.clone(), value.clone());
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let unfloored = formula.unfloored(&Activity {
        leg,
        values: &values,
        tables: methodology.tables_by_name(),
    })?;
    let floored = unfloored.clone().max(Ratio::zero());
    let Some(quantified) = floored.grams_to_amount(methodology.document().rounding.engine.mode) else {
        return Err(vec![InputError::invalid(
            formula.measure(),
            "the result is beyond 2^63 - 1 micrograms",
        )]);
    };
    Ok(LegFigure {
        quantified,
        unfloored,
        methodology: reference,
    })
}

/// Quantifies legs by one methodology under its own mode words, whatever the times. Mistakes point into the list
/// (`/legs/0/distance_m`).
pub fn what_if(methodology: &Methodology, legs: &[Leg]) -> Result<Vec<LegFigure>, Vec<InputError>> {
    let mut figures = Vec::new();
    let mut mistakes = Vec::new();
    for (index, leg) in legs.iter().enumerate() {
        match quantify_leg(methodology, &leg.mode, leg, Replacing::WhatIf) {
            Ok(figure) => figures.push(figure),
            Err(of_leg) => mistakes.extend(
                of_leg
                    .into_iter()
                    .map(|mistake| mistake.under(&format!("/legs/{index}"))),
            ),
        }
    }
    if mistakes.is_empty() {
        mistakes.extend(total_mistake(&figures));
    }
    if mistakes.is_empty() {
        Ok(figures)
    } else {
        Err(mistakes)
    }
}

/// A sum over the legs beyond 64 bits, if there is one.
pub(super) fn total_mistake(figures: &[LegFigure]) -> Option<InputError> {
    let total = figures
        .iter()
        .try_fold(Amount::ZERO, |total, figure| total.checked_add(figure.quantified));
    total
        .is_none()
        .then(|| InputError::invalid("/legs", "the legs' sum is beyond 2^63 - 1 micrograms"))
}

fn size_mistakes(leg: &Leg) -> Vec<InputError> {
    let metres = leg.distance.as_ref().map(|distance| distance.metres);
    let inputs = [
        ("/distance_m", metres),
        ("/energy_wh", leg.energy_wh),
        ("/events", leg.events),
    ];
    let beyond = inputs
        .into_iter()
        .filter(|(_, input)| input.is_some_and(|count| count > LARGEST_INPUT));
    beyond
        .map(|(field, _)| InputError::invalid(field, "at most 10^15"))
        .collect()
}

/// Why a value may not stand in a parameter's place, if it may not.
fn refused_replacement(
    methodology: &Methodology,
    formula: &Formula,
    roles: &[(&str, Role)],
    (name, value): (&str, &Ratio),
    replacing: Replacing,
) -> Option<String> {
    if replacing == Replacing::WhatIf && formula.givens().contains(&name) {
        return None;
    }
    let mut taken = roles.iter().filter(|(role_of, _)| *role_of == name).peekable();
    if taken.peek().is_none() {
        return Some(format!("the formula of this mode takes no {name}"));
    }
    let marked = methodology
        .document()
        .parameters
        .get(name)
        .and_then(|parameter| parameter.replaceable);
    let allowed = match marked {
        Some(Override::Trip) => true,
        Some(Override::Operator) => replacing == Replacing::WhatIf,
        None => false,
    };
    if !allowed {
        return Some(format!("{name} may not be replaced here"));
    }
    taken
        .find_map(|(_, role)| role.refuses_value(value))
        .map(|reason| format!("{name} {reason}"))
}

#[cfg(test)]
mod tests;
