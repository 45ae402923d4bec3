//! The names under which a deployment keeps things in Redis: several may share one. Who reads them learns no rider's id.

use crate::ledger::ids::{Hash, UserId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// The names of one deployment.
pub struct Space {
    prefix: String,
    secret: Zeroizing<[u8; 32]>,
}

impl Space {
    /// For the deployment of that id; `secret`, which it alone has, hides its riders.
    pub fn new(deployment: &[u8; 16], secret: &Hash) -> Self {
        let mut prefix = "carbon:".to_owned();
        for byte in deployment {
            // Writing to a text does not fail.
            let _ = write!(prefix, "{byte:02x}");
        }
        Self {
            prefix,
            secret: Zeroizing::new(*secret.as_bytes()),
        }
    }

    /// A name of a kind.
    pub(super) fn name(&self, kind: &str, of: &str) -> String {
        format!("{}:{kind}:{of}", self.prefix)
    }

    /// The channel of that name.
    pub(super) fn channel(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// The name of a rider.
    pub(super) fn rider(&self, user: UserId) -> String {
        let mut hidden = String::new();
        // HMAC takes keys of any length, so there is no error to speak of.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_slice()) {
            mac.update(&user.value().to_be_bytes());
            hidden = Hash::new(mac.finalize().into_bytes().into()).to_string();
            hidden.truncate(32);
        }
        self.name("rider", &hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_belong_to_a_deployment_and_hide_its_riders() {
        let [one, other] = [1, 2].map(|byte| Space::new(&[byte; 16], &Hash::new([byte; 32])));
        assert_eq!(
            one.name("holder", "settle-due"),
            format!("carbon:{}:holder:settle-due", "01".repeat(16))
        );
        assert_eq!(one.channel("booked"), format!("carbon:{}:booked", "01".repeat(16)));
        let [a, b] = [1_000_017, 1_000_018].map(|user| UserId::new(user).unwrap());
        let hidden = |space: &Space, user| space.rider(user).rsplit(':').next().unwrap().to_owned();
        assert_eq!(hidden(&one, a), hidden(&one, a));
        assert_ne!(hidden(&one, a), hidden(&one, b));
        assert_ne!(hidden(&one, a), hidden(&other, a), "nobody can hash all ids and look");
        assert_eq!(hidden(&one, a).len(), 32);
    }
}
