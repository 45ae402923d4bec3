//! Callers over HTTP: each has one connection, sends its next request when the last is answered, and does no more work than that,
//! since it shares the machine with what it measures.

use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Makes the bytes of the `n`th request.
pub(crate) type Requests = Arc<dyn Fn(u64) -> anyhow::Result<Vec<u8>> + Send + Sync>;

/// What callers got done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Requests answered with 2xx, or trips of such that were booked.
    pub(crate) answered: u64,
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
}

impl Done {
    /// What all callers together got done, each of whom tells how much.
    pub(crate) async fn of_all(mut callers: JoinSet<anyhow::Result<u64>>, begun: Instant) -> anyhow::Result<Self> {
        let mut answered = 0;
        while let Some(caller) = callers.join_next().await {
            answered += caller??;
        }
        Ok(Self {
            answered,
            wall: begun.elapsed(),
        })
    }

    /// What two did at the same time.
    pub(crate) fn beside(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            wall: self.wall.max(other.wall),
        }
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.wall.as_secs_f64()
    }
}

/// A GET.
pub(crate) fn get(key: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

/// A POST of JSON.
pub(crate) fn post(key: &str, path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// Sends requests over so many connections for so long; the numbers of requests go on from `counter`.
pub(crate) async fn callers(
    address: SocketAddr,
    connections: usize,
    lasting: Duration,
    requests: (&Requests, &Arc<AtomicU64>),
) -> anyhow::Result<Done> {
    calling(address, (connections, lasting), requests, |_| Ok(1)).await
}

/// The same with batches of trips, of which those count that were booked: a batch is answered with 200 whatever became of its trips.
pub(crate) async fn batches(
    address: SocketAddr,
    connections: usize,
    lasting: Duration,
    requests: &Requests,
) -> anyhow::Result<Done> {
    let created = |body: &[u8]| Ok(serde_json::from_slice::<Batch>(body)?.summary.created);
    calling(address, (connections, lasting), (requests, &Arc::default()), created).await
}

/// What of a batch's answer is looked at.
#[derive(serde::Deserialize)]
struct Batch {
    summary: Summary,
}

#[derive(serde::Deserialize)]
struct Summary {
    created: u64,
}

async fn calling(
    address: SocketAddr,
    (connections, lasting): (usize, Duration),
    (requests, counter): (&Requests, &Arc<AtomicU64>),
    worth: fn(&[u8]) -> anyhow::Result<u64>,
) -> anyhow::Result<Done> {
    let open = connected(address, connections).await?;
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for mut stream in open {
        let (requests, counter) = (Arc::clone(requests), Arc::clone(counter));
        callers.spawn(async move {
            let (mut answered, mut buffer) = (0_u64, Vec::new());
            while begun.elapsed() < lasting {
                let request = requests(counter.fetch_add(1, Ordering::Relaxed))?;
                stream.write_all(&request).await?;
                let body = answer(&mut stream, &mut buffer).await?;
                answered += worth(&buffer[body..])?;
            }
            anyhow::Ok(answered)
        });
    }
    Done::of_all(callers, begun).await
}

/// Sends so many requests a second, evenly over the connections, for so long; answers how long each took, shortest first. A request that
/// could not leave when it was due, since the answer before it was late, has waited since then.
pub(crate) async fn paced(
    address: SocketAddr,
    (connections, rate): (usize, f64),
    lasting: Duration,
    (requests, counter): (&Requests, &Arc<AtomicU64>),
) -> anyhow::Result<Vec<Duration>> {
    let between = Duration::from_secs_f64(1.0 / rate);
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for (place, mut stream) in (0_u32..).zip(connected(address, connections).await?) {
        let (requests, counter) = (Arc::clone(requests), Arc::clone(counter));
        let (first, period) = (begun + between * place, between * u32::try_from(connections)?);
        callers.spawn(async move {
            let (mut took, mut buffer, mut due) = (Vec::new(), Vec::new(), first);
            while due.duration_since(begun) < lasting {
                let request = requests(counter.fetch_add(1, Ordering::Relaxed))?;
                let late = due < Instant::now();
                tokio::time::sleep_until(due.into()).await;
                // Who was not late is woken up to a millisecond after time, which is the timer's doing.
                let left = if late { due } else { Instant::now() };
                stream.write_all(&request).await?;
                answer(&mut stream, &mut buffer).await?;
                took.push(left.elapsed());
                due += period;
            }
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = callers.join_next().await {
        all.extend(took??);
    }
    all.sort_unstable();
    Ok(all)
}

async fn connected(address: SocketAddr, connections: usize) -> anyhow::Result<Vec<TcpStream>> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
    }
    Ok(open)
}

/// One answer's body.
pub(crate) async fn fetch(address: SocketAddr, request: &[u8]) -> anyhow::Result<serde_json::Value> {
    Ok(serde_json::from_str(&fetch_text(address, request).await?)?)
}

/// One answer's body as it is.
pub(crate) async fn fetch_text(address: SocketAddr, request: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut buffer = Vec::new();
    let body = answer(&mut stream, &mut buffer).await?;
    Ok(String::from_utf8(buffer.split_off(body))?)
}

/// Reads one answer to its end, and tells where its body begins; any but 2xx is an error.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<usize> {
    buffer.clear();
    let mut body = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the connection ended");
        }
        if body.is_none()
            && let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..at])?;
            if !head.starts_with("HTTP/1.1 2") {
                bail!("answered {}", String::from_utf8_lossy(buffer));
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim())
            });
            let from = at + 4;
            body = Some((from, from + length.context("no length")?.parse::<usize>()?));
        }
        if let Some((from, end)) = body
            && buffer.len() >= end
        {
            return Ok(from);
        }
    }
}
