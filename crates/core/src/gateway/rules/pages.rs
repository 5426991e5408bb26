//! `[pages]`, and `pages` of a rule: pages of the operator's in place of ours, each a path of an origin.

use postern_jwt::json;

use crate::gateway::rules::fields::{Faults, Fields};
use crate::gateway::rules::origins::Origin;

/// The statuses of answers of ours that people see.
const STATUSES: [u16; 12] = [400, 401, 403, 404, 405, 411, 413, 429, 500, 502, 503, 504];

/// The pages of a rule, or of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// The place of the origin in the table of origins.
    pub origin: usize,
    statuses: Vec<(u16, String)>,
    other: Option<String>,
}

impl Pages {
    /// The path of the page for a status, if one is named.
    pub fn path(&self, status: u16) -> Option<&str> {
        let mut statuses = self.statuses.iter();
        let own = statuses.find(|(known, _)| *known == status);
        own.map(|(_, path)| path)
            .or(self.other.as_ref())
            .map(String::as_str)
    }
}

/// Reads a table of pages: paths by status, `default` for the others, and the origin, which may be left out where
/// `origin` is given.
pub(crate) fn read(
    text: &str,
    place: &str,
    origins: &[Origin],
    origin: Option<usize>,
    faults: &mut Faults,
) -> Option<Pages> {
    let mut fields = Fields::open(text, place, faults);
    let named = fields.parsed("origin", "the name of one of the origins", |name| {
        origins.iter().position(|origin| origin.name == name)
    });
    let only = (origins.len() == 1).then_some(0);
    let origin = named.or(origin).or(only);
    if origin.is_none() && !fields.has("origin") {
        let text = "is required: the name of one of the origins".to_owned();
        fields.fault("origin", text);
    }
    let entries: Vec<_> = fields
        .all()
        .filter(|(name, _)| *name != "origin")
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let mut pages = Pages {
        origin: origin?,
        statuses: Vec::new(),
        other: None,
    };
    for (name, value) in entries {
        let status = name.parse().ok().filter(|status| STATUSES.contains(status));
        let path = json::parse_string(value).ok().filter(|path| is_path(path));
        match (status, path) {
            (_, None) => fields.fault(
                &name,
                "must be a path of the origin, such as \"/errors/404.html\"".to_owned(),
            ),
            (Some(status), Some(path)) => pages.statuses.push((status, path.into_owned())),
            (None, Some(path)) if name == "default" => pages.other = Some(path.into_owned()),
            (None, Some(_)) => {
                let known: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
                let text = format!(
                    "is not a page; known are origin, default, {}",
                    known.join(", ")
                );
                fields.fault_here(text);
            }
        }
    }
    Some(pages)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 1024
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>".contains(&byte))
}
