//! What operators see of the keys, as JSON text.

use super::RingCopy;
use postern_jwt::{json::ObjectWriter, time::UnixMillis};

impl RingCopy {
    /// The signing keys: which they are, from and until when, and which signs. No private part.
    pub fn overview(&self, now: UnixMillis) -> String {
        let listed = self.ring.keys.iter().map(|key| {
            let signer = self.signer(key.algorithm, key.kind, now);
            let mut row = ObjectWriter::new();
            row.text("kid", &key.kid);
            row.text("algorithm", key.algorithm.name());
            row.text("kind", key.kind.name());
            row.number("created", key.created.0);
            row.number("signsFrom", key.signs_from.0.max(key.created.0));
            if let Some(until) = key.verify_until {
                row.number("goodUntil", until.0);
            }
            row.boolean("signs", signer.is_some_and(|signer| signer.kid == key.kid));
            row.finish()
        });
        let listed: Vec<String> = listed.collect();
        let mut keys = ObjectWriter::new();
        keys.number("version", self.key_set_version());
        keys.number("nextChange", self.next_change().0);
        keys.number("asOf", self.as_of.0);
        keys.json("list", &["[", &listed.join(","), "]"].concat());
        keys.finish()
    }
}
