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
    /// Requests answered with 2xx.
    pub(crate) answered: u64,
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
}

impl Done {
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
    (requests, counter): (&Requests, &Arc<AtomicU64>),
) -> anyhow::Result<Done> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
    }
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for mut stream in open {
        let (requests, counter) = (Arc::clone(requests), Arc::clone(counter));
        callers.spawn(async move {
            let (mut answered, mut buffer) = (0_u64, Vec::new());
            while begun.elapsed() < lasting {
                let request = requests(counter.fetch_add(1, Ordering::Relaxed))?;
                stream.write_all(&request).await?;
                answer(&mut stream, &mut buffer).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(caller) = callers.join_next().await {
        answered += caller??;
    }
    Ok(Done {
        answered,
        wall: begun.elapsed(),
    })
}

/// Reads one answer to its end; any but 2xx is an error.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.clear();
    let mut end = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the connection ended");
        }
        if end.is_none()
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
            end = Some(at + 4 + length.context("no length")?.parse::<usize>()?);
        }
        if end.is_some_and(|end| buffer.len() >= end) {
            return Ok(());
        }
    }
}
