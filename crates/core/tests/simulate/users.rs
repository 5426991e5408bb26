//! The users' objects: the product's rules over stores in memory, the outbox towards the authority, and the jars that
//! hold the sessions' tokens.

use postern_core::{
    revocation::call::Report,
    session::{
        call::{RotationMode, UserCall, UserReply},
        minting::AccessGrant,
        record::{Ending, RevocationTask, Stored, UserStore},
    },
    settings::Settings,
};
use postern_jwt::time::{Millis, UnixMillis};

use super::{
    judge::Truth,
    plan::{Mistake, Plan},
};
use crate::support::{
    calls,
    handles::handle_of,
    random::Random,
    user::{User, issued},
};

/// A session and the browser that holds it.
pub struct Session {
    pub user: usize,
    pub handle: String,
    pub truth: Truth,
    /// As its token tells it.
    pub created: Option<UnixMillis>,
    pub iat: UnixMillis,
    pub exp: UnixMillis,
    /// The key that signed it.
    pub key: String,
    refresh: String,
    /// The browser waits for a refresh.
    pub is_busy: bool,
    /// Somebody else has used one of its tokens.
    pub is_stolen: bool,
    /// A token that was exchanged long ago, as a thief may hold it.
    stale: Option<String>,
}

/// What a user's object goes by when it is asked.
#[derive(Clone, Copy)]
pub struct Known {
    pub not_before: u64,
    pub access_token: Millis,
    /// The tolerance for which it tells of ended sessions.
    pub tolerance: Millis,
    /// Code of an older release does not say when a session was created.
    pub tells_creation: bool,
}

/// What a refresh came to.
pub enum Renewed {
    Tokens(Tokens),
    Gone,
    Theft,
}

/// What an answer to a refresh holds.
pub struct Tokens {
    pub access: AccessGrant,
    refresh: String,
}

/// Whether the tokens of a user's sessions are of the versions that have no room for when the session was created.
pub fn is_legacy(user: usize) -> bool {
    user % 10 < 3
}

pub struct Users {
    settings: Settings,
    mistake: Option<Mistake>,
    objects: Vec<User>,
    /// Where each object's clock lies from the authority's.
    skews: Vec<i64>,
    pub sessions: Vec<Session>,
}

/// Moves a time of the authority's clock to that of another machine.
pub fn skewed(now: u64, skew: i64) -> u64 {
    now.saturating_add_signed(skew)
}

impl Users {
    pub fn new(plan: &Plan) -> Self {
        Self {
            settings: User::new().settings,
            mistake: plan.mistake,
            objects: Vec::new(),
            skews: Vec::new(),
            sessions: Vec::new(),
        }
    }

    pub fn count(&self) -> usize {
        self.objects.len()
    }

    /// A user's object, whose clock is set.
    fn object(&self, user: usize, now: u64) -> &User {
        let object = &self.objects[user];
        object.now.set(skewed(now, self.skews[user]));
        object
    }

    fn call(&mut self, user: usize, now: u64, known: Known, call: UserCall) -> UserReply {
        let settings = &mut self.objects[user].settings;
        settings.access_token_validity = known.access_token;
        settings.clock_tolerance = known.tolerance;
        let object = self.object(user, now);
        object.not_before.set(known.not_before);
        let mut reply = object.answer(call);
        if let UserReply::Issued { access, .. } = &mut reply
            && !known.tells_creation
        {
            access.session_created = None;
        }
        reply
    }

    /// Whose a new session is: of a new user, or of one who has some.
    pub fn somebody(&mut self, random: &mut Random) -> usize {
        if !self.objects.is_empty() && random.chance(60) {
            random.below(self.objects.len() as u64) as usize
        } else {
            let user = User::with_settings(self.settings.clone());
            // Reports are the network's business here.
            user.reports_arrive.set(false);
            self.objects.push(user);
            self.skews.push(random.below(2_001) as i64 - 1_000);
            self.objects.len() - 1
        }
    }

    /// A new session of a user, whose token is signed with that key.
    pub fn create(&mut self, user: usize, now: u64, known: Known, key: String) -> usize {
        let number = self.sessions.len();
        let user_id = format!("user{user}");
        let handle = handle_of(&user_id, number as u64);
        let creation = calls::create(&handle, &user_id, ["public", "acme"][number % 2], None);
        let (access, refresh) = issued(self.call(user, now, known, creation));
        self.sessions.push(Session {
            user,
            handle,
            truth: Truth {
                // By the object's clock, as it is compared.
                created: skewed(now, self.skews[user]),
                ended: None,
                recorded: None,
                is_looked_after: false,
            },
            created: access.session_created.filter(|_| !is_legacy(user)),
            iat: access.created,
            exp: access.expiry,
            key,
            refresh,
            is_busy: false,
            is_stolen: false,
            stale: None,
        });
        number
    }

    /// The user's object is asked for new tokens.
    pub fn refresh(&mut self, session: usize, now: u64, known: Known) -> Renewed {
        let Session { user, refresh, .. } = &self.sessions[session];
        let call = calls::refresh(refresh, RotationMode::Own);
        match self.call(*user, now, known, call) {
            UserReply::Issued {
                access, refresh, ..
            } => Renewed::Tokens(Tokens {
                access,
                refresh: refresh.token,
            }),
            UserReply::Unauthorised { .. } => Renewed::Gone,
            UserReply::Theft { .. } => Renewed::Theft,
            other => panic!("a refresh was answered with {other:?}"),
        }
    }

    /// The browser has got its new tokens.
    pub fn accept(&mut self, session: usize, tokens: Tokens, key: String) {
        let jar = &mut self.sessions[session];
        let Tokens { access, refresh } = tokens;
        jar.created = access.session_created.filter(|_| !is_legacy(jar.user));
        (jar.iat, jar.exp, jar.key) = (access.created, access.expiry, key);
        if refresh != jar.refresh {
            jar.stale = Some(std::mem::replace(&mut jar.refresh, refresh));
        }
    }

    /// Ends sessions in one of the ways there are. Gives the user whose object has something to report.
    pub fn end_some(
        &mut self,
        session: usize,
        now: u64,
        known: Known,
        random: &mut Random,
    ) -> usize {
        let Session {
            user,
            handle,
            stale,
            ..
        } = &self.sessions[session];
        let (user, handle, stale) = (*user, handle.clone(), stale.clone());
        let call = match (random.below(10), stale) {
            // A thief comes with a token of the past.
            (0..=2, Some(token)) => {
                self.sessions[session].is_stolen = true;
                calls::refresh(&token, RotationMode::Own)
            }
            (0..=7, _) => calls::revoke(vec![handle], true),
            _ => {
                let tenant = random.chance(50).then_some("acme");
                calls::revoke_all(&format!("user{user}"), tenant, true)
            }
        };
        self.call(user, now, known, call);
        user
    }

    /// Whether a session lives, as its object says.
    pub fn is_standing(&mut self, session: usize, now: u64, known: Known) -> bool {
        let Session { user, handle, .. } = &self.sessions[session];
        let call = calls::check(handle);
        let reply = self.call(*user, now, known, call);
        matches!(reply, UserReply::NotEnded { .. })
    }

    /// What an object has to report now.
    pub fn due_report(&self, user: usize, now: u64) -> Option<(Vec<RevocationTask>, Report)> {
        let object = self.object(user, now);
        let (mut tasks, mut report) = object.due_report()?;
        if self.mistake == Some(Mistake::SilentCutOff) {
            let (silent, told): (Vec<_>, Vec<_>) = tasks
                .into_iter()
                .partition(|task| self.was_cut_off(user, &task.handle));
            object.reported(&silent, true);
            report
                .entries
                .retain(|entry| told.iter().any(|task| task.handle == entry.handle));
            tasks = told;
        }
        (!tasks.is_empty()).then_some((tasks, report))
    }

    fn was_cut_off(&self, user: usize, handle: &str) -> bool {
        let stored = self.objects[user].store.session(handle).unwrap();
        matches!(stored, Some(Stored::Ended(tombstone)) if tombstone.ending == Ending::CutOff)
    }

    /// Whether an object that has ended a session for a cut-off still has that to report.
    pub fn has_to_report(&self, session: usize) -> bool {
        let Session { user, handle, .. } = &self.sessions[session];
        let task = self.objects[*user].store.revocation_task(handle).unwrap();
        task.is_some_and(|task| !task.recorded)
    }

    pub fn reported(&self, user: usize, tasks: &[RevocationTask], accepted: bool, now: u64) {
        self.object(user, now).reported(tasks, accepted);
    }

    /// The alarm, save for its reports.
    pub fn sweep(&self, user: usize, now: u64, known: Known) {
        let object = self.object(user, now);
        object.not_before.set(known.not_before);
        object.sweep();
    }

    /// When an object's alarm is due, by the authority's clock.
    pub fn next_due(&self, user: usize) -> Option<u64> {
        let due = self.objects[user].store.next_due().unwrap()?;
        Some(skewed(due.0, -self.skews[user]))
    }
}
