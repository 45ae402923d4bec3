//! The profile, and everything that the checker must refuse.

use super::*;
use crate::identity::certificate::Expected;
use crate::ledger::ids::Hash;
use zeroize::Zeroizing;

/// 2026-11-20T12:00:00Z.
const NOON_MS: i64 = 1_795_176_000_000;
const DAY_MS: i64 = 86_400_000;

fn key(byte: u8) -> PrivateKey {
    PrivateKey::new(&Zeroizing::new([byte; 32])).unwrap()
}

fn authority(byte: u8, organisation: &str) -> Authority {
    let validity = Validity::days(NOON_MS, 3_650);
    Authority::make(key(byte), organisation, &Serial::new([byte; 16]), validity).unwrap()
}

fn rider(authority: &Authority, days: u32) -> Certificate {
    let validity = Validity::days(NOON_MS, days);
    authority
        .certify(&key(7).point(), Role::Rider, &Serial::new([9; 16]), validity)
        .unwrap()
}

fn at(at_ms: i64) -> Expected<'static> {
    Expected {
        at_ms,
        role: Some(Role::Rider),
        key_id: None,
        revoked_ms: &|_| None,
    }
}

#[test]
fn equal_inputs_make_equal_bytes() {
    assert_eq!(authority(1, "org1").certificate(), authority(1, "org1").certificate());
    assert_eq!(
        rider(&authority(1, "org1"), 30).der,
        rider(&authority(1, "org1"), 30).der
    );
}

#[test]
fn a_certificate_says_what_it_was_made_for() {
    let authority = authority(1, "org1.example");
    let certificate = rider(&authority, 365);
    assert_eq!(certificate.role, Some(Role::Rider));
    assert_eq!(certificate.organisation, "org1.example");
    assert_eq!(certificate.key_id, key(7).point().key_id());
    assert_eq!(certificate.serial, Serial::new([9; 16]));
    assert_eq!(certificate.not_before_ms, NOON_MS - 600_000);
    assert_eq!(certificate.not_after_ms, NOON_MS + 365 * DAY_MS);
    assert_eq!(authority.certificate().role, None);
    certificate.check(authority.certificate(), &at(NOON_MS)).unwrap();
}

#[test]
fn validity_ends_are_inside_and_the_authoritys_bound_it() {
    let authority = authority(1, "org1");
    let certificate = rider(&authority, 30);
    let ca = authority.certificate();
    for (at_ms, sound) in [
        (certificate.not_before_ms, true),
        (certificate.not_before_ms - 1, false),
        (certificate.not_after_ms, true),
        (certificate.not_after_ms + 1, false),
    ] {
        assert_eq!(certificate.check(ca, &at(at_ms)).is_ok(), sound, "{at_ms}");
    }
    let long = rider(&authority, 36_500);
    assert_eq!(long.not_after_ms, ca.not_after_ms);
    let late = Validity::days(ca.not_after_ms + DAY_MS, 30);
    let late = authority.certify(&key(7).point(), Role::Rider, &Serial::new([9; 16]), late);
    assert!(matches!(late, Err(AuthorityError::Ended)));
}

#[test]
fn the_checker_refuses_what_is_not_meant() {
    let ours = authority(1, "org1");
    let certificate = rider(&ours, 30);
    let refused = |expected: &Expected<'_>| certificate.check(ours.certificate(), expected).unwrap_err();
    let other = Expected {
        role: Some(Role::Issuer),
        ..at(NOON_MS)
    };
    assert!(matches!(refused(&other), CertificateError::Role(Role::Issuer)));
    let foreign_key = Hash::new([1; 32]);
    let other = Expected {
        key_id: Some(&foreign_key),
        ..at(NOON_MS)
    };
    assert!(matches!(refused(&other), CertificateError::KeyId { .. }));
    let revoked = Expected {
        revoked_ms: &|_| Some(NOON_MS),
        ..at(NOON_MS)
    };
    assert!(matches!(refused(&revoked), CertificateError::Revoked { .. }));
    let before = Expected {
        revoked_ms: &|_| Some(NOON_MS + 1),
        ..at(NOON_MS)
    };
    certificate.check(ours.certificate(), &before).unwrap();

    // The same name, another key: neither the authority's identifier nor its signature fits.
    let impostor = authority(2, "org1");
    let forged = rider(&impostor, 30);
    let foreign = forged.check(ours.certificate(), &at(NOON_MS)).unwrap_err();
    assert!(matches!(foreign, CertificateError::Foreign(_)));
    // An authority sends nothing, and a rider certifies nobody.
    assert!(ours.certificate().check(ours.certificate(), &at(NOON_MS)).is_err());
    assert!(certificate.check(&certificate, &at(NOON_MS)).is_err());
}

#[test]
fn no_bit_of_a_certificate_can_flip() {
    let ours = authority(1, "org1");
    let certificate = rider(&ours, 30);
    for position in 0..certificate.der.len() {
        let mut der = certificate.der.clone();
        if let Some(byte) = der.get_mut(position) {
            *byte ^= 1 << (position % 8);
        }
        let accepted = Certificate::parse(&der).is_ok_and(|read| read.check(ours.certificate(), &at(NOON_MS)).is_ok());
        assert!(!accepted, "byte {position}");
    }
    let longer = [certificate.der.as_slice(), &[0]].concat();
    assert!(Certificate::parse(&longer).is_err());
}

#[test]
fn another_key_does_not_load_an_authority() {
    let ours = authority(1, "org1");
    assert!(matches!(
        Authority::load(key(2), &ours.certificate().der),
        Err(AuthorityError::OtherKey)
    ));
}

#[test]
fn the_last_third_of_a_life_is_its_end() {
    let certificate = rider(&authority(1, "org1"), 30);
    assert!(!certificate.is_ending(NOON_MS + 19 * DAY_MS));
    assert!(certificate.is_ending(NOON_MS + 21 * DAY_MS));
}
