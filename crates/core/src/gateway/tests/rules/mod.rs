//! What a rules file may say, and which rule a request finds.

mod faults;
mod issuers;
mod limits;
mod matching;
mod pages;
mod paths;
mod reach;
mod requirements;
mod resources;
