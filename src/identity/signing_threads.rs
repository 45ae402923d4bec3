//! Threads of their own for signatures: 100 µs of arithmetic each, which neither the HTTP workers nor the database tasks shall wait
//! for. The queue is bounded; who finds it full waits without holding a thread. They end with the last handle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// The way in.
#[derive(Clone, Debug)]
pub struct SigningThreads {
    queue: mpsc::Sender<Work>,
}

/// The work panicked, or the threads have ended.
#[derive(Debug, thiserror::Error)]
#[error("the signing threads have stopped")]
pub struct Stopped;

impl SigningThreads {
    /// Starts `count` threads with room for `waiting` pieces of work.
    pub fn start(count: usize, waiting: usize) -> std::io::Result<Self> {
        let (queue, receiver) = mpsc::channel::<Work>(waiting.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("signing-{number}"))
                .spawn(move || work(&receiver))?;
        }
        Ok(Self { queue })
    }

    /// Does a piece of work on one of the threads. If the caller goes away, the work is done or dropped, whichever comes first.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            if !sender.is_closed() {
                let _gone = sender.send(work());
            }
        };
        self.queue.send(Box::new(work)).await.map_err(|_| Stopped)?;
        receiver.await.map_err(|_| Stopped)
    }
}

fn work(receiver: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        // One thread waits in the channel, the others for the lock: whoever gets a piece frees the place before it works.
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(work) = next else { return };
        // A panic fails that piece, whose caller sees a dropped answer; the thread lives on.
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!("a signature panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_its_own_work_only() {
        let threads = SigningThreads::start(1, 1).unwrap();
        assert!(threads.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(threads.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_full_queue_makes_the_caller_wait_and_not_the_runtime() {
        let threads = SigningThreads::start(2, 1).unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (threads, gate) = (threads.clone(), Arc::clone(&gate));
            tasks.spawn(async move {
                threads
                    .run(move || {
                        let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        number
                    })
                    .await
            });
        }
        tokio::task::yield_now().await; // this runtime has one thread, and it is free
        drop(open);
        let mut done: Vec<i32> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
        done.sort_unstable();
        assert_eq!(done, (0..8).collect::<Vec<_>>());
    }
}
