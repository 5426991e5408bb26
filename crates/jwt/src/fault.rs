//! Why a token was refused: precise inside, for logs; the doors collapse it to an outcome.

use std::fmt;

/// Why a token was refused. No variant holds anything of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// Longer than the limit.
    TooLarge,
    /// Not exactly three parts, or an empty header or payload.
    NotThreeParts,
    /// A part is not canonical base64url without padding (RFC 7515 section 2).
    BadEncoding,
    /// The header is not a strict JSON object, or a parameter has the wrong type.
    BadHeader,
    /// The payload is not a strict JSON object.
    BadPayload,
    /// The header has no `alg`.
    AlgorithmMissing,
    /// `alg` is `none`, in any case (RFC 8725 section 3.1).
    AlgorithmNone,
    /// `alg` is not one of ours.
    AlgorithmUnknown,
    /// The header has `crit`: no extension is understood (RFC 7515 section 4.1.11).
    CriticalExtension,
    /// The header has `b64` (RFC 7797), which changes what is signed.
    UnencodedPayload,
    /// `kid` is not a string of 1 to 256 bytes.
    BadKeyId,
    /// Neither a `version` header of 3 to 5 nor a legacy header, or `stt` says another purpose.
    NotASessionToken,
    /// `typ` is not what the policy asks for.
    WrongType,
    /// No key has this `kid`, or none is left to try.
    UnknownKey,
    /// The key, or the policy, does not allow the header's `alg`.
    AlgorithmMismatch,
    /// More keys fit than are tried: of one `kid` one, without `kid` a few.
    TooManyKeys,
    /// The signature does not verify.
    BadSignature,
    /// There is no expiry.
    ExpiryMissing,
    /// The expiry has passed.
    Expired,
    /// `nbf` lies ahead.
    NotYetValid,
    /// `iat` lies ahead.
    IssuedInFuture,
    /// The policy limits the age, and there is no `iat`.
    IssuedAtMissing,
    /// `exp` - `iat` is longer than the policy allows.
    LifetimeTooLong,
    /// `iss` is not exactly the issuer.
    WrongIssuer,
    /// `aud` names none of our audiences.
    WrongAudience,
    /// `azp` is none of the parties that the policy names.
    WrongParty,
    /// A claim has none of the values that the policy asks for.
    ClaimNotMet,
    /// A scope that the policy asks for is missing.
    InsufficientScope,
    /// `cnf` binds it to a key, and no proof that its bearer holds that is checked here.
    BoundToKey,
    /// A claim that is needed is absent.
    ClaimMissing,
    /// A claim has the wrong type or size.
    BadClaim,
}

impl TokenFault {
    /// A stable code for logs and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::NotThreeParts => "not_three_parts",
            Self::BadEncoding => "bad_encoding",
            Self::BadHeader => "bad_header",
            Self::BadPayload => "bad_payload",
            Self::AlgorithmMissing => "algorithm_missing",
            Self::AlgorithmNone => "algorithm_none",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::CriticalExtension => "critical_extension",
            Self::UnencodedPayload => "unencoded_payload",
            Self::BadKeyId => "bad_key_id",
            Self::NotASessionToken => "not_a_session_token",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::TooManyKeys => "too_many_keys",
            Self::BadSignature => "bad_signature",
            Self::ExpiryMissing => "expiry_missing",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::IssuedAtMissing => "issued_at_missing",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongParty => "wrong_party",
            Self::ClaimNotMet => "claim_not_met",
            Self::InsufficientScope => "insufficient_scope",
            Self::BoundToKey => "bound_to_key",
            Self::ClaimMissing => "claim_missing",
            Self::BadClaim => "bad_claim",
        }
    }

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
