//! `postern-bindgen INPUT OUTPUT_DIRECTORY`: writes `index.js` and `index_bg.wasm` for a module that was compiled with
//! wasm-bindgen. The same as its command line with the options that `scripts/build.mjs` needs, at a tenth of the time
//! that the whole command-line tool takes to compile.

use std::env::args_os;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = args_os().skip(1);
    let (Some(input), Some(output), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: postern-bindgen INPUT.wasm OUTPUT_DIRECTORY");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let written = bindgen.module(true).and_then(|bindgen| {
        bindgen
            .input_path(input)
            .out_name("index")
            .typescript(false)
            // A trap leaves memory in any state: the next call begins with a fresh instance.
            .reset_state_function(true)
            .force_enable_abort_handler(true)
            .generate(output)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
