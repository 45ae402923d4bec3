//! What the document says of one route. It stands in the table of routes beside path and handler, so that a route without
//! cannot be written.

use super::schema::{between, refer, shaped};
use crate::api::keys::Right;
use crate::api::problem::Code;
use serde_json::{Value, json};

/// Media type of nearly everything.
const JSON: &str = "application/json";

/// What a reference in a path is.
const REFERENCED: &str = "Its reference; the bare hash will do, and costs a look in each shard.";
/// Whose trips are shown.
const AUDITORS: &str = "Another client's, for auditors (`reports:read` or `admin`); left out, the caller's own.";

/// The parts of the interface, in the order in which people read about them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Area {
    /// Booking and reading trips.
    Trips,
    /// Claims and credits.
    Credits,
    /// What stands on the chain, and the way there.
    Chain,
    /// Sums.
    Reports,
    /// What figures are computed by.
    Methodology,
    /// The service itself.
    Service,
}

impl Area {
    /// All areas.
    pub(super) const ALL: [Self; 6] = [
        Self::Trips,
        Self::Credits,
        Self::Chain,
        Self::Reports,
        Self::Methodology,
        Self::Service,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trips => "Trips",
            Self::Credits => "Claims, balances, credits",
            Self::Chain => "Transactions and chain",
            Self::Reports => "Reports",
            Self::Methodology => "Methodologies and programmes",
            Self::Service => "Service",
        }
    }

    /// What it is about.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Trips => "Trips are booked once, judged once, and never changed.",
            Self::Credits => "What a trip earned waits as a claim, is collected into credits, and credits are spent.",
            Self::Chain => {
                "What moves credits is put on a chain, where nobody can rewrite it; from there anybody can check it."
            }
            Self::Reports => "Sums over all riders, as of an instant that answers the same for ever.",
            Self::Methodology => "By what trips are quantified and judged.",
            Self::Service => "The process itself, and this document. No key is needed.",
        }
    }
}

/// Who may call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Whoever has a key with one of these rights.
    OneOf(&'static [Right]),
    /// Whoever has a key.
    AnyKey,
}

/// A parameter of the path, the query or the head.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    pub(super) is_needed: bool,
    pub(super) schema: Value,
    pub(super) description: &'static str,
}

/// An answer that is no problem.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// Media types with their schemas.
    pub(super) contents: Vec<(&'static str, Value)>,
    /// Headers, and whether they always stand there.
    pub(super) headers: Vec<(&'static str, bool)>,
}

/// What a route does, takes and answers.
#[derive(Clone, Debug)]
pub(in super::super) struct Operation {
    pub(super) id: &'static str,
    pub(super) area: Area,
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
    pub(super) access: Access,
    pub(super) parameters: Vec<Parameter>,
    /// Schema of the body, and an example of it.
    pub(super) body: Option<(Value, Value)>,
    pub(super) answers: Vec<Answer>,
    pub(super) codes: Vec<Code>,
}

impl Operation {
    /// An operation that everybody may call; `id` is the method's name in generated clients.
    pub(super) fn new(area: Area, id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            area,
            summary,
            details: "",
            access: Access::Open,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// What a caller should know besides.
    pub(super) fn details(mut self, text: &'static str) -> Self {
        self.details = text;
        self
    }

    /// Wants a key with one of some rights.
    pub(super) fn needs(mut self, rights: &'static [Right]) -> Self {
        self.access = Access::OneOf(rights);
        self.codes(&[
            Code::Unauthorized,
            Code::Forbidden,
            Code::RateLimited,
            Code::StorageUnavailable,
            Code::StorageRefused,
        ])
    }

    /// Wants a key.
    pub(super) fn any_key(mut self) -> Self {
        self.access = Access::AnyKey;
        self.codes(&[
            Code::Unauthorized,
            Code::RateLimited,
            Code::StorageUnavailable,
            Code::StorageRefused,
        ])
    }

    /// A part of the path.
    pub(super) fn path(mut self, name: &'static str, schema: Value, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            place: "path",
            name,
            is_needed: true,
            schema,
            description,
        });
        self
    }

    /// The rider in the path.
    pub(super) fn of_user(self) -> Self {
        self.path("user_id", refer("UserId"), "The rider.")
            .codes(&[Code::InvalidField])
    }

    /// The credit in the path.
    pub(super) fn of_credit(self) -> Self {
        self.path("credit_id", reference("cr"), REFERENCED)
            .codes(&[Code::InvalidField, Code::NotFound])
    }

    /// The transaction in the path.
    pub(super) fn of_transaction(self) -> Self {
        self.path("id", reference("tx"), REFERENCED)
            .codes(&[Code::InvalidField, Code::NotFound])
    }

    /// The trip in the path.
    pub(super) fn of_trip(self) -> Self {
        self.of_user()
            .path(
                "trip_id",
                refer("Name"),
                "The caller's own id of the trip; `/` is written `%2F`.",
            )
            .codes(&[Code::NotFound])
    }

    /// May be asked for another client's trips.
    pub(super) fn of_client(self) -> Self {
        self.query("client", refer("Name"), AUDITORS)
    }

    /// A parameter of the query; those that are not named are refused.
    pub(super) fn query(mut self, name: &'static str, schema: Value, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            place: "query",
            name,
            is_needed: false,
            schema,
            description,
        });
        self.codes(&[Code::UnknownField, Code::InvalidField])
    }

    /// Such a parameter that must be there.
    pub(super) fn needed_query(self, name: &'static str, schema: Value, description: &'static str) -> Self {
        let mut operation = self.query(name, schema, description);
        if let Some(parameter) = operation.parameters.last_mut() {
            parameter.is_needed = true;
        }
        operation
    }

    /// Answers a list in pages; `page` names the schema of a page.
    pub(super) fn pages(self, page: &str) -> Self {
        let mut limit = between(1, 200);
        limit["default"] = json!(50);
        self.query("limit", limit, "Most items of a page.")
            .query(
                "cursor",
                refer("Cursor"),
                "Where the page begins: what `next` of the page before said.",
            )
            .answer(200, "A page of the list.", refer(page))
    }

    /// Takes a JSON body.
    pub(super) fn body(mut self, schema: Value, example: Value) -> Self {
        self.body = Some((schema, example));
        self.codes(&[
            Code::MalformedJson,
            Code::UnknownField,
            Code::InvalidField,
            Code::UnsupportedMediaType,
            Code::BodyTooLarge,
        ])
    }

    /// Is an order that moves value: carried out once under its key, of which there is an example.
    pub(super) fn order(mut self, key: &str) -> Self {
        self.parameters.push(Parameter {
            place: "header",
            name: "Idempotency-Key",
            is_needed: true,
            schema: shaped("^[!-~]{1,128}$", key),
            description: "Names the order, for this client and rider: sent again, it answers what it answered first.",
        });
        self.commands()
            .codes(&[Code::IdempotencyKeyRequired, Code::IdempotencyConflict])
    }

    /// Waits for the writer, whose queue may be full.
    pub(super) fn commands(self) -> Self {
        self.codes(&[
            Code::Overloaded,
            Code::Draining,
            Code::StorageUnavailable,
            Code::OutcomeUnknown,
        ])
    }

    /// An answer in JSON.
    pub(super) fn answer(self, status: u16, description: &'static str, schema: Value) -> Self {
        self.answer_as(JSON, status, description, schema)
    }

    /// An answer in another media type, or a further one of the same status.
    pub(super) fn answer_as(
        mut self,
        media: &'static str,
        status: u16,
        description: &'static str,
        schema: Value,
    ) -> Self {
        if let Some(answer) = self.answers.iter_mut().find(|answer| answer.status == status) {
            answer.contents.push((media, schema));
        } else {
            self.answers.push(Answer {
                status,
                description,
                contents: vec![(media, schema)],
                headers: Vec::new(),
            });
        }
        self
    }

    /// The last answer bears a header, always or sometimes.
    pub(super) fn header(mut self, name: &'static str, always: bool) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, always));
        }
        self
    }

    /// Problems that it may answer besides those that follow from the rest.
    pub(super) fn codes(mut self, codes: &[Code]) -> Self {
        for code in codes {
            if !self.codes.contains(code) {
                self.codes.push(*code);
            }
        }
        self
    }
}

/// A reference of that kind as a path takes it.
fn reference(kind: &str) -> Value {
    let pattern = format!("^({kind}_[0-2][0-9]_)?[0-9a-f]{{64}}$");
    shaped(&pattern, &format!("{kind}_07_{}", "5d".repeat(32)))
}
