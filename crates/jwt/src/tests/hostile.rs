//! Tokens that attack a verifier, after RFC 8725 and the histories of other libraries. Each must be refused, and for
//! the reason that was meant: a token that fails for another reason would prove nothing.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};

use super::support::{
    CLAIMS, key_ring, keys, plain_token, policy, sign, signing_input, token, verify, with_members,
};
use crate::json;
use crate::{Algorithm, MAX_TOKEN_BYTES, Policy, TokenFault, Types, compact};

type Case = (&'static str, String, TokenFault);

fn assert_refused(cases: Vec<Case>) {
    let keys = key_ring();
    for (name, token, expected) in cases {
        assert_eq!(verify(&token, &keys, &policy()), Err(expected), "{name}");
    }
}

/// A token with this header, correctly signed by the HMAC key.
fn header(text: &str) -> String {
    token(Algorithm::HS256, text, CLAIMS)
}

/// A token with this payload, correctly signed by the HMAC key.
fn payload(text: &str) -> String {
    plain_token(Algorithm::HS256, text)
}

fn good() -> String {
    plain_token(Algorithm::HS256, CLAIMS)
}

fn parts() -> [String; 3] {
    let good = good();
    let mut parts = good.split('.').map(str::to_owned);
    std::array::from_fn(|_| parts.next().unwrap())
}

#[test]
fn the_token_that_the_cases_start_from_is_good() {
    assert!(verify(&good(), &key_ring(), &policy()).is_ok());
}

#[test]
fn shapes() {
    use TokenFault::{BadEncoding, BadHeader, BadPayload, NotThreeParts, TooLarge};
    let [h, p, s] = parts();
    let json_serialisation =
        format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#);
    assert_refused(vec![
        ("empty", String::new(), NotThreeParts),
        ("one dot", ".".to_owned(), NotThreeParts),
        ("two dots", "..".to_owned(), NotThreeParts),
        ("one part", h.clone(), NotThreeParts),
        ("two parts", format!("{h}.{p}"), NotThreeParts),
        ("four parts", format!("{h}.{p}.{s}.{s}"), NotThreeParts),
        (
            "five parts, as an encrypted token",
            format!("{h}.{p}.{s}.{s}.{s}"),
            NotThreeParts,
        ),
        ("trailing dot", format!("{h}.{p}.{s}."), NotThreeParts),
        ("leading dot", format!(".{h}.{p}.{s}"), NotThreeParts),
        ("detached payload", format!("{h}..{s}"), NotThreeParts),
        ("no header", format!(".{p}.{s}"), NotThreeParts),
        (
            "no signature",
            format!("{h}.{p}."),
            TokenFault::BadSignature,
        ),
        ("JSON serialisation", json_serialisation, NotThreeParts),
        ("leading space", format!(" {h}.{p}.{s}"), BadEncoding),
        ("trailing newline", format!("{h}.{p}.{s}\n"), BadEncoding),
        ("trailing NUL", format!("{h}.{p}.{s}\0"), BadEncoding),
        ("newline inside", format!("{h}.{p}\n.{s}"), BadEncoding),
        (
            "with its scheme",
            format!("Bearer {h}.{p}.{s}"),
            BadEncoding,
        ),
        ("padded header", format!("{h}=.{p}.{s}"), BadEncoding),
        ("padded payload", format!("{h}.{p}=.{s}"), BadEncoding),
        ("padded signature", format!("{h}.{p}.{s}="), BadEncoding),
        (
            "two characters too many",
            format!("{h}.{p}.{s}AA"),
            BadEncoding,
        ),
        (
            "standard alphabet",
            format!("{h}.{p}.+{}", &s[1..]),
            BadEncoding,
        ),
        (
            "percent-encoded",
            format!("{h}.{p}.%2D{}", &s[3..]),
            BadEncoding,
        ),
        ("full-width letter", format!("{h}.{p}.Ａ{s}"), BadEncoding),
        (
            "too large",
            format!("{h}.{}.{s}", "A".repeat(MAX_TOKEN_BYTES)),
            TooLarge,
        ),
        (
            "header is not UTF-8",
            format!("{}.{p}.{s}", compact::encode(b"{\"alg\":\"\xff\"}")),
            BadEncoding,
        ),
        (
            "payload is not UTF-8",
            format!("{h}.{}.{s}", compact::encode(b"{\"a\":\"\xc3\"}")),
            BadEncoding,
        ),
        (
            "header is an overlong encoding",
            format!("{}.{p}.{s}", compact::encode(b"\xc0\xa2")),
            BadEncoding,
        ),
        (
            "header is UTF-16",
            format!("{}.{p}.{s}", compact::encode(b"{\0}\0")),
            BadHeader,
        ),
        (
            "payload is compressed",
            format!("{h}.{}.{s}", compact::encode(b"\x1f\x0b\x08")),
            BadPayload,
        ),
    ]);
}

#[test]
fn the_last_character_of_a_part_has_one_spelling() {
    let good = good();
    let [h, p, s] = parts();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for end in [
        h.len(),
        h.len() + 1 + p.len(),
        h.len() + 2 + p.len() + s.len(),
    ] {
        for character in alphabet.chars() {
            let mut changed = good.clone();
            changed.replace_range(end - 1..end, &character.to_string());
            let accepted = verify(&changed, &key_ring(), &policy()).is_ok();
            assert_eq!(accepted, changed == good, "at {end}: {character}");
        }
    }
}

/// Two of them in one group must not make up for each other.
#[test]
fn characters_of_another_alphabet_are_refused_wherever_and_however_many_they_are() {
    for length in [2, 3, 4, 6, 7, 8] {
        assert!(compact::decode(&"A".repeat(length)).is_ok());
        for places in 1..1_u32 << length {
            for foreign in ['!', '=', '+', '/', ' ', '\0'] {
                let character = |place| {
                    if places >> place & 1 == 1 {
                        foreign
                    } else {
                        'A'
                    }
                };
                let part: String = (0..length).map(character).collect();
                assert!(compact::decode(&part).is_err(), "{part:?}");
            }
        }
    }
}

/// The rows of a table: the code of a fault, and the rest of the line.
fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(code, rest)| (code, rest.trim_start()))
}

fn assert_code(token: &str, code: &str, what: &str) {
    let refused = verify(token, &key_ring(), &policy());
    assert_eq!(refused.map_err(TokenFault::code), Err(code), "{what}");
}

#[test]
fn headers() {
    for (code, text) in rows(include_str!("hostile/headers.txt")) {
        assert_code(&header(text), code, text);
    }
}

#[test]
fn headers_that_a_table_cannot_show() {
    let nested = ["[".repeat(64), "]".repeat(64)].concat();
    let deep = format!(r#"{{"alg":"HS256","kid":"hmac","x":{nested}}}"#);
    let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(257));
    let marked = "\u{feff}{\"alg\":\"HS256\",\"kid\":\"hmac\"}";
    assert_code(&header(&deep), "bad_header", "too deep");
    assert_code(&header(&long), "bad_key_id", "long kid");
    assert_code(&header(marked), "bad_header", "byte order mark");
    assert_code(&header(" "), "bad_header", "nothing");
    let unsecured = signing_input(r#"{"alg":"none"}"#, CLAIMS) + ".";
    assert_code(&unsecured, "algorithm_none", "unsecured");
}

#[test]
fn claims() {
    let members = json::parse_object(CLAIMS).unwrap();
    for (code, row) in rows(include_str!("hostile/claims.txt")) {
        let (name, by) = row.split_once("  ").unwrap();
        let member = format!(r#""{name}":{}"#, members.get(name).unwrap());
        let text = CLAIMS.replace(&member, by);
        assert_ne!(text, CLAIMS);
        assert_code(&payload(&text), code, row);
    }
}

#[test]
fn payloads_that_are_no_claims() {
    let nested = format!("\"{}\"", good());
    let followed = format!("{CLAIMS}x");
    for text in ["[]", r#""sub""#, "null", "sub=u", &nested, &followed] {
        assert_code(&payload(text), "bad_payload", text);
    }
}

#[test]
fn signatures() {
    let [h, _, s] = parts();
    let zeros = |count: usize| compact::encode(&vec![0; count]);
    let with = |alg: Algorithm, signature: &str| {
        let good = plain_token(alg, CLAIMS);
        let (input, _) = good.rsplit_once('.').unwrap();
        format!("{input}.{signature}")
    };
    let swapped = {
        let other = plain_token(Algorithm::HS256, &CLAIMS.replace("\"u\"", "\"w\""));
        let payload = other.split('.').nth(1).unwrap().to_owned();
        format!("{h}.{payload}.{s}")
    };
    // A DER signature, which other formats use for ECDSA.
    let der = {
        let header = r#"{"alg":"ES256","kid":"p256"}"#;
        let raw = sign(Algorithm::ES256, &signing_input(header, CLAIMS));
        let (r, s) = raw.split_at(32);
        compact::encode(&[&[0x30, 68, 2, 32], r, &[2, 32], s].concat())
    };
    let one = compact::encode(&[vec![0; 255], vec![1]].concat());
    let wide = compact::encode(&[0xff; 256]);
    for (name, token) in [
        ("of another payload", swapped),
        ("cut short", with(Algorithm::HS256, &zeros(16))),
        ("one byte", with(Algorithm::HS256, &zeros(1))),
        ("doubled", with(Algorithm::HS256, &zeros(64))),
        ("zeros, HMAC", with(Algorithm::HS256, &zeros(32))),
        ("zeros, RSA", with(Algorithm::RS256, &zeros(256))),
        ("one, RSA", with(Algorithm::RS256, &one)),
        ("larger than the modulus", with(Algorithm::RS256, &wide)),
        ("zeros, RSA-PSS", with(Algorithm::PS256, &zeros(256))),
        (
            "zeros, ECDSA (CVE-2022-21449)",
            with(Algorithm::ES256, &zeros(64)),
        ),
        ("DER, ECDSA", with(Algorithm::ES256, &der)),
        ("empty, ECDSA", with(Algorithm::ES256, "")),
        ("zeros, Ed25519", with(Algorithm::EdDSA, &zeros(64))),
        ("long, Ed25519", with(Algorithm::EdDSA, &zeros(65))),
    ] {
        assert_code(&token, "bad_signature", name);
    }
}

/// HMAC under the bytes of a public key, in each spelling an attacker may hope for.
#[test]
fn a_public_key_is_never_a_secret() {
    use jwt_compact::{
        Algorithm as _, AlgorithmSignature,
        alg::{Hs256, Hs256Key},
    };
    let public = key_ring()[1].jwk();
    let members = json::parse_object(&public).unwrap();
    let modulus = members.string("n").unwrap().unwrap().into_owned();
    let raw = Base64UrlUnpadded::decode_vec(&modulus).unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        Base64::encode_string(modulus.as_bytes())
    );
    for secret in [
        public.into_bytes(),
        modulus.into_bytes(),
        raw,
        pem.into_bytes(),
        Vec::new(),
    ] {
        for (header, expected) in [
            (
                r#"{"alg":"HS256","kid":"rsa"}"#,
                TokenFault::AlgorithmMismatch,
            ),
            (r#"{"alg":"HS256"}"#, TokenFault::BadSignature),
        ] {
            let input = signing_input(header, CLAIMS);
            let mac = Hs256.sign(&Hs256Key::new(&secret), input.as_bytes());
            let forged = format!("{input}.{}", compact::encode(&mac.as_bytes()));
            assert_eq!(verify(&forged, &key_ring(), &policy()), Err(expected));
        }
    }
}

/// Keys and addresses of keys that a token brings along are read by nobody.
#[test]
fn a_token_cannot_bring_its_own_key() {
    let theirs = with_members(keys::P256, r#""kid":"theirs""#);
    let ring = vec![key_ring().remove(1)];
    for parameter in [
        format!(r#""jwk":{theirs}"#),
        r#""jku":"https://evil.example/jwks.json""#.to_owned(),
        r#""x5u":"https://evil.example/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ] {
        for (kid, expected) in [
            (r#""kid":"theirs","#, TokenFault::UnknownKey),
            (r#""kid":"rsa","#, TokenFault::AlgorithmMismatch),
            ("", TokenFault::AlgorithmMismatch),
        ] {
            let forged = token(
                Algorithm::ES256,
                &format!(r#"{{"alg":"ES256",{kid}{parameter}}}"#),
                CLAIMS,
            );
            assert_eq!(
                verify(&forged, &ring, &policy()),
                Err(expected),
                "{parameter}"
            );
        }
    }
}

#[test]
fn typ_is_what_the_policy_says() {
    let wanted = |typ: &str| Policy {
        typ: Types::Only(typ.to_owned()),
        ..policy()
    };
    let check = |policy: &Policy, typ: &str| {
        let text = format!(r#"{{"alg":"HS256","kid":"hmac"{typ}}}"#);
        verify(&header(&text), &key_ring(), policy).map(drop)
    };
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
    ] {
        let member = format!(r#","typ":"{typ}""#);
        assert_eq!(check(&wanted("at+jwt"), &member), Ok(()), "{typ}");
        assert_eq!(
            check(&wanted("application/at+jwt"), &member),
            Ok(()),
            "{typ}"
        );
    }
    for member in [
        "",
        r#","typ":"""#,
        r#","typ":"JWT""#,
        r#","typ":"at+jwt ""#,
        r#","typ":"application/""#,
        r#","typ":"text/at+jwt""#,
        r#","typ":"xpplication/at+jwt""#,
        r#","typ":"application/application/at+jwt""#,
        r#","typ":"postern-assertion+jwt""#,
    ] {
        let refused = check(&wanted("at+jwt"), member);
        assert_eq!(refused, Err(TokenFault::WrongType), "{member}");
    }
}
