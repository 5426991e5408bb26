//! Which tokens of a request count, by method and name.

use super::{Classification, Transfer, access_tokens};
use crate::refusal::Refusal;
use crate::settings::{Settings, TokenTransferMethod};

fn settings(allowed: TokenTransferMethod) -> Settings {
    let mut settings = crate::settings::testing::parsed(&[]);
    settings.token_transfer_method = allowed;
    settings
}

/// The tokens found, with the method of each: `h:` or `c:`. Texts that begin with `theirs` are another deployment's.
fn found(
    allowed: TokenTransferMethod,
    authorization: Option<&str>,
    cookie: Option<&str>,
) -> Result<Vec<String>, Refusal> {
    let tokens = access_tokens(&settings(allowed), authorization, cookie, classify)?;
    let header = tokens.header.map(|token| format!("h:{}", token.token));
    let cookie = tokens.cookie?.map(|token| format!("c:{}", token.token));
    Ok(header.into_iter().chain(cookie).collect())
}

#[allow(clippy::ptr_arg)] // the shape that is asked for
fn classify(token: &std::borrow::Cow<'_, str>, _: Transfer) -> Classification<()> {
    if token.starts_with("good") {
        Classification::Token(())
    } else if token.starts_with("theirs") {
        Classification::Anothers
    } else {
        Classification::Nothing
    }
}

#[test]
fn the_header_counts_before_the_cookie_as_far_as_each_is_allowed() {
    use TokenTransferMethod::{Any, Cookie, Header};
    let good_header = Some("Bearer good1");
    let good_cookie = Some("x=1; sAccessToken=good2");
    for (allowed, authorization, cookie, expected) in [
        (Any, good_header, good_cookie, vec!["h:good1", "c:good2"]),
        (Header, good_header, good_cookie, vec!["h:good1"]),
        (Cookie, good_header, good_cookie, vec!["c:good2"]),
        (Any, good_header, None, vec!["h:good1"]),
        (Cookie, good_header, None, vec![]),
        (Any, None, good_cookie, vec!["c:good2"]),
        (Header, None, good_cookie, vec![]),
        (Any, Some("Bearer foreign"), good_cookie, vec!["c:good2"]),
        (
            Any,
            Some("Basic good"),
            Some("sAccessToken=garbage"),
            vec![],
        ),
        (
            Any,
            Some("bearer good1"),
            Some("sAccessToken="),
            vec!["h:good1"],
        ),
        (Any, None, None, vec![]),
    ] {
        assert_eq!(
            found(allowed, authorization, cookie).unwrap(),
            expected,
            "{allowed:?} {authorization:?} {cookie:?}"
        );
    }
}

#[test]
fn a_doubled_header_is_bad_input_and_a_doubled_cookie_asks_for_a_refresh() {
    use TokenTransferMethod::{Any, Header};
    let doubled = Some("sAccessToken=good1; sAccessToken=good2");
    assert!(matches!(
        found(Any, Some("Bearer good1, Bearer good2"), None),
        Err(Refusal::BadInput(_))
    ));
    assert!(matches!(
        found(Any, None, doubled),
        Err(Refusal::TryRefreshToken(_))
    ));
    assert!(matches!(
        found(Any, None, Some("sAccessToken=x; sAccessToken=good")),
        Err(Refusal::TryRefreshToken(_))
    ));
    let mut with_header = settings(Any);
    let tokens = access_tokens(&with_header, Some("Bearer good1"), doubled, classify).unwrap();
    assert_eq!(tokens.header.unwrap().token, "good1");
    assert!(tokens.cookie.is_err());
    with_header.token_transfer_method = Header;
    let tokens = access_tokens(&with_header, None, doubled, classify).unwrap();
    assert_eq!(tokens.cookie, Ok(None));
    assert_eq!(
        found(Any, None, Some("sAccessToken=x; sAccessToken=y")).unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn another_deployments_cookie_neither_hides_nor_doubles_ours() {
    use TokenTransferMethod::Any;
    for (cookie, expected) in [
        ("sAccessToken=theirs; sAccessToken=good", vec!["c:good"]),
        ("sAccessToken=good; sAccessToken=theirs", vec!["c:good"]),
        (
            "sAccessToken=theirs1; sAccessToken=theirs2; sAccessToken=good",
            vec!["c:good"],
        ),
        ("sAccessToken=theirs", vec![]),
        ("sAccessToken=theirs1; sAccessToken=theirs2", vec![]),
    ] {
        assert_eq!(
            found(Any, None, Some(cookie)).unwrap(),
            expected,
            "{cookie}"
        );
    }
}

#[test]
fn the_legacy_cookie_asks_for_a_refresh_unless_a_token_is_there() {
    use TokenTransferMethod::{Any, Header};
    for cookie in [
        "sIdRefreshToken=",
        "sIdRefreshToken=x; sAccessToken=garbage",
        "sIdRefreshToken=x; sAccessToken=theirs",
    ] {
        assert!(
            matches!(
                found(Any, Some("Bearer foreign"), Some(cookie)),
                Err(Refusal::TryRefreshToken(_))
            ),
            "{cookie}"
        );
    }
    let with_token = Some("sIdRefreshToken=x; sAccessToken=good");
    assert_eq!(found(Any, None, with_token).unwrap(), ["c:good"]);
    let legacy = Some("sIdRefreshToken=x");
    assert_eq!(found(Any, Some("Bearer good"), legacy).unwrap(), ["h:good"]);
    assert_eq!(found(Header, None, legacy).unwrap(), Vec::<String>::new());
}

#[test]
fn a_host_prefixed_cookie_counts_before_a_plain_one_under_either_setting() {
    for (is_prefixed, cookie, expected) in [
        (
            true,
            "sAccessToken=good1; __Host-sAccessToken=good2",
            Some("good2"),
        ),
        (true, "sAccessToken=good1", None),
        (
            true,
            "__Host-sAccessToken=garbage; sAccessToken=good1",
            None,
        ),
        (
            false,
            "sAccessToken=good1; __Host-sAccessToken=good2",
            Some("good2"),
        ),
        (
            false,
            "sAccessToken=x; sAccessToken=y; __Host-sAccessToken=good2",
            Some("good2"),
        ),
        (
            false,
            "__Host-sAccessToken=garbage; sAccessToken=good1",
            Some("good1"),
        ),
    ] {
        let mut settings = settings(TokenTransferMethod::Any);
        settings.host_prefixed_cookie = is_prefixed;
        let tokens = access_tokens(&settings, None, Some(cookie), classify).unwrap();
        let found = tokens.cookie.unwrap().map(|token| token.token.into_owned());
        assert_eq!(found.as_deref(), expected, "{is_prefixed} {cookie}");
    }
}

#[test]
fn the_token_of_a_method_is_the_one_that_came_by_it() {
    let both = |cookie| {
        let settings = settings(TokenTransferMethod::Any);
        access_tokens(&settings, Some("Bearer good1"), Some(cookie), classify).unwrap()
    };
    let tokens = both("sAccessToken=good2");
    let by = |transfer| tokens.clone().by(transfer).map(|token| token.token);
    assert_eq!(by(Transfer::Header).as_deref(), Some("good1"));
    assert_eq!(by(Transfer::Cookie).as_deref(), Some("good2"));
    // One that only a refresh could choose is none.
    let doubled = both("sAccessToken=good2; sAccessToken=good3");
    assert!(doubled.cookie.is_err());
    assert_eq!(doubled.by(Transfer::Cookie), None);
}
