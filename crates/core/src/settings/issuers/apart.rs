//! Several entries for one issuer: what tells their tokens apart.

use super::TrustedIssuer;
use super::entry::Entry;
use super::exchange;
use postern_jwt::json;

/// The entries before the one that is looked at.
#[derive(Default)]
pub(super) struct Known {
    ids: Vec<String>,
    issuers: Vec<TrustedIssuer>,
}

impl Known {
    /// Notes what an entry may not share with an earlier one. `issuer` is what it was read as, if it is good.
    pub(super) fn check(&mut self, entry: &mut Entry<'_>, issuer: Option<&TrustedIssuer>) {
        let id = entry.id();
        if !id.is_empty() {
            if self.ids.contains(&id) {
                entry.fault("id is that of an earlier entry");
            }
            self.ids.push(id);
        }
        let Some(issuer) = issuer else { return };
        let alike = self
            .issuers
            .iter()
            .find(|other| other.names.overlap(&issuer.names) && !are_told_apart(other, issuer));
        if let Some(other) = alike {
            entry.fault(format!(
                "issuer is that of an earlier entry, {}, and nothing tells their tokens apart: give both required_claims with one claim of different values, or one of them alone required_claims, or each an audience of its own",
                other.id
            ));
        }
        let namesake = self
            .issuers
            .iter()
            .find(|other| exchange::may_share_users(other, issuer));
        if let Some(other) = namesake {
            entry.fault(format!(
                "exchange \"subject\" is that of an earlier entry, {}, which calls users by another issuer or claim: a user of one could become a user of the other",
                other.id
            ));
        }
        self.issuers.push(issuer.clone());
    }
}

/// Whether no token can be of both entries, or the one that asks for claims goes first.
fn are_told_apart(one: &TrustedIssuer, other: &TrustedIssuer) -> bool {
    let (a, b) = (&one.parties, &other.parties);
    let differ = |left: &[String], right: &[String]| {
        !left.is_empty() && !right.is_empty() && !left.iter().any(|name| right.contains(name))
    };
    let by_claims = a.claims.iter().any(|(claim, values)| {
        let found = b.claims.iter().find(|(known, _)| known == claim);
        found.is_some_and(|(_, others)| {
            !values.iter().any(|value| {
                others
                    .iter()
                    .any(|other| json::same_value(value, other).unwrap_or(true))
            })
        })
    });
    let by_audience = a.audience_claim() == b.audience_claim() && differ(&a.audience, &b.audience);
    let by_party = differ(&a.authorized, &b.authorized);
    by_claims || by_audience || by_party || one.asks_for_claims != other.asks_for_claims
}
