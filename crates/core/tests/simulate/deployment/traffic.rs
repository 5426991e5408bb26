//! Where and when a deployment is used: locations of different size around the world, each with its day.

use std::f64::consts::TAU;

use crate::support::random::Random;

pub const DAY: u64 = 86_400;
/// The hour of a location's day at which most happens, and how much more than on average.
const BUSIEST_HOUR: f64 = 16.0;
const SWING: f64 = 0.8;

/// The share of all traffic that each location has, and its time zone in hours.
pub struct Locations {
    shares: Vec<f64>,
    zones: Vec<f64>,
}

impl Locations {
    /// `count` locations: the nth has a share as 1 / (n + 10). Their time zones follow on each other so that large ones are
    /// spread over the world.
    pub fn new(count: usize) -> Self {
        let weights: Vec<f64> = (0..count).map(|n| 1.0 / (n as f64 + 10.0)).collect();
        let sum: f64 = weights.iter().sum();
        Self {
            shares: weights.iter().map(|weight| weight / sum).collect(),
            // Steps of the golden ratio lie evenly, however many there are.
            zones: (0..count)
                .map(|n| 24.0 * (n as f64 * 0.618_034).fract())
                .collect(),
        }
    }

    /// Of `isolates`, spread over the locations by their shares, one.
    pub fn pick(&self, random: &mut Random) -> usize {
        let mut at = unit(random);
        let place = self.shares.iter().position(|share| {
            at -= share;
            at < 0.0
        });
        place.unwrap_or(0)
    }

    /// How busy a location is at a second of the day, against its average.
    pub fn activity(&self, location: usize, second: u64) -> f64 {
        let hour = second as f64 / 3_600.0 + self.zones[location];
        1.0 + SWING * ((hour - BUSIEST_HOUR) / 24.0 * TAU).cos()
    }

    /// The same of all together.
    pub fn total_activity(&self, second: u64) -> f64 {
        let of = |(location, share): (usize, &f64)| share * self.activity(location, second);
        self.shares.iter().enumerate().map(of).sum()
    }

    /// Whether a location is in the region that is lost: those of two hours of time zones.
    pub fn is_in_lost_region(&self, location: usize) -> bool {
        (6.0..8.4).contains(&self.zones[location])
    }
}

/// From 0 up to 1.
pub fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many of events happen that come independently of each other, `mean` of them on average.
pub fn how_many(random: &mut Random, mean: f64) -> u64 {
    if mean > 30.0 {
        // Near enough to a normal distribution: the sum of twelve.
        let sum: f64 = (0..12).map(|_| unit(random)).sum();
        return (mean + (sum - 6.0) * mean.sqrt()).round().max(0.0) as u64;
    }
    let limit = (-mean).exp();
    let mut product = unit(random);
    let mut count = 0;
    while product > limit {
        product *= unit(random);
        count += 1;
    }
    count
}
