//! Every figure that the gateway tells, by name: what `/metrics` says of it, and what dashboards and alerts may rest on. Where a figure
//! is counted stands beside the thing that it counts.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// What a figure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Grows from zero at the start of the process.
    Counter,
    /// Stands for a state at this moment.
    Gauge,
    /// How often values fell below each bound, their sum and their number.
    Histogram,
}

/// A figure of the process.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name; a histogram's is followed by `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts, if that has a unit.
    pub unit: Unit,
    /// What it says, with its labels.
    pub meaning: &'static str,
}

const fn figure(name: &'static str, kind: Kind, unit: Unit, meaning: &'static str) -> Figure {
    Figure {
        name,
        kind,
        unit,
        meaning,
    }
}

/// All of them, by what they tell of.
pub const FIGURES: [Figure; 37] = [
    figure(
        "carbon_http_requests_total",
        Kind::Counter,
        Unit::Count,
        "Requests answered, by route, method and status.",
    ),
    figure(
        "carbon_http_request_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Time from the head of a request to its answer, by route and method.",
    ),
    figure(
        "carbon_ledger_entries_total",
        Kind::Counter,
        Unit::Count,
        "What this process has booked, by figure as reports name it: trip, refused, quantified, issued, spent and so on.",
    ),
    figure(
        "carbon_ledger_micrograms_total",
        Kind::Counter,
        Unit::Count,
        "The same in micrograms of CO2e.",
    ),
    figure(
        "carbon_trips_refused_total",
        Kind::Counter,
        Unit::Count,
        "Trips that a rule refused, by rule.",
    ),
    figure(
        "carbon_writer_queue_depth",
        Kind::Gauge,
        Unit::Count,
        "Commands that wait for a writer.",
    ),
    figure(
        "carbon_writer_queue_limit",
        Kind::Gauge,
        Unit::Count,
        "Commands that may wait.",
    ),
    figure(
        "carbon_writer_overloaded_total",
        Kind::Counter,
        Unit::Count,
        "Commands turned away because the queue was full.",
    ),
    figure(
        "carbon_writer_batches_total",
        Kind::Counter,
        Unit::Count,
        "Batches that writers have run, committed or not.",
    ),
    figure(
        "carbon_writer_batches_failed_total",
        Kind::Counter,
        Unit::Count,
        "Batches that the database did not take.",
    ),
    figure(
        "carbon_writer_batches_again_total",
        Kind::Counter,
        Unit::Count,
        "Batches run a second time: a lock held elsewhere, a commit that is not to be found, an identity of a trip that is taken.",
    ),
    figure(
        "carbon_writer_rides_read_total",
        Kind::Counter,
        Unit::Count,
        "Rides read to judge trips that came late; those that come in order need none.",
    ),
    figure(
        "carbon_writer_batch_commands",
        Kind::Histogram,
        Unit::Count,
        "Commands in a batch.",
    ),
    figure(
        "carbon_writer_commit_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Time of a batch from its first statement to its commit, the wait for its shards and a second attempt included.",
    ),
    figure(
        "carbon_writer_lock_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Of that, the wait of each attempt until the rows of its shards were locked and read.",
    ),
    figure(
        "carbon_database_commit_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Of that, COMMIT alone.",
    ),
    figure(
        "carbon_database_up",
        Kind::Gauge,
        Unit::Count,
        "1 while the last batch of every writer of a database was taken, 0 otherwise; by database, counted as the settings list them.",
    ),
    figure(
        "carbon_pool_connections",
        Kind::Gauge,
        Unit::Count,
        "Connections for reads, by database and state: busy, idle.",
    ),
    figure(
        "carbon_pool_limit",
        Kind::Gauge,
        Unit::Count,
        "Connections for reads that a database may have.",
    ),
    figure(
        "carbon_dispatch_backlog",
        Kind::Gauge,
        Unit::Count,
        "Transactions on their way to the chain, by status: stored, waiting_for_parents, submitted, refused, dead.",
    ),
    figure(
        "carbon_dispatch_oldest_seconds",
        Kind::Gauge,
        Unit::Seconds,
        "How long the transaction that has waited longest could have left for the chain.",
    ),
    figure(
        "carbon_dispatch_envelopes_total",
        Kind::Counter,
        Unit::Count,
        "Envelopes that have ended, by fate: confirmed, refused, lapsed.",
    ),
    figure(
        "carbon_dispatch_taken_over_total",
        Kind::Counter,
        Unit::Count,
        "Envelopes that nobody cared for any more, taken over by a sweep.",
    ),
    figure(
        "carbon_dispatch_leases_lost_total",
        Kind::Counter,
        Unit::Count,
        "Envelopes that another instance took over first.",
    ),
    figure(
        "carbon_dispatch_sweeps_total",
        Kind::Counter,
        Unit::Count,
        "Sweeps, by outcome: done, failed.",
    ),
    figure(
        "carbon_settle_due_oldest_seconds",
        Kind::Gauge,
        Unit::Seconds,
        "How long the longest due claim or credit of a rider who stays away has been due, when settle-due last began here; 0 while another instance runs it.",
    ),
    figure(
        "carbon_broker_up",
        Kind::Gauge,
        Unit::Count,
        "1 while there is a connection to the broker, 0 otherwise; by what it is for: trips, events.",
    ),
    figure(
        "carbon_intake_messages_total",
        Kind::Counter,
        Unit::Count,
        "Messages taken from the queue of trips and acknowledged, by outcome: created, replayed, refused (put aside with the reason).",
    ),
    figure(
        "carbon_events_published_total",
        Kind::Counter,
        Unit::Count,
        "Events that the broker has confirmed.",
    ),
    figure(
        "carbon_events_lag_entries",
        Kind::Gauge,
        Unit::Count,
        "Entries of the journals that are not published, looked up every five seconds; 0 while another instance publishes.",
    ),
    figure(
        "carbon_job_runs_total",
        Kind::Counter,
        Unit::Count,
        "Times a job was called, by job and outcome: done, elsewhere (another instance has the lease), failed.",
    ),
    figure(
        "carbon_redis_up",
        Kind::Gauge,
        Unit::Count,
        "1 while Redis answers, 0 while it is away; only where the settings name one.",
    ),
    figure(
        "carbon_redis_failures_total",
        Kind::Counter,
        Unit::Count,
        "Questions to Redis without an answer in time, and looks whether it is there that found it away.",
    ),
    figure(
        "carbon_limits_refused_total",
        Kind::Counter,
        Unit::Count,
        "Requests and items of batches answered with 429, by scope: client, rider.",
    ),
    figure(
        "carbon_limits_local_total",
        Kind::Counter,
        Unit::Count,
        "Times this instance counted callers by itself because Redis was away.",
    ),
    figure(
        "carbon_booked_hints_total",
        Kind::Counter,
        Unit::Count,
        "Hints between instances that a shard has something for the chain, by fate: told, lost (nobody listened), heard.",
    ),
    figure(
        "carbon_trace_spans_total",
        Kind::Counter,
        Unit::Count,
        "Spans for the collector of traces, by outcome: sent, lost (it did not take them in time).",
    ),
];

/// Tells the recorder what each figure means.
pub(super) fn describe() {
    for figure in FIGURES {
        let Figure {
            name,
            kind,
            unit,
            meaning,
        } = figure;
        match kind {
            Kind::Counter => describe_counter!(name, unit, meaning),
            Kind::Gauge => describe_gauge!(name, unit, meaning),
            Kind::Histogram => describe_histogram!(name, unit, meaning),
        }
    }
}
