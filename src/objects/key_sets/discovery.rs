//! Finding an issuer's key set by its discovery document.

use crate::runtime::http::fetch::{self, FetchFault, Limits, Target};
use postern_core::tokens::discovery;

const LIMITS: Limits = Limits {
    timeout_ms: 2_000,
    body_bytes: discovery::MAX_BYTES,
};

/// The address of the key set. It is asked for with each fetch of the set, and not kept: so it moves when the issuer moves it,
/// and a document that is out of reach is an outage like any other.
///
/// # Errors
/// Why there is none, fit for a log.
pub(crate) async fn key_address(issuer: &str) -> Result<String, String> {
    let mut trouble = String::new();
    for address in discovery::addresses(issuer) {
        match fetch::request(Target::Public, &address, None, LIMITS).await {
            Ok(answer) if answer.status == 200 => {
                let text =
                    String::from_utf8(answer.body).map_err(|_| format!("{address}: not UTF-8"))?;
                return discovery::key_address(&text, issuer)
                    .map_err(|why| format!("{address}: {why}"));
            }
            // Only where the first is not there, the second is meant.
            Ok(answer) if (400..500).contains(&answer.status) => {
                trouble = format!("{address}: status {}", answer.status);
            }
            Ok(answer) => return Err(format!("{address}: status {}", answer.status)),
            Err(FetchFault::TooLarge) => {
                return Err(format!(
                    "{address}: larger than {} bytes",
                    LIMITS.body_bytes
                ));
            }
            Err(FetchFault::Failed) => {
                return Err(format!(
                    "{address}: no whole answer within {} ms",
                    LIMITS.timeout_ms
                ));
            }
        }
    }
    Err(trouble)
}
