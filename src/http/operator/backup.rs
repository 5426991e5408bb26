//! Backup and restore of the key ring, under the service API's path `/postern/keys/`. An API key is needed, and the setting
//! `KEY_BACKUP_KEY`, without which these paths do not exist; what comes and goes is sealed, to the operator's key that it names or to
//! one of the ring's object.
//!
//! No copy of the ring is asked for before: that would make one where a backup is to be restored.

use worker::Env;

use crate::{
    objects::key_ring::{self, NotSealed},
    runtime::log,
};
use postern_core::{
    keys::{MAX_BACKUP_BYTES, RecipientKey, Sealing},
    refusal::Refusal,
    settings::Settings,
};
use postern_jwt::json::{self, Object, ObjectWriter};

/// Whether there is such an action.
pub(super) fn is_action(path: &str, settings: &Settings) -> bool {
    settings.key_backup_key.is_some()
        && ["keys/backup", "keys/restore-key", "keys/restore"].contains(&path)
}

/// By how much the body of an action may be longer than that of others, in bytes.
pub(super) fn more_bytes(path: &str) -> usize {
    match path {
        "keys/restore" => MAX_BACKUP_BYTES,
        _ => 0,
    }
}

/// Does what an operator asks for, and gives the result as JSON text. `path` is that of an [action](is_action).
pub(super) async fn perform(
    env: &Env,
    path: &str,
    given: &Object<'_>,
    settings: &Settings,
) -> Result<String, Refusal> {
    let wanted = match path {
        "keys/backup" => backup(given, settings)?,
        "keys/restore" => restore(given)?,
        _ => Sealing::RestoreKey,
    };
    let result = key_ring::sealing(env, wanted).await.map_err(refusal)?;
    let answered = json::parse_object(&result).map_err(|_| key_ring::OUT_OF_REACH)?;
    let mut answer = ObjectWriter::new();
    answer.text("status", "OK");
    for member in answered.members() {
        match (member.name(), member.value()) {
            ("backup", _) => told("backed_up", "a sealed copy of the key ring was given out"),
            ("restored", "true") => told("restored", "the key ring was restored from a backup"),
            _ => {}
        }
        answer.json(member.name(), member.value());
    }
    Ok(answer.finish())
}

fn bad(text: &str) -> Refusal {
    Refusal::BadInput(text.to_owned())
}

fn told(reason: &str, message: &str) {
    log::write_with(
        log::Event::SigningKeys,
        &[(log::Member::Reason, reason)],
        message,
    );
}

fn backup(given: &Object<'_>, settings: &Settings) -> Result<Sealing, Refusal> {
    let key = given.object("publicKey").ok().flatten();
    let key = key.and_then(|key| json::parse_object(key).ok());
    let key = key.as_ref().and_then(RecipientKey::read).ok_or_else(|| {
        bad("\"publicKey\" must be the JWK of an RSA key of 2048 to 4096 bits, and of its public part alone")
    })?;
    if settings.key_backup_key != Some(key.thumbprint()) {
        return Err(bad(
            "\"publicKey\" is another key than KEY_BACKUP_KEY names",
        ));
    }
    Ok(Sealing::Backup {
        key: key.jwk().to_owned(),
    })
}

fn restore(given: &Object<'_>) -> Result<Sealing, Refusal> {
    let replace = given.boolean("replace");
    let replace = replace.map_err(|_| bad("\"replace\" must be true or false"))?;
    let backup = given.string("backup").ok().flatten();
    Ok(Sealing::Restore {
        backup: backup
            .ok_or_else(|| bad("\"backup\" must be a string"))?
            .into_owned(),
        replace: replace.unwrap_or(false),
    })
}

fn refusal(fault: NotSealed) -> Refusal {
    match fault {
        NotSealed::Unopened => bad(
            "\"backup\" cannot be opened: it is damaged, names another key than KEY_BACKUP_KEY, is not sealed to the last restore key, or that is older than ten minutes",
        ),
        NotSealed::OtherRing => bad(
            "there are other keys: with \"replace\": true they are given up, and sessions that were made with them end",
        ),
        NotSealed::Outage => key_ring::OUT_OF_REACH,
    }
}
