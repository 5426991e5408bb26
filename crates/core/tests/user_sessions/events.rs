//! What is published as events: each change once, in order, with ids and reasons and nothing about the person.

use postern_core::{
    events::{Event, Member},
    session::{call::UserCall, listing::EndedBy},
};
use postern_jwt::{json, time::Millis};

use crate::support::{
    START,
    calls::{create, refresh, revoke_all},
    user::{User, handle, issued},
};
use postern_core::session::call::RotationMode;

fn published(user: &User) -> Vec<(&'static str, String)> {
    let events = user.store.take_events();
    events.iter().for_each(is_of_the_table);
    events
        .into_iter()
        .map(|event| (event.of.name(), event.data))
        .collect()
}

fn is_of_the_table(event: &Event) {
    let data = json::parse_object(&event.data).unwrap();
    for member in data.members() {
        let known = event
            .of
            .members()
            .iter()
            .map(|member| Member::name(*member));
        let name = member.name();
        assert!(
            known.clone().any(|known| known == name),
            "{event:?} has {name}"
        );
    }
}

fn names(events: &[(&'static str, String)]) -> Vec<&'static str> {
    events.iter().map(|(name, _)| *name).collect()
}

fn publishing() -> User {
    let user = User::new();
    user.store.publish_events();
    user
}

#[test]
fn a_creation_and_a_sign_out_are_published_with_ids_and_reasons_only() {
    let user = publishing();
    user.call(create(&handle(1), "u1", "t1", Some("{\"cart\":1}")));
    let own = r#"{"handle":"route.random1.tag","issuer":"own","userId":"u1","tenantId":"t1""#;
    assert_eq!(published(&user), [("session.created", format!("{own}}}"))]);
    let sign_out = UserCall::Revoke {
        handles: vec![handle(1)],
        keep_for: None,
        repeatable: true,
        by: Some(EndedBy::SignOut.name().to_owned()),
    };
    user.call(sign_out.clone());
    let ended = format!("{own},\"reason\":\"signed_out\"}}");
    assert_eq!(published(&user), [("session.ended", ended)]);
    user.call(sign_out);
    assert_eq!(published(&user), []);
}

#[test]
fn refreshes_are_published_if_that_is_wanted() {
    let mut user = publishing();
    let token = user.create(1);
    let token = user.refresh_ok(&token, RotationMode::Own);
    assert_eq!(names(&published(&user)), ["session.created"]);
    user.settings.events_refreshed = true;
    user.advance(1_000);
    user.refresh_ok(&token, RotationMode::Own);
    assert_eq!(names(&published(&user)), ["session.refreshed"]);
    // One that was refused is none.
    user.refresh("nonsense", RotationMode::Own);
    assert_eq!(published(&user), []);
}

#[test]
fn theft_is_published_before_the_end_that_it_brings() {
    let user = publishing();
    let first = user.create(1);
    let second = user.refresh_ok(&first, RotationMode::Own);
    user.advance(60_000);
    let third = issued(user.call(refresh(&second, RotationMode::Own))).1;
    user.advance(60_000);
    user.call(refresh(&third, RotationMode::Own));
    user.advance(60_000);
    published(&user);
    user.refresh(&first, RotationMode::Own);
    let published = published(&user);
    assert_eq!(names(&published), ["session.theft", "session.ended"]);
    assert!(
        published[0].1.contains("\"reason\":\"STALE_LINEAGE\""),
        "{published:?}"
    );
    assert!(
        published[1].1.contains("\"reason\":\"theft\""),
        "{published:?}"
    );
}

#[test]
fn all_sessions_of_a_user_are_published_one_by_one_and_together() {
    let user = publishing();
    user.create_in(1, "t1");
    user.create_in(2, "t1");
    user.create_in(3, "t2");
    published(&user);
    user.call(revoke_all("u1", Some("t1"), true));
    let both = published(&user);
    assert_eq!(
        names(&both),
        ["session.ended", "session.ended", "user.sessions_ended"]
    );
    let together = r#"{"issuer":"own","userId":"u1","tenantId":"t1","count":2}"#;
    assert_eq!(both[2].1, together);
    // A repeated call ends nothing.
    user.call(revoke_all("u1", Some("t1"), true));
    assert_eq!(published(&user), []);
    user.create_in(4, "t2");
    published(&user);
    user.call(UserCall::RevokeOthers {
        user_id: "u1".to_owned(),
        tenant_id: None,
        keep: handle(3),
        by: Some("user".to_owned()),
    });
    let others = published(&user);
    assert_eq!(names(&others), ["session.ended", "user.sessions_ended"]);
    let all_but_one =
        r#"{"issuer":"own","userId":"u1","except":"route.random3.tag","by":"user","count":1}"#;
    assert_eq!(others[1].1, all_but_one);
}

#[test]
fn what_ends_by_itself_or_by_a_cut_off_is_published_when_it_is_noticed() {
    let user = publishing();
    user.create(1);
    published(&user);
    user.not_before.set(START + 1);
    user.call(crate::support::calls::check(&handle(1)));
    let cut_off = published(&user);
    assert_eq!(names(&cut_off), ["session.ended"]);
    assert!(cut_off[0].1.contains("\"reason\":\"cut_off\""));

    user.advance(10);
    user.create(2);
    published(&user);
    let life = user.expiry(2).since(user.now());
    user.advance(life.0 + 1);
    user.sweep();
    let expired = published(&user);
    assert_eq!(names(&expired), ["session.ended"]);
    assert!(expired[0].1.contains("\"reason\":\"expired\""));
}

#[test]
fn a_note_that_refuses_later_tokens_of_an_issuers_session_is_no_end_of_one() {
    let user = publishing();
    user.call(UserCall::Revoke {
        handles: vec!["x.idp-m.route.digest.tag".to_owned()],
        keep_for: Some(Millis(60_000)),
        repeatable: true,
        by: None,
    });
    assert_eq!(published(&user), []);
}

#[test]
fn of_a_trusted_issuers_session_the_issuer_is_published_and_no_user() {
    let user = publishing();
    let foreign = "x.idp.route.digest.tag";
    user.call(UserCall::Revoke {
        handles: vec![foreign.to_owned()],
        keep_for: Some(Millis(60_000)),
        repeatable: true,
        by: None,
    });
    let data = r#"{"handle":"x.idp.route.digest.tag","issuer":"idp","reason":"revoked"}"#;
    assert_eq!(published(&user), [("session.ended", data.to_owned())]);
}

#[test]
fn a_displaced_session_is_published_before_the_one_that_takes_its_place() {
    let mut user = publishing();
    user.settings.max_sessions_per_user = 1;
    user.create(1);
    published(&user);
    user.advance(1);
    user.create(2);
    let published = published(&user);
    assert_eq!(names(&published), ["session.ended", "session.created"]);
    assert!(published[0].1.contains("\"reason\":\"displaced\""));
}
