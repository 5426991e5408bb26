//! Where an entry's keys come from.

use super::entry::Entry;
use super::names::IssuerNames;
use super::presets::filled;
use super::{IssuerKeys, without_values};
use crate::settings::origin::is_fetchable;
use postern_jwt::Algorithm;
use postern_jwt::json;
use postern_jwt::keys::jwk::{self, KeyFault, KeySetFault, KeySetSource};

impl Entry<'_> {
    pub(super) fn keys(
        &mut self,
        algorithms: &[Algorithm],
        names: Option<&IssuerNames>,
    ) -> Option<IssuerKeys> {
        let jwks = self.object.get("jwks").filter(|jwks| *jwks != "null");
        let jwks = jwks.map(str::to_owned);
        let uri = self.text("jwks_uri");
        let binding = self.text("jwks_binding");
        let keys = match (jwks, uri, binding) {
            (Some(jwks), None, None) => {
                self.check_inline(&jwks, algorithms);
                IssuerKeys::Inline(jwks)
            }
            (None, Some(uri), None) => {
                self.require(
                    is_fetchable(&uri),
                    "jwks_uri must be an https URL (http on loopback)",
                );
                IssuerKeys::Uri(uri)
            }
            (None, None, Some(binding)) => {
                self.require(
                    !binding.is_empty(),
                    "jwks_binding must name a service binding",
                );
                IssuerKeys::Binding(binding)
            }
            // A member of a wrong type was named already.
            (None, None, None) if self.has("jwks_uri") || self.has("jwks_binding") => return None,
            (None, None, None) => self.usual_keys(names?)?,
            _ => {
                self.fault("at most one of jwks, jwks_uri and jwks_binding may be given: exactly one place has the keys");
                return None;
            }
        };
        let is_symmetric = |algorithm: &Algorithm| {
            matches!(
                algorithm,
                Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
            )
        };
        if algorithms.iter().any(is_symmetric) {
            self.require(
                matches!(keys, IssuerKeys::Inline(_)),
                "algorithms of the HS family need inline jwks: a shared secret is never fetched",
            );
        }
        Some(keys)
    }

    /// The provider's usual address; without a provider, the one that the issuer's discovery document names.
    fn usual_keys(&mut self, names: &IssuerNames) -> Option<IssuerKeys> {
        let issuer = names.first();
        if let Some(preset) = self.preset {
            let uri = filled(preset.keys, issuer, names.only_tenant());
            return self
                .require(
                    is_fetchable(&uri),
                    "issuer must be an https URL (http on loopback), or else jwks_uri, jwks or jwks_binding must be given",
                )
                .then_some(IssuerKeys::Uri(uri));
        }
        let can_be_asked = is_fetchable(issuer) && !issuer.contains(['?', '#', '{']);
        self.require(
            can_be_asked,
            "exactly one of jwks, jwks_uri and jwks_binding must be given, or an issuer that is an https URL (http on loopback): then its discovery document names the address of its keys",
        )
        .then(|| IssuerKeys::Discovery(issuer.to_owned()))
    }

    /// Keys that can never verify anything are a fault, and not a token's. In the set of a provider, keys for other
    /// purposes and of other kinds are usual; those are left out.
    fn check_inline(&mut self, jwks: &str, algorithms: &[Algorithm]) {
        let has_keys = json::parse_object(jwks)
            .and_then(|set| set.array("keys"))
            .is_ok_and(|keys| keys.is_some_and(|keys| !keys.is_empty()));
        if !self.require(
            has_keys,
            "jwks must be an object with a non-empty array \"keys\"",
        ) || algorithms.is_empty()
        {
            return;
        }
        match jwk::parse_set(jwks, KeySetSource::Settings, algorithms) {
            Ok(set) => {
                for key in set.left_out {
                    if !matches!(
                        key.fault,
                        KeyFault::NotForVerifying | KeyFault::Unsupported | KeyFault::NotListed
                    ) {
                        self.fault(format!("jwks: {key}"));
                    }
                }
            }
            Err(KeySetFault::Malformed(fault)) => {
                let message = without_values(&fault);
                self.fault(format!("jwks: {message}"));
            }
            Err(fault) => self.fault(format!("jwks: {fault}")),
        }
    }
}
