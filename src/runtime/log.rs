//! Log lines: one JSON object each, with a level and an event. Never a token, a cookie, a secret or user data.

use std::cell::{Cell, RefCell};

use worker::{console_error, console_log, console_warn};

use postern_core::settings::{LogLevel, SettingFault, Warning};
use postern_jwt::{
    json::ObjectWriter,
    time::{Millis, UnixMillis},
};

/// How soon a warning is written again that says the same.
const REPEATED_AFTER: Millis = Millis(60_000);

/// How many warnings are remembered for that.
const MAX_REMEMBERED: usize = 64;

thread_local! {
    static WRITTEN: RefCell<Vec<(String, UnixMillis)>> = const { RefCell::new(Vec::new()) };
    static LEVEL: Cell<LogLevel> = const { Cell::new(LogLevel::Info) };
}

struct Line<'a> {
    level: &'static str,
    event: &'a str,
    setting: Option<&'a str>,
    /// The id of the request, where people are shown it.
    request: Option<&'a str>,
    message: &'a str,
}

/// Sets what is logged from now on in this isolate.
pub(crate) fn set_level(level: LogLevel) {
    LEVEL.set(level);
}

/// A fault of ours or of our storage.
pub(crate) fn fault(event: &str, message: &str) {
    write(
        LogLevel::Error,
        &Line {
            level: "error",
            event,
            setting: None,
            request: None,
            message,
        },
    );
}

/// A request that was refused: which door, and why.
pub(crate) fn refused(event: &str, message: &str) {
    write(
        LogLevel::Info,
        &Line {
            level: "info",
            event,
            setting: None,
            request: None,
            message,
        },
    );
}

/// Something that is as it should be, and good to know.
pub(crate) fn notice(event: &str, message: &str) {
    refused(event, message);
}

/// The same, of a request by its id.
pub(crate) fn refused_request(event: &str, message: &str, request: &str) {
    write(
        LogLevel::Info,
        &Line {
            level: "info",
            event,
            setting: None,
            request: Some(request),
            message,
        },
    );
}

/// Something about a request that an operator should look at.
pub(crate) fn request_warning(event: &str, message: &str, request: &str) {
    write(
        LogLevel::Warn,
        &Line {
            level: "warn",
            event,
            setting: None,
            request: Some(request),
            message,
        },
    );
}

/// Something that an operator should look at: a theft, for one.
pub(crate) fn warning(event: &str, message: &str) {
    write(
        LogLevel::Warn,
        &Line {
            level: "warn",
            event,
            setting: None,
            request: None,
            message,
        },
    );
}

/// The same of something that every request may run into: written at most once a minute.
pub(crate) fn warning_at_times(event: &str, message: &str, now: UnixMillis) {
    let is_new = WRITTEN.with_borrow_mut(|written| {
        written.retain(|(_, at)| now.since(*at) < REPEATED_AFTER);
        let is_new = !written.iter().any(|(known, _)| known == message);
        if is_new {
            if written.len() >= MAX_REMEMBERED {
                written.remove(0);
            }
            written.push((message.to_owned(), now));
        }
        is_new
    });
    if is_new {
        warning(event, message);
    }
}

/// A setting that cannot be used. Logged at every level.
pub(crate) fn setting_fault(fault: &SettingFault) {
    let SettingFault { setting, message } = fault;
    write(
        LogLevel::Error,
        &Line {
            level: "error",
            event: "bad_setting",
            setting: Some(setting),
            request: None,
            message,
        },
    );
}

/// A setting that is allowed and unwise.
pub(crate) fn setting_warning(warning: &Warning) {
    let Warning { setting, message } = warning;
    write(
        LogLevel::Warn,
        &Line {
            level: "warn",
            event: "unwise_setting",
            setting: Some(setting),
            request: None,
            message,
        },
    );
}

fn write(level: LogLevel, line: &Line<'_>) {
    if level > LEVEL.get() {
        return;
    }
    let mut object = ObjectWriter::new();
    object.text("level", line.level);
    object.text("event", line.event);
    object.optional_text("setting", line.setting);
    object.optional_text("request", line.request);
    object.text("message", line.message);
    let text = object.finish();
    match level {
        LogLevel::Error => console_error!("{text}"),
        LogLevel::Warn => console_warn!("{text}"),
        LogLevel::Info | LogLevel::Debug => console_log!("{text}"),
    }
}
