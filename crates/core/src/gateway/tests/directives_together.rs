//! Directives that change and end sessions, alone and together.

use super::directives::{KEY, encoded, key};
use crate::gateway::response::directives::{
    DirectiveFault, Directives, Holder, Revoke, Sent, read,
};

#[test]
fn sessions_are_changed_and_ended() {
    let value = encoded(r#"{ "a": 1 }"#);
    let base = Sent {
        key: Some(KEY),
        ..Sent::default()
    };
    let nothing = Directives {
        revoke: None,
        create: None,
        payload: None,
        session_data: None,
    };
    let object = Some(r#"{"a":1}"#.to_owned());
    for (sent, directives) in [
        (
            Sent {
                session_data: Some(&value),
                ..base
            },
            Directives {
                session_data: object.clone(),
                ..nothing.clone()
            },
        ),
        (
            Sent {
                set_payload: Some(&value),
                ..base
            },
            Directives {
                payload: object.clone(),
                ..nothing.clone()
            },
        ),
        (
            Sent {
                set_payload: Some(&value),
                session_data: Some(&value),
                ..base
            },
            Directives {
                payload: object.clone(),
                session_data: object,
                ..nothing.clone()
            },
        ),
        (
            Sent {
                revoke: Some("session"),
                ..base
            },
            Directives {
                revoke: Some(Revoke::Session),
                ..nothing.clone()
            },
        ),
        (
            Sent {
                revoke: Some(" user "),
                ..base
            },
            Directives {
                revoke: Some(Revoke::User),
                ..nothing.clone()
            },
        ),
    ] {
        assert_eq!(read(&sent, &key(), Holder::Somebody), Ok(Some(directives)));
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let value = encoded(r#"{ "a": 1 }"#);
    let base = Sent {
        key: Some(KEY),
        ..Sent::default()
    };
    // Logging out twice is no mistake; changing what is not there is one.
    assert!(
        read(
            &Sent {
                revoke: Some("user"),
                ..base
            },
            &key(),
            Holder::Nobody
        )
        .is_ok()
    );
    for sent in [
        Sent {
            session_data: Some(&value),
            ..base
        },
        Sent {
            set_payload: Some(&value),
            ..base
        },
    ] {
        assert!(matches!(
            read(&sent, &key(), Holder::Nobody),
            Err(DirectiveFault::NoSession(_))
        ));
    }
    // Where no session is looked at, nobody can say that one has ended.
    for revoke in ["session", "user"] {
        let sent = Sent {
            revoke: Some(revoke),
            ..base
        };
        assert_eq!(
            read(&sent, &key(), Holder::Unknown),
            Err(DirectiveFault::NoSession("postern-revoke"))
        );
        assert!(matches!(read(&sent, &key(), Holder::Nobody), Ok(Some(_))));
    }
    for revoke in ["", "all", "Session", "session, user", "session;user"] {
        let sent = Sent {
            revoke: Some(revoke),
            ..base
        };
        assert_eq!(
            read(&sent, &key(), Holder::Somebody),
            Err(DirectiveFault::Malformed("postern-revoke")),
            "{revoke}"
        );
    }
    for bad in ["W10", "bnVsbA", "IiI", "e30x"] {
        let sent = Sent {
            session_data: Some(bad),
            ..base
        };
        assert_eq!(
            read(&sent, &key(), Holder::Somebody),
            Err(DirectiveFault::Malformed("postern-session-data")),
            "{bad}"
        );
    }
}

#[test]
fn contradictions_are_refused_and_a_login_may_end_what_was() {
    let (session, object) = (encoded(r#"{"userId":"u"}"#), "e30");
    let base = Sent {
        key: Some(KEY),
        ..Sent::default()
    };
    for sent in [
        Sent {
            create_session: Some(&session),
            set_payload: Some(object),
            ..base
        },
        Sent {
            create_session: Some(&session),
            session_data: Some(object),
            ..base
        },
        Sent {
            revoke: Some("session"),
            session_data: Some(object),
            ..base
        },
        Sent {
            revoke: Some("user"),
            set_payload: Some(object),
            ..base
        },
    ] {
        assert_eq!(
            read(&sent, &key(), Holder::Somebody),
            Err(DirectiveFault::Contradiction)
        );
    }
    let both = read(
        &Sent {
            create_session: Some(&session),
            revoke: Some("user"),
            ..base
        },
        &key(),
        Holder::Somebody,
    )
    .unwrap()
    .unwrap();
    assert!(both.create.is_some() && both.revoke == Some(Revoke::User));
}
