//! Why a token was refused: precise inside, for logs; the entry points collapse it to an outcome.

use std::fmt;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $code:literal;)+) => {
        /// Why a token was refused. No variant holds anything of the token.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum TokenFault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl TokenFault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$fault),+];

            /// A stable code for logs and tests.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$fault => $code,)+ }
            }

            /// What it means, in words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$fault => concat!($($doc),+),)+ }
            }
        }
    };
}

faults! {
    /// Longer than the limit.
    TooLarge = "token_too_large";
    /// Not exactly three parts, or an empty header or payload.
    NotThreeParts = "not_three_parts";
    /// A part is not canonical base64url without padding (RFC 7515 section 2).
    BadEncoding = "bad_encoding";
    /// The header is not a strict JSON object, or a parameter has the wrong type.
    BadHeader = "bad_header";
    /// The payload is not a strict JSON object.
    BadPayload = "bad_payload";
    /// The header has no `alg`.
    AlgorithmMissing = "algorithm_missing";
    /// `alg` is `none`, in any case (RFC 8725 section 3.1).
    AlgorithmNone = "algorithm_none";
    /// `alg` is not one of ours.
    AlgorithmUnknown = "algorithm_unknown";
    /// The header has `crit`: no extension is understood (RFC 7515 section 4.1.11).
    CriticalExtension = "critical_extension";
    /// The header has `b64` (RFC 7797), which changes what is signed.
    UnencodedPayload = "unencoded_payload";
    /// `kid` is not a string of 1 to 256 bytes.
    BadKeyId = "bad_key_id";
    /// Neither a `version` header of 3 to 5 nor a legacy header, or `stt` says another purpose.
    NotASessionToken = "not_a_session_token";
    /// `typ` is not what the policy asks for.
    WrongType = "wrong_type";
    /// No key has this `kid`, or none is left to try.
    UnknownKey = "unknown_key";
    /// The key, or the policy, does not allow the header's `alg`.
    AlgorithmMismatch = "algorithm_mismatch";
    /// More keys fit than are tried: of one `kid` one, without `kid` a few.
    TooManyKeys = "too_many_keys";
    /// The signature does not verify.
    BadSignature = "bad_signature";
    /// There is no expiry.
    ExpiryMissing = "expiry_missing";
    /// The expiry has passed.
    Expired = "expired";
    /// `nbf` lies ahead.
    NotYetValid = "not_yet_valid";
    /// `iat` lies ahead.
    IssuedInFuture = "issued_in_future";
    /// The policy limits the age, and there is no `iat`.
    IssuedAtMissing = "issued_at_missing";
    /// `exp` - `iat` is longer than the policy allows.
    LifetimeTooLong = "lifetime_too_long";
    /// `iss` is not exactly the issuer.
    WrongIssuer = "wrong_issuer";
    /// `aud` names none of our audiences.
    WrongAudience = "wrong_audience";
    /// `azp` is none of the parties that the policy names.
    WrongParty = "wrong_party";
    /// A claim has none of the values that the policy asks for.
    ClaimNotMet = "claim_not_met";
    /// A scope that the policy asks for is missing.
    InsufficientScope = "insufficient_scope";
    /// `cnf` binds it to a key, and its bearer does not prove that he holds it (RFC 7800); or in a way that is not checked here.
    BoundToKey = "bound_to_key";
    /// A claim that is needed is absent.
    ClaimMissing = "claim_missing";
    /// A claim has the wrong type or size.
    BadClaim = "bad_claim";
}

impl TokenFault {
    /// True when the bytes are no session token at all, rather than one that is not good (contract: "by structure").
    pub const fn is_structural(self) -> bool {
        matches!(
            self,
            Self::TooLarge
                | Self::NotThreeParts
                | Self::BadEncoding
                | Self::BadHeader
                | Self::BadPayload
                | Self::NotASessionToken
        )
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for TokenFault {}
