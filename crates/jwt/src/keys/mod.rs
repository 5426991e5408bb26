//! Keys and algorithms: which key may verify which signature (RFC 7517, RFC 7518, RFC 8037).

pub mod jwk;
pub mod key;
pub mod symmetric;

pub(crate) mod algorithm;
pub(crate) mod weak_key;
