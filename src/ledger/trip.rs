//! The trip record: what is stored of a trip for ever, and its canonical bytes (formats.md 3).

use super::encode::{CodecError, Decoder, Encoder, digest};
use super::entry::{Figure, Posting};
use super::ids::Hash;
use crate::methodology::Gas;
use crate::methodology::rules::{Refusal, Rule};
use crate::methodology::trip::{Distance, DistanceFrom, Leg};
use crate::methodology::units::{Amount, Day, Ratio};
use std::collections::BTreeMap;

/// The outcome of a trip that no rule has refused.
pub const CREDITED: &str = "credited";

/// A booked trip: its content, the verdict, the figures.
#[derive(Clone, PartialEq, Debug)]
pub struct TripRecord {
    /// Identity: client, user, trip id.
    pub trip_key: Hash,
    /// The account's address.
    pub address: Hash,
    /// Programme it was judged by.
    pub programme: String,
    /// SHA-256 of that programme's bytes.
    pub programme_digest: Hash,
    /// Activity day in the programme's zone.
    pub day: Day,
    /// Earliest start of a leg, Unix seconds.
    pub started_s: i64,
    /// Latest end of a leg, Unix seconds.
    pub ended_s: i64,
    /// Booked time, Unix milliseconds.
    pub booked_ms: i64,
    /// The rule that refused it, if one did.
    pub refusal: Option<Refusal>,
    /// When its claim may be collected; `None` when it earned nothing.
    pub claim: Option<ClaimSpan>,
    /// Index of the leg under which the trip counts.
    pub headline: u8,
    /// Legs in the order sent.
    pub legs: Vec<LegRecord>,
}

/// The window of a claim, both counted from booked time, Unix milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimSpan {
    /// From when it may be collected.
    pub opens_at_ms: i64,
    /// From when it may not any more; `None`: never.
    pub closes_at_ms: Option<i64>,
}

/// A leg with its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct LegRecord {
    /// What was sent, distance resolved to metres.
    pub leg: Leg,
    /// Methodology id, version and digest.
    pub methodology: MethodologyStamp,
    /// Floored to the microgram.
    pub quantified: Amount,
    /// What caps took of it.
    pub capped: Amount,
    /// The exact figure in grams before the floor at zero.
    pub unfloored: String,
}

/// Which parameter set gave a figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MethodologyStamp {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the set's bytes.
    pub digest: Hash,
    /// What its grams are grams of.
    pub gas: Gas,
}

impl TripRecord {
    /// Σ quantified of the legs.
    pub fn quantified(&self) -> Option<Amount> {
        self.legs
            .iter()
            .try_fold(Amount::ZERO, |sum, leg| sum.checked_add(leg.quantified))
    }

    /// Σ capped of the legs.
    pub fn capped(&self) -> Option<Amount> {
        self.legs
            .iter()
            .try_fold(Amount::ZERO, |sum, leg| sum.checked_add(leg.capped))
    }

    /// What the trip earned: quantified − capped.
    pub fn amount(&self) -> Option<Amount> {
        self.quantified()?.checked_sub(self.capped()?)
    }

    /// `credited`, or the rule that refused it.
    pub fn outcome(&self) -> &'static str {
        self.refusal.as_ref().map_or(CREDITED, |refusal| refusal.rule.as_str())
    }

    /// What a figure says of a claim: each leg that earned something, in order.
    pub fn claimed_postings(&self, figure: Figure) -> Vec<Posting> {
        let earned = |leg: &LegRecord| leg.amount().filter(|amount| *amount > Amount::ZERO);
        let posting = |leg: &LegRecord| {
            earned(leg).map(|amount| Posting {
                figure,
                day: self.day,
                mode: leg.leg.mode.clone(),
                methodology: leg.methodology.name(),
                gas: leg.methodology.gas,
                count: 1,
                amount,
            })
        };
        self.legs.iter().filter_map(posting).collect()
    }

    /// The leg under which the trip counts.
    pub fn headline_leg(&self) -> Option<&LegRecord> {
        self.legs.get(usize::from(self.headline))
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut e = Encoder::document();
        e.hash(&self.trip_key);
        e.hash(&self.address);
        e.text(&self.programme);
        e.hash(&self.programme_digest);
        e.i32(self.day.epoch_days());
        e.i64(self.started_s);
        e.i64(self.ended_s);
        e.i64(self.booked_ms);
        e.u8(self.refusal.as_ref().map_or(0, |refusal| refusal.rule.code()));
        e.text(self.refusal.as_ref().map_or("", |refusal| &refusal.detail));
        e.opt(self.claim, |e, claim| {
            e.i64(claim.opens_at_ms);
            e.opt(claim.closes_at_ms, Encoder::i64);
        });
        e.u8(self.headline);
        e.list(self.legs.iter(), encode_leg);
        e.finish()
    }

    /// Reads canonical bytes back.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut d = Decoder::document(bytes)?;
        let record = Self {
            trip_key: d.hash()?,
            address: d.hash()?,
            programme: d.text()?,
            programme_digest: d.hash()?,
            day: Day::from_epoch_days(d.i32()?),
            started_s: d.i64()?,
            ended_s: d.i64()?,
            booked_ms: d.i64()?,
            refusal: decode_refusal(&mut d)?,
            claim: d.opt(|d| {
                Ok(ClaimSpan {
                    opens_at_ms: d.i64()?,
                    closes_at_ms: d.opt(Decoder::i64)?,
                })
            })?,
            headline: d.u8()?,
            legs: d.list(decode_leg)?,
        };
        d.finish()?;
        Ok(record)
    }
}

impl LegRecord {
    /// What the leg earned: quantified − capped.
    pub fn amount(&self) -> Option<Amount> {
        self.quantified.checked_sub(self.capped)
    }
}

impl MethodologyStamp {
    /// `id@version`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }
}

/// The digest that the journal keeps: it covers the record and the evidence as sealed.
pub fn trip_digest(record: &[u8], sealed_evidence: &[u8]) -> Hash {
    digest("carbon/trip/1", |e| {
        e.bytes(record);
        e.bytes(sealed_evidence);
    })
}

fn decode_refusal(d: &mut Decoder<'_>) -> Result<Option<Refusal>, CodecError> {
    let code = d.u8()?;
    let detail = d.text()?;
    match code {
        0 if detail.is_empty() => Ok(None),
        _ => Rule::from_code(code)
            .map(|rule| Some(Refusal { rule, detail }))
            .ok_or(CodecError::Code(code)),
    }
}

fn encode_leg(e: &mut Encoder, record: &LegRecord) {
    let leg = &record.leg;
    e.text(&leg.mode);
    e.i64(leg.started_s);
    e.i64(leg.ended_s);
    e.opt(leg.distance.as_ref(), encode_distance);
    e.opt(leg.energy_wh, Encoder::u64);
    e.opt(leg.events, Encoder::u64);
    e.opt(leg.region.as_deref(), Encoder::text);
    e.opt(leg.grid_year, Encoder::i32);
    e.list(leg.replace.iter(), |e, (parameter, value)| {
        e.text(parameter);
        e.text(&value.to_string());
    });
    e.text(&record.methodology.id);
    e.text(&record.methodology.version);
    e.hash(&record.methodology.digest);
    e.u8(gas_code(record.methodology.gas));
    e.i64(record.quantified.micrograms());
    e.i64(record.capped.micrograms());
    e.text(&record.unfloored);
}

fn decode_leg(d: &mut Decoder<'_>) -> Result<LegRecord, CodecError> {
    Ok(LegRecord {
        leg: Leg {
            mode: d.text()?,
            started_s: d.i64()?,
            ended_s: d.i64()?,
            distance: d.opt(decode_distance)?,
            energy_wh: d.opt(Decoder::u64)?,
            events: d.opt(Decoder::u64)?,
            region: d.opt(Decoder::text)?,
            grid_year: d.opt(Decoder::i32)?,
            replace: decode_replace(d)?,
        },
        methodology: MethodologyStamp {
            id: d.text()?,
            version: d.text()?,
            digest: d.hash()?,
            gas: gas_from_code(d.u8()?)?,
        },
        quantified: Amount::from_micrograms(d.i64()?),
        capped: Amount::from_micrograms(d.i64()?),
        unfloored: d.text()?,
    })
}

fn encode_distance(e: &mut Encoder, distance: &Distance) {
    e.u64(distance.metres);
    match &distance.from {
        DistanceFrom::Given => e.u8(1),
        DistanceFrom::Coordinates => e.u8(2),
        DistanceFrom::Network { id, version, digest } => {
            e.u8(3);
            e.text(id);
            e.text(version);
            e.raw(digest);
        }
    }
}

fn decode_distance(d: &mut Decoder<'_>) -> Result<Distance, CodecError> {
    let metres = d.u64()?;
    let from = match d.u8()? {
        1 => DistanceFrom::Given,
        2 => DistanceFrom::Coordinates,
        3 => DistanceFrom::Network {
            id: d.text()?,
            version: d.text()?,
            digest: *d.hash()?.as_bytes(),
        },
        other => return Err(CodecError::Code(other)),
    };
    Ok(Distance { metres, from })
}

fn decode_replace(d: &mut Decoder<'_>) -> Result<BTreeMap<String, Ratio>, CodecError> {
    let pairs = d.list(|d| {
        let (parameter, text) = (d.text()?, d.text()?);
        let value = Ratio::parse(&text).map_err(|_| CodecError::Range)?;
        if value.to_string() == text {
            Ok((parameter, value))
        } else {
            Err(CodecError::Range)
        }
    })?;
    if pairs.windows(2).any(|pair| matches!(pair, [a, b] if a.0 >= b.0)) {
        return Err(CodecError::Order);
    }
    Ok(pairs.into_iter().collect())
}

/// Code of a gas on the wire of the journal and the chain.
pub fn gas_code(gas: Gas) -> u8 {
    match gas {
        Gas::Co2 => 1,
        Gas::Co2e => 2,
    }
}

/// The gas of a code.
pub fn gas_from_code(code: u8) -> Result<Gas, CodecError> {
    match code {
        1 => Ok(Gas::Co2),
        2 => Ok(Gas::Co2e),
        other => Err(CodecError::Code(other)),
    }
}
