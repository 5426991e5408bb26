//! `require`: one requirement for the sessions of every issuer that a rule accepts, or one for each issuer's.
//!
//! What a claim means is the issuer's to say: `role = "admin"` in a partner's token is not our `admin`. So a rule accepts
//! only the issuers that it names, and may ask something else of each.

use crate::{
    identity::{Issuer, Issuers},
    tenant::OWN,
};
use postern_jwt::json::{self, Kind};

use crate::gateway::rules::fields::{Faults, Fields};
use crate::gateway::rules::requirement::{self, FailedClaim, Requirement};

/// The field that holds a requirement for each issuer.
const BY_ISSUER: &str = "by_issuer";

/// What the payload of a session must say.
#[derive(Debug, Clone)]
pub enum Require {
    /// The same, whoever vouches for the session.
    Same(Requirement),
    /// What is said of its issuer; `None` = nothing.
    ByIssuer(Vec<(Issuer, Option<Requirement>)>),
}

impl Require {
    /// The tests that a session fails, in the order of the rule; none when it may pass.
    pub fn failures(&self, issuer: &Issuer, payload: &str) -> Vec<FailedClaim> {
        let requirement = match self {
            Self::Same(requirement) => Some(requirement),
            Self::ByIssuer(all) => match all.iter().find(|(named, _)| named == issuer) {
                Some((_, requirement)) => requirement.as_ref(),
                // A rule must speak of all that it accepts, so this is nobody.
                None => {
                    return vec![FailedClaim {
                        id: "iss".to_owned(),
                        exists: true,
                    }];
                }
            },
        };
        requirement.map_or_else(Vec::new, |requirement| requirement.failures(payload))
    }
}

/// The issuer of a name in the rules file: `own`, or an id in settings.
pub(crate) fn issuer(name: &str) -> Option<Issuer> {
    let is_id = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match name {
        OWN => Some(Issuer::Own),
        _ => is_id.then(|| Issuer::Trusted(name.to_owned())),
    }
}

/// Reads the value of `require` of a rule that accepts these issuers.
pub(crate) fn read(
    text: &str,
    place: &str,
    issuers: &Issuers,
    faults: &mut Faults,
) -> Option<Require> {
    let is_by_issuer = json::parse_object(text).is_ok_and(|table| table.contains(BY_ISSUER));
    if !is_by_issuer {
        if issuers.named().len() > 1 {
            faults.warn(
                place,
                format!("asks the same of all issuers, whatever their claims mean; {BY_ISSUER} has one for each"),
            );
        }
        return requirement::read(text, place, faults).map(Require::Same);
    }
    let mut fields = Fields::open(text, place, faults);
    let table = fields.get(BY_ISSUER).unwrap_or_default();
    fields.finish(&format!("beside {BY_ISSUER}"));
    let place = format!("{place}.{BY_ISSUER}");
    by_issuer(table, &place, issuers, faults).map(Require::ByIssuer)
}

fn by_issuer(
    text: &str,
    place: &str,
    issuers: &Issuers,
    faults: &mut Faults,
) -> Option<Vec<(Issuer, Option<Requirement>)>> {
    let Ok(table) = json::parse_object(text) else {
        faults.fault(place, "must be a table: a requirement for each issuer");
        return None;
    };
    let mut all = Vec::new();
    for member in table.members() {
        let named = issuer(member.name()).filter(|named| issuers.accepts(named));
        let Some(named) = named else {
            faults.fault(place, "must name issuers of the rule only");
            continue;
        };
        let place = format!("{place}.{}", member.name());
        let is_nothing = json::kind(member.value()) == Kind::Object
            && json::parse_object(member.value())
                .is_ok_and(|table| table.members().next().is_none());
        let requirement = (!is_nothing)
            .then(|| requirement::read(member.value(), &place, faults))
            .flatten();
        all.push((named, requirement));
    }
    for issuer in issuers.named() {
        if !all.iter().any(|(named, _)| named == issuer) {
            let id = issuer.id();
            faults.fault(
                place,
                format!("must speak of each issuer of the rule: {id} is missing ({id} = {{}} asks for nothing)"),
            );
        }
    }
    Some(all)
}
