use proptest::prelude::{any, prop_assert_eq, proptest};

use super::{
    Information, Named, Refreshed, handle_here, handle_there, handles, information,
    is_refresh_token, not_a_cores, parse_handle, refreshed,
};
use crate::session::handle::HandleKeys;
use postern_jwt::{secret::Secret, time::UnixMillis};

const HANDLE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

#[test]
fn a_cores_handle_has_one_handle_here_and_is_found_again() {
    for theirs in [HANDLE.to_owned(), format!("{HANDLE}_acme")] {
        let here = handle_here(&keys(), "alice", &theirs).unwrap();
        assert_eq!(keys().check(here.as_str()), Some(here.clone()));
        assert_eq!(handle_there(&here), Some(theirs.clone()));
        assert_eq!(here.as_str().ends_with("_acme"), theirs.ends_with("_acme"));
    }
}

#[test]
fn what_is_no_random_uuid_is_no_handle_of_a_cores() {
    for text in [
        "",
        "abc",
        "0f8fad5bd9cb469fa16570867728950e",
        "0F8FAD5B-D9CB-469F-A165-70867728950E",
        "0f8fad5b-d9cb-169f-a165-70867728950e",
        "0f8fad5b-d9cb-469f-c165-70867728950e",
        "0f8fad5b-d9cb-469f-a165-70867728950",
        "0f8fad5b-d9cb-469f-a165-70867728950e_",
        "{0f8fad5b-d9cb-469f-a165-70867728950e}",
    ] {
        assert_eq!(parse_handle(text), None, "{text}");
    }
    assert!(parse_handle(HANDLE).is_some());
}

proptest! {
    #[test]
    fn a_session_that_is_made_here_is_none_of_a_cores(random in any::<[u8; 16]>()) {
        let handle = keys().issue("alice", "public", not_a_cores(random));
        prop_assert_eq!(handle_there(&handle), None);
    }

    #[test]
    fn no_answer_breaks_the_reader(text in ".{0,200}") {
        let _ = (refreshed(&text), information(&text), handles(&text, "sessionHandles"), parse_handle(&text));
    }
}

#[test]
fn a_refresh_token_is_told_by_its_form() {
    assert!(is_refresh_token("IPp3+/=.0abc9.V2"));
    for text in [
        "",
        ".V2",
        "..V2",
        "IPp3.V2",
        "IPp3..V2",
        ".0abc9.V2",
        "IPp3.0xyz9.V2",
        "IP p3.0abc9.V2",
        "IPp3.0abc9.V1",
        "IPp3.0abc9.V2.V2",
        "1.a.b.c.0.0.mac",
    ] {
        assert!(!is_refresh_token(text), "{text}");
    }
}

#[test]
fn the_answers_of_a_core_are_read() {
    let named = || Named {
        handle: HANDLE.to_owned(),
        user_id: "u".to_owned(),
    };
    let session = format!(r#"{{"handle":"{HANDLE}","userId":"u","recipeUserId":"u"}}"#);
    let answer = |status| format!(r#"{{"status":"{status}","session":{session}}}"#);
    assert_eq!(refreshed(&answer("OK")), Some(Refreshed::Of(named())));
    assert_eq!(
        refreshed(&answer("TOKEN_THEFT_DETECTED")),
        Some(Refreshed::Theft(named()))
    );
    let unauthorised = r#"{"status":"UNAUTHORISED","message":"m"}"#;
    assert_eq!(refreshed(unauthorised), Some(Refreshed::Unauthorised));
    assert_eq!(information(unauthorised), Some(None));
    for unreadable in ["", "{}", r#"{"status":"OK"}"#, r#"{"status":"MAYBE"}"#] {
        assert_eq!(refreshed(unreadable), None, "{unreadable}");
        assert_eq!(information(unreadable), None, "{unreadable}");
    }
    let found = r#"{"status":"OK","sessionHandle":"h","userId":"u","tenantId":"public","userDataInDatabase":{"a": [1, null]},"userDataInJWT":{},"expiry":20,"timeCreated":10}"#;
    assert_eq!(
        information(found),
        Some(Some(Information {
            user_id: "u".to_owned(),
            payload: "{}".to_owned(),
            session_data: r#"{"a":[1,null]}"#.to_owned(),
            created: UnixMillis(10),
            expiry: UnixMillis(20),
        }))
    );
    let listed = r#"{"status":"OK","sessionHandles":["a","b"]}"#;
    assert_eq!(
        handles(listed, "sessionHandles"),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(handles(listed, "sessionHandlesRevoked"), None);
}
