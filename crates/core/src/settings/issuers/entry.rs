//! One entry: its members, what its provider adds, and what is wrong with it.

use std::borrow::Cow;

use super::names::{IssuerNames, TENANT, Tenants, is_tenant_id, tenant_in};
use super::presets::{PRESETS, Preset};
use super::{
    DEFAULT_DATA_LIFETIME, DEFAULT_MAX_TOKEN_AGE, MAX_CLOCK_TOLERANCE, MIN_DATA_LIFETIME,
    TrustedIssuer, printable,
};
use crate::settings::duration::{LONGEST, parse_duration};
use crate::tenant::OWN;
use postern_jwt::Algorithm;
use postern_jwt::json::{JsonFault, JsonReason, Object};
use postern_jwt::time::Millis;

/// The members of an entry. Unknown ones are refused: a misspelt restriction must not be silently absent.
const MEMBERS: [&str; 24] = [
    "id",
    "provider",
    "issuer",
    "tenants",
    "token_from",
    "audience",
    "audience_claim",
    "authorized_parties",
    "required_claims",
    "scope",
    "algorithms",
    "jwks",
    "jwks_uri",
    "jwks_binding",
    "handle_claim",
    "user_id_claim",
    "max_token_age",
    "data_lifetime",
    "typ",
    "clock_tolerance",
    "logout_audience",
    "exchange",
    "exchange_max_age",
    "exchange_claims",
];

/// What keys are for where neither entry nor provider says it: a key that names no algorithm is for the first that it fits.
const DEFAULT_ALGORITHMS: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// An entry that is being read, with what was found so far.
pub(super) struct Entry<'e> {
    pub(super) object: Object<'e>,
    pub(super) preset: Option<&'static Preset>,
    pub(super) faults: Vec<String>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn parse(entry: &mut Entry<'_>) -> Option<TrustedIssuer> {
    entry.refuse_unknown();
    let id = entry.required("id").filter(|id| {
        let is_id = is_id(id);
        entry.require(is_id, "id must be 1 to 32 of a-z and 0-9");
        let is_free = id != OWN;
        entry.require(
            is_free,
            "id must not be \"own\": that means our own sessions",
        );
        is_id && is_free
    });
    entry.read_provider();
    let names = entry.names_of_issuer();
    let token_from = entry.token_from();
    let parties = entry.parties(names.as_ref());
    let algorithms = entry.algorithms();
    let keys = entry.keys(algorithms.as_deref().unwrap_or_default(), names.as_ref());
    let preset = entry.preset;
    let oldest = preset.map_or(DEFAULT_MAX_TOKEN_AGE, |preset| preset.max_token_age);
    let max_token_age = entry.span("max_token_age", Millis(1000), oldest);
    let data_lifetime = entry.span("data_lifetime", MIN_DATA_LIFETIME, DEFAULT_DATA_LIFETIME);
    let session_is_required = entry.has("handle_claim");
    let handle_claim = entry.claim(
        "handle_claim",
        preset.map_or("sid", |preset| preset.handle_claim),
    );
    let user_id_claim = entry.claim(
        "user_id_claim",
        preset.map_or("sub", |preset| preset.user_id_claim),
    );
    let typ = entry.text("typ");
    let logout_audience = entry.names("logout_audience");
    let clock_tolerance = entry
        .clock_tolerance()
        .or(preset.map(|preset| preset.leeway));
    let exchange = entry.exchange(names.as_ref(), max_token_age);
    entry.faults.is_empty().then_some(())?;
    Some(TrustedIssuer {
        id: id?,
        names: names?,
        token_from,
        parties,
        asks_for_claims: entry.has("required_claims"),
        algorithms: algorithms?,
        keys: keys?,
        handle_claim,
        session_is_required,
        user_id_claim,
        max_token_age,
        data_lifetime,
        typ,
        logout_audience,
        clock_tolerance,
        exchange,
    })
}

fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

impl<'e> Entry<'e> {
    pub(super) const fn new(object: Object<'e>) -> Self {
        Self {
            object,
            preset: None,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// What the entry is called in faults; empty when it has no name that is fit for them.
    pub(super) fn id(&self) -> String {
        let id = self.object.string("id").ok().flatten();
        id.filter(|id| is_id(id))
            .map_or_else(String::new, Cow::into_owned)
    }

    pub(super) fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(message.into());
    }

    /// Notes the message unless the condition holds, and gives the condition.
    pub(super) fn require(&mut self, condition: bool, message: &str) -> bool {
        if !condition {
            self.fault(message);
        }
        condition
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self
            .object
            .members()
            .filter(|member| !MEMBERS.contains(&member.name()))
            .map(|member| format!("unknown field `{}`", printable(member.name())))
            .collect();
        self.faults.extend(unknown);
    }

    fn read_provider(&mut self) {
        let Some(provider) = self.text("provider") else {
            return;
        };
        self.preset = Preset::of(&provider);
        if self.preset.is_none() {
            let known = PRESETS.map(|preset| preset.provider).join(", ");
            self.fault(format!("provider must be one of {known}"));
        }
    }

    /// The values of `iss`.
    fn names_of_issuer(&mut self) -> Option<IssuerNames> {
        let given = self.text("issuer");
        let usual = self.preset.map_or(&[][..], |preset| preset.issuers);
        let tenants = self.tenants();
        let Some(issuer) = given else {
            if usual.is_empty() {
                // A member of a wrong type was named already.
                if !self.has("issuer") {
                    let form = self.preset.map_or("", |preset| preset.form);
                    self.fault(match form {
                        "" => "missing field `issuer`".to_owned(),
                        form => format!("missing field `issuer`, {form}"),
                    });
                }
                return None;
            }
            return self.names_with(usual.iter().map(|form| (*form).to_owned()), tenants);
        };
        if !self.require(!issuer.is_empty(), "issuer must not be empty") {
            return None;
        }
        if usual.contains(&issuer.as_str()) {
            return self.names_with(usual.iter().map(|form| (*form).to_owned()), tenants);
        }
        // One tenant of a provider whose issuers differ by it: all forms of that tenant.
        if let Some(form) = usual
            .iter()
            .find(|form| form.contains(TENANT) && looks_like(form, &issuer))
        {
            let Some(tenant) = tenant_in(form, &issuer) else {
                self.fault("issuer must have a tenant's id, a UUID in lower case; for several, leave it out and list them in tenants");
                return None;
            };
            if !self.require(
                tenants.is_none(),
                "tenants is for issuers without a tenant's id",
            ) {
                return None;
            }
            let tenants = Tenants::Only(vec![tenant.to_owned()]);
            return self.names_with(usual.iter().map(|form| (*form).to_owned()), Some(tenants));
        }
        if let Some(preset) = self.preset.filter(|preset| !preset.fits(&issuer)) {
            self.warnings.push(format!(
                "issuer has not the form that {} gives to issuers, {}",
                preset.provider, preset.form
            ));
        }
        self.names_with(std::iter::once(issuer), tenants)
    }

    fn names_with(
        &mut self,
        forms: impl Iterator<Item = String>,
        tenants: Option<Tenants>,
    ) -> Option<IssuerNames> {
        let forms: Vec<String> = forms.collect();
        let has_place = forms.iter().any(|form| form.contains(TENANT));
        match (has_place, tenants) {
            (true, None) if self.has("tenants") => None,
            (true, None) => {
                self.fault("missing field `tenants`: the tenants whose users are accepted, or \"any\" for every tenant that the provider has");
                None
            }
            (true, Some(tenants)) => Some(IssuerNames::new(forms, tenants)),
            (false, None) => Some(IssuerNames::new(forms, Tenants::Only(Vec::new()))),
            (false, Some(_)) => {
                self.fault(format!("tenants needs an issuer with {TENANT} in it"));
                None
            }
        }
    }

    fn tenants(&mut self) -> Option<Tenants> {
        const FORM: &str = "tenants must be a list of one or more tenants' ids (UUIDs), or \"any\"";
        if !self.has("tenants") {
            return None;
        }
        if self
            .object
            .string("tenants")
            .is_ok_and(|text| text.as_deref() == Some("any"))
        {
            return Some(Tenants::Any);
        }
        let ids = self
            .object
            .strings("tenants")
            .ok()
            .flatten()
            .unwrap_or_default();
        let is_good = !ids.is_empty() && ids.iter().all(|id| is_tenant_id(id));
        let ids = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
        self.require(is_good, FORM).then_some(Tenants::Only(ids))
    }

    /// Whether a member is there; `null` counts as absent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains(name) && !self.is_null(name)
    }

    /// A string member; `null` counts as absent.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if self.is_null(name) {
            return None;
        }
        match self.object.string(name) {
            Ok(text) => text.map(Cow::into_owned),
            Err(fault) => {
                self.wrong(name, &fault);
                None
            }
        }
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if !self.has(name) {
            self.fault(format!("missing field `{name}`"));
        }
        text
    }

    /// A list of strings; `None` when it is not there.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        if !self.has(name) {
            return None;
        }
        match self.object.strings(name) {
            Ok(texts) => Some(texts?.into_iter().map(Cow::into_owned).collect()),
            Err(fault) => {
                self.wrong(name, &fault);
                None
            }
        }
    }

    fn is_null(&self, name: &str) -> bool {
        self.object.get(name) == Some("null")
    }

    fn wrong(&mut self, name: &str, fault: &JsonFault) {
        let message = match fault.reason {
            JsonReason::Expected(kind) => format!("{name} has a wrong type; it must be {kind}"),
            _ => fault.to_string(),
        };
        self.fault(message);
    }

    fn claim(&mut self, name: &str, default: &str) -> String {
        let claim = self.text(name).unwrap_or_else(|| default.to_owned());
        self.require(!claim.is_empty(), &format!("{name} must not be empty"));
        claim
    }

    pub(super) fn span(&mut self, member: &str, least: Millis, default: Millis) -> Millis {
        let Some(text) = self.text(member) else {
            return default;
        };
        let span = parse_duration(&text).filter(|span| (least..=LONGEST).contains(span));
        span.unwrap_or_else(|| {
            let least = least.as_seconds();
            self.fault(format!(
                "{member} must be a duration such as \"24h\", at least {least} s"
            ));
            default
        })
    }

    fn clock_tolerance(&mut self) -> Option<Millis> {
        let text = self.text("clock_tolerance")?;
        let span = parse_duration(&text).filter(|span| *span <= MAX_CLOCK_TOLERANCE);
        self.require(
            span.is_some(),
            "clock_tolerance must be a duration from \"0s\" to \"300s\"",
        );
        span
    }

    /// A list of one or more names, if it is there.
    pub(super) fn names(&mut self, name: &str) -> Vec<String> {
        let Some(names) = self.texts(name) else {
            return Vec::new();
        };
        let is_good = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        self.require(
            is_good,
            &format!("{name} must be a list of one or more names"),
        );
        names
    }

    fn algorithms(&mut self) -> Option<Vec<Algorithm>> {
        if !self.has("algorithms") {
            let usual = self.preset.map(|preset| preset.algorithms);
            return Some(usual.unwrap_or(&DEFAULT_ALGORITHMS).to_vec());
        }
        let names = self.texts("algorithms")?;
        if !self.require(!names.is_empty(), "algorithms must not be empty") {
            return None;
        }
        let algorithms: Option<Vec<_>> = names
            .iter()
            .map(|name| Algorithm::from_name(name))
            .collect();
        self.require(
            algorithms.is_some(),
            "algorithms must be names such as RS256, PS384, ES512, EdDSA, Ed25519, HS256",
        );
        algorithms
    }
}

/// Whether an issuer differs from a form at most in what stands for the tenant.
fn looks_like(form: &str, issuer: &str) -> bool {
    form.split_once(TENANT).is_some_and(|(before, after)| {
        let rest = issuer.strip_prefix(before);
        rest.and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|tenant| !tenant.contains('/'))
    })
}
