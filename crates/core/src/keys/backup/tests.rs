//! What is taken for a backup, and what a restore makes of the ring.

use super::{Backup, RecipientKey, Restored, SealedBackup};
use crate::keys::{
    Chain, KeyKind, KeyMaterial, KeyPolicy, KeyRing, OtherRing, SECRETS_NEEDED, Secrets,
};
use postern_jwt::{
    SigningAlgorithm, compact, json,
    proof::Thumbprint,
    secret::Secret,
    time::{Millis, UnixMillis},
};

const MADE: UnixMillis = UnixMillis(1_800_000_000_000);
const RFC_7638_KEY: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
const KEY: Thumbprint = Thumbprint::NONE;
const POLICY: KeyPolicy = KeyPolicy {
    interval: Millis::from_seconds(3_600),
    access_token_validity: Millis::from_seconds(3_600),
    signing_algorithm: SigningAlgorithm::ES256,
};

fn ring(of: u8) -> KeyRing {
    let mut ring = KeyRing::new(Secrets::new([[of; 32]; SECRETS_NEEDED]));
    add_key(&mut ring, MADE);
    ring
}

fn add_key(ring: &mut KeyRing, now: UnixMillis) -> String {
    let needed = Chain {
        kind: KeyKind::Dynamic,
        algorithm: SigningAlgorithm::ES256,
    };
    let material = KeyMaterial {
        public_jwk: r#"{"x":"Ag","y":"Aw"}"#.to_owned(),
        private_jwk: Secret::new(b"private".to_vec()),
        random: [1; 16],
    };
    ring.add_key(POLICY, needed, material, now).unwrap();
    ring.keys.last().unwrap().kid.clone()
}

fn restored(backup: &KeyRing, over: Option<&KeyRing>, replace: bool) -> KeyRing {
    restored_at(MADE, backup, over, replace)
}

fn restored_at(
    now: UnixMillis,
    backup: &KeyRing,
    over: Option<&KeyRing>,
    replace: bool,
) -> KeyRing {
    match KeyRing::restored(Backup::of(backup.clone(), MADE), over, replace, now) {
        Ok(Restored::Ring(ring)) => *ring,
        other => panic!("{other:?}"),
    }
}

fn text(ring: &KeyRing) -> String {
    ring.to_json().unwrap()
}

#[test]
fn a_backup_is_read_as_it_was_written_and_nothing_else_is() {
    let backup = Backup::of(ring(1), MADE);
    let written = backup.to_json().unwrap();
    let read = Backup::read(&written).unwrap();
    assert_eq!((read.made, text(&read.ring)), (MADE, text(&backup.ring)));
    let newer = written.replacen("\"schema\":1", "\"schema\":99", 1);
    assert_ne!(newer, written);
    let without = written.replacen("refresh_secrets", "other_secrets", 1);
    for wrong in ["", "{}", "[]", &written[1..], &newer, &without] {
        assert!(Backup::read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn its_jwe_is_taken_apart_as_it_was_put_together_and_in_one_spelling() {
    let header = Backup::of(ring(1), MADE).header(KEY);
    let told = compact::decode_text(&header).unwrap();
    assert_eq!(
        told,
        format!(
            r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","typ":"postern-keys","kid":"{KEY}","iat":1800000000}}"#
        )
    );
    let sealed = SealedBackup {
        header: &header,
        wrapped_key: vec![1; 256],
        nonce: [2; 12],
        content: (0..40).collect(),
    };
    let text = sealed.text();
    assert_eq!(SealedBackup::read(&text, KEY), Some(sealed));
    let with = |at: usize, part: &str| {
        let mut parts: Vec<&str> = text.split('.').collect();
        parts[at] = part;
        parts.join(".")
    };
    let header_of = |json: &str| with(0, &compact::encode(json.as_bytes()));
    for wrong in [
        String::new(),
        format!("{text}."),
        format!("{text}\n"),
        text.rsplit_once('.').unwrap().0.to_owned(),
        header_of("{}"),
        header_of(&told.replace("RSA-OAEP-256", "dir")),
        header_of(&told.replace("A256GCM", "A128GCM")),
        header_of(&told.replace("postern-keys", "JWT")),
        header_of(&told.replace("kid", "key")),
        header_of(&told.replace(&KEY.to_string(), &"B".repeat(43))),
        header_of(&told.replace('{', r#"{"zip":"DEF","#)),
        header_of(&told.replace('{', r#"{"crit":["x"],"x":1,"#)),
        with(1, "=="),
        with(2, &compact::encode(&[2; 16])),
        with(3, "+"),
        with(4, &compact::encode(&[2; 12])),
        with(3, &"A".repeat(super::MAX_BACKUP_BYTES)),
    ] {
        assert_eq!(SealedBackup::read(&wrong, KEY), None, "{wrong:.80}");
    }
}

#[test]
fn a_backup_is_sealed_to_the_public_part_of_a_long_rsa_key_only() {
    let modulus = |bytes: usize| compact::encode(&vec![0xff; bytes]);
    let jwk = |kty: &str, n: &str, more: &str| {
        format!(r#"{{"kty":"{kty}","n":"{n}","e":"AQAB","alg":"RSA-OAEP-256"{more}}}"#)
    };
    let read = |text: &str| RecipientKey::read(&json::parse_object(text).unwrap());
    for bytes in [256, 384, 512] {
        let key = read(&jwk("RSA", &modulus(bytes), "")).unwrap();
        let plain = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, modulus(bytes));
        assert_eq!(key.jwk(), plain);
    }
    // The key and the thumbprint of RFC 7638 section 3.1.
    let key = read(RFC_7638_KEY).unwrap();
    let thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(key.thumbprint().to_string(), thumbprint);
    let leading_zero = compact::encode(&[[0].as_slice(), &[0xff; 256]].concat());
    for wrong in [
        "{}".to_owned(),
        jwk("RSA", &modulus(255), ""),
        jwk("RSA", &modulus(513), ""),
        jwk("RSA", &leading_zero, ""),
        jwk("EC", &modulus(256), ""),
        jwk("RSA", "!", ""),
        jwk("RSA", &modulus(256), "").replace("AQAB", "!"),
        jwk("RSA", &modulus(256), r#","d":"AQ""#),
        jwk("RSA", &modulus(256), r#","p":"AQ""#),
    ] {
        assert_eq!(read(&wrong), None, "{wrong:.60}");
    }
}

#[test]
fn where_there_is_no_ring_the_backup_is_the_ring_and_supersedes_every_copy_of_it() {
    let backup = ring(1);
    let mut lost = backup.clone();
    for n in 1..1_000 {
        add_key(&mut lost, MADE.plus(Millis(n)));
    }
    let new = restored(&backup, None, false);
    assert_eq!(
        new.head.secrets.refresh_secrets.len(),
        backup.head.secrets.refresh_secrets.len()
    );
    assert_eq!(new.keys.len(), backup.keys.len());
    let copy = new.copy(POLICY, MADE);
    assert!(copy.supersedes(&lost.copy(POLICY, MADE.plus(Millis(9)))));
}

#[test]
fn a_ring_that_is_restored_again_supersedes_what_the_restored_one_became() {
    let at = |second: u64| MADE.plus(Millis(second * 1_000));
    let backup = ring(1);
    let mut first = restored(&backup, None, false);
    for n in 1..100 {
        add_key(&mut first, at(n));
    }
    let second = restored_at(at(100), &backup, None, false);
    assert!(second.head.key_set_version > first.head.key_set_version);
    assert!(
        second
            .copy(POLICY, at(100))
            .supersedes(&first.copy(POLICY, at(99)))
    );
    // Where a clock is behind, or the backup is of a restored ring, the version still grows.
    let third = restored_at(UnixMillis(5), &second, Some(&first), true);
    assert!(third.head.key_set_version > second.head.key_set_version);
}

#[test]
fn a_ring_that_has_all_of_it_stays_as_it_is() {
    let backup = ring(1);
    let mut now = backup.clone();
    add_key(&mut now, MADE.plus(Millis(1)));
    let again = KeyRing::restored(Backup::of(backup, MADE), Some(&now), false, MADE);
    assert!(matches!(again, Ok(Restored::Already)), "{again:?}");
}

#[test]
fn another_ring_is_given_up_only_when_that_is_asked_for() {
    let (backup, mut other) = (ring(1), ring(2));
    other.cut_off(UnixMillis(5), MADE);
    let refused = KeyRing::restored(Backup::of(backup.clone(), MADE), Some(&other), false, MADE);
    assert_eq!(refused.map(drop), Err(OtherRing));
    let new = restored(&backup, Some(&other), true);
    assert!(new.has_secrets_of(&backup) && !new.has_secrets_of(&other));
    assert!(new.copy(POLICY, MADE).supersedes(&other.copy(POLICY, MADE)));
    // A cut-off moves forward only, whichever ring has it.
    assert_eq!(new.head.not_before, UnixMillis(5));
    let mut later = backup.clone();
    later.cut_off(UnixMillis(7), MADE);
    let head = restored(&later, Some(&other), true).head;
    assert_eq!(head.not_before, UnixMillis(7));
    assert_eq!(head.dated_cut_off.unwrap().value.moment, UnixMillis(7));
}

#[test]
fn a_key_that_was_withdrawn_since_stays_withdrawn() {
    let backup = ring(1);
    let kid = backup.keys[0].kid.clone();
    let mut now = backup.clone();
    now.withdraw(POLICY, &kid, MADE).unwrap();
    let new = restored(&backup, Some(&now), true);
    assert!(new.verifier(&kid, MADE).is_none());
    assert!(new.keys.iter().all(|key| key.private_jwk.is_none()));
    // Where the ring is lost nobody knows of it.
    assert!(
        restored(&backup, None, false)
            .verifier(&kid, MADE)
            .is_some()
    );
}
