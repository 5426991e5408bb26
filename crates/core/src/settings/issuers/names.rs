//! The `iss` values of an entry: one or more exact texts, or, for issuers that have one for each customer, a form with a
//! place for the tenant.

/// What stands for the tenant in an issuer, as Microsoft's discovery document writes it.
pub(super) const TENANT: &str = "{tenantid}";

/// The values of `iss` that are an entry's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerNames {
    forms: Vec<String>,
    tenants: Tenants,
}

/// Whose tokens are accepted, of an issuer that has many customers. Has no meaning for forms without `{tenantid}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// Those of these tenants, by their ids in lower case.
    Only(Vec<String>),
    /// Those of every customer of the issuer.
    Any,
}

/// What an `iss` says that is an entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'t> {
    /// The tenant, if the form has a place for it.
    pub tenant: Option<&'t str>,
}

impl IssuerNames {
    /// One exact value.
    pub fn exact(name: &str) -> Self {
        Self::new(vec![name.to_owned()], Tenants::Only(Vec::new()))
    }

    pub(super) const fn new(forms: Vec<String>, tenants: Tenants) -> Self {
        Self { forms, tenants }
    }

    /// Every accepted form; the usual one first.
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// The usual form: where discovery begins.
    pub fn first(&self) -> &str {
        self.forms.first().map_or("", String::as_str)
    }

    /// The one exact value, if there is just one.
    pub fn only(&self) -> Option<&str> {
        match self.forms.as_slice() {
            [form] if !form.contains(TENANT) => Some(form),
            _ => None,
        }
    }

    /// True when all of these are of one customer of the issuer, so that a subject names one user.
    pub(super) fn is_one_party(&self) -> bool {
        let has_place = self.forms.iter().any(|form| form.contains(TENANT));
        !has_place || self.only_tenant().is_some()
    }

    /// The one tenant, if there is just one.
    pub(super) fn only_tenant(&self) -> Option<&str> {
        match &self.tenants {
            Tenants::Only(tenants) => match tenants.as_slice() {
                [tenant] => Some(tenant),
                _ => None,
            },
            Tenants::Any => None,
        }
    }

    /// What an `iss` says; `None` when it is none of these, or of a tenant that is not accepted.
    pub fn named<'t>(&self, iss: &'t str) -> Option<Named<'t>> {
        self.forms.iter().find_map(|form| {
            if !form.contains(TENANT) {
                return (form == iss).then_some(Named { tenant: None });
            }
            let tenant = tenant_in(form, iss)?;
            let is_accepted = match &self.tenants {
                Tenants::Any => true,
                Tenants::Only(tenants) => tenants.iter().any(|known| known == tenant),
            };
            is_accepted.then_some(Named {
                tenant: Some(tenant),
            })
        })
    }

    /// True when a key that is for the issuer `of_key`, in which `{tenantid}` stands for any tenant, may have signed a token
    /// with this `iss`. An issuer that has several forms has one key for them, which names one of them.
    pub fn share_key(&self, of_key: &str, iss: &str) -> bool {
        let is_of = |iss: &str| of_key == iss || tenant_in(of_key, iss).is_some();
        let tenant = self.named(iss).and_then(|named| named.tenant);
        is_of(iss)
            || tenant.is_some_and(|tenant| {
                let forms = self.forms.iter().filter(|form| form.contains(TENANT));
                forms
                    .map(|form| form.replace(TENANT, tenant))
                    .any(|form| is_of(&form))
            })
    }

    /// True for an `iss` that is none of these, and would be but for a slash at the end or the case of letters.
    pub fn nearly(&self, iss: &str) -> bool {
        self.named(iss).is_none()
            && self.forms.iter().any(|form| {
                let form = form.trim_end_matches('/');
                form.eq_ignore_ascii_case(iss.trim_end_matches('/'))
            })
    }

    /// True when a value of `iss` may be of both.
    pub(super) fn overlap(&self, other: &Self) -> bool {
        let share_tenant = match (&self.tenants, &other.tenants) {
            (Tenants::Only(one), Tenants::Only(other)) => {
                one.iter().any(|tenant| other.contains(tenant))
            }
            (Tenants::Any, _) | (_, Tenants::Any) => true,
        };
        let meets = |one: &Self, other: &Self| {
            one.forms.iter().any(|form| {
                if form.contains(TENANT) {
                    share_tenant && other.forms.contains(form)
                } else {
                    other.named(form).is_some()
                }
            })
        };
        meets(self, other) || meets(other, self)
    }
}

/// The tenant of an `iss` of this form: an id as [`is_tenant_id`] has it.
pub(super) fn tenant_in<'t>(form: &str, iss: &'t str) -> Option<&'t str> {
    let (before, after) = form.split_once(TENANT)?;
    let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
    (is_tenant_id(tenant) && !tenant.bytes().any(|byte| byte.is_ascii_uppercase()))
        .then_some(tenant)
}

/// A tenant's id is a UUID (RFC 9562 section 4). A tenant's domain name, or a word such as `common`, is in no token.
pub(super) fn is_tenant_id(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    text.bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && lengths.eq([8, 4, 4, 4, 12])
}

#[cfg(test)]
mod tests {
    use super::{IssuerNames, Named, TENANT, Tenants, is_tenant_id};

    const ONE: &str = "11111111-2222-3333-4444-555555555555";
    const TWO: &str = "21111111-2222-3333-4444-55555555555a";

    fn entra(tenants: Tenants) -> IssuerNames {
        let forms = [
            "https://login.test/{tenantid}/v2.0",
            "https://sts.test/{tenantid}/",
        ];
        IssuerNames::new(forms.map(str::to_owned).to_vec(), tenants)
    }

    #[test]
    fn an_issuer_names_a_tenant_that_is_accepted() {
        let only = entra(Tenants::Only(vec![ONE.to_owned()]));
        let any = entra(Tenants::Any);
        for (iss, by_only, by_any) in [
            (format!("https://login.test/{ONE}/v2.0"), true, true),
            (format!("https://sts.test/{ONE}/"), true, true),
            (format!("https://sts.test/{TWO}/"), false, true),
            (format!("https://sts.test/{ONE}"), false, false),
            (
                format!("https://sts.test/{}/", TWO.to_uppercase()),
                false,
                false,
            ),
            (format!("https://login.test/{ONE}/v2.0/"), false, false),
            (format!("https://login.test/x/{ONE}/v2.0"), false, false),
            (format!("https://login.test/{TENANT}/v2.0"), false, false),
            ("https://login.test/common/v2.0".to_owned(), false, false),
            ("https://login.test//v2.0".to_owned(), false, false),
        ] {
            assert_eq!(only.named(&iss).is_some(), by_only, "{iss}");
            assert_eq!(any.named(&iss).is_some(), by_any, "{iss}");
        }
        let iss = format!("https://sts.test/{ONE}/");
        assert_eq!(any.named(&iss), Some(Named { tenant: Some(ONE) }));
        let exact = IssuerNames::exact("https://a.test/");
        assert_eq!(exact.named("https://a.test/"), Some(Named { tenant: None }));
        assert!(exact.named("https://a.test").is_none() && exact.nearly("https://A.test"));
        assert!(!exact.nearly("https://a.test/") && !exact.nearly("https://b.test/"));
    }

    #[test]
    fn a_key_of_one_tenant_is_for_that_tenant_whatever_the_form() {
        let any = entra(Tenants::Any);
        let (v2, v1) = (
            |tenant: &str| format!("https://login.test/{tenant}/v2.0"),
            |tenant: &str| format!("https://sts.test/{tenant}/"),
        );
        for (of_key, iss, expected) in [
            (v2(TENANT), v2(ONE), true),
            (v2(TENANT), v1(ONE), true),
            (v2(ONE), v2(ONE), true),
            (v2(ONE), v1(ONE), true),
            (v1(ONE), v2(ONE), true),
            (v2(TWO), v2(ONE), false),
            (v2(TWO), v1(ONE), false),
            (v1(TWO), v2(ONE), false),
            ("https://other.test/{tenantid}/".to_owned(), v1(ONE), false),
            (TENANT.to_owned(), v2(ONE), false),
            (String::new(), v2(ONE), false),
        ] {
            assert_eq!(any.share_key(&of_key, &iss), expected, "{of_key} {iss}");
        }
        let exact = IssuerNames::exact(&v2(ONE));
        assert!(exact.share_key(&v2(TENANT), &v2(ONE)) && exact.share_key(&v2(ONE), &v2(ONE)));
        assert!(!exact.share_key(&v2(TWO), &v2(ONE)) && !exact.share_key(&v1(ONE), &v2(ONE)));
    }

    #[test]
    fn entries_that_may_name_one_issuer_are_seen() {
        let [one, two] = [ONE, TWO].map(|id| entra(Tenants::Only(vec![id.to_owned()])));
        let exact = IssuerNames::exact(&format!("https://sts.test/{ONE}/"));
        assert!(one.overlap(&one) && one.overlap(&exact) && exact.overlap(&one));
        assert!(!one.overlap(&two) && !two.overlap(&exact));
        assert!(entra(Tenants::Any).overlap(&two) && two.overlap(&entra(Tenants::Any)));
    }

    #[test]
    fn tenant_ids() {
        assert!(is_tenant_id(ONE) && is_tenant_id(&TWO.to_uppercase()));
        for text in [
            "",
            "common",
            "shop.example",
            "1111-1",
            "g1111111-2222-3333-4444-555555555555",
        ] {
            assert!(!is_tenant_id(text), "{text}");
        }
    }
}
