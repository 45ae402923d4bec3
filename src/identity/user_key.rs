//! A P-256 signing key: made from given randomness, wrapped under the key-encryption key, named by its key id, and signing as
//! formats.md 5 says: RFC 6979, `s` in the lower half, `r ‖ s`.

use super::kek::{Kek, KekError};
use super::wrapping::Row;
use crate::ledger::evidence::NonceBytes;
use crate::ledger::ids::Hash;
use ecdsa::hazmat::sign_prehashed_rfc6979;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature as EcdsaSignature, VerifyingKey};
use p256::elliptic_curve::ff::PrimeField as _;
use p256::{NistP256, NonZeroScalar, PublicKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// A private key; wiped when dropped, never printed, never copied. The scalar alone: its public half takes as long as a signature
/// and is kept beside it.
pub struct PrivateKey(Zeroizing<NonZeroScalar>);

/// An uncompressed point of P-256: 65 bytes that begin with 4, checked to lie on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicPoint([u8; 65]);

/// `r ‖ s`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// Why a key or signature is not one.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The random bytes are no scalar of the curve (one in 2^32): take others.
    #[error("32 random bytes are no private key of P-256")]
    OutOfRange,
    /// Not an uncompressed point of the curve.
    #[error("not an uncompressed point of P-256")]
    Point,
    /// The signature does not fit.
    #[error("the signature does not fit its key and message")]
    Signature,
    /// The key that opened is not the one that its row names.
    #[error("the key in the row is {found}, not {expected}")]
    KeyId {
        /// By the row.
        expected: Hash,
        /// By the key.
        found: Hash,
    },
    /// It cannot be wrapped or opened.
    #[error(transparent)]
    Kek(#[from] KekError),
}

impl PrivateKey {
    /// From 32 random bytes.
    pub fn new(randomness: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        NonZeroScalar::try_from(randomness.as_slice())
            .map(|scalar| Self(Zeroizing::new(scalar)))
            .map_err(|_| KeyError::OutOfRange)
    }

    /// From the first 32 bytes of a source that are a private key.
    pub fn draw(mut source: impl FnMut() -> Zeroizing<[u8; 32]>) -> Self {
        loop {
            if let Ok(key) = Self::new(&source()) {
                return key;
            }
        }
    }

    /// Its public half: a multiplication on the curve.
    pub fn point(&self) -> PublicPoint {
        PublicPoint::of(&PublicKey::from_secret_scalar(&self.0).into())
    }

    /// Signs a content id, which is a digest already.
    pub fn sign_content(&self, content_id: &Hash) -> Signature {
        self.sign_prehash(content_id.as_bytes())
    }

    /// Signs bytes by their SHA-256, as the chains want their payloads signed.
    pub fn sign_message(&self, message: &[u8]) -> Signature {
        self.sign_prehash(&Sha256::digest(message))
    }

    /// Wraps it for a row.
    pub fn wrap(&self, kek: &Kek, nonce: NonceBytes, row: Row<'_>) -> Result<Vec<u8>, KeyError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        secret.copy_from_slice(&Zeroizing::new(self.0.to_repr()));
        Ok(kek.seal(&secret, nonce, row)?)
    }

    /// Opens what [`PrivateKey::wrap`] made for the same row. That it is the key which the row names is as sure as the wrapping,
    /// whose additional data holds that name; [`PrivateKey::proved`] proves it.
    pub fn unwrap(kek: &Kek, wrapped: &[u8], row: Row<'_>) -> Result<Self, KeyError> {
        Self::new(&kek.open(wrapped, row)?)
    }

    /// Opens it and demands that it is the key `key_id`.
    pub fn proved(kek: &Kek, wrapped: &[u8], row: Row<'_>, key_id: &Hash) -> Result<Self, KeyError> {
        let key = Self::unwrap(kek, wrapped, row)?;
        key.point().demand(key_id)?;
        Ok(key)
    }

    fn sign_prehash(&self, digest: &[u8]) -> Signature {
        let (signature, _) = sign_prehashed_rfc6979::<NistP256, Sha256>(&self.0, digest, &[]);
        Signature(signature.normalize_s().to_bytes().into())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl PublicPoint {
    /// From 65 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; 65] = bytes.try_into().map_err(|_| KeyError::Point)?;
        VerifyingKey::from_sec1_bytes(&point).map_err(|_| KeyError::Point)?;
        Ok(Self(point))
    }

    /// From 65 bytes that must be those of the key `key_id`.
    pub fn named(bytes: &[u8], key_id: &Hash) -> Result<Self, KeyError> {
        Self::parse(bytes)?.demand(key_id)
    }

    fn demand(self, key_id: &Hash) -> Result<Self, KeyError> {
        let found = self.key_id();
        if found == *key_id {
            Ok(self)
        } else {
            let expected = *key_id;
            Err(KeyError::KeyId { expected, found })
        }
    }

    /// The 65 bytes.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// SHA-256 of the point: its name everywhere (formats.md 6).
    pub fn key_id(&self) -> Hash {
        Hash::new(Sha256::digest(self.0).into())
    }

    /// Whether `signature` is this key's over a content id; one with `s` in the upper half is not.
    pub fn verify_content(&self, content_id: &Hash, signature: &Signature) -> Result<(), KeyError> {
        let ecdsa = EcdsaSignature::from_slice(&signature.0).map_err(|_| KeyError::Signature)?;
        if ecdsa.normalize_s() != ecdsa {
            return Err(KeyError::Signature);
        }
        let key = VerifyingKey::from_sec1_bytes(&self.0).map_err(|_| KeyError::Point)?;
        key.verify_prehash(content_id.as_bytes(), &ecdsa)
            .map_err(|_| KeyError::Signature)
    }

    /// Whether `signature` is this key's over bytes.
    pub fn verify_message(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        self.verify_content(&Hash::new(Sha256::digest(message).into()), signature)
    }

    /// The same of a signature in DER: with the upper half refused, signed bytes have one form.
    pub fn verify_der(&self, message: &[u8], der: &[u8]) -> Result<(), KeyError> {
        let ecdsa = EcdsaSignature::from_der(der).map_err(|_| KeyError::Signature)?;
        self.verify_message(message, &Signature(ecdsa.to_bytes().into()))
    }

    fn of(key: &VerifyingKey) -> Self {
        let mut bytes = [0_u8; 65];
        let point = key.to_sec1_point(false);
        bytes
            .iter_mut()
            .zip(point.as_bytes())
            .for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl fmt::Debug for PublicPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPoint({})", self.key_id())
    }
}

impl Signature {
    /// From 64 bytes.
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes, as an issue envelope carries them.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// As `SEQUENCE { r, s }`, the form of the chains' own signatures.
    pub fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        let ecdsa = EcdsaSignature::from_slice(&self.0).map_err(|_| KeyError::Signature)?;
        Ok(ecdsa.to_der().as_bytes().to_vec())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::ids::UserId;

    fn key(byte: u8) -> PrivateKey {
        PrivateKey::new(&Zeroizing::new([byte; 32])).unwrap()
    }

    #[test]
    fn zero_and_the_order_itself_are_no_keys() {
        assert!(PrivateKey::new(&Zeroizing::new([0; 32])).is_err());
        assert!(PrivateKey::new(&Zeroizing::new([255; 32])).is_err());
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let (one, two) = (key(1), key(2));
        let id = Hash::new([7; 32]);
        let signature = one.sign_content(&id);
        assert!(one.point().verify_content(&id, &signature).is_ok());
        assert!(two.point().verify_content(&id, &signature).is_err());
        assert!(one.point().verify_content(&Hash::new([8; 32]), &signature).is_err());
        let signature = one.sign_message(b"payload");
        assert!(one.point().verify_message(b"payload", &signature).is_ok());
        assert!(one.point().verify_der(b"payload", &signature.to_der().unwrap()).is_ok());
    }

    #[test]
    fn a_point_that_is_another_keys_or_none_is_not_taken() {
        let (one, two) = (key(1).point(), key(2).point());
        assert_eq!(PublicPoint::named(one.as_bytes(), &one.key_id()).unwrap(), one);
        let other = PublicPoint::named(one.as_bytes(), &two.key_id());
        assert!(matches!(other, Err(KeyError::KeyId { .. })));
        let none = PublicPoint::named(&[4; 65], &Hash::new(Sha256::digest([4; 65]).into()));
        assert!(matches!(none, Err(KeyError::Point)));
    }

    #[test]
    fn the_upper_half_is_refused() {
        let one = key(3);
        let id = Hash::new([9; 32]);
        let low = EcdsaSignature::from_slice(one.sign_content(&id).as_bytes()).unwrap();
        let high = EcdsaSignature::from_scalars(low.r(), -low.s()).unwrap();
        let high = Signature::new(high.to_bytes().into());
        assert!(one.point().verify_content(&id, &high).is_err());
    }

    #[test]
    fn a_wrapped_key_opens_in_its_own_row_only() {
        let kek = Kek::new(&[5; 32]);
        let (one, created_ms) = (key(4), 1_000);
        let key_id = one.point().key_id();
        let row = |user: i64, number, created_ms| Row::UserKey {
            user: UserId::from_stored(user),
            number,
            key_id: &key_id,
            created_ms,
        };
        let wrapped = one.wrap(&kek, [6; 12], row(42, 1, created_ms)).unwrap();
        let opens = |row, key_id: &Hash| PrivateKey::proved(&kek, &wrapped, row, key_id).is_ok();
        assert!(opens(row(42, 1, created_ms), &key_id));
        assert!(!opens(row(43, 1, created_ms), &key_id));
        assert!(!opens(row(42, 2, created_ms), &key_id));
        assert!(!opens(row(42, 1, created_ms + 1), &key_id));
        assert!(!opens(row(42, 1, created_ms), &key(9).point().key_id()));
        let other = Kek::new(&[6; 32]);
        let again = kek
            .rewrap(&other, &wrapped, row(42, 1, created_ms), [7; 12])
            .unwrap()
            .unwrap();
        assert!(other.opens(&again, row(42, 1, created_ms)) && !kek.opens(&again, row(42, 1, created_ms)));
        assert_eq!(
            kek.rewrap(&other, &again, row(42, 1, created_ms), [8; 12]).unwrap(),
            None
        );
    }
}
