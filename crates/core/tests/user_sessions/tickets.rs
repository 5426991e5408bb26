//! Tickets at the object: each works once, for a session that lives, and not too many at a time.

use postern_core::session::{
    call::{Gone, UserCall, UserReply},
    record::UserStore,
    user::MAX_USED_TICKETS,
};
use postern_jwt::time::UnixMillis;

use crate::support::{
    calls::{GONE, revoke_one as revoke},
    user::{User, handle},
};

fn redeem(user: &User, n: u32, id: &str, life: u64) -> UserReply {
    user.call(UserCall::RedeemTicket {
        handle: handle(n),
        id: id.to_owned(),
        expires: UnixMillis(user.now.get() + life),
    })
}

const fn refused(reason: Gone) -> UserReply {
    UserReply::Unauthorised { reason }
}

#[test]
fn a_ticket_works_once_and_tells_the_session() {
    let user = User::new();
    user.create(1);
    user.create(2);
    let UserReply::Live {
        session, access, ..
    } = redeem(&user, 1, "a", 30_000)
    else {
        panic!("it works");
    };
    assert_eq!(session.handle, handle(1));
    assert_eq!(access, None);
    for life in [30_000, 1, 60_000] {
        assert_eq!(redeem(&user, 1, "a", life), refused(Gone::TicketUsed));
    }
    // Another one of the session, and one of another session.
    for (n, id) in [(1, "b"), (2, "a")] {
        let reply = redeem(&user, n, id, 30_000);
        assert!(matches!(reply, UserReply::Live { .. }), "{reply:?}");
    }
}

#[test]
fn by_the_clock_of_the_object_it_expires_before_it_is_forgotten() {
    let user = User::new();
    user.create(1);
    let expires = UnixMillis(user.now.get() + 30_000);
    let call = || UserCall::RedeemTicket {
        handle: handle(1),
        id: "a".to_owned(),
        expires,
    };
    assert!(matches!(user.call(call()), UserReply::Live { .. }));
    for at in [expires.0 - 1, expires.0, expires.0 + 60_000] {
        user.now.set(at);
        let why = if at < expires.0 {
            Gone::TicketUsed
        } else {
            Gone::TicketExpired
        };
        assert_eq!(user.call(call()), refused(why));
    }
    user.store.forget_tickets(expires).unwrap();
    assert_eq!(user.store.count_tickets(&handle(1)), Ok(0));
}

#[test]
fn of_a_session_that_has_ended_or_never_was_none_works() {
    let user = User::new();
    user.create(1);
    user.call(revoke(&handle(1)));
    for n in [1, 7] {
        assert_eq!(redeem(&user, n, "a", 30_000), GONE);
    }
}

#[test]
fn too_many_at_a_time_are_refused_until_the_oldest_have_expired() {
    let user = User::new();
    user.create(1);
    user.create(2);
    for n in 0..MAX_USED_TICKETS {
        let reply = redeem(&user, 1, &n.to_string(), 30_000);
        assert!(matches!(reply, UserReply::Live { .. }), "{n}");
    }
    assert_eq!(
        redeem(&user, 1, "more", 30_000),
        refused(Gone::TooManyTickets)
    );
    let of_another = redeem(&user, 2, "a", 30_000);
    assert!(matches!(of_another, UserReply::Live { .. }));
    user.now.set(user.now.get() + 30_000);
    let later = redeem(&user, 1, "more", 30_000);
    assert!(matches!(later, UserReply::Live { .. }));
}
