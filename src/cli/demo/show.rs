//! The morning from its first request to the last word: played, confirmed, added up, traced, verified, told.

use super::audit;
use super::caller::Caller;
use super::play::Play;
use super::progress::{Meter, Progress};
use super::scratch::quoted;
use super::story::Story;
use super::told::Told;
use super::watch::{Watched, watch};
use super::{PlayError, output};
use crate::cli::{Setting, verify};
use crate::demo::{Plan, Sums, Wish};
use crate::lifecycle::Lifecycle;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Transactions that may wait to be looked after; beyond it those who book them wait too.
const BOOKED: usize = 1_024;
/// Pages for a person, and what they are.
const PAGES: [(&str, &str); 2] = [
    ("/docs", "every call of the interface"),
    ("/metrics", "the gateway's figures"),
];

/// How a morning ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// Everything is as planned, adds up and is verified.
    Well,
    /// Something is not.
    Wrong,
    /// It was stopped before.
    Interrupted,
}

/// A morning, and where it is played.
pub(super) struct Show {
    pub(super) wish: Wish,
    pub(super) plan: Plan,
    pub(super) caller: Caller,
    pub(super) setting: Setting,
    /// Whether the data goes with the demo.
    pub(super) is_temporary: bool,
    /// Whether the gateway stops after it.
    pub(super) once: bool,
}

impl Show {
    /// Says what will be seen, and where.
    pub(super) fn begin(&self) {
        let Wish { riders, seed, .. } = self.wish;
        let (day, root) = (self.plan.day, self.setting.folder.root().display());
        let fate = if self.is_temporary {
            " (removed at the end; --data DIR keeps one)"
        } else {
            ""
        };
        output::note(&format!(
            "A morning in a made-up city: {riders} riders on {day}, seed {seed}."
        ));
        output::note(&format!("The gateway serves on {}", self.caller.base()));
        output::note(&format!("Its data is in {root}{fate}"));
    }

    /// Plays and tells.
    pub(super) async fn run(self, lifecycle: &Lifecycle) -> Ended {
        let (once, json) = (self.once, self.setting.json);
        match self.play(lifecycle).await {
            Ok((story, further)) => {
                if json {
                    output::json(&story.document());
                } else {
                    for line in story.lines() {
                        output::line(&line);
                    }
                }
                if !once {
                    for line in &further {
                        output::note(line);
                    }
                }
                if story.is_well() { Ended::Well } else { Ended::Wrong }
            }
            Err(_) if lifecycle.is_stopping() => {
                output::note("stopped before the morning was over");
                Ended::Interrupted
            }
            Err(error) => {
                output::fail(&error);
                lifecycle.stop();
                Ended::Wrong
            }
        }
    }

    async fn play(self, lifecycle: &Lifecycle) -> Result<(Story, Vec<String>), PlayError> {
        let (caller, setting) = (self.caller, self.setting);
        let (planned, day) = (Sums::of(&self.plan), self.plan.day);
        let mut played = played(self.plan, &planned, &caller, lifecycle).await?;
        let totals = audit::totals(&caller).await?;
        let mut wrong = played.wrong(&planned);
        wrong.extend(audit::differing_totals(&totals, &played.told.sums));
        wrong.extend(audit::differing_balances(&caller, &played.told.sums).await?);
        let trace = match played.told.credit() {
            Some(credit) => Some(caller.get(&format!("/v1/credits/{credit}/trace")).await?),
            None => None,
        };
        let chain = caller.get("/v1/chain").await?;
        let report = verify::examine(&setting, &verify::Arguments::recomputing()).await;
        output::end_progress();
        let report = report.map_err(Box::new)?;
        let further = if self.once {
            Vec::new()
        } else {
            further(&caller, &setting).await
        };
        let story = Story {
            wish: self.wish,
            day,
            base: caller.base().to_owned(),
            data: setting.folder.root().to_owned(),
            blocks: chain["height"].as_u64().unwrap_or_default(),
            played,
            totals,
            trace,
            report,
            wrong,
        };
        Ok((story, further))
    }
}

/// What was played, before anything is held against it.
pub(super) struct Played {
    pub(super) told: Told,
    pub(super) watched: Watched,
    /// Requests that booked or ordered something.
    pub(super) requests: u64,
    /// Until the last of them was answered.
    pub(super) answered: Duration,
    /// Until all was confirmed.
    pub(super) took: Duration,
}

impl Played {
    /// What is not as planned, taken out of it.
    fn wrong(&mut self, planned: &Sums) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.told.wrong);
        let sums = &self.told.sums;
        if sums != planned {
            wrong.push("the answers do not add up to what was planned".to_owned());
        }
        let (confirmed, booked) = (self.watched.confirmed, sums.transactions());
        if confirmed != booked {
            wrong.push(format!("of {booked} transactions {confirmed} were confirmed"));
        }
        wrong.append(&mut self.watched.failed);
        wrong
    }
}

/// Plays, and waits until the chain has everything.
async fn played(plan: Plan, planned: &Sums, caller: &Caller, lifecycle: &Lifecycle) -> Result<Played, PlayError> {
    let started = Instant::now();
    let meter = Arc::new(Meter::default());
    let size = u64::try_from(plan.requests()).unwrap_or(u64::MAX);
    let progress = Progress::start(&meter, size.saturating_add(planned.transactions()), lifecycle);
    let (sender, booked) = mpsc::channel(BOOKED);
    let following = watch(caller.clone(), booked, Arc::clone(&meter), lifecycle.soft());
    let following = lifecycle.spawn_job("demo watch", following);
    let player = Play::new(caller.clone(), Arc::clone(&meter), sender);
    let told = player.run(plan, lifecycle).await?;
    let answered = started.elapsed();
    let watched = following.await.unwrap_or(Err(PlayError::Interrupted))?;
    drop(progress);
    Ok(Played {
        told,
        watched,
        requests: meter.requests(),
        answered,
        took: started.elapsed(),
    })
}

/// How to look further, for whoever reads along.
async fn further(caller: &Caller, setting: &Setting) -> Vec<String> {
    let base = caller.base();
    let key = quoted(&setting.folder.first_key_file());
    let mut lines = vec![
        String::new(),
        format!("It serves on {base} until Ctrl-C. Look further:"),
        String::new(),
        format!("  KEY=$(cat {key})"),
        format!("  curl -s {base}/v1/users/1000001/balance -H \"Authorization: Bearer $KEY\""),
        format!("  curl -s {base}/v1/users/1000001/trips -H \"Authorization: Bearer $KEY\""),
        format!("  curl -s {base}/v1/chain/blocks/2 -H \"Authorization: Bearer $KEY\""),
    ];
    for (path, what) in PAGES {
        if caller.has_page(path).await {
            lines.push(format!("  {:<45} {what}", format!("{base}{path}")));
        }
    }
    lines
}
