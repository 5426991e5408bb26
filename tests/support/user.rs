//! One user's object under test: a store, settings, secrets and a clock that the test moves.

use std::cell::Cell;

use postern::{
    secret::Secret,
    session::{
        call::{Create, Door, Refresh, UserCall, UserReply},
        record::{RevocationTask, StoreFault, Stored, UserStore},
        user::{Terms, answer, due_reports, reported},
    },
    settings::{RawValue, Settings},
    time::{Millis, UnixMillis},
};

use crate::memory_store::MemoryStore;

pub struct User {
    pub store: MemoryStore,
    pub settings: Settings,
    pub now: Cell<u64>,
    secrets: [(u32, Secret); 1],
    anti_csrf_key: Secret,
    random: Cell<u64>,
    pub not_before: Cell<u64>,
    /// Whether the authority on revocations is within reach.
    pub reports_arrive: Cell<bool>,
}

pub fn handle(n: u32) -> String {
    format!("route.random{n}.tag")
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
            now: Cell::new(1_800_000_000_000),
            secrets: [(1, Secret::new(vec![1; 32]))],
            anti_csrf_key: Secret::new(vec![2; 32]),
            random: Cell::new(1),
            not_before: Cell::new(0),
            reports_arrive: Cell::new(true),
        }
    }

    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.now.get())
    }

    pub fn advance(&self, millis: u64) {
        self.now.set(self.now.get() + millis);
    }

    pub fn with_terms<T>(&self, run: impl FnOnce(&Terms<'_>) -> T) -> T {
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
        run(&Terms {
            settings: &self.settings,
            refresh_secrets: &self.secrets,
            anti_csrf_key: &self.anti_csrf_key,
            now: self.now(),
            not_before: UnixMillis(self.not_before.get()),
            random,
        })
    }

    /// A call, and the report of what it ended, as the object does it.
    pub fn try_call(&self, call: UserCall) -> Result<UserReply, StoreFault> {
        let reply =
            self.with_terms(|terms| self.store.transaction(|store| answer(store, terms, call)))?;
        if self.reports_arrive.get() {
            self.report(true);
        }
        Ok(reply)
    }

    /// Reports what is due to the authority on revocations, which takes it or not.
    pub fn report(&self, accepted: bool) -> Vec<RevocationTask> {
        let reports = due_reports(&self.store, self.now()).unwrap();
        reported(&self.store, &reports, accepted, self.now()).unwrap();
        reports
    }

    pub fn call(&self, call: UserCall) -> UserReply {
        self.try_call(call).unwrap()
    }

    pub fn try_create(&self, n: u32, tenant: &str) -> Result<UserReply, StoreFault> {
        self.try_call(UserCall::Create(Create {
            handle: handle(n),
            user_id: "u1".to_owned(),
            tenant_id: tenant.to_owned(),
            payload: "{}".to_owned(),
            session_data: None,
            anti_csrf: false,
            use_dynamic_key: true,
            by_service_api: false,
            access_token_validity: None,
            device: None,
        }))
    }

    /// Creates session `n` and gives its refresh token.
    pub fn create(&self, n: u32) -> String {
        self.create_in(n, "public")
    }

    pub fn create_in(&self, n: u32, tenant: &str) -> String {
        match self.try_create(n, tenant).unwrap() {
            UserReply::Issued { refresh, .. } => refresh.token,
            other => panic!("expected a session, got {other:?}"),
        }
    }

    pub fn refresh(&self, token: &str, door: Door) -> UserReply {
        self.call(UserCall::Refresh(Refresh {
            token: token.to_owned(),
            anti_csrf_token: None,
            check_anti_csrf: false,
            anti_csrf: Some(false),
            door,
            use_dynamic_key: None,
            protected_claims: Vec::new(),
            access_token_validity: None::<Millis>,
        }))
    }

    /// Refreshes and gives the new refresh token.
    pub fn refresh_ok(&self, token: &str, door: Door) -> String {
        match self.refresh(token, door) {
            UserReply::Issued { refresh, .. } => refresh.token,
            other => panic!("expected new tokens, got {other:?}"),
        }
    }

    pub fn expiry(&self, n: u32) -> UnixMillis {
        match self.store.session(&handle(n)).unwrap() {
            Some(Stored::Live(record)) => record.expiry,
            other => panic!("expected a live session, got {other:?}"),
        }
    }
}
