//! Trusted issuers: whose tokens are accepted beside our own. From `issuers.toml`, which the build bundles, and from the
//! setting `TRUSTED_ISSUERS`; the members of an entry are the same in both.

mod apart;
mod claims;
mod entry;
mod exchange;
mod keys;
mod names;
mod places;
mod presets;

#[cfg(test)]
pub(crate) use exchange::NOT_EXCHANGED;
pub use exchange::{ExchangeTerms, ExchangedUsers};
pub use names::{IssuerNames, Named, Tenants};

use super::reader::Reader;
use crate::http::token_places::TokenPlaces;
use entry::Entry;
use postern_jwt::json::{self, JsonFault, JsonReason};
use postern_jwt::time::Millis;
use postern_jwt::{Algorithm, Parties};

const SETTING: &str = "TRUSTED_ISSUERS";
const FILE: &str = "issuers.toml";
pub(super) const FORM: &str =
    "a JSON array of objects, each with id, provider or issuer, and whom tokens are for";
const DEFAULT_MAX_TOKEN_AGE: Millis = Millis::from_seconds(24 * 3600);
const DEFAULT_DATA_LIFETIME: Millis = Millis::from_seconds(30 * 86_400);

/// KV refuses entries that are to live for less.
const MIN_DATA_LIFETIME: Millis = Millis::from_seconds(60);

/// The longest tolerance for an issuer's clock.
pub const MAX_CLOCK_TOLERANCE: Millis = Millis::from_seconds(300);

/// The longest file, as JSON text.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The most entries of one deployment.
const MAX_ENTRIES: usize = 1_000;

/// An issuer whose tokens `getSession` accepts, or some of an issuer's tokens.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The name in settings; part of every handle of this entry, so it must never change. `[a-z0-9]{1,32}`.
    pub id: String,
    /// The values of `iss`.
    pub names: IssuerNames,
    /// Where its tokens may be; `None` = in `Authorization`, or in the cookie of our own access tokens.
    pub token_from: Option<TokenPlaces>,
    /// Whom its tokens must be for, and what else they must say.
    pub parties: Parties,
    /// True when the entry itself has `required_claims`: of several entries for one issuer it goes before one that has none.
    pub asks_for_claims: bool,
    /// Algorithms that keys of this issuer may be used with, in order: a key that names none is for the first that it fits.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys come from.
    pub keys: IssuerKeys,
    /// The claim that names the session; default `sid`.
    pub handle_claim: String,
    /// True when the entry itself names [`Self::handle_claim`]: then a token without it is refused. Otherwise such a token
    /// names a user, and no session.
    pub session_is_required: bool,
    /// The claim that names the user; default `sub`.
    pub user_id_claim: String,
    /// The longest accepted `exp - iat`; default 24 h.
    pub max_token_age: Millis,
    /// How long data is kept after the last write; default 30 days.
    pub data_lifetime: Millis,
    /// The `typ` a token must carry; `None` = whatever names no other purpose ([`postern_jwt::Types::Access`]).
    pub typ: Option<String>,
    /// Whom its logout tokens and security events must be for; empty = whom its tokens must be for. An issuer addresses them to
    /// the client, not to the API.
    pub logout_audience: Vec<String>,
    /// How far ahead of ours its clock may be; `None` = [`crate::tokens::trusted_issuer::DEFAULT_CLOCK_TOLERANCE`].
    pub clock_tolerance: Option<Millis>,
    /// How its tokens are exchanged for sessions of our own; `None` = they are not.
    pub exchange: Option<ExchangeTerms>,
}

impl TrustedIssuer {
    /// Keys for RS256 that are found as those of a trusted issuer are, without an issuer: nothing names it.
    pub(crate) fn only_keys(id: &str, keys: IssuerKeys) -> Self {
        Self {
            id: id.to_owned(),
            names: IssuerNames::exact(""),
            token_from: None,
            parties: Parties::default(),
            asks_for_claims: false,
            algorithms: vec![Algorithm::RS256],
            keys,
            handle_claim: String::new(),
            session_is_required: true,
            user_id_claim: String::new(),
            max_token_age: DEFAULT_MAX_TOKEN_AGE,
            data_lifetime: DEFAULT_DATA_LIFETIME,
            typ: None,
            logout_audience: Vec::new(),
            clock_tolerance: None,
            exchange: None,
        }
    }

    /// Whether its handles name a subject, for want of a name for each of the subject's sessions.
    pub fn names_subjects(&self) -> bool {
        self.handle_claim == "sub" || self.handle_claim == self.user_id_claim
    }
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// `jwks`: a JWK Set given in the settings (JSON text).
    Inline(String),
    /// `jwks_uri`, or the address that a provider is known to have: fetched over https (http on loopback).
    Uri(String),
    /// `jwks_binding`: fetched through a service binding of this name.
    Binding(String),
    /// The address is in the discovery document of this issuer (OpenID Connect Discovery, or RFC 8414).
    Discovery(String),
}

/// Reads entries of a setting that has no file.
pub(super) fn read_setting(reader: &mut Reader<'_>, setting: &'static str) -> Vec<TrustedIssuer> {
    let entries = reader.json_array(setting, FORM).unwrap_or_default();
    let entries = entries.into_iter().map(str::to_owned).collect();
    of_places(reader, numbered(Source::Setting(setting), entries))
}

/// Reads setting and file; entries with a fault are left out, and every fault of every entry is noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<TrustedIssuer> {
    let of_setting = reader.json_array(SETTING, FORM).unwrap_or_default();
    let of_file = entries_of(reader, reader.issuers_file()).unwrap_or_default();
    let of_setting = of_setting.into_iter().map(str::to_owned).collect();
    let places = numbered(Source::Setting(SETTING), of_setting);
    of_places(reader, places.chain(numbered(Source::File, of_file)))
}

fn numbered(source: Source, entries: Vec<String>) -> impl Iterator<Item = Place> {
    (1_usize..).zip(entries).map(move |(number, text)| Place {
        source,
        number,
        text,
    })
}

fn of_places(reader: &mut Reader<'_>, places: impl Iterator<Item = Place>) -> Vec<TrustedIssuer> {
    let mut known = apart::Known::default();
    let mut issuers = Vec::new();
    for place in places {
        let mut entry = match json::parse_object(&place.text) {
            Ok(object) => Entry::new(object),
            Err(fault) => {
                place.fault(reader, "", &without_values(&fault));
                continue;
            }
        };
        let issuer = entry::parse(&mut entry);
        known.check(&mut entry, issuer.as_ref());
        let id = entry.id();
        for message in entry.faults {
            place.fault(reader, &id, &message);
        }
        for message in entry.warnings {
            place.warn(reader, &id, &message);
        }
        issuers.extend(issuer);
    }
    issuers
}

/// The entries of the file, as JSON texts.
fn entries_of(reader: &mut Reader<'_>, file: &str) -> Option<Vec<String>> {
    if file.trim().is_empty() {
        return None;
    }
    // In place of entries: what a build found that had to go on (scripts/lib/bundled-file.mjs).
    if let Ok(unreadable) = json::parse_string(file) {
        reader.fault(FILE, unreadable);
        return None;
    }
    if file.len() > MAX_FILE_BYTES {
        reader.fault(
            FILE,
            format!("must be at most {MAX_FILE_BYTES} bytes long as JSON"),
        );
        return None;
    }
    let Ok(tables) = json::parse_object(file) else {
        reader.fault(FILE, "must be a table with [[issuers]]");
        return None;
    };
    for member in tables.members() {
        if member.name() != "issuers" {
            let name = printable(member.name());
            reader.fault(FILE, format!("unknown table `{name}`; it has [[issuers]]"));
        }
    }
    let entries = tables.get("issuers")?;
    let Ok(entries) = json::parse_array(entries) else {
        reader.fault(FILE, "issuers must be an array of tables, [[issuers]]");
        return None;
    };
    if entries.len() > MAX_ENTRIES {
        reader.fault(FILE, format!("at most {MAX_ENTRIES} issuers"));
        return None;
    }
    Some(entries.into_iter().map(str::to_owned).collect())
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Setting(&'static str),
    File,
}

/// An entry's text, and where it stands.
struct Place {
    source: Source,
    number: usize,
    text: String,
}

impl Place {
    /// `id` is that of the entry; empty when it has none that can be read.
    fn named(&self, id: &str, message: &str) -> (String, String) {
        let number = self.number;
        match (self.source, id) {
            (Source::Setting(setting), "") => {
                (setting.to_owned(), format!("entry {number}: {message}"))
            }
            (Source::Setting(setting), id) => (
                setting.to_owned(),
                format!("entry {number}: issuer {id}: {message}"),
            ),
            (Source::File, "") => (format!("{FILE} issuers[{number}]"), message.to_owned()),
            (Source::File, id) => (format!("{FILE} issuers.{id}"), message.to_owned()),
        }
    }

    fn fault(&self, reader: &mut Reader<'_>, id: &str, message: &str) {
        let (setting, message) = self.named(id, message);
        reader.fault(&setting, message);
    }

    fn warn(&self, reader: &mut Reader<'_>, id: &str, message: &str) {
        let (setting, message) = self.named(id, message);
        reader.warn(&setting, message);
    }
}

/// What is wrong with the text, without its values.
fn without_values(fault: &JsonFault) -> String {
    match fault.reason {
        JsonReason::Expected(_) => "a member has a wrong type".to_owned(),
        _ => fault.to_string(),
    }
}

/// The beginning of a name that somebody else chose, for a message.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
