//! `apply(view, command)`: the pure core. A rejected command changes nothing but what time had done before it, and harms no
//! other of its batch.

use super::activation::activate;
use super::collect::collect;
use super::command::{Command, Outcome, Rejection};
use super::due::settle_due;
use super::merge::merge;
use super::redeem::redeem;
use super::settle::{postpone, record, redrive, settle};
use super::submit::submit_trip;
use super::view::View;

/// Applies one command to the view of its shard.
pub fn apply(view: &mut View, command: &Command) -> Result<Outcome, Rejection> {
    match command {
        Command::SubmitTrip(command) => submit_trip(view, command).map(Outcome::Trip),
        Command::Collect(command) => collect(view, command).map(Outcome::Answered),
        Command::Redeem(command) => redeem(view, command).map(Outcome::Answered),
        Command::Merge(command) => merge(view, command).map(Outcome::Settled),
        Command::SettleDue(command) => settle_due(view, command).map(Outcome::Settled),
        Command::Record(command) => record(view, command).map(|()| Outcome::Recorded),
        Command::Settle(command) => settle(view, command).map(Outcome::Settled),
        Command::Postpone(command) => postpone(view, command).map(|()| Outcome::Recorded),
        Command::Redrive(command) => redrive(view, command).map(Outcome::Settled),
        Command::Activate(command) => activate(view, command).map(Outcome::Activated),
    }
}
