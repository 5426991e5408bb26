//! Whom tokens of an entry must be for, and what else they must say.

use super::entry::Entry;
use super::names::IssuerNames;
use super::presets::{Audience, filled};
use postern_jwt::Parties;
use postern_jwt::json::{self, Kind};

impl Entry<'_> {
    pub(super) fn parties(&mut self, names: Option<&IssuerNames>) -> Parties {
        let mut parties = Parties {
            audience_claim: self.text("audience_claim"),
            audience: self.names("audience"),
            authorized: self.names("authorized_parties"),
            claims: self.required_claims(),
            scope: self.names("scope"),
        };
        self.require(
            parties.audience_claim.as_deref() != Some(""),
            "audience_claim must not be empty",
        );
        let says_whom = ["audience", "authorized_parties", "required_claims"]
            .iter()
            .any(|name| self.has(name));
        let is_given = self
            .preset
            .is_none_or(|preset| preset.audience == Audience::Given);
        if is_given && !says_whom {
            self.fault("missing field `audience`, or else authorized_parties or required_claims: whom tokens are for");
        }
        if let Some(preset) = self.preset {
            if let Audience::Always(template) = preset.audience
                && !self.has("audience")
                && let Some(names) = names
            {
                parties.audience = vec![filled(template, names.first(), None)];
            }
            if parties.audience_claim.is_none() && preset.audience_claim != "aud" {
                parties.audience_claim = Some(preset.audience_claim.to_owned());
            }
            for (claim, value) in preset.required_claims {
                if !parties.claims.iter().any(|(known, _)| known == claim) {
                    parties
                        .claims
                        .push(((*claim).to_owned(), vec![json::quote(value)]));
                }
            }
        }
        if self.has("audience_claim") && parties.audience.is_empty() {
            self.fault("audience_claim needs audience");
        }
        parties
    }

    fn required_claims(&mut self) -> Vec<(String, Vec<String>)> {
        const FORM: &str = "required_claims must be a table of claims, each a text, a number, true, false, or a list of them";
        let Some(text) = self
            .object
            .get("required_claims")
            .filter(|text| *text != "null")
        else {
            return Vec::new();
        };
        let values = |value: &str| {
            let all = match json::kind(value) {
                Kind::Array => json::parse_array(value).ok()?,
                _ => vec![value],
            };
            let is_scalar =
                |one: &&str| matches!(json::kind(one), Kind::String | Kind::Number | Kind::Boolean);
            (!all.is_empty() && all.iter().all(is_scalar))
                .then(|| all.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let claims: Option<Vec<_>> = json::parse_object(text).ok().and_then(|table| {
            let members = table.members();
            members
                .map(|member| Some((member.name().to_owned(), values(member.value())?)))
                .collect()
        });
        let is_good = claims.as_ref().is_some_and(|claims| !claims.is_empty());
        self.require(is_good, FORM);
        claims.unwrap_or_default()
    }
}
