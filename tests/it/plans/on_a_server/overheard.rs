//! Who stands between a gateway and its server and writes down every statement that passes: neither the server's log, which is
//! everybody's, nor the gateway's, which does not tell what a batch writes.

use crate::services::listen;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

/// A packet's head: three bytes of length, a number.
const HEAD: usize = 4;
/// The commands that bring a text: one to be carried out, one to be prepared.
const WITH_TEXT: [u8; 2] = [0x03, 0x16];

/// The texts.
pub(super) type Overheard = Arc<Mutex<BTreeSet<String>>>;

/// Listens as long as the tasks are kept; answers where.
pub(super) async fn between(server: String, tasks: &mut JoinSet<()>) -> (Overheard, String) {
    let overheard = Overheard::default();
    let hears = Arc::clone(&overheard);
    let carry = move |client| carry(client, server.clone(), Arc::clone(&hears));
    (overheard, listen(tasks, carry).await)
}

async fn carry(client: TcpStream, server: String, overheard: Overheard) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let ((asks, mut hears), (mut answers, takes)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ended = tokio::io::copy(&mut answers, &mut hears) => {}
        () = listening(asks, takes, &overheard) => {}
    }
}

async fn listening(mut asks: OwnedReadHalf, mut takes: OwnedWriteHalf, overheard: &Overheard) {
    let (mut read, mut said) = (vec![0; 65_536], Vec::new());
    while let Ok(count @ 1..) = asks.read(&mut read).await {
        said.extend_from_slice(&read[..count]);
        overheard.lock().unwrap().extend(texts(&mut said));
        if takes.write_all(&read[..count]).await.is_err() {
            return;
        }
    }
}

/// Takes whole packets away; the texts that they bring.
fn texts(said: &mut Vec<u8>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(&[a, b, c, number]) = said.first_chunk::<HEAD>() {
        let end = HEAD + usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap();
        if said.len() < end {
            break;
        }
        let packet: Vec<u8> = said.drain(..end).skip(HEAD).collect();
        // A command is the first packet of an exchange, others belong to the greeting.
        if let (0, Some((command, text))) = (number, packet.split_first())
            && WITH_TEXT.contains(command)
        {
            texts.push(str::from_utf8(text).unwrap().to_owned());
        }
    }
    texts
}

#[test]
fn texts_are_taken_out_of_packets() {
    let mut said =
        b"\x03\x00\x00\x01\x03no\x05\x00\x00\x00\x16SELE\x04\x00\x00\x00\x17no!\x07\x00\x00\x00\x03COMM".to_vec();
    assert_eq!(texts(&mut said), ["SELE"]);
    said.extend(b"IT");
    assert_eq!(texts(&mut said), ["COMMIT"]);
    assert!(texts(&mut said).is_empty() && said.is_empty());
}
