//! One user's object under test: a store, settings, secrets and a clock that the test moves.

use std::cell::Cell;

use postern_core::{
    device::DeviceKeys,
    message::NEWEST,
    revocation::{Entry, call::Report},
    session::{
        call::{RotationMode, UserCall, UserReply},
        minting::AccessGrant,
        record::{RevocationTask, StoreFault, Stored, UserStore},
        user::{UserContext, answer, due_reports, reported, sweep},
    },
    settings::{RawValue, Settings},
};
use postern_jwt::{secret::Secret, time::UnixMillis};

use super::{START, calls, memory_store::MemoryStore};

pub struct User {
    pub store: MemoryStore,
    pub settings: Settings,
    pub now: Cell<u64>,
    /// The secrets of the key ring; a test may rotate them.
    pub secrets: Vec<(u32, Secret)>,
    pub anti_csrf_keys: Vec<(u32, Secret)>,
    random: Cell<u64>,
    pub not_before: Cell<u64>,
    /// The protocol number of the isolate that asks.
    pub protocol: Cell<u32>,
    /// Whether the authority on revocations is within reach.
    pub reports_arrive: Cell<bool>,
}

pub fn handle(n: u32) -> String {
    format!("route.random{n}.tag")
}

/// Permission for an access token, and the refresh token, of an answer that must have them.
pub fn issued(reply: UserReply) -> (AccessGrant, String) {
    match reply {
        UserReply::Issued {
            access, refresh, ..
        } => (access, refresh.token),
        other => panic!("expected tokens, got {other:?}"),
    }
}

impl User {
    pub fn new() -> Self {
        let values = [(
            "API_DOMAIN".to_owned(),
            RawValue::Text("http://127.0.0.1:8787".to_owned()),
        )];
        Self::with_settings(Settings::parse(&values).unwrap().0)
    }

    pub fn with_settings(settings: Settings) -> Self {
        Self {
            store: MemoryStore::default(),
            settings,
            now: Cell::new(START),
            secrets: vec![(1, Secret::new(vec![1; 32]))],
            anti_csrf_keys: vec![(1, Secret::new(vec![2; 32]))],
            random: Cell::new(1),
            not_before: Cell::new(0),
            protocol: Cell::new(NEWEST),
            reports_arrive: Cell::new(true),
        }
    }

    /// The keys behind challenges and bound cookies.
    pub fn device_keys(&self) -> DeviceKeys<'_> {
        DeviceKeys::new(&self.secrets)
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.now.get())
    }

    pub fn advance(&self, millis: u64) {
        self.now.set(self.now.get() + millis);
    }

    pub fn with_terms<T>(&self, run: impl FnOnce(&UserContext<'_>) -> T) -> T {
        // A linear congruential step: fresh bytes per call, the same in every run.
        let seed = self
            .random
            .get()
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.random.set(seed);
        let mut random = [0; 24];
        for (at, byte) in random.iter_mut().enumerate() {
            *byte = (seed.rotate_left(at as u32 * 5) >> 32) as u8;
        }
        run(&UserContext {
            settings: &self.settings,
            refresh_secrets: &self.secrets,
            anti_csrf_keys: &self.anti_csrf_keys,
            protocol: self.protocol.get(),
            now: self.now(),
            not_before: UnixMillis(self.not_before.get()),
            random,
        })
    }

    /// A call, and the report of what it ended, as the object does it.
    pub fn try_call(&self, call: UserCall) -> Result<UserReply, StoreFault> {
        let reply = self
            .with_terms(|context| self.store.transaction(|store| answer(store, context, call)))?;
        if self.reports_arrive.get() {
            self.report(true);
        }
        Ok(reply)
    }

    /// A call that cannot fail, in a long run: without the copy that a rollback would need.
    pub fn answer(&self, call: UserCall) -> UserReply {
        self.with_terms(|terms| answer(&self.store, terms, call))
            .unwrap()
    }

    /// What is due to be reported now, and as what it is sent.
    pub fn due_report(&self) -> Option<(Vec<RevocationTask>, Report)> {
        let tasks = due_reports(&self.store, self.now()).unwrap();
        let entry = |task: &RevocationTask| Entry {
            handle: task.handle.clone(),
            expires: task.expires,
        };
        let report = Report {
            live: self.store.live_revocations(self.now()).unwrap(),
            entries: tasks.iter().map(entry).collect(),
        };
        (!tasks.is_empty()).then_some((tasks, report))
    }

    /// The authority has answered a report, or nobody has.
    pub fn reported(&self, tasks: &[RevocationTask], accepted: bool) {
        reported(&self.store, tasks, accepted, self.now()).unwrap();
    }

    /// Reports what is due to the authority on revocations, which takes it or not.
    pub fn report(&self, accepted: bool) -> Vec<RevocationTask> {
        let reports = due_reports(&self.store, self.now()).unwrap();
        self.reported(&reports, accepted);
        reports
    }

    /// The alarm, save for its reports. Gives the handles whose copies are due.
    pub fn sweep(&self) -> Vec<String> {
        self.with_terms(|context| sweep(&self.store, context))
            .unwrap()
    }

    pub fn call(&self, call: UserCall) -> UserReply {
        self.try_call(call).unwrap()
    }

    pub fn try_create(&self, n: u32, tenant: &str) -> Result<UserReply, StoreFault> {
        self.try_call(calls::create(&handle(n), "u1", tenant, None))
    }

    /// Creates session `n` and gives its refresh token.
    pub fn create(&self, n: u32) -> String {
        self.create_in(n, "public")
    }

    pub fn create_in(&self, n: u32, tenant: &str) -> String {
        issued(self.try_create(n, tenant).unwrap()).1
    }

    pub fn refresh(&self, token: &str, rotation_mode: RotationMode) -> UserReply {
        self.call(calls::refresh(token, rotation_mode))
    }

    /// Refreshes and gives the new refresh token.
    pub fn refresh_ok(&self, token: &str, rotation_mode: RotationMode) -> String {
        issued(self.refresh(token, rotation_mode)).1
    }

    pub fn expiry(&self, n: u32) -> UnixMillis {
        match self.store.session(&handle(n)).unwrap() {
            Some(Stored::Live(record)) => record.expiry,
            other => panic!("expected a live session, got {other:?}"),
        }
    }
}
