//! A rider's signature: ECDSA over P-256 of the content id as the prehashed message, s in the lower half (formats.md 5).

use crate::Hash;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A public key as it travels: the uncompressed point, 65 bytes. Whether it lies on the curve is asked when it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicPoint([u8; 65]);

/// A signature as it travels: r ‖ s, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RiderSignature([u8; 64]);

/// Why a signature proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum SignatureError {
    /// The public point is not an uncompressed point of the curve.
    #[error("the public point is no uncompressed point of P-256")]
    Point,
    /// r or s is 0, or not below the order.
    #[error("r or s is out of range")]
    Scalar,
    /// s is in the upper half of the order: the second spelling of the same signature.
    #[error("s is in the upper half of the order")]
    HighS,
    /// It is the signature of another key, or of another message.
    #[error("it is not this key's signature of this message")]
    Mismatch,
}

impl PublicPoint {
    /// From raw bytes.
    pub const fn new(bytes: [u8; 65]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// SHA-256 of the point: what a key is called.
    pub fn key_id(&self) -> Hash {
        Hash::new(Sha256::digest(self.0).into())
    }

    /// Whether it is a key: an uncompressed point of the curve.
    pub fn check(&self) -> Result<(), SignatureError> {
        self.key().map(|_| ())
    }

    fn key(&self) -> Result<VerifyingKey, SignatureError> {
        // Of 65 bytes, only those that begin with 04 are a point.
        VerifyingKey::from_sec1_bytes(&self.0).map_err(|_| SignatureError::Point)
    }

    /// Whether `signature` is this key's over a content id.
    pub fn verify(&self, content_id: &Hash, signature: &RiderSignature) -> Result<(), SignatureError> {
        let key = self.key()?;
        let signature = Signature::from_slice(&signature.0).map_err(|_| SignatureError::Scalar)?;
        if signature.normalize_s() != signature {
            return Err(SignatureError::HighS);
        }
        key.verify_prehash(content_id.as_bytes(), &signature)
            .map_err(|_| SignatureError::Mismatch)
    }
}

impl RiderSignature {
    /// From raw bytes.
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for PublicPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicPoint({})", self.key_id())
    }
}

impl fmt::Debug for RiderSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RiderSignature(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::hazmat::PrehashSigner as _;

    const MESSAGE: Hash = Hash::new([7; 32]);

    fn signed() -> (PublicPoint, Signature) {
        let key = SigningKey::from_slice(&[9; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let signature: Signature = key.sign_prehash(MESSAGE.as_bytes()).unwrap();
        (
            PublicPoint::new(point.as_bytes().try_into().unwrap()),
            signature.normalize_s(),
        )
    }

    fn verify(point: &PublicPoint, signature: &Signature) -> Result<(), SignatureError> {
        point.verify(&MESSAGE, &RiderSignature::new(signature.to_bytes().into()))
    }

    #[test]
    fn only_the_lower_half_counts() {
        let (point, low) = signed();
        assert_eq!(verify(&point, &low), Ok(()));
        let (r, s) = low.split_scalars();
        let high = Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap();
        assert_eq!(verify(&point, &high), Err(SignatureError::HighS));
    }

    #[test]
    fn another_message_key_or_spelling_is_refused() {
        let (point, signature) = signed();
        let raw = RiderSignature::new(signature.to_bytes().into());
        assert_eq!(point.verify(&Hash::new([8; 32]), &raw), Err(SignatureError::Mismatch));
        let mut off_the_curve = *point.as_bytes();
        off_the_curve[64] ^= 1;
        assert_eq!(
            verify(&PublicPoint::new(off_the_curve), &signature),
            Err(SignatureError::Point)
        );
        let mut tagged = *point.as_bytes();
        tagged[0] = 6;
        assert_eq!(
            verify(&PublicPoint::new(tagged), &signature),
            Err(SignatureError::Point)
        );
        assert_eq!(
            point.verify(&MESSAGE, &RiderSignature::new([0; 64])),
            Err(SignatureError::Scalar)
        );
        assert_eq!(
            point.verify(&MESSAGE, &RiderSignature::new([255; 64])),
            Err(SignatureError::Scalar)
        );
    }
}
