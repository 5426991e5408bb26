//! What is known about the tokens of the usual providers, one row for each. An entry names its provider, and says of the
//! rest only what is different. `docs/providers.md` tells people the same.

use crate::http::token_places::TokenPlaces;
use postern_jwt::Algorithm::{self, ES256, ES384, ES512, EdDSA, PS256, RS256, RS384, RS512};
use postern_jwt::time::Millis;

/// A provider's row. Templates may have `{issuer}` (the issuer without a slash at its end), `{last}` (what follows its last
/// slash) and `{tenant}` (the one tenant, or `common`).
#[derive(Debug)]
pub(super) struct Preset {
    /// What entries call it.
    pub(super) provider: &'static str,
    /// The form of its issuers, for people; segments in capitals are the customer's.
    pub(super) form: &'static str,
    /// The values of `iss` when every customer has the same; empty = the entry says it.
    pub(super) issuers: &'static [&'static str],
    /// Template of the key set's address.
    pub(super) keys: &'static str,
    pub(super) algorithms: &'static [Algorithm],
    /// The claim that names the session; the user, where its access tokens name no session.
    pub(super) handle_claim: &'static str,
    pub(super) user_id_claim: &'static str,
    pub(super) audience_claim: &'static str,
    pub(super) audience: Audience,
    /// Headers and cookies in which its tokens come besides `Authorization`.
    headers: &'static [&'static str],
    cookies: &'static [&'static str],
    /// What its access tokens say and its other tokens do not: claim and text.
    pub(super) required_claims: &'static [(&'static str, &'static str)],
    /// How far ahead its clock may be.
    pub(super) leeway: Millis,
    /// The longest life of a token.
    pub(super) max_token_age: Millis,
}

/// How an entry of a provider comes to know whom tokens are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// The entry says it.
    Given,
    /// Always this (template).
    Always(&'static str),
    /// The issuer is one customer's own, and its tokens name no audience.
    OfIssuer,
}

use Audience::{Always, Given, OfIssuer};

const SECONDS_5: Millis = Millis::from_seconds(5);
/// For servers that customers run themselves.
const SECONDS_10: Millis = Millis::from_seconds(10);
const DAY: Millis = super::DEFAULT_MAX_TOKEN_AGE;
/// As long as a session of Cloudflare Access may be: its token is good for the whole of it.
const MONTH: Millis = Millis::from_seconds(31 * 86_400);

/// Algorithms of servers that let their customers choose, the usual one first.
const ANY_COMMON: &[Algorithm] = &[RS256, ES256, EdDSA, PS256, ES384, ES512, RS384, RS512];

/// What most providers have in common.
const COMMON: Preset = Preset {
    provider: "",
    form: "",
    issuers: &[],
    keys: "{issuer}/.well-known/jwks.json",
    algorithms: &[RS256],
    handle_claim: "sub",
    user_id_claim: "sub",
    audience_claim: "aud",
    audience: Given,
    headers: &[],
    cookies: &[],
    required_claims: &[],
    leeway: SECONDS_5,
    max_token_age: DAY,
};

pub(super) const PRESETS: [Preset; 15] = [
    Preset {
        provider: "auth0",
        form: "https://DOMAIN/",
        ..COMMON
    },
    Preset {
        provider: "apple",
        form: "https://appleid.apple.com",
        issuers: &["https://appleid.apple.com"],
        keys: "https://appleid.apple.com/auth/keys",
        ..COMMON
    },
    Preset {
        provider: "better-auth",
        form: "https://HOST",
        keys: "{issuer}/api/auth/jwks",
        algorithms: &[EdDSA, ES256, RS256, PS256, ES512],
        audience: Always("{issuer}"),
        leeway: SECONDS_10,
        ..COMMON
    },
    Preset {
        provider: "clerk",
        form: "https://DOMAIN",
        handle_claim: "sid",
        audience_claim: "azp",
        cookies: &["__session"],
        ..COMMON
    },
    Preset {
        provider: "cloudflare-access",
        form: "https://TEAM.cloudflareaccess.com",
        keys: "{issuer}/cdn-cgi/access/certs",
        handle_claim: "identity_nonce",
        headers: &["cf-access-jwt-assertion"],
        cookies: &["CF_Authorization"],
        required_claims: &[("type", "app")],
        max_token_age: MONTH,
        ..COMMON
    },
    Preset {
        provider: "cognito",
        form: "https://cognito-idp.REGION.amazonaws.com/POOL",
        handle_claim: "origin_jti",
        audience_claim: "client_id",
        required_claims: &[("token_use", "access")],
        ..COMMON
    },
    Preset {
        provider: "entra",
        form: "https://login.microsoftonline.com/TENANT/v2.0",
        issuers: &[
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            "https://sts.windows.net/{tenantid}/",
        ],
        keys: "https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys",
        ..COMMON
    },
    Preset {
        provider: "firebase",
        form: "https://securetoken.google.com/PROJECT",
        keys: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        audience: Always("{last}"),
        ..COMMON
    },
    Preset {
        provider: "google",
        form: "https://accounts.google.com",
        issuers: &["https://accounts.google.com", "accounts.google.com"],
        keys: "https://www.googleapis.com/oauth2/v3/certs",
        ..COMMON
    },
    Preset {
        provider: "hydra",
        form: "",
        algorithms: ANY_COMMON,
        audience_claim: "client_id",
        leeway: SECONDS_10,
        ..COMMON
    },
    Preset {
        provider: "keycloak",
        form: "https://HOST/realms/REALM",
        keys: "{issuer}/protocol/openid-connect/certs",
        algorithms: ANY_COMMON,
        handle_claim: "sid",
        required_claims: &[("typ", "Bearer")],
        leeway: SECONDS_10,
        ..COMMON
    },
    Preset {
        provider: "okta",
        form: "https://DOMAIN/oauth2/SERVER",
        keys: "{issuer}/v1/keys",
        ..COMMON
    },
    Preset {
        provider: "supabase",
        form: "https://PROJECT.supabase.co/auth/v1",
        algorithms: &[ES256, RS256, EdDSA],
        handle_claim: "session_id",
        audience: Always("authenticated"),
        ..COMMON
    },
    Preset {
        provider: "workos",
        form: "https://api.workos.com/user_management/CLIENT_ID",
        keys: "https://api.workos.com/sso/jwks/{last}",
        handle_claim: "sid",
        audience: OfIssuer,
        ..COMMON
    },
    Preset {
        provider: "zitadel",
        form: "https://DOMAIN",
        keys: "{issuer}/oauth/v2/keys",
        algorithms: ANY_COMMON,
        leeway: SECONDS_10,
        ..COMMON
    },
];

impl Preset {
    pub(super) fn of(provider: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.provider == provider)
    }

    /// Where its tokens are; `None` = in the usual places.
    pub(super) fn token_from(&self) -> Option<TokenPlaces> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let has_places = !self.headers.is_empty() || !self.cookies.is_empty();
        has_places.then(|| TokenPlaces {
            headers: owned(&[&["authorization"], self.headers].concat()),
            cookies: owned(self.cookies),
            protocols: Vec::new(),
        })
    }

    /// Whether an issuer has the form of this provider's: its fixed segments at the end, and the slash.
    pub(super) fn fits(&self, issuer: &str) -> bool {
        let after_host = |text: &'_ str| -> Vec<String> {
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            rest.split('/').skip(1).map(str::to_owned).collect()
        };
        if self.form.is_empty() {
            return true;
        }
        let (form, found) = (after_host(self.form), after_host(issuer));
        let is_customers = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let mut pairs = form.iter().rev().zip(found.iter().rev());
        let ends_alike = self.form.ends_with('/') == issuer.ends_with('/');
        ends_alike
            && found.len() >= form.len()
            && pairs.all(|(form, found)| is_customers(form) || form == found)
    }
}

/// Fills a template for an issuer.
pub(super) fn filled(template: &str, issuer: &str, tenant: Option<&str>) -> String {
    let issuer = issuer.trim_end_matches('/');
    let last = issuer.rsplit('/').next().unwrap_or_default();
    template
        .replace("{issuer}", issuer)
        .replace("{last}", last)
        .replace("{tenant}", tenant.unwrap_or("common"))
}
