//! How the process stops, and what its exit code says about it. First, if so set, a notice: it serves on, and says that it will
//! leave. Phase 1 (soft): take no new work, finish what is open.
//! Phase 2 (hard): drop what still runs; the database keeps it for the next start. Every task of the program starts here,
//! so that none can end unnoticed and none is forgotten when the process stops.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{future, io, thread};

use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long dropped tasks get to run their destructors before the process leaves anyway.
const DROP_BUDGET: Duration = Duration::from_secs(2);

/// How the process came to its end; [`exit_code`](Self::exit_code) tells it to whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Phase 1 was enough: everything that was begun was finished.
    Clean,
    /// Phase 2 cut something off; it stays in the database for the next start.
    WorkLeft,
    /// A long-lived task ended by itself or panicked: the stop was not asked for, and an operator should look.
    Failed,
}

impl Stopped {
    /// 0, 3 or 1, as the command line promises.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::WorkLeft => 3,
        }
    }
}

impl From<Stopped> for ExitCode {
    fn from(stopped: Stopped) -> Self {
        Self::from(stopped.exit_code())
    }
}

/// SIGTERM and SIGINT, caught from the moment this is made: make it before the work starts, or an early signal kills the
/// process in the middle of it.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals over from the operating system's default, which is to end the process at once.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        let name = select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "signal received");
    }
}

/// The life of the process, shared by all who start tasks or must know that the end has come. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    leaving: CancellationToken,
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
    notice: Duration,
    phase1_budget: Duration,
}

impl Lifecycle {
    /// A life whose phase 1 lasts at most `phase1_budget`; with the short phase 2 it must stay below the time after which
    /// the orchestrator kills.
    pub fn new(phase1_budget: Duration) -> Self {
        let hard = CancellationToken::new();
        let soft = hard.child_token();
        Self {
            leaving: soft.child_token(),
            soft,
            hard,
            tasks: TaskTracker::new(),
            failed: Arc::new(AtomicBool::new(false)),
            notice: Duration::ZERO,
            phase1_budget,
        }
    }

    /// The same with a notice: after the first signal everything goes on for so long, so that whoever sends requests here by
    /// asking whether we are ready has time to hear that we are not.
    #[must_use]
    pub fn with_notice(mut self, notice: Duration) -> Self {
        self.notice = notice;
        self
    }

    /// Cancelled when phase 1 begins (and so in phase 2 too): take nothing new, finish what is open, return.
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when phase 2 begins. Tasks started here are dropped by themselves; only what lives elsewhere (a pool, a
    /// server with threads of its own) has to listen.
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Whether a signal has come, or the stop has begun: readiness answers 503 from then on, and no connection is kept.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Whether the stop has begun: nothing new is taken from then on.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Begins phase 1 without a notice.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Starts a task that shall live until phase 1. If it returns before that, or panics at any time, the process can no
    /// longer do its work: phase 1 begins and the exit code says [`Stopped::Failed`].
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let life = self.clone();
        self.tasks.spawn(async move {
            let _watch = TaskWatch { life: &life, name };
            select! {
                () = task => {}
                () = life.hard.cancelled() => tracing::warn!(task = name, "task dropped in phase 2"),
            }
        });
    }

    /// Starts a short piece of work that must not end with its caller, such as a database transaction on behalf of a request
    /// that may be dropped. A panic fails only this job. The receiver gives the result, or an error if the job panicked or
    /// was dropped in phase 2; who does not care drops it.
    pub fn spawn_job<T: Send + 'static>(
        &self,
        name: &'static str,
        job: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let hard = self.hard.clone();
        self.tasks.spawn(async move {
            let _watch = JobWatch { name };
            select! {
                // The caller may be gone: the work is done all the same, only nobody hears of it.
                value = job => drop(sender.send(value)),
                () = hard.cancelled() => tracing::warn!(job = name, "job dropped in phase 2"),
            }
        });
        receiver
    }

    /// Runs until everything has stopped: the first signal begins the notice, or phase 1 where there is none, and each that follows
    /// what comes next, as the end of its time does.
    pub async fn run_until_stopped(&self, mut signals: Signals) -> Stopped {
        self.drive(async || signals.next().await).await
    }

    /// As [`run_until_stopped`](Self::run_until_stopped), but without signals: the stop comes from [`stop`](Self::stop) or
    /// from a task that ends.
    pub async fn wait(&self) -> Stopped {
        self.drive(async || future::pending().await).await
    }

    async fn drive(&self, mut next_signal: impl AsyncFnMut()) -> Stopped {
        select! {
            () = self.soft.cancelled() => {}
            () = next_signal() => self.give_notice(&mut next_signal).await,
        }
        self.soft.cancel();
        self.tasks.close();
        tracing::info!(
            budget_s = self.phase1_budget.as_secs(),
            open = self.tasks.len(),
            "stopping, phase 1"
        );

        let work_left = select! {
            biased;
            () = self.tasks.wait() => false,
            () = self.hard.cancelled() => true,
            () = next_signal() => true,
            () = sleep(self.phase1_budget) => true,
        };
        if work_left {
            tracing::warn!(open = self.tasks.len(), "stopping, phase 2");
            self.hard.cancel();
            if timeout(DROP_BUDGET, self.tasks.wait()).await.is_err() {
                tracing::error!(open = self.tasks.len(), "tasks that do not yield are left behind");
            }
        }

        // After a clean phase 1 too: what lives outside of our tasks waits for it.
        self.hard.cancel();
        if self.failed.load(Ordering::SeqCst) {
            Stopped::Failed
        } else if work_left {
            Stopped::WorkLeft
        } else {
            Stopped::Clean
        }
    }

    /// Leaves time to hear that we shall stop, unless something stops us.
    async fn give_notice(&self, next_signal: &mut impl AsyncFnMut()) {
        self.leaving.cancel();
        if self.notice.is_zero() {
            return;
        }
        tracing::info!(notice_s = self.notice.as_secs(), "leaving: still serving");
        select! {
            () = self.soft.cancelled() => {}
            () = next_signal() => {}
            () = sleep(self.notice) => {}
        }
    }
}

/// Sees the end of a long-lived task, by return or by panic, because it is dropped with it.
struct TaskWatch<'life> {
    life: &'life Lifecycle,
    name: &'static str,
}

impl Drop for TaskWatch<'_> {
    fn drop(&mut self) {
        let end = if thread::panicking() {
            "panicked"
        } else if self.life.soft.is_cancelled() {
            return;
        } else {
            "ended by itself"
        };
        tracing::error!(task = self.name, "long-lived task {end}: stopping");
        self.life.failed.store(true, Ordering::SeqCst);
        self.life.soft.cancel();
    }
}

/// Names the job whose panic the runtime has caught.
struct JobWatch {
    name: &'static str,
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(job = self.name, "job panicked: it alone has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;

    const BUDGET: Duration = Duration::from_secs(30);

    /// Drives a life by signals that come `at` these instants after the start, then never again.
    async fn drive(life: &Lifecycle, at: &[u64]) -> Stopped {
        let start = Instant::now();
        let mut due: Vec<_> = at.iter().rev().map(|s| start + Duration::from_secs(*s)).collect();
        life.drive(async || match due.last() {
            Some(instant) => {
                tokio::time::sleep_until(*instant).await;
                due.pop();
            }
            None => future::pending().await,
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_lets_open_work_end() {
        let life = Lifecycle::new(BUDGET);
        let (sender, mut receiver) = mpsc::channel(4);
        let soft = life.soft();
        life.spawn("drain", async move {
            soft.cancelled().await;
            sleep(Duration::from_secs(29)).await;
            sender.send("flushed").await.unwrap();
        });
        assert_eq!(drive(&life, &[1]).await, Stopped::Clean);
        assert_eq!(receiver.recv().await, Some("flushed"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_drops_what_is_left() {
        let life = Lifecycle::new(BUDGET);
        let start = Instant::now();
        life.spawn("stuck", future::pending());
        assert_eq!(drive(&life, &[1]).await, Stopped::WorkLeft);
        assert_eq!(start.elapsed().as_secs(), 31);
        assert!(life.hard().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_goes_before_the_stop_and_a_second_signal_ends_it() {
        for (signals, stops_at) in [(&[1][..], 6), (&[1, 3], 3)] {
            let life = Lifecycle::new(BUDGET).with_notice(Duration::from_secs(5));
            let (start, soft, watched) = (Instant::now(), life.soft(), life.clone());
            life.spawn("watch", async move {
                sleep(Duration::from_secs(2)).await;
                assert!(watched.is_leaving() && !watched.is_stopping());
                soft.cancelled().await;
            });
            assert!(!life.is_leaving());
            assert_eq!(drive(&life, signals).await, Stopped::Clean);
            assert_eq!(start.elapsed().as_secs(), stops_at);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_does_not_wait_for_the_deadline() {
        let life = Lifecycle::new(BUDGET);
        let start = Instant::now();
        let lost = life.spawn_job("stuck", future::pending::<()>());
        assert_eq!(drive(&life, &[1, 3]).await, Stopped::WorkLeft);
        assert_eq!(start.elapsed().as_secs(), 3);
        assert!(lost.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_by_itself_stops_the_process_and_fails_it() {
        let life = Lifecycle::new(BUDGET);
        let soft = life.soft();
        life.spawn("orderly", async move { soft.cancelled().await });
        life.spawn("quitter", async {});
        assert_eq!(life.wait().await, Stopped::Failed);
        assert!(life.is_stopping());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_task_fails_the_process_even_while_it_stops() {
        let life = Lifecycle::new(BUDGET);
        let soft = life.soft();
        life.spawn("faulty", async move {
            soft.cancelled().await;
            panic!("on purpose");
        });
        assert_eq!(drive(&life, &[1]).await, Stopped::Failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_job_fails_that_job_only() {
        let life = Lifecycle::new(BUDGET);
        let failed = life.spawn_job("faulty", async { panic!("on purpose") });
        let done = life.spawn_job("sound", async { 7 });
        let lost: Result<(), _> = failed.await;
        assert!(lost.is_err());
        assert_eq!(done.await, Ok(7));
        assert!(!life.is_stopping());
        life.stop();
        assert_eq!(life.wait().await, Stopped::Clean);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_outlives_the_caller_who_dropped_its_answer() {
        let life = Lifecycle::new(BUDGET);
        let (sender, mut receiver) = mpsc::channel(1);
        drop(life.spawn_job("transaction", async move {
            sleep(Duration::from_secs(5)).await;
            sender.send(()).await.unwrap();
        }));
        life.stop();
        assert_eq!(life.wait().await, Stopped::Clean);
        assert_eq!(receiver.recv().await, Some(()));
    }

    #[test]
    fn exit_codes_are_those_of_the_command_line() {
        assert_eq!(
            [Stopped::Clean, Stopped::Failed, Stopped::WorkLeft].map(Stopped::exit_code),
            [0, 1, 3]
        );
    }
}
