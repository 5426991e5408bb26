//! Where a request of the console may come from: its own page, and no other.

/// What a request says of where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Scheme, host and port that the request was sent to.
    pub own_origin: &'a str,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Sec-Fetch-Site` header.
    pub sec_fetch_site: Option<&'a str>,
}

impl Sender<'_> {
    /// Whether the request may read: a browser that says where it comes from says that it is the page itself.
    pub fn may_read(self) -> bool {
        let site_is_own = matches!(self.sec_fetch_site, None | Some("same-origin" | "none"));
        site_is_own && self.origin.is_none_or(|origin| origin == self.own_origin)
    }

    /// Whether the request may change something. Every browser sends `Origin` with it, and no page can forge it.
    pub fn may_change(self) -> bool {
        let site_is_own = matches!(self.sec_fetch_site, None | Some("same-origin"));
        site_is_own && self.origin == Some(self.own_origin)
    }
}

#[cfg(test)]
mod tests {
    use super::Sender;

    #[test]
    fn only_the_page_itself_changes_and_no_other_page_reads() {
        let own = "https://auth.example.com";
        for (origin, site, reads, changes) in [
            (None, None, true, false),
            (None, Some("none"), true, false),
            (None, Some("same-origin"), true, false),
            (Some(own), Some("same-origin"), true, true),
            (Some(own), None, true, true),
            (Some(own), Some("same-site"), false, false),
            (Some(own), Some("cross-site"), false, false),
            (Some("https://app.example.com"), None, false, false),
            (Some("http://auth.example.com"), None, false, false),
            (Some("null"), Some("same-origin"), false, false),
        ] {
            let sender = Sender {
                own_origin: own,
                origin,
                sec_fetch_site: site,
            };
            assert_eq!(sender.may_read(), reads, "{sender:?}");
            assert_eq!(sender.may_change(), changes, "{sender:?}");
        }
    }
}
