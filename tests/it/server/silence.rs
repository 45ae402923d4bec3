//! Connections that are there and carry nothing any more, as when the server's machine has lost its power or somebody between has forgotten
//! them: nobody waits on them for ever, and others take their place.

use super::{BOUND, gateway_behind, reads, submit};
use crate::database;
use crate::dispatch::verified;
use crate::services::listen;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Carries connections to a server on a port of its own as long as the tasks are kept; answers what silences those that are open, and
/// where.
async fn between(server: String, tasks: &mut JoinSet<()>) -> (watch::Sender<()>, String) {
    let (silence, _) = watch::channel(());
    let silences = silence.clone();
    let carry = move |mut client| {
        let (server, mut hush) = (server.clone(), silences.subscribe());
        async move {
            let Ok(mut server) = TcpStream::connect(server).await else {
                return;
            };
            tokio::select! {
                _ended = copy_bidirectional(&mut client, &mut server) => return,
                _silenced = hush.changed() => {}
            }
            // Both sides stay open, and what comes from either is taken by nobody.
            std::future::pending::<()>().await;
        }
    };
    let address = listen(tasks, carry).await;
    (silence, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_gone_silent_are_given_up() {
    if database::is_in_files("silent connections", "a file has no connection") {
        return;
    }
    let mut tasks = JoinSet::new();
    let (silence, app) = gateway_behind(async |server| between(server, &mut tasks).await).await;
    let app = Arc::new(app);
    for n in 0..30 {
        assert_eq!(submit(&app, n).await, 201);
    }
    assert_eq!(reads(&app, 0, 24).await, 24);
    silence.send(()).unwrap();
    // Whoever comes now is told in time, and in the end everybody is answered again.
    let begun = Instant::now();
    while reads(&app, 0, 24).await < 24 {
        assert!(begun.elapsed() < 3 * BOUND, "readers stay silent");
    }
    // A writer's next batch finds its session silent, and opens another.
    for n in 0..30 {
        let mut again = submit(&app, 30 + n).await;
        while again == 503 {
            assert!(begun.elapsed() < 6 * BOUND, "writers stay silent");
            tokio::time::sleep(Duration::from_millis(100)).await;
            again = submit(&app, 30 + n).await;
        }
        assert_eq!(again, 201, "trip {n}");
    }
    for n in 0..60 {
        assert_eq!(submit(&app, n).await, 200, "trip {n} is there");
    }
    let locations = app.locations.clone();
    let (folder, _) = Arc::into_inner(app).unwrap().stop().await;
    let report = verified(&locations, folder.path()).await;
    assert!(report.ok, "{report:#?}");
}
