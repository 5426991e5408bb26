//! Handles that name a subject, because the issuer has no name for a session: signing out ends what was before, and nobody
//! is locked out.

use postern_core::{
    session::{
        call::{UserCall, UserReply},
        record::{Stored, UserStore},
        user::{Copy, copied, copy_now},
    },
    settings::{RawValue, Settings},
};
use postern_jwt::time::{Millis, UnixMillis};

use crate::support::{
    calls::{GONE, read, revoke_one as revoke, write},
    user::User,
};

/// Handles of an issuer whose `handle_claim` is `sub`, and of one that names sessions.
const SUBJECT: &str = "x.idp.route.digest.tag";
const SESSION: &str = "x.sid.route.digest.tag";

const DAY: u64 = 24 * 3_600_000;

fn user(data_lifetime: &str) -> User {
    let issuers = format!(
        r#"[{{"id":"idp","issuer":"https://idp.example","audience":["api"],"algorithms":["RS256"],"jwks_uri":"https://idp.example/jwks",
            "handle_claim":"sub","data_lifetime":"{data_lifetime}"}},
           {{"id":"sid","issuer":"https://sid.example","audience":["api"],"algorithms":["RS256"],"jwks_uri":"https://sid.example/jwks"}}]"#
    );
    let values = [
        (
            "API_DOMAIN".to_owned(),
            RawValue::Text("http://127.0.0.1:8787".to_owned()),
        ),
        ("TRUSTED_ISSUERS".to_owned(), RawValue::Text(issuers)),
    ];
    User::with_settings(Settings::parse(&values).unwrap().0)
}

/// What is said of a token that was made at this moment.
fn shown(user: &User, handle: &str, issued: UnixMillis) -> UserReply {
    user.call(UserCall::Check {
        handle: handle.to_owned(),
        issued: Some(issued),
    })
}

fn is_good(reply: &UserReply) -> bool {
    matches!(reply, UserReply::NotEnded { .. })
}

fn keep(handle: &str, text: &str) -> UserCall {
    UserCall::WriteData {
        handle: handle.to_owned(),
        session_data: text.to_owned(),
        keep_for: Some(Millis(30 * DAY)),
    }
}

fn end(user: &User, handle: &str) -> UserReply {
    user.call(UserCall::Revoke {
        handles: vec![handle.to_owned()],
        keep_for: Some(Millis(30 * DAY)),
        repeatable: false,
        by: None,
    })
}

fn data_of(user: &User, handle: &str) -> String {
    match user.call(read(handle)) {
        UserReply::Data { session_data, .. } => session_data,
        other => panic!("expected data, got {other:?}"),
    }
}

#[test]
fn after_a_sign_out_older_tokens_are_refused_and_a_later_login_is_a_new_session() {
    let user = user("30d");
    let first = user.now();
    assert!(is_good(&shown(&user, SUBJECT, first)));
    user.call(keep(SUBJECT, r#"{"cart":1}"#));
    user.advance(1_000);
    end(&user, SUBJECT);
    let ended = user.now();
    for issued in [first, ended] {
        assert_eq!(shown(&user, SUBJECT, issued), GONE);
    }
    // Until somebody logs in, there is no session to read from or to write to.
    assert_eq!(user.call(read(SUBJECT)), GONE);
    assert_eq!(user.call(keep(SUBJECT, "{}")), GONE);

    user.advance(1_000);
    let second = user.now();
    let reply = shown(&user, SUBJECT, second);
    let UserReply::NotEnded {
        data_seq,
        ended: told,
    } = reply
    else {
        panic!("nobody is locked out: {reply:?}");
    };
    assert_eq!(told, Some(ended));
    assert!(data_seq > 1, "data of before is told from data of now");
    assert_eq!(data_of(&user, SUBJECT), "{}");
    assert_eq!(copy_now(&user.store, SUBJECT).unwrap(), Some(Copy::Delete));
    user.call(keep(SUBJECT, r#"{"cart":2}"#));
    assert_eq!(data_of(&user, SUBJECT), r#"{"cart":2}"#);
    // The old tokens are as dead as before, and have not hurt the new session.
    for issued in [first, ended] {
        assert_eq!(shown(&user, SUBJECT, issued), GONE);
    }
    assert!(is_good(&shown(&user, SUBJECT, second)));
    let put = copy_now(&user.store, SUBJECT).unwrap().unwrap();
    copied(&user.store, SUBJECT, &put, true, user.now()).unwrap();

    // And once more, with a token that nobody has shown here since it was made.
    user.advance(5_000);
    end(&user, SUBJECT);
    user.advance(1_000);
    end(&user, SUBJECT);
    assert_eq!(shown(&user, SUBJECT, user.now()), GONE);
    assert_eq!(shown(&user, SUBJECT, second), GONE);
    user.advance(1);
    assert!(is_good(&shown(&user, SUBJECT, user.now())));
    assert_eq!(data_of(&user, SUBJECT), "{}");
}

#[test]
fn a_handle_that_names_a_session_stays_ended_whatever_its_issuer_goes_on_signing() {
    let user = user("30d");
    user.call(keep(SESSION, r#"{"cart":1}"#));
    end(&user, SESSION);
    user.advance(60_000);
    assert_eq!(shown(&user, SESSION, user.now()), GONE);
    assert_eq!(user.call(read(SESSION)), GONE);
    assert_eq!(user.call(write(SESSION, "{}")), GONE);
    let nothing_ended = UserReply::Handles {
        handles: Vec::new(),
    };
    assert_eq!(end(&user, SESSION), nothing_ended);
    // A handle that no issuer in settings vouches for is no subject's.
    let unknown = "x.gone.route.digest.tag";
    end(&user, unknown);
    user.advance(60_000);
    assert_eq!(shown(&user, unknown, user.now()), GONE);
}

/// Data may be kept for less time than tokens live: when it goes, the sign-out is remembered all the same.
#[test]
fn a_sign_out_is_remembered_for_as_long_as_there_may_be_tokens_from_before() {
    let user = user("60s");
    let old = user.now();
    end(&user, SUBJECT);
    user.advance(1_000);
    let login = user.now();
    assert!(is_good(&shown(&user, SUBJECT, login)));
    user.advance(3_600_000);
    user.sweep();
    assert!(matches!(
        user.store.foreign(SUBJECT).unwrap(),
        Some(Stored::Ended(_))
    ));
    assert_eq!(shown(&user, SUBJECT, old), GONE);
    assert!(
        is_good(&shown(&user, SUBJECT, login)),
        "its token is good for a day"
    );
    user.advance(31 * DAY);
    for _ in 0..3 {
        user.sweep();
        user.report(true);
        user.advance(DAY);
    }
    // By then no token from before the sign-out is accepted anywhere.
    assert!(is_good(&shown(&user, SUBJECT, user.now())));
}

#[test]
fn of_a_subject_without_a_sign_out_that_matters_nothing_is_kept_beyond_its_data() {
    // Nobody has signed out; or no token from before can be accepted any more, from this very moment on.
    for ended in [false, true] {
        let user = user("60s");
        if ended {
            end(&user, SUBJECT);
            user.advance(1);
            assert!(is_good(&shown(&user, SUBJECT, user.now())));
        }
        user.call(UserCall::WriteData {
            handle: SUBJECT.to_owned(),
            session_data: r#"{"cart":1}"#.to_owned(),
            keep_for: Some(Millis(60_000)),
        });
        let longest = user.settings.trusted_issuers[0].max_token_age;
        user.advance(longest.0 + user.settings.clock_tolerance.0 - u64::from(ended));
        user.sweep();
        assert_eq!(user.store.foreign(SUBJECT).unwrap(), None, "{ended}");
    }
}

#[test]
fn ending_a_subject_that_was_never_seen_counts_too() {
    let user = user("30d");
    assert_eq!(
        user.call(revoke(SUBJECT)),
        UserReply::Handles {
            handles: vec![SUBJECT.to_owned()]
        }
    );
    assert_eq!(shown(&user, SUBJECT, user.now()), GONE);
}

/// The mark of a subject, under which an issuer's word is kept.
const MARK: &str = "x.sid-m.route.digest.tag";

fn end_before(user: &User, handle: &str, moment: UnixMillis) -> UserReply {
    user.call(UserCall::EndBefore {
        handle: handle.to_owned(),
        moment,
        keep_for: Millis(DAY),
    })
}

#[test]
fn an_issuers_word_on_a_subject_is_dated_by_the_event_and_only_moves_forward() {
    let user = user("30d");
    let now = user.now();
    let at = |ago: u64| now.minus(Millis(ago));
    for handle in [MARK, SUBJECT] {
        assert_eq!(end_before(&user, handle, at(10_000)), UserReply::Done {});
        assert!(is_good(&shown(&user, handle, at(9_999))), "{handle}");
        assert_eq!(shown(&user, handle, at(10_000)), GONE);
        // A later event, an older one that comes late, and one that is repeated.
        for ago in [5_000, 20_000, 5_000] {
            assert_eq!(end_before(&user, handle, at(ago)), UserReply::Done {});
            assert!(is_good(&shown(&user, handle, at(4_999))), "{handle}");
            assert_eq!(shown(&user, handle, at(5_000)), GONE);
        }
        // What is known already is not reported again.
        user.reports_arrive.set(false);
        end_before(&user, handle, at(5_000));
        assert_eq!(user.due_report(), None, "{handle}");
        user.reports_arrive.set(true);
        // Data of the subject goes with its copy; a mark has none.
        let copy = copy_now(&user.store, handle).unwrap();
        assert_eq!(copy, (handle == SUBJECT).then_some(Copy::Delete));
        // One of the future ends nothing that is still to come.
        assert_eq!(
            end_before(&user, handle, now.plus(Millis(60_000))),
            UserReply::Done {}
        );
        assert!(
            is_good(&shown(&user, handle, now.plus(Millis(1)))),
            "{handle}"
        );
    }
}
