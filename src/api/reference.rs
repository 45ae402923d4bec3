//! References: `tx_07_…`, `cr_07_…`, `rd_07_…` name what they speak of and the shard it lives in (formats.md 7).

use super::problem::{Code, Problem};
use crate::ledger::ids::{Hash, ShardId};

/// What a reference names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A transaction, by content id.
    Transaction,
    /// A credit, by its hash.
    Credit,
    /// A redemption.
    Redemption,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Transaction => "tx",
            Self::Credit => "cr",
            Self::Redemption => "rd",
        }
    }
}

/// The reference of a thing in a shard.
pub(super) fn reference(kind: Kind, shard: ShardId, hash: &Hash) -> String {
    format!("{}_{shard}_{hash}", kind.prefix())
}

/// The shard, if the text names one, and the hash; a bare hash is as good.
pub(super) fn parse(kind: Kind, text: &str) -> Result<(Option<ShardId>, Hash), Problem> {
    let wrong = || {
        let detail = format!(
            "must be {}_, two digits of a shard, _, and 64 lower-case hexadecimal digits",
            kind.prefix()
        );
        Problem::field(Code::InvalidField, "id", detail)
    };
    let bare = Hash::parse(text).ok().map(|hash| (None, hash));
    let whole = || {
        let (shard, hash) = text.strip_prefix(kind.prefix())?.strip_prefix('_')?.split_once('_')?;
        let digits = shard.len() == 2 && shard.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u8> = digits.then(|| shard.parse().ok())?;
        Some((Some(number.and_then(ShardId::new)?), Hash::parse(hash).ok()?))
    };
    bare.or_else(whole).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back() {
        let hash = Hash::new([0xab; 32]);
        let text = reference(Kind::Transaction, ShardId::FIRST, &hash);
        assert_eq!(parse(Kind::Transaction, &text).unwrap(), (Some(ShardId::FIRST), hash));
        assert_eq!(parse(Kind::Credit, &hash.to_string()).unwrap(), (None, hash));
        for wrong in [
            text.replace("_00_", "_30_"),
            text.replace("_00_", "_0_"),
            text.replace("_00_", "_+1_"),
            text.to_uppercase(),
        ] {
            assert!(parse(Kind::Transaction, &wrong).is_err(), "{wrong}");
        }
        assert!(parse(Kind::Credit, &text).is_err());
    }
}
