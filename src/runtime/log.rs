//! Log lines: one JSON object each, of an event of the table (`postern_core::log_events`). Never a token, a cookie, a secret or user
//! data.

use super::{clock, log_context, metrics};
use postern_core::metrics::Point;
use std::cell::{Cell, RefCell};

use worker::{console_error, console_log, console_warn};

use postern_core::{
    message::Unread,
    settings::{LogLevel, SettingFault, Warning},
};

pub(crate) use postern_core::log_events::{LogEvent as Event, Member, loggable_path};
use postern_jwt::{
    json::ObjectWriter,
    time::{Millis, UnixMillis},
};

/// How soon a line is written again that says the same.
const REPEATED_AFTER: Millis = Millis(60_000);

/// How many lines are remembered for that.
const MAX_REMEMBERED: usize = 64;

thread_local! {
    static WRITTEN: RefCell<Vec<(String, UnixMillis)>> = const { RefCell::new(Vec::new()) };
    static LEVEL: Cell<LogLevel> = const { Cell::new(LogLevel::Info) };
}

/// Sets what is logged from now on in this isolate.
pub(crate) fn set_level(level: LogLevel) {
    LEVEL.set(level);
}

/// Whether lines about `event` are written.
pub(crate) fn is_written(event: Event) -> bool {
    event.level() <= LEVEL.get()
}

/// Writes a line about `event`, if its level is logged.
pub(crate) fn write(event: Event, message: &str) {
    write_with(event, &[], message);
}

/// Writes that a message was not read: about `event` when it is damaged; that of another release is nothing of the sort.
pub(crate) fn write_unread(event: Event, why: Unread) {
    let event = match why {
        Unread::Unsupported => Event::OtherRelease,
        Unread::Damaged => event,
    };
    write(event, why.text());
}

/// Writes a line with members that the event has in the table.
pub(crate) fn write_with(event: Event, members: &[(Member, &str)], message: &str) {
    if let Some(point) = Point::of_event(event, members) {
        metrics::add(&point);
    }
    let level = event.level();
    if level > LEVEL.get() {
        return;
    }
    let mut object = ObjectWriter::new();
    object.text("level", level.name());
    object.text("event", event.name());
    if let Some(request) = log_context::current() {
        let is_given = |wanted: Member| members.iter().any(|(member, _)| *member == wanted);
        if !is_given(Member::Request) {
            object.text(Member::Request.name(), request.id());
        }
        if !is_given(Member::Method) {
            object.text(Member::Method.name(), request.method());
        }
        if let Some(path) = request.path() {
            object.text(Member::Path.name(), &loggable_path(path));
        }
    }
    for (member, value) in members {
        object.text(member.name(), value);
    }
    object.text("message", message);
    let text = object.finish();
    match level {
        LogLevel::Error => console_error!("{text}"),
        LogLevel::Warn => console_warn!("{text}"),
        LogLevel::Info | LogLevel::Debug => console_log!("{text}"),
    }
}

/// The same about something that every request may run into: at most once a minute for one message.
pub(crate) fn write_at_times(event: Event, message: &str, now: UnixMillis) {
    write_at_times_with(event, &[], message, now);
}

/// The same with members that the event has in the table.
pub(crate) fn write_at_times_with(
    event: Event,
    members: &[(Member, &str)],
    message: &str,
    now: UnixMillis,
) {
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
        write_with(event, members, message);
    } else if let Some(point) = Point::of_event(event, members) {
        metrics::add(&point);
    }
}

/// A request carried no or a wrong API key.
pub(crate) fn wrong_api_key() {
    let what = "a request carried no or a wrong API key";
    write_at_times(Event::WrongApiKey, what, clock::now());
}

/// A setting that cannot be used.
pub(crate) fn setting_fault(fault: &SettingFault) {
    let SettingFault { setting, message } = fault;
    write_with(Event::BadSetting, &[(Member::Setting, setting)], message);
}

/// A setting that is allowed and unwise.
pub(crate) fn setting_warning(warning: &Warning) {
    let Warning { setting, message } = warning;
    write_with(Event::UnwiseSetting, &[(Member::Setting, setting)], message);
}
