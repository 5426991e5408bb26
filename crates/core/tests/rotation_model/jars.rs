//! Cookie jars: one that is honest and unlucky (I4), and two that hold one token (I5).

use postern_core::{
    session::call::{RotationMode, UserCall, UserReply, Verify},
    settings::Settings,
};
use postern_jwt::time::Millis;

use crate::support::{
    calls::{self, ROTATION_MODES},
    random::Random,
    user::{User, handle, issued},
};

fn user(settings: &Settings, grace: u64, access: u64) -> User {
    let mut user = User::with_settings(settings.clone());
    user.settings.refresh_grace_period = Millis(grace);
    user.settings.access_token_validity = Millis(access);
    user
}

/// Whoever gets none is logged out.
fn new_token(reply: UserReply) -> String {
    issued(reply).1
}

/// One jar, tabs without a lock, an unreliable network, our own endpoints. Each round begins when a token is first
/// exchanged: while the quiet period lasts, anything may be sent, doubled, lost and reordered; if everything was lost,
/// the jar tries again, alone, for days.
pub fn one_jar_is_never_logged_out(settings: &Settings, random: &mut Random) {
    let grace = random.pick(&[0, 1_000, 30_000, 300_000]);
    let access = random.pick(&[2_000, 60_000, 3_600_000]);
    let quiet = grace.min(access / 2);
    let user = user(settings, grace, access);
    let mut jar = user.create(1);
    for _ in 0..4 {
        let start = user.now.get();
        let before = jar.clone();
        let mut answers = vec![(start, new_token(user.refresh(&jar, RotationMode::Own)))];
        let mut arrived = false;
        for _ in 0..random.below(8) {
            let now = start + random.below(quiet + 1).max(user.now.get() - start);
            // An answer that comes when the quiet period is over counts as lost.
            if now >= start + quiet {
                break;
            }
            user.now.set(now);
            if random.chance(50) && !answers.is_empty() {
                let at = random.below(answers.len() as u64) as usize;
                match random.below(3) {
                    0 => drop(answers.swap_remove(at)),
                    1 => (jar, arrived) = (answers.swap_remove(at).1, true),
                    // Doubled on the way: it may come once more.
                    _ => (jar, arrived) = (answers[at].1.clone(), true),
                }
            } else {
                // A tab that read the jar before the last answer came, or after.
                let sent = if random.chance(50) { &before } else { &jar };
                answers.push((now, new_token(user.refresh(sent, RotationMode::Own))));
            }
        }
        if !arrived {
            // Alone, with whatever the jar holds, however late.
            let late = random.pick(&[grace + 1, 20 * 86_400_000]);
            while random.chance(50) {
                user.now
                    .set(start + random.below(late).max(user.now.get() - start));
                drop(new_token(user.refresh(&jar, RotationMode::Own)));
            }
            jar = new_token(user.refresh(&jar, RotationMode::Own));
        }
        // The next round begins when nothing of this one is on its way: the quiet period counts from the last child.
        user.now
            .set(user.now.get() + quiet + random.below(2 * access));
    }
    let listed = user.call(calls::list("u1"));
    assert_eq!(
        listed,
        UserReply::Handles {
            handles: vec![handle(1)]
        }
    );
}

#[derive(Default)]
struct Jar {
    token: String,
    access: Option<(String, Option<String>)>,
    /// How often it got another refresh token since both held one.
    rotations: u32,
}

/// Two jars with one token, any modes, any times, lost answers, access tokens that are verified.
pub fn two_jars_part_and_are_found(settings: &Settings, random: &mut Random) {
    let grace = random.pick(&[0, 1_000, 30_000, 300_000]);
    let access = random.pick(&[2_000, 60_000, 3_600_000]);
    let user = user(settings, grace, access);
    let mut shared = user.create(1);
    for _ in 0..random.below(4) {
        let answer = user.refresh_ok(&shared, random.pick(&ROTATION_MODES));
        // Some answers are lost: then the thief copies a token that has children already.
        if random.chance(70) {
            shared = answer;
        }
    }
    let jar = || Jar {
        token: shared.clone(),
        ..Jar::default()
    };
    let mut jars = [jar(), jar()];
    for _ in 0..40 {
        let spans = [
            0,
            1,
            grace / 2,
            grace,
            grace + 1,
            access / 2,
            access,
            2 * access,
        ];
        user.advance(random.pick(&spans));
        let at = random.below(2) as usize;
        let other_is_ahead = jars[1 - at].rotations > 1;
        let Jar {
            token,
            access,
            rotations,
        } = &mut jars[at];
        if let (Some((hash1, parent_hash1)), true) = (&*access, random.chance(30)) {
            user.call(UserCall::Verify(Verify {
                handle: handle(1),
                hash1: hash1.clone(),
                parent_hash1: parent_hash1.clone(),
                payload: "{}".to_owned(),
                anti_csrf_token: None,
                check_database: random.chance(50),
                rotation_mode: RotationMode::Lazy,
            }));
            continue;
        }
        match user.refresh(token, random.pick(&ROTATION_MODES)) {
            UserReply::Theft {
                handle: ended,
                user_id,
                ..
            } => {
                assert_eq!((ended, user_id.as_str()), (handle(1), "u1"));
                let listed = user.call(calls::list(&user_id));
                assert_eq!(listed, UserReply::Handles { handles: vec![] });
                return;
            }
            UserReply::Issued {
                refresh,
                access: grant,
                ..
            } => {
                assert!(!other_is_ahead, "the second one to come back was not found");
                if random.chance(80) {
                    *rotations += u32::from(*token != refresh.token);
                    *token = refresh.token;
                    *access = Some((grant.hash1, grant.parent_hash1));
                }
            }
            other => panic!("neither tokens nor theft: {other:?}"),
        }
        assert!(
            jars.iter().any(|jar| jar.rotations < 2),
            "both refreshed twice more"
        );
    }
    assert!(jars.iter().any(|jar| jar.rotations < 2));
}
