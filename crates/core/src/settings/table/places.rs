//! Where the Worker answers, and for whom: origins, paths, hosts and keys.

use crate::settings::origin::{parse_base_path, parse_host, parse_origin, parse_website};
use crate::settings::reader::Reader;
use crate::settings::{Network, Settings};
use postern_jwt::secret::{Secret, digest};

const MIN_API_KEY_LENGTH: usize = 20;

/// Where the Worker answers, and for whom.
pub(in crate::settings) fn read_places(reader: &mut Reader<'_>, settings: &mut Settings) {
    const PATH: &str = "a path such as \"/auth\", of letters, digits and -_.~";
    const HOSTS: &str = "hosts, such as \"core.example.com\" or \"localhost:8787\"";
    "/auth".clone_into(&mut settings.api_base_path);
    "/core".clone_into(&mut settings.service_api_base_path);
    reader.scalar(
        "API_DOMAIN",
        &mut settings.api_domain,
        "the public origin of this Worker, such as \"https://api.example.com\", without a path",
        parse_origin,
    );
    reader.scalar_or_empty(
        "API_BASE_PATH",
        &mut settings.api_base_path,
        PATH,
        parse_base_path,
    );
    reader.list(
        "WEBSITE_ORIGINS",
        &mut settings.website_origins,
        "exact origins such as \"https://www.example.com\" or \"capacitor://localhost\"; \"*\" is not one",
        parse_website,
    );
    reader.list(
        "API_KEYS",
        &mut settings.api_key_digests,
        "keys, each of 20 or more of A-Z, a-z, 0-9, = and -",
        parse_api_key,
    );
    reader.scalar(
        "SERVICE_API_BASE_PATH",
        &mut settings.service_api_base_path,
        "a path such as \"/core\", of letters, digits and -_.~; to answer at the root use SERVICE_API_HOSTS",
        |text| parse_base_path(text).filter(|path| !path.is_empty()),
    );
    reader.list(
        "SERVICE_API_HOSTS",
        &mut settings.service_api_hosts,
        HOSTS,
        parse_host,
    );
    reader.list(
        "LEGACY_KEYLESS_HOSTS",
        &mut settings.legacy_keyless_hosts,
        HOSTS,
        parse_host,
    );
    reader.list(
        "LEGACY_KEYLESS_ALLOW",
        &mut settings.legacy_keyless_allow,
        "networks such as \"10.0.0.0/8\", \"127.0.0.1\" or \"2001:db8::/32\", with no bits set behind the prefix",
        Network::parse,
    );
    reader.scalar(
        "ORIGIN",
        &mut settings.origin,
        "the origin that requests are forwarded to, such as \"http://127.0.0.1:9000\", without a path",
        |text| parse_origin(text).map(Some),
    );
}

/// Keys are kept as digests only, so that comparing them takes the same time whatever is presented.
fn parse_api_key(text: &str) -> Option<Secret> {
    let is_good = text.len() >= MIN_API_KEY_LENGTH
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'=' || b == b'-');
    is_good.then(|| digest(text.as_bytes()))
}
