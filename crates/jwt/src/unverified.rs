//! A token that was taken apart and believed in nothing.

use serde::Deserialize;

use crate::json::{self, Object, ObjectText, typed::Field};
use crate::{Algorithm, TokenFault, TokenOrigin};

/// The longest token that is looked at, unless a caller says otherwise, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest `kid`, in bytes.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// How a token is spelled. Each form has its own parser, and none is lenient for the sake of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// JWS compact serialisation (RFC 7515 section 7.1).
    Compact,
    /// The SuperTokens access token of version 1: standard base64 with padding, one fixed header.
    LegacyV1,
    /// The same of version 2.
    LegacyV2,
}

/// A parsed token of which nothing has been verified: good for choosing a key, and for nothing else.
#[derive(Debug)]
pub struct Unverified<'a> {
    pub(super) form: Form,
    pub(super) header: Header,
    pub(super) signing_input: &'a str,
    pub(super) payload: ObjectText,
    pub(super) signature: Vec<u8>,
}

/// The header parameters that are read. `jku`, `jwk`, `x5u` and `x5c` are not among them: nothing here can follow them.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) typ: Option<String>,
    pub(super) version: Option<String>,
    /// A `version` that is no string: no token of ours has one.
    pub(super) has_foreign_version: bool,
    /// Only our own tokens give it a meaning.
    pub(super) origin: TokenOrigin,
}

impl<'a> Unverified<'a> {
    /// A token of another form than the compact one, whose header is fixed and says no more than its algorithm and
    /// `version`: as a strict parser of that form has taken it apart.
    pub fn with_fixed_header(
        form: Form,
        algorithm: Algorithm,
        version: &str,
        signing_input: &'a str,
        payload: ObjectText,
        signature: Vec<u8>,
    ) -> Self {
        Self {
            form,
            header: Header {
                algorithm,
                key_id: None,
                typ: Some("JWT".to_owned()),
                version: Some(version.to_owned()),
                has_foreign_version: false,
                origin: TokenOrigin::default(),
            },
            signing_input,
            payload,
            signature,
        }
    }
}

impl Unverified<'_> {
    /// Whether the header has a `version` that is no string.
    pub const fn has_foreign_version(&self) -> bool {
        self.header.has_foreign_version
    }

    /// Whose token the header says it is.
    pub const fn origin(&self) -> TokenOrigin {
        self.header.origin
    }

    /// How it is spelled.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The header's `alg`: a claim that the key must agree with.
    pub const fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The header's `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.header.key_id.as_deref()
    }

    /// The header's `typ`.
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The header's `version`, when it is a string (SuperTokens protocol).
    pub fn version(&self) -> Option<&str> {
        self.header.version.as_deref()
    }

    /// The bytes that are signed: `header.payload` as sent.
    pub const fn signing_input(&self) -> &str {
        self.signing_input
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The text of the payload, a strict JSON object that nobody has vouched for.
    pub fn payload_unverified(&self) -> &str {
        self.payload.text()
    }

    /// The claims, which nobody has vouched for.
    pub fn claims_unverified(&self) -> Object<'_> {
        self.payload.object()
    }

    /// The claims one by one, names and texts of values, in the order they were sent.
    pub fn members_unverified(&self) -> impl Iterator<Item = (&str, &str)> {
        self.payload.members()
    }

    /// The `iss` claim, by which a foreign issuer is chosen before its keys can be.
    pub fn issuer_unverified(&self) -> Option<String> {
        Some(self.payload.object().string("iss").ok()??.into_owned())
    }
}

/// The members of a JOSE header that mean something here (RFC 7515 section 4.1).
#[derive(Deserialize)]
struct HeaderMembers<'a> {
    #[serde(borrow, default)]
    alg: Field<'a>,
    #[serde(borrow, default)]
    kid: Field<'a>,
    #[serde(borrow, default)]
    typ: Field<'a>,
    /// RFC 7515 section 4.1.11.
    #[serde(borrow, default)]
    crit: Field<'a>,
    /// RFC 7797.
    #[serde(borrow, default)]
    b64: Field<'a>,
    /// Of the SuperTokens protocol.
    #[serde(borrow, default)]
    version: Field<'a>,
    /// This one and the following are of our own tokens, see [`TokenOrigin`].
    #[serde(borrow, default)]
    sct: Field<'a>,
    #[serde(borrow, default, rename = "gen")]
    generation: Field<'a>,
    #[serde(borrow, default)]
    device_jkt: Field<'a>,
}

impl Header {
    /// Reads a JOSE header (RFC 7515 section 4).
    pub(super) fn parse(text: &str) -> Result<Self, TokenFault> {
        let header = json::parse_object(text).map_err(|_| TokenFault::BadHeader)?;
        let header: HeaderMembers<'_> = header.read().map_err(|_| TokenFault::BadHeader)?;
        if header.crit.is_there() {
            return Err(TokenFault::CriticalExtension);
        }
        if header.b64.is_there() {
            return Err(TokenFault::UnencodedPayload);
        }
        let algorithm = header.alg.text().map_err(|_| TokenFault::BadHeader)?;
        let algorithm = algorithm.ok_or(TokenFault::AlgorithmMissing)?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(TokenFault::AlgorithmNone);
        }
        // Only our own tokens give `version` a meaning; elsewhere it may be of any type.
        let version = header.version.text();
        let typ = header.typ.text().map_err(|_| TokenFault::BadHeader);
        Ok(Self {
            has_foreign_version: version.is_err(),
            algorithm: Algorithm::from_name(&algorithm).ok_or(TokenFault::AlgorithmUnknown)?,
            key_id: key_id(header.kid)?,
            typ: typ?.map(Into::into),
            version: version.ok().flatten().map(Into::into),
            origin: TokenOrigin::of(&header.sct, &header.generation, header.device_jkt),
        })
    }
}

fn key_id(kid: Field<'_>) -> Result<Option<String>, TokenFault> {
    match kid.text().map_err(|_| TokenFault::BadKeyId)? {
        Some(id) if id.is_empty() || id.len() > MAX_KEY_ID_BYTES => Err(TokenFault::BadKeyId),
        other => Ok(other.map(Into::into)),
    }
}
