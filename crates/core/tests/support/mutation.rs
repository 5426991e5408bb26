//! Mutations of known inputs, for fuzzing without a fuzzer: blind, quick, and the same for the same seed.

/// The longest input that is made: readers have their own limits, some of which are to be met.
const MAX_LENGTH: usize = 64 * 1024;
/// Mutants are rarely worth keeping without coverage; a few give chains of mutations.
const KEPT: usize = 64;

pub struct Mutator {
    state: u64,
    dictionary: &'static [&'static str],
    corpus: Vec<Vec<u8>>,
    seeds: usize,
}

impl Mutator {
    pub fn new(seed: u64, dictionary: &'static [&'static str], corpus: Vec<Vec<u8>>) -> Self {
        let seeds = corpus.len();
        Self {
            state: seed | 1,
            dictionary,
            corpus,
            seeds,
        }
    }

    /// A number below `limit` (xorshift64*).
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let number = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        number as usize % limit.max(1)
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let from = self.below(self.corpus.len());
        let mut input = self.corpus.get(from).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.mutate(&mut input);
        }
        input.truncate(MAX_LENGTH);
        if self.below(100) == 0 {
            if self.corpus.len() < self.seeds + KEPT {
                self.corpus.push(input.clone());
            } else {
                let place = self.seeds + self.below(KEPT);
                self.corpus[place].clone_from(&input);
            }
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let until = at + self.below(input.len() - at + 1).min(64);
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256) as u8,
            2 => drop(input.drain(at..until)),
            3 => {
                let piece = input[at..until].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            4 | 5 => {
                let word = self.dictionary[self.below(self.dictionary.len())].bytes();
                let end = if self.below(2) == 0 { at } else { until };
                input.splice(at..end, word);
            }
            6 => {
                // The head of one and the tail of another.
                let from = self.below(self.corpus.len());
                let other = &self.corpus[from];
                let tail = other[other.len().min(at)..].to_vec();
                input.truncate(at);
                input.extend(tail);
            }
            _ => {
                let piece = input[at..until].to_vec();
                for _ in 0..1 << self.below(8) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
        }
    }
}
