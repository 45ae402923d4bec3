//! Why the contract refuses. Every refusal has a code word that stays the same for ever, and says which credit, source, lot or
//! address it speaks of. The text begins with the code word, so that it survives chains that hand on nothing but text.

use crate::Hash;
use crate::codec::CodecError;
use crate::state::StateError;
use crate::transaction::{Kind, Lot};

/// A call that changes nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum Error {
    /// The contract says no, and will say so again as long as its state is the same.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The chain's state failed; nothing was judged.
    #[error("the state cannot be used")]
    State(#[from] StateError),
}

/// A refusal, and which transaction of an envelope of several it struck.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Refused {
    /// Place in the envelope, from 0; absent if the call as a whole is refused.
    pub index: Option<u16>,
    /// Why.
    pub refusal: Refusal,
}

/// Why.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum Refusal {
    /// `init` has run before.
    #[error("the contract is installed already")]
    AlreadyInstalled,
    /// `init` has not run.
    #[error("the contract is not installed")]
    NotInstalled,
    /// The state has a form that this code does not know: `upgrade` is due, or the code is older than the state.
    #[error("the state has form {0}, which this code does not know")]
    Schema(u16),
    /// The installation names nobody, or too long a name.
    #[error("an organisation's id has 1 to 64 bytes")]
    Installation,
    /// No such method.
    #[error("there is no such method")]
    UnknownMethod,
    /// The argument is not canonical.
    #[error("the argument is not canonical: {0}")]
    NotCanonical(CodecError),
    /// The envelope belongs to another method.
    #[error("the envelope is for the method {0}")]
    WrongMethod(&'static str),
    /// Another contract calls.
    #[error("another contract may not call this")]
    ThroughContract,
    /// The sender is not the issuer.
    #[error("only the issuer may do this")]
    NotIssuer,
    /// The envelope holds too few or too many transactions.
    #[error("an envelope holds 1 to 32 transactions, this one {0}")]
    OrderCount(usize),
    /// The transactions of the envelope name too many sources.
    #[error("an envelope names at most 256 sources, this one {0}")]
    SourceCount(usize),
    /// The transaction stands in the envelope before.
    #[error("transaction {0} stands in the envelope twice")]
    RepeatedTransaction(Hash),
    /// The transaction's bytes are not canonical.
    #[error("the transaction is not canonical: {0}")]
    TransactionNotCanonical(CodecError),
    /// The method does not take this kind.
    #[error("this method takes no {}", .0.as_str())]
    WrongKind(Kind),
    /// The kind is reserved.
    #[error("{} is not offered yet", .0.as_str())]
    NotOffered(Kind),
    /// Too many inputs, outputs or sources, or too long a text.
    #[error("too many or too long: {0}")]
    Limit(&'static str),
    /// The kind wants another shape.
    #[error("against the rule of {}: {rule}", .kind.as_str())]
    Shape {
        /// The kind.
        kind: Kind,
        /// Its rule.
        rule: &'static str,
    },
    /// An amount that is not above 0.
    #[error("output {0} has an amount that is not above 0")]
    OutputAmount(usize),
    /// A source that brings nothing.
    #[error("source {0} has an amount that is not above 0")]
    SourceAmount(Hash),
    /// The sums of a lot differ.
    #[error("lot {lot} does not balance: {coming} µg come in, {going} µg go out")]
    Unbalanced {
        /// Which.
        lot: Lot,
        /// What inputs or sources bring.
        coming: i128,
        /// What outputs take.
        going: i128,
    },
    /// The source has issued before.
    #[error("source {source_key} was issued by {issued_by}")]
    SourceUsed {
        /// Which.
        source_key: Hash,
        /// By which transaction.
        issued_by: Hash,
    },
    /// There is no such credit.
    #[error("credit {0} does not exist")]
    UnknownCredit(Hash),
    /// The credit was consumed before.
    #[error("credit {credit} was consumed by {consumed_by}")]
    SpentCredit {
        /// Which.
        credit: Hash,
        /// By which transaction.
        consumed_by: Hash,
    },
    /// The credit belongs to somebody else.
    #[error("credit {0} is not the orderer's")]
    NotOwner(Hash),
    /// Nobody was bound to the address yet.
    #[error("address {0} is bound to no key")]
    Unbound(Hash),
    /// The address is bound to another key.
    #[error("address {0} is bound to another key")]
    WrongKey(Hash),
    /// What is to be bound to the address is no key.
    #[error("the point for address {0} is no point of P-256")]
    BadPoint(Hash),
    /// The number of a binding does not follow.
    #[error("address {address} has had {present} keys, key number {named} cannot be bound")]
    BindingNumber {
        /// Whose.
        address: Hash,
        /// Number of the present binding, 0 for none.
        present: u32,
        /// The number that the order names.
        named: u32,
    },
}

impl Refusal {
    /// Its code word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyInstalled => "already_installed",
            Self::NotInstalled => "not_installed",
            Self::Schema(_) => "schema",
            Self::Installation => "bad_installation",
            Self::UnknownMethod => "unknown_method",
            Self::NotCanonical(_) => "not_canonical",
            Self::WrongMethod(_) => "wrong_method",
            Self::ThroughContract => "through_contract",
            Self::NotIssuer => "not_issuer",
            Self::OrderCount(_) => "order_count",
            Self::SourceCount(_) => "source_count",
            Self::RepeatedTransaction(_) => "repeated_transaction",
            Self::TransactionNotCanonical(_) => "transaction_not_canonical",
            Self::WrongKind(_) => "wrong_kind",
            Self::NotOffered(_) => "not_offered",
            Self::Limit(_) => "limit",
            Self::Shape { .. } => "shape",
            Self::OutputAmount(_) => "output_amount",
            Self::SourceAmount(_) => "source_amount",
            Self::Unbalanced { .. } => "unbalanced",
            Self::SourceUsed { .. } => "source_used",
            Self::UnknownCredit(_) => "unknown_credit",
            Self::SpentCredit { .. } => "spent_credit",
            Self::NotOwner(_) => "not_owner",
            Self::Unbound(_) => "unbound",
            Self::WrongKey(_) => "wrong_key",
            Self::BadPoint(_) => "bad_point",
            Self::BindingNumber { .. } => "binding_number",
        }
    }
}

impl Error {
    /// The refusal, if it is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refused) => Some(&refused.refusal),
            Self::State(_) => None,
        }
    }

    /// Says which transaction of the envelope was struck.
    pub(crate) fn at(self, place: usize) -> Self {
        match self {
            Self::Refused(Refused { index: None, refusal }) => Self::Refused(Refused {
                index: u16::try_from(place).ok(),
                refusal,
            }),
            other => other,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Refused { index: None, refusal })
    }
}

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.refusal.code())?;
        if let Some(index) = self.index {
            write!(f, "transaction {index}: ")?;
        }
        std::fmt::Display::fmt(&self.refusal, f)
    }
}

impl std::fmt::Display for Lot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}/{}", self.programme, self.gas, self.vintage, self.expiry)
    }
}
