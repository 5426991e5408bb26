use super::{marks, orders};
use crate::{
    session::{
        call::UserCall,
        handle::{HandleKeys, Subject},
    },
    settings::{TrustedIssuer, testing::parsed},
    tokens::logout::Ended,
};
use postern_jwt::{json, secret::Secret, time::UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn keys() -> HandleKeys {
    HandleKeys::new(&Secret::new(vec![1; 32]), &Secret::new(vec![2; 32]))
}

fn issuer(members: &str) -> TrustedIssuer {
    let setting = format!(
        r#"[{{"id":"idp","issuer":"https://idp.example","audience":["api"],"algorithms":["RS256"],"jwks_uri":"https://idp.example/keys"{members}}}]"#
    );
    parsed(&[("TRUSTED_ISSUERS", &setting)]).trusted_issuers[0].clone()
}

fn ended(subject: Option<&str>, session: Option<&str>, moment: u64) -> Ended {
    Ended {
        tenant: String::new(),
        subject: subject.map(str::to_owned),
        session: session.map(str::to_owned),
        moment: UnixMillis(moment),
    }
}

/// What is ended, as texts: the call and its handle.
fn ends(issuer: &TrustedIssuer, ended: &Ended) -> Vec<String> {
    let orders = orders(&keys(), issuer, ended, NOW);
    let text = |(handle, call): &(super::CheckedHandle, UserCall)| match call {
        UserCall::Revoke { handles, .. } => {
            assert_eq!(handles, &[handle.as_str()]);
            format!("revoke {}", handle.as_str())
        }
        UserCall::EndBefore { moment, .. } => format!("before {} {}", moment.0, handle.as_str()),
        other => format!("{other:?}"),
    };
    orders.iter().map(text).collect()
}

fn marks_of(issuer: &TrustedIssuer, claims: &str) -> Vec<(String, bool)> {
    let claims = json::parse_object(claims).unwrap();
    let marks = marks(&keys(), issuer, &claims);
    marks
        .into_iter()
        .map(|mark| (mark.handle.as_str().to_owned(), mark.is_dated))
        .collect()
}

#[test]
fn what_is_ended_is_what_tokens_are_checked_against() {
    let of_sessions = issuer("");
    let token = r#"{"iss":"https://idp.example","sub":"u","sid":"s"}"#;
    let marks = marks_of(&of_sessions, token);
    let [(subject, true), (session, false)] = marks.as_slice() else {
        panic!("{marks:?}");
    };
    let handle = keys().issue_foreign("idp", Subject::of("u"), "s");
    assert_eq!(
        ends(&of_sessions, &ended(None, Some("s"), NOW.0)),
        [format!("revoke {session}")]
    );
    assert_eq!(
        ends(&of_sessions, &ended(Some("u"), Some("s"), NOW.0)),
        [
            format!("revoke {session}"),
            format!("revoke {}", handle.as_str())
        ]
    );
    assert_eq!(
        ends(&of_sessions, &ended(Some("u"), None, 5)),
        [format!("before 5 {subject}")]
    );
}

#[test]
fn where_tokens_name_no_session_the_subject_is_ended() {
    let of_subjects = issuer(r#","handle_claim":"sub""#);
    let subject = &marks_of(&of_subjects, r#"{"iss":"https://idp.example","sub":"u"}"#)[0].0;
    let handle = keys().issue_foreign("idp", Subject::of("u"), "u");
    let session = keys().mark("idp", "", super::MarkKind::Session, "s");
    assert_eq!(
        ends(&of_subjects, &ended(Some("u"), Some("s"), NOW.0 - 1_000)),
        [
            format!("revoke {}", session.as_str()),
            format!("before {} {subject}", NOW.0 - 1_000),
            format!("before {} {}", NOW.0 - 1_000, handle.as_str()),
        ]
    );
    // An event of an hour ago leaves alone what a login since has written.
    assert_eq!(
        ends(&of_subjects, &ended(Some("u"), None, NOW.0 - 3_600_000)),
        [format!("before {} {subject}", NOW.0 - 3_600_000)]
    );
}

#[test]
fn one_issuers_word_ends_nothing_of_another() {
    let one = issuer("");
    let mut other = one.clone();
    other.id = "other".to_owned();
    let token = r#"{"iss":"https://idp.example","sub":"u","sid":"s"}"#;
    let (one, other) = (marks_of(&one, token), marks_of(&other, token));
    assert!(
        one.iter()
            .all(|(mark, _)| other.iter().all(|(o, _)| o != mark))
    );
}
