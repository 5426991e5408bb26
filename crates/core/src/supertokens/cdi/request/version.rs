//! The one table of protocol versions: each row says what its version adds, drops and renames.
//!
//! Every difference between versions is here, and the choice of a version from the `cdi-version` header. No other module
//! compares version numbers; they ask a row for a capability.

use crate::{session::call::RotationMode, tokens::access_token::AccessTokenVersion};

/// Where the endpoints of a version live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFamily {
    /// Paths without a prefix (`/session`): versions before 2.4.
    Legacy,
    /// Paths under `/recipe`: versions from 2.4 on.
    Recipe,
}

/// Which public keys are sent along with sessions, for SDKs that do not read the JWK Set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyKeyFields {
    /// None: the SDK reads `/.well-known/jwks.json`.
    Absent,
    /// `jwtSigningPublicKey` and `jwtSigningPublicKeyExpiryTime`.
    Current,
    /// Those, and `jwtSigningPublicKeyList`.
    CurrentAndList,
}

/// Which cookie attributes accompany a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieFields {
    /// None: the SDK decides about cookies.
    Absent,
    /// `cookiePath`, `cookieSecure`, `domain`, on the access and the refresh token only.
    WithoutSameSite,
    /// Those and `sameSite`, on all three tokens.
    WithSameSite,
}

/// How the signing key of a session is chosen at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateSigningKey {
    /// The setting decides.
    FromSetting,
    /// The optional field `useDynamicSigningKey`, true unless given.
    OptionalField,
}

/// How the signing key of a session is chosen at refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshSigningKey {
    /// The session keeps what it has.
    Kept,
    /// The optional field `useDynamicSigningKey`; the session keeps what it has unless given.
    OptionalField,
    /// The required field `useDynamicSigningKey`.
    RequiredField,
}

/// Where a yes-or-no choice of a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The setting of this deployment.
    Setting,
    /// A required field of the request.
    RequiredField,
}

/// How sessions are revoked, and how that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// `DELETE /session`, answered with a count.
    DeleteAndCount,
    /// `POST …/session/remove`, answered with the handles.
    PostAndHandles,
}

/// What one version of the protocol can do and how it spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of independent yes-or-no facts, not a state machine"
)]
pub struct Version {
    /// The version as it stands in `cdi-version` and `/apiversion`.
    pub name: &'static str,
    /// Where its endpoints live.
    pub paths: PathFamily,
    /// The access token version that create and refresh mint.
    pub access_token: AccessTokenVersion,
    /// Public keys in the answers of create and verify.
    pub legacy_keys: LegacyKeyFields,
    /// Whether `TRY_REFRESH_TOKEN` carries those keys too.
    pub legacy_keys_on_try_refresh: bool,
    /// `idRefreshToken` in the answers of create and refresh.
    pub id_refresh_token: bool,
    /// Cookie attributes on tokens.
    pub cookies: CookieFields,
    /// `session.tenantId`.
    pub tenant_id: bool,
    /// `session.recipeUserId`.
    pub recipe_user_id: bool,
    /// `session.recipeUserId` in `TOKEN_THEFT_DETECTED`, which came earlier than in `session`.
    pub recipe_user_id_on_theft: bool,
    /// `POST …/handshake` exists.
    pub handshake: bool,
    /// `useDynamicSigningKey` at create.
    pub create_signing_key: CreateSigningKey,
    /// `useDynamicSigningKey` at refresh.
    pub refresh_signing_key: RefreshSigningKey,
    /// `checkDatabase` at verify.
    pub check_database: Choice,
    /// Payload writes are refused when they hold a claim that the protocol owns.
    pub protected_claims: bool,
    /// Tenants other than `public` may stand in the path.
    pub tenant_paths: bool,
    /// "All tenants" calls (remove and list by user) are refused under a tenant other than `public`.
    pub all_tenants_needs_public: bool,
    /// Verify is refused under a tenant other than `public`.
    pub verify_needs_public: bool,
    /// The rotation rules of its refreshes, and whether its verify may promote and mint.
    pub rotation_mode: RotationMode,
    /// `accessTokenValidity` is read at create and refresh.
    pub access_token_validity: bool,
    /// `payloadUpdateAvailable` in the answer of verify with `checkDatabase`.
    pub payload_update_available: bool,
    /// `recentTokenReuseSubtype`, and the setting about how recent reuse is reported.
    pub reuse_subtype: bool,
    /// `GET …/session` exists.
    pub session_information: bool,
    /// `…/jwt/data` and `…/session/regenerate` exist.
    pub payload_updates: bool,
    /// `useStaticSigningKey` is read by `/recipe/jwt`.
    pub jwt_signing_key: bool,
    /// `GET /user/id` exists.
    pub user_id_lookup: bool,
    /// Where anti-CSRF is switched on.
    pub anti_csrf: Choice,
    /// Refresh compares the anti-CSRF token.
    pub refresh_checks_anti_csrf: bool,
    /// How sessions are removed.
    pub removal: Removal,
    /// How the development-only endpoints refuse.
    pub not_allowed_status: &'static str,
}

const V1_0: Version = Version {
    name: "1.0",
    paths: PathFamily::Legacy,
    access_token: AccessTokenVersion::V1,
    legacy_keys: LegacyKeyFields::Current,
    legacy_keys_on_try_refresh: false,
    id_refresh_token: true,
    cookies: CookieFields::WithoutSameSite,
    tenant_id: false,
    recipe_user_id: false,
    recipe_user_id_on_theft: false,
    handshake: true,
    create_signing_key: CreateSigningKey::FromSetting,
    refresh_signing_key: RefreshSigningKey::Kept,
    check_database: Choice::Setting,
    protected_claims: false,
    tenant_paths: false,
    all_tenants_needs_public: false,
    verify_needs_public: false,
    rotation_mode: RotationMode::Lazy,
    access_token_validity: false,
    payload_update_available: false,
    reuse_subtype: false,
    session_information: false,
    payload_updates: false,
    jwt_signing_key: false,
    user_id_lookup: false,
    anti_csrf: Choice::Setting,
    refresh_checks_anti_csrf: false,
    removal: Removal::DeleteAndCount,
    not_allowed_status: "NOT ALLOWED",
};

const V2_0: Version = Version {
    name: "2.0",
    access_token: AccessTokenVersion::V2,
    cookies: CookieFields::WithSameSite,
    payload_updates: true,
    removal: Removal::PostAndHandles,
    ..V1_0
};

const V2_7: Version = Version {
    name: "2.7",
    paths: PathFamily::Recipe,
    legacy_keys_on_try_refresh: true,
    cookies: CookieFields::Absent,
    recipe_user_id_on_theft: true,
    anti_csrf: Choice::RequiredField,
    refresh_checks_anti_csrf: true,
    not_allowed_status: "NOT_ALLOWED",
    ..V2_0
};

const V2_8: Version = Version {
    name: "2.8",
    session_information: true,
    ..V2_7
};

const V2_9: Version = Version {
    name: "2.9",
    legacy_keys: LegacyKeyFields::CurrentAndList,
    ..V2_8
};

const V2_21: Version = Version {
    name: "2.21",
    access_token: AccessTokenVersion::V3,
    legacy_keys: LegacyKeyFields::Absent,
    legacy_keys_on_try_refresh: false,
    id_refresh_token: false,
    handshake: false,
    create_signing_key: CreateSigningKey::OptionalField,
    check_database: Choice::RequiredField,
    protected_claims: true,
    jwt_signing_key: true,
    ..V2_9
};

const V3_0: Version = Version {
    name: "3.0",
    access_token: AccessTokenVersion::V4,
    refresh_signing_key: RefreshSigningKey::OptionalField,
    tenant_id: true,
    tenant_paths: true,
    ..V2_21
};

const V4_0: Version = Version {
    name: "4.0",
    access_token: AccessTokenVersion::V5,
    recipe_user_id: true,
    user_id_lookup: true,
    ..V3_0
};

const V5_0: Version = Version {
    name: "5.0",
    refresh_signing_key: RefreshSigningKey::RequiredField,
    all_tenants_needs_public: true,
    ..V4_0
};

const V5_6: Version = Version {
    name: "5.6",
    verify_needs_public: true,
    rotation_mode: RotationMode::Eager,
    access_token_validity: true,
    payload_update_available: true,
    reuse_subtype: true,
    ..V5_0
};

/// A version that changes nothing about sessions.
const fn same(version: Version, name: &'static str) -> Version {
    Version { name, ..version }
}

/// Every supported version, oldest first. Versions 2.1 to 2.6 are left out.
pub static VERSIONS: [Version; 27] = [
    V1_0,
    V2_0,
    V2_7,
    V2_8,
    V2_9,
    same(V2_9, "2.10"),
    same(V2_9, "2.11"),
    same(V2_9, "2.12"),
    same(V2_9, "2.13"),
    same(V2_9, "2.14"),
    same(V2_9, "2.15"),
    same(V2_9, "2.16"),
    same(V2_9, "2.17"),
    same(V2_9, "2.18"),
    same(V2_9, "2.19"),
    same(V2_9, "2.20"),
    V2_21,
    V3_0,
    same(V3_0, "3.1"),
    V4_0,
    V5_0,
    same(V5_0, "5.1"),
    same(V5_0, "5.2"),
    same(V5_0, "5.3"),
    same(V5_0, "5.4"),
    same(V5_0, "5.5"),
    V5_6,
];

/// The version that a request without a `cdi-version` header speaks: on legacy paths the oldest, whose SDK never sends
/// one; elsewhere the newest.
pub fn assumed(paths: PathFamily) -> &'static Version {
    let [oldest, .., newest] = &VERSIONS;
    match paths {
        PathFamily::Legacy => oldest,
        PathFamily::Recipe => newest,
    }
}

/// Why a `cdi-version` header names no version that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionFault {
    /// Not `[0-9]+(\.[0-9]+)*`.
    Malformed,
    /// Well formed, but not in the table.
    Unsupported,
}

/// The version that a `cdi-version` header names. Names are compared as text: `5.4.0` is not `5.4`.
pub fn named(header: &str) -> Result<&'static Version, VersionFault> {
    if !is_well_formed(header) {
        return Err(VersionFault::Malformed);
    }
    VERSIONS
        .iter()
        .find(|version| version.name == header)
        .ok_or(VersionFault::Unsupported)
}

/// Whether a `cdi-version` header has the form that the protocol asks for.
fn is_well_formed(header: &str) -> bool {
    header
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
