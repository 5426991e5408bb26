pub fn report(_directory: &str) {}
