//! `hot-functions NAME TIMES`: runs one of the functions that requests spend their time in. Without arguments it lists them.
//!
//! Everything here is what the Worker calls, in the order in which it calls it; signatures, storage and JavaScript are left out.
//! `npm run bench:gate` counts the instructions of each (bench/profile.md).

mod gateway;
mod message;
mod token;

use std::{hint::black_box, process::ExitCode};

/// What can be measured, by name. Each makes its surroundings once, and gives what is to be repeated.
const FUNCTIONS: [(&str, Prepare); 9] = [
    ("verify-cold", token::verify_cold),
    ("verify-hs256", token::verify_hs256),
    ("handle-tag", token::handle_tag),
    ("base64url", token::base64url),
    ("front-token", token::front_token),
    ("gateway-decision", gateway::decision),
    ("header-lines", gateway::header_lines),
    ("refresh-call", message::call),
    ("refresh-reply", message::reply),
];

/// Makes what a function works with; `None` = it cannot be made.
type Prepare = fn() -> Option<Repeated>;

/// One run of a function; false = it did not come to what it is meant to.
type Repeated = Box<dyn FnMut() -> bool>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        use std::io::Write;
        let names = FUNCTIONS.map(|(name, _)| name).join("\n");
        let written = writeln!(std::io::stdout(), "{names}");
        return if written.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    };
    let function = FUNCTIONS.iter().find(|(known, _)| *known == name);
    let Some((_, prepare)) = function else {
        return ExitCode::FAILURE;
    };
    let (Some(mut run), Ok(times)) = (prepare(), times.parse::<u32>()) else {
        return ExitCode::FAILURE;
    };
    let all_good = (0..times).all(|_| black_box(run()));
    if all_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
