//! `apply(view, command)`: the pure core. A rejected command changes nothing and harms no other of its batch.

use super::activation::activate;
use super::command::{Command, Outcome, Rejection};
use super::submit::submit_trip;
use super::view::View;

/// Applies one command to the view of its shard.
pub fn apply(view: &mut View, command: &Command) -> Result<Outcome, Rejection> {
    match command {
        Command::SubmitTrip(command) => submit_trip(view, command).map(Outcome::Trip),
        Command::Activate(command) => activate(view, command).map(Outcome::Activated),
    }
}
