//! The proof of a credit, checked by a stranger: from docs/formats.md, with no code of the gateway or of its contract.

use super::bytes::{Fault, Hash, Reader, bytes, digest, hash, sized, step};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

/// What a proof proves of its credit.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) owner: Hash,
    pub(super) programme: String,
    pub(super) amount_ug: i64,
}

/// Shard and hash of a reference (section 7).
fn named(value: &Value, kind: &str) -> Result<(String, Hash), Fault> {
    let (shard, digits) = value
        .as_str()
        .and_then(|text| text.strip_prefix(kind)?.split_once('_'))
        .ok_or("a reference")?;
    Ok((shard.to_owned(), hash(&Value::from(digits))?))
}

pub(super) fn leaf(request: &[u8], result: &[u8]) -> Hash {
    digest("carbon/chain-leaf/1", &[sized(request), sized(result)].concat())
}

pub(super) fn block_hash(header: &[u8]) -> Hash {
    digest("carbon/chain-block/1", header)
}

/// The root that a leaf and its path lead to (section 10).
fn root(leaf: Hash, (index, count): (u64, u64), path: &[Hash]) -> Option<Hash> {
    let node = |left: Hash, right: Hash| digest("carbon/chain-node/1", &[left, right].concat());
    if count == 1 {
        return (index == 0 && path.is_empty()).then_some(leaf);
    }
    let (neighbour, below) = path.split_last()?;
    let left = count.next_power_of_two() / 2;
    if index >= count {
        None
    } else if index < left {
        Some(node(root(leaf, (index, left), below)?, *neighbour))
    } else {
        Some(node(*neighbour, root(leaf, (index - left, count - left), below)?))
    }
}

/// An output's owner, programme and amount.
type Output = (Hash, String, i64);

/// Kind, orderer and outputs of a transaction (section 5).
fn transaction(document: &[u8]) -> Result<(u64, Hash, Vec<Output>), Fault> {
    let lot = |r: &mut Reader<'_>| -> Result<String, Fault> {
        let programme = r.text()?;
        r.take(5)?;
        Ok(programme)
    };
    let mut r = Reader::document(document)?;
    let (kind, orderer, _booked_ms) = (r.u8()?, r.hash()?, r.i64()?);
    r.list(Reader::hash)?;
    let outputs = r.list(|r| Ok((r.hash()?, lot(r)?, r.i64()?)))?;
    r.list(|r| Ok((r.u8()?, r.hash()?, lot(r)?, r.i64()?)))?;
    r.opt(Reader::hash)?;
    r.text()?;
    r.end()?;
    Ok((kind, orderer, outputs))
}

/// A signature of 64 bytes, in the one spelling that counts.
fn signature(bytes: &[u8]) -> Result<Signature, Fault> {
    let signature = Signature::from_slice(bytes).map_err(|_| "a signature")?;
    step(signature.normalize_s() == signature, "the lower half of the order")?;
    Ok(signature)
}

fn key(point: &[u8]) -> Result<VerifyingKey, Fault> {
    step(point.len() == 65 && point[0] == 4, "a point")?;
    VerifyingKey::from_sec1_bytes(point).map_err(|_| "a point")
}

/// A certificate of section 6, without its signature.
struct Certificate<'a> {
    read: X509Certificate<'a>,
    point: Vec<u8>,
}

impl<'a> Certificate<'a> {
    fn read(der: &'a [u8], at_ms: i64) -> Result<Self, Fault> {
        let (rest, read) = X509Certificate::from_der(der).map_err(|_| "a certificate")?;
        step(rest.is_empty(), "the end of a certificate")?;
        step(der == spelled(&read), "what is outside a certificate's signed part")?;
        let times = read.validity();
        let second = at_ms.div_euclid(1_000);
        step(
            (times.not_before.timestamp()..=times.not_after.timestamp()).contains(&second),
            "a certificate's time",
        )?;
        let point = read.public_key().subject_public_key.data.to_vec();
        Ok(Self { read, point })
    }

    fn key_id(&self) -> Hash {
        Sha256::digest(&self.point).into()
    }

    /// Whether it says which key it is for.
    fn names_its_key(&self) -> bool {
        self.read.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(id) if id.0 == self.key_id())
        })
    }

    fn is_signed_by(&self, authority: &Self) -> Result<(), Fault> {
        let signature =
            Signature::from_der(&self.read.signature_value.data).map_err(|_| "a certificate's signature")?;
        let signed = key(&authority.point)?.verify(self.read.tbs_certificate.as_ref(), &signature);
        signed.map_err(|_| "a certificate's signature")
    }

    fn units(&self) -> Vec<String> {
        let units = self.read.subject().iter_organizational_unit();
        units.map(|unit| unit.as_str().unwrap_or_default().to_owned()).collect()
    }

    fn organisation(&self) -> Option<&str> {
        self.read.subject().iter_organization().next()?.as_str().ok()
    }
}

/// The one spelling of a certificate with this signed part and this signature: ecdsa-with-SHA256.
fn spelled(read: &X509Certificate<'_>) -> Vec<u8> {
    let signature = &read.signature_value.data;
    let length = u8::try_from(signature.len() + 1).unwrap();
    let inside = [
        read.tbs_certificate.as_ref(),
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        &[3, length, 0],
        signature,
    ]
    .concat();
    let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], length.as_slice(), &inside].concat()
}

/// Checks a proof under the authority's certificate: what it proves, or the step that does not hold.
pub(super) fn check(proof: &Value, trusted: &[u8]) -> Result<Told, Fault> {
    let document = bytes(&proof["transaction"])?;
    let content_id = digest("carbon/transaction/1", &document);
    let told = output(proof, &document, &content_id)?;
    let (request, result) = (bytes(&proof["request"])?, bytes(&proof["result"])?);
    let header = bytes(&proof["header"])?;
    let at_ms = stands(proof, &header, leaf(&request, &result))?;
    let (payload, units) = sent(proof, &request, (trusted, at_ms))?;
    let carried = argument(proof, &payload, &header)?;
    let (order, roles) = envelope(&carried, &document)?;
    step(roles.iter().any(|role| units == ["client", role]), "the sender's role")?;
    if let Some((point, signed)) = order {
        step(
            bytes(&proof["rider"]["point"])? == point && bytes(&proof["rider"]["signature"])? == signed,
            "the rider's order",
        )?;
        is_ordered(&point, &signed, &content_id)?;
    } else {
        step(proof["rider"].is_null(), "the rider's order")?;
    }
    let mut r = Reader::document(&result)?;
    step((r.u16()?, r.u16()?) == (0, 0), "both codes")?;
    let mut answer = Reader::document(r.bytes()?)?;
    let fates = answer.list(|r| Ok((r.hash()?, r.u8()?)))?;
    step(
        fates.iter().any(|(named, _)| *named == content_id),
        "the contract's answer",
    )?;
    Ok(told)
}

/// The credit is an output of the transaction.
fn output(proof: &Value, document: &[u8], content_id: &Hash) -> Result<Told, Fault> {
    let (shard, of_transaction) = named(&proof["transaction_id"], "tx_")?;
    step(of_transaction == *content_id, "the content id")?;
    let output = proof["output"].as_u64().and_then(|output| u16::try_from(output).ok());
    let output = output.ok_or("an output")?;
    let credit = digest(
        "carbon/credit/1",
        &[content_id.as_slice(), &output.to_be_bytes()].concat(),
    );
    step(
        named(&proof["credit_id"], "cr_")? == (shard, credit),
        "the credit's hash",
    )?;
    let (kind, orderer, outputs) = transaction(document)?;
    let (owner, programme, amount_ug) = outputs.into_iter().nth(usize::from(output)).ok_or("an output")?;
    step(kind != 1 || owner == orderer, "an issue is to its orderer")?;
    Ok(Told {
        owner,
        programme,
        amount_ug,
    })
}

/// A request is signed under a certificate of the authority; answers its payload, and the units of who sent it.
fn sent(proof: &Value, request: &[u8], (trusted, at_ms): (&[u8], i64)) -> Result<(Vec<u8>, Vec<String>), Fault> {
    let mut r = Reader::document(request)?;
    let (payload, certificate, signed) = (r.bytes()?, r.bytes()?, r.take(64)?);
    r.end()?;
    let certificates = proof["certificates"].as_array().ok_or("two certificates")?;
    step(certificates.len() == 2, "two certificates")?;
    step(bytes(&certificates[0])? == certificate, "the sender's certificate")?;
    step(bytes(&certificates[1])? == trusted, "the authority's certificate")?;
    let authority = Certificate::read(trusted, at_ms)?;
    let sender = Certificate::read(certificate, at_ms)?;
    sender.is_signed_by(&authority)?;
    authority.is_signed_by(&authority)?;
    step(sender.names_its_key() && !sender.read.is_ca(), "the sender's key")?;
    step(
        sender.organisation().is_some() && sender.organisation() == authority.organisation(),
        "the sender's organisation",
    )?;
    let verified = key(&sender.point)?.verify(payload, &signature(signed)?);
    verified.map_err(|_| "the request's signature")?;
    Ok((payload.to_vec(), sender.units()))
}

/// Whether a leaf stands in the block of a header; answers the block's time.
fn stands(proof: &Value, header: &[u8], leaf: Hash) -> Result<i64, Fault> {
    let place = &proof["chain"];
    let mut r = Reader::document(header)?;
    let (_chain_id, height, at_ms, _previous) = (r.text()?, r.number(8)?, r.i64()?, r.hash()?);
    let (count, expected) = (r.u32()?, r.hash()?);
    r.end()?;
    let index = place["index"].as_u64().ok_or("an index")?;
    let path: Vec<Hash> = proof["path"]
        .as_array()
        .ok_or("a path")?
        .iter()
        .map(hash)
        .collect::<Result<_, Fault>>()?;
    step(root(leaf, (index, count), &path) == Some(expected), "the root")?;
    step(hash(&proof["block_hash"])? == block_hash(header), "the block's hash")?;
    let block_at = place["block_at"].as_str().and_then(|text| text.parse().ok());
    let block_at_ms = block_at.map(|at: jiff::Timestamp| at.as_millisecond());
    step(
        place["kind"] == "embedded" && place["height"] == height && block_at_ms == Some(at_ms),
        "the place",
    )?;
    Ok(at_ms)
}

/// The payload's argument.
fn argument(proof: &Value, payload: &[u8], header: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut r = Reader::document(payload)?;
    step(r.text()? == Reader::document(header)?.text()?, "the chain's id")?;
    step(r.hash()? == hash(&proof["chain"]["tx_id"])?, "the chain's tx id")?;
    let (_timestamp_ms, _expires_ms, contract, _method) = (r.i64()?, r.i64()?, r.text()?, r.text()?);
    step(contract == "carbon", "the contract")?;
    let argument = r.bytes()?.to_vec();
    r.u32()?;
    r.end()?;
    Ok(argument)
}

/// What an issue holds of its rider: point and signature.
type Order = (Vec<u8>, Vec<u8>);

/// Finds a transaction in an envelope (section 6); with the rider's order, if it is an issue, and the roles that send such.
fn envelope(document: &[u8], wanted: &[u8]) -> Result<(Option<Order>, &'static [&'static str]), Fault> {
    let mut r = Reader::document(document)?;
    let found = match r.u8()? {
        1 => {
            let orders = r.list(|r| Ok((r.bytes()?, r.take(65)?.to_vec(), r.take(64)?.to_vec())))?;
            let order = orders.into_iter().find(|(transaction, ..)| *transaction == wanted);
            let (_, point, signed) = order.ok_or("the transaction in the envelope")?;
            (Some((point, signed)), &["issuer"][..])
        }
        2 => {
            step(r.bytes()? == wanted, "the transaction in the envelope")?;
            (None, &["rider", "sink"][..])
        }
        _ => return Err("the envelope's kind"),
    };
    r.end()?;
    Ok(found)
}

/// Whether a rider has signed a content id.
pub(super) fn is_ordered(point: &[u8], signed: &[u8], content_id: &Hash) -> Result<(), Fault> {
    let verified = key(point)?.verify_prehash(content_id, &signature(signed)?);
    verified.map_err(|_| "the rider's signature")
}
