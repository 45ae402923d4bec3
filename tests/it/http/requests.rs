//! Requests as such: bodies, sizes, paths, methods, media types, request ids, queries.

use super::{example, header, post, post_bytes, problem, read};
use crate::support::TestApp;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn what_is_not_one_json_document_is_refused() {
    let app = TestApp::spawn().await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes();
    let twice = br#"{"trip_id": "a", "trip_id": "b"}"#.to_vec();
    for body in [
        b"{\"trip_id\": ".to_vec(),
        Vec::new(),
        deep,
        twice,
        b"{\"trip_id\": \"\xff\xfe\"}".to_vec(),
        b"{} {}".to_vec(),
    ] {
        let response = post_bytes(&app, "/v1/trips", body).await;
        assert_eq!(response.status(), 400);
        problem(response, "malformed_json").await;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_all_the_same() {
    let app = TestApp::spawn().await;
    for (path, size) in [
        ("/v1/trips", 20_000_000),
        ("/v1/trips", 1_048_577),
        ("/v1/trips/batch", 9_000_000),
    ] {
        let response = post_bytes(&app, path, vec![b' '; size]).await;
        assert_eq!(response.status(), 413);
        problem(response, "body_too_large").await;
    }
    // The limit itself passes, and a batch has more room.
    for (path, size) in [("/v1/trips", 1_048_576), ("/v1/trips/batch", 2_000_000)] {
        let mut body = example().to_string().into_bytes();
        if path.ends_with("batch") {
            body = br#"{"trips": []}"#.to_vec();
        }
        body.resize(size, b' ');
        assert!(post_bytes(&app, path, body).await.status().is_success(), "{path}");
    }
    let many = json!({"trips": vec![json!(0); 1_001]});
    let response = app.post("/v1/trips/batch", &many).await;
    assert_eq!(response.status(), 422);
    problem(response, "batch_too_large").await;
}

#[tokio::test]
async fn paths_methods_and_media_types() {
    let app = TestApp::spawn().await;
    for path in ["/", "/v1", "/v1/trip", "/v1/users/1/trips/T-1", "/v1/trips/"] {
        let response = app.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        problem(response, "not_found").await;
    }
    for (path, allow) in [
        ("/v1/trips", "POST"),
        ("/v1/trips/batch", "POST"),
        ("/v1/users/1/balance", "GET, HEAD"),
    ] {
        let request = app.client.delete(format!("{}{path}", app.base));
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, allow));
        problem(response, "method_not_allowed").await;
    }
    let url = format!("{}/v1/trips", app.base);
    let body = example().to_string();
    let bare = || app.client.post(&url).bearer_auth(&app.key).body(body.clone());
    let zipped = bare()
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip");
    for request in [bare(), bare().header("Content-Type", "text/plain"), zipped] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 415);
        problem(response, "unsupported_media_type").await;
    }
    let with_charset = bare().header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(with_charset.send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_request_keeps_its_sensible_id() {
    let app = TestApp::spawn().await;
    let ask = |id: String| {
        app.client
            .get(format!("{}/v1/none", app.base))
            .header("X-Request-Id", id)
            .send()
    };
    let response = ask("order-881_a.b".to_owned()).await.unwrap();
    assert_eq!(header(&response, "x-request-id"), "order-881_a.b");
    assert_eq!(problem(response, "not_found").await["instance"], "order-881_a.b");
    for other in ["a b".to_owned(), "x".repeat(65)] {
        let response = ask(other.clone()).await.unwrap();
        assert!(header(&response, "x-request-id") != other && !header(&response, "x-request-id").is_empty());
    }
    assert!(!header(&app.get("/healthz").await, "x-request-id").is_empty());
}

#[tokio::test]
async fn queries_are_read_strictly() {
    let app = TestApp::spawn().await;
    problem(app.get("/v1/users/1/balance?programe=demo").await, "unknown_field").await;
    problem(app.get("/v1/users/1/trips/T?client=a&client=b").await, "invalid_field").await;
    problem(app.get("/v1/users/one/balance").await, "invalid_field").await;
    let (status, _) = post(&app, "/v1/trips", &example()).await;
    assert_eq!(status, 201);
    assert_eq!(
        read(app.get("/v1/users/1000017/trips/T-0001?client=first").await)
            .await
            .0,
        200
    );
    problem(
        app.get("/v1/users/1000017/trips/T-0001?client=other").await,
        "not_found",
    )
    .await;
}

/// What the JDK's client sends with its defaults: it is answered in full, and told that the connection ends here.
#[tokio::test]
async fn an_offer_of_another_protocol_is_answered_and_the_connection_ends() {
    let app = TestApp::spawn().await;
    let body = example().to_string();
    let request = format!(
        "POST /v1/trips HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        app.key,
        body.len()
    );
    let mut connection = TcpStream::connect(app.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, trip) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 201 "), "{head}");
    assert!(head.contains("\r\nconnection: close"), "{head}");
    assert!(!head.contains("upgrade"), "{head}");
    assert!(serde_json::from_str::<serde_json::Value>(trip).is_ok(), "{trip}");
    app.stop().await;
}
