//! What stands in a path or behind its question mark.

use super::problem::{Code, FieldError, Problem};
use crate::ledger::ids::{Name, UserId};
use actix_web::{HttpRequest, web};

/// The parameters of a query, taken one by one; what is left is unknown.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The request's parameters.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(|query| Self(query.into_inner()))
            .map_err(|_| Problem::field(Code::InvalidField, "?", "the query cannot be read"))
    }

    /// A parameter, which may stand there once.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.extract_if(.., |(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(Problem::field(
                Code::InvalidField,
                format!("?{name}"),
                "stands there twice",
            ));
        }
        Ok(value)
    }

    /// Whatever was not taken is unknown.
    pub(super) fn close(self) -> Result<(), Problem> {
        let unknown = |(key, _): (String, String)| {
            let short: String = key.chars().take(80).collect();
            FieldError::new(Code::UnknownField, format!("?{short}"), "is not known here")
        };
        let errors: Vec<FieldError> = self.0.into_iter().map(unknown).collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(errors))
        }
    }
}

/// The user of a path.
pub(super) fn user_of(text: &str) -> Result<UserId, Problem> {
    UserId::parse(text).map_err(|error| Problem::field(Code::InvalidField, "user_id", error.to_string()))
}

/// A name in a path or query.
pub(super) fn name_of(field: &str, text: &str) -> Result<Name, Problem> {
    Name::parse(text).map_err(|error| Problem::field(Code::InvalidField, field, error.to_string()))
}
