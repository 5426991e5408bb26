//! The reports of ended sessions to the authority on revocations.

use super::Object;
use crate::{
    objects::revocation_report,
    runtime::{clock, log},
};
use postern_core::{
    revocation::{Entry, call::Report},
    session::{
        record::{RevocationTask, StoreFault, UserStore},
        user::{self, REPORT_BATCH},
    },
};

impl Object {
    /// Reports what is due. `true` when the authority has everything that it is owed by now.
    ///
    /// Two calls may report the same at a time: that changes nothing.
    pub(super) async fn report(&self) -> bool {
        let reported = async {
            loop {
                let reports = self.due_reports()?;
                if reports.is_empty() {
                    return Ok(true);
                }
                let was_full = reports.len() >= usize::try_from(REPORT_BATCH).unwrap_or(usize::MAX);
                let accepted = self.report_batch(&reports).await?;
                if !accepted || !was_full {
                    return Ok(accepted);
                }
            }
        };
        reported.await.unwrap_or_else(|StoreFault(fault)| {
            log::write(log::Event::UserSessionsReport, &fault);
            false
        })
    }

    fn due_reports(&self) -> Result<Vec<RevocationTask>, StoreFault> {
        let store = self.store()?;
        self.durable
            .transaction(|| user::due_reports(&store, clock::now()))
    }

    async fn report_batch(&self, reports: &[RevocationTask]) -> Result<bool, StoreFault> {
        let store = self.store()?;
        let entries = reports.iter().map(|task| Entry {
            handle: task.handle.clone(),
            expires: task.expires,
        });
        let report = Report {
            live: store.live_revocations(clock::now())?,
            entries: entries.collect(),
        };
        let accepted = revocation_report::report(&self.durable.env, report)
            .await
            .is_ok();
        self.durable
            .transaction(|| user::reported(&store, reports, accepted, clock::now()))?;
        if !accepted {
            self.durable.arm_by(store.next_due()?).await?;
        }
        Ok(accepted)
    }
}
