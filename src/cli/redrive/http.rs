//! Redriving in a running gateway, over its own interface.

use super::super::CommandError;
use super::super::import::read_key;
use super::Driven;
use reqwest::{Client, Method, Url};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Items of a page.
const PAGE: usize = 200;

struct Gateway {
    client: Client,
    base: Url,
    key: String,
}

/// Orders it for those that are named, or all; the gateway sends them by itself.
pub(super) async fn redrive(address: &str, key_file: &Path, named: &[String]) -> Result<Vec<Driven>, CommandError> {
    let wrong = |detail: &str| CommandError::Use(format!("--to {address}: {detail}"));
    let base =
        Url::parse(address).map_err(|_| wrong("must be the address of a gateway, such as http://127.0.0.1:8080"))?;
    let client = Client::builder().timeout(PATIENCE).build();
    let gateway = Gateway {
        client: client.map_err(|error| wrong(&error.to_string()))?,
        base,
        key: read_key(key_file)?,
    };
    let named = if named.is_empty() {
        gateway.listed().await?
    } else {
        named.to_vec()
    };
    let mut driven = Vec::new();
    for name in named {
        let (status, document) = gateway
            .ask(Method::POST, &format!("/v1/transactions/{name}/redrive"))
            .await?;
        driven.push(match status {
            200 => Driven {
                transaction: name,
                status: text(&document, "status"),
                reason: None,
                is_well: true,
            },
            409 => Driven {
                transaction: name,
                status: text(&document, "code"),
                reason: Some(text(&document, "detail")),
                is_well: true,
            },
            _ => return Err(wrong(&format!("{status}: {}", text(&document, "detail")))),
        });
    }
    Ok(driven)
}

impl Gateway {
    async fn listed(&self) -> Result<Vec<String>, CommandError> {
        let mut names = Vec::new();
        for status in ["refused", "dead"] {
            let mut cursor = String::new();
            loop {
                let path = format!("/v1/transactions?status={status}&limit={PAGE}{cursor}");
                let (code, page) = self.ask(Method::GET, &path).await?;
                if code != 200 {
                    let detail = text(&page, "detail");
                    return Err(CommandError::Use(format!("--to {}: {code}: {detail}", self.base)));
                }
                let items = page["items"].as_array().into_iter().flatten();
                names.extend(items.map(|item| text(item, "transaction_id")));
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
        }
        Ok(names)
    }

    async fn ask(&self, method: Method, path: &str) -> Result<(u16, Value), CommandError> {
        let away = |error: reqwest::Error| CommandError::Use(format!("--to {}: {error}", self.base));
        let url = self
            .base
            .join(path)
            .map_err(|error| CommandError::Use(error.to_string()))?;
        let answer = self
            .client
            .request(method, url)
            .bearer_auth(&self.key)
            .send()
            .await
            .map_err(away)?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }
}

fn text(document: &Value, name: &str) -> String {
    document[name].as_str().unwrap_or_default().to_owned()
}
