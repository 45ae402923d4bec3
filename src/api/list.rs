//! Lists that are at hand as a whole, answered in pages: `{"items": […], "next": "opaque" | null}`.

use super::problem::{Code, Problem};
use super::query::Query;
use serde_json::{Value, json};

/// Items of a page where nothing is said.
const USUAL: usize = 50;
/// Items of a page at most.
const MOST: usize = 200;
/// Characters of a cursor.
const LONGEST_CURSOR: usize = 200;

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct Page {
    limit: usize,
    /// Key of the last item of the page before.
    after: Option<String>,
}

impl Page {
    /// Takes `?limit=` and `?cursor=`.
    pub(super) fn of(query: &mut Query) -> Result<Self, Problem> {
        let wrong = |pointer: &str, detail: &str| Problem::field(Code::InvalidField, pointer, detail);
        let limit = match query.take("limit")? {
            None => USUAL,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MOST).contains(limit))
                .ok_or_else(|| wrong("?limit", "must be an integer from 1 to 200"))?,
        };
        let after = query.take("cursor")?;
        if after.as_ref().is_some_and(|after| !is_cursor(after)) {
            return Err(wrong("?cursor", "must be what `next` said"));
        }
        Ok(Self { limit, after })
    }

    /// Rows to read: one more than shown tells whether there are more.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }

    /// The place behind which the page begins, in a list ordered by one number.
    pub(super) fn after_one(&self) -> Result<Option<i64>, Problem> {
        self.place(|after| after.parse().ok())
    }

    /// The same in a list ordered by two.
    pub(super) fn after_two(&self) -> Result<Option<(i64, i64)>, Problem> {
        self.place(|after| {
            let (one, two) = after.split_once('.')?;
            Some((one.parse().ok()?, two.parse().ok()?))
        })
    }

    /// The same in a list ordered by three.
    pub(super) fn after_three(&self) -> Result<Option<(i64, i64, i64)>, Problem> {
        self.place(|after| {
            let mut parts = after.split('.').map(|part| part.parse().ok());
            let three = (parts.next()??, parts.next()??, parts.next()??);
            parts.next().is_none().then_some(three)
        })
    }

    fn place<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let wrong = || Problem::field(Code::InvalidField, "?cursor", "must be what `next` said");
        self.after
            .as_deref()
            .map(|after| read(after).ok_or_else(wrong))
            .transpose()
    }

    /// The page of rows that were read in order, each with its place; a row without a document is not shown.
    pub(super) fn answer(&self, mut rows: Vec<(String, Option<Value>)>) -> Value {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| place.clone());
        let items: Vec<Value> = rows.into_iter().filter_map(|(_, item)| item).collect();
        json!({"items": items, "next": next})
    }

    /// The page of a list. Keys are of letters, digits and `._-`, each once; the list is read in their order.
    pub(super) fn cut(&self, items: impl IntoIterator<Item = (String, Value)>) -> Value {
        let mut items: Vec<(String, Value)> = items
            .into_iter()
            .filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after))
            .collect();
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|(key, _)| key.clone());
        let items: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
        json!({"items": items, "next": next})
    }
}

fn is_cursor(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let items = || ["c", "a", "b"].map(|key| (key.to_owned(), json!(key)));
        let page = |after: Option<&str>, limit| {
            let after = after.map(str::to_owned);
            Page { limit, after }.cut(items())
        };
        assert_eq!(page(None, 2), json!({"items": ["a", "b"], "next": "b"}));
        assert_eq!(page(Some("b"), 2), json!({"items": ["c"], "next": null}));
        assert_eq!(page(None, 3), json!({"items": ["a", "b", "c"], "next": null}));
        assert!(is_cursor("a-b_1.0.0") && !is_cursor("") && !is_cursor("a b"));
    }
}
