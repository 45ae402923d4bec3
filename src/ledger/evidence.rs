//! What ties a trip to a person's movements (order number, stations, coordinates): encoded, and sealed under the account's
//! data key, so that destroying the key makes it unreadable while every digest still holds (formats.md 3).

use super::encode::{CodecError, Decoder, Encoder};
use super::ids::{Hash, Name};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::Zeroizing;

/// 12 random bytes, never used twice under one key.
pub type NonceBytes = [u8; 12];

/// An account's data key.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

/// The private part of a trip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// The calling system.
    pub client: Name,
    /// The caller's order number.
    pub trip_id: Name,
    /// Kind of proof and the caller's digest of it.
    pub proof: Option<Proof>,
    /// One a leg.
    pub places: Vec<Places>,
}

/// How the caller says the ride was proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// `gate`, `ride_code`, …
    pub kind: String,
    /// SHA-256 of the caller's own evidence.
    pub digest: Option<Hash>,
}

/// Where a leg went, as sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Places {
    /// Metres only, or nothing.
    None,
    /// Station ids.
    Stations {
        /// Boarded at.
        from: String,
        /// Left at.
        to: String,
    },
    /// Decimal degrees as written: latitude, longitude.
    Coordinates {
        /// Start.
        from: (String, String),
        /// End.
        to: (String, String),
    },
}

/// Sealing or opening failed: wrong key, wrong row, or changed bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The authentication tag does not fit key, row and bytes.
    #[error("the seal does not fit its key, its row or its bytes")]
    Broken,
    /// What was sealed is not a canonical document.
    #[error("the sealed document is malformed: {0}")]
    Malformed(#[from] CodecError),
}

impl DataKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.0))
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl Evidence {
    /// `nonce ‖ ciphertext ‖ tag`, bound to the trip key.
    pub fn seal(&self, key: &DataKey, nonce: NonceBytes, trip_key: &Hash) -> Result<Vec<u8>, SealError> {
        let clear = Zeroizing::new(self.encode()?);
        let payload = Payload {
            msg: &clear,
            aad: trip_key.as_bytes(),
        };
        let sealed = key
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError::Broken)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Evidence::seal`] made.
    pub fn open(sealed: &[u8], key: &DataKey, trip_key: &Hash) -> Result<Self, SealError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<12>().ok_or(SealError::Broken)?;
        let payload = Payload {
            msg: ciphertext,
            aad: trip_key.as_bytes(),
        };
        let clear = key
            .cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| SealError::Broken)?;
        Ok(Self::decode(&Zeroizing::new(clear))?)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.text(self.client.as_str());
        e.text(self.trip_id.as_str());
        e.opt(self.proof.as_ref(), |e, proof| {
            e.text(&proof.kind);
            e.opt(proof.digest.as_ref(), Encoder::hash);
        });
        e.list(self.places.iter(), |e, places| match places {
            Places::None => e.u8(0),
            Places::Stations { from, to } => {
                e.u8(1);
                e.text(from);
                e.text(to);
            }
            Places::Coordinates { from, to } => {
                e.u8(2);
                for degrees in [&from.0, &from.1, &to.0, &to.1] {
                    e.text(degrees);
                }
            }
        });
        e.finish()
    }

    /// Reads canonical bytes back.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let name = |text: String| Name::parse(text).map_err(|_| CodecError::Range);
        let evidence = Self {
            client: name(d.text()?)?,
            trip_id: name(d.text()?)?,
            proof: d.opt(|d| {
                Ok(Proof {
                    kind: d.text()?,
                    digest: d.opt(Decoder::hash)?,
                })
            })?,
            places: d.list(|d| match d.u8()? {
                0 => Ok(Places::None),
                1 => Ok(Places::Stations {
                    from: d.text()?,
                    to: d.text()?,
                }),
                2 => Ok(Places::Coordinates {
                    from: (d.text()?, d.text()?),
                    to: (d.text()?, d.text()?),
                }),
                other => Err(CodecError::Code(other)),
            })?,
        };
        d.finish()?;
        Ok(evidence)
    }
}
