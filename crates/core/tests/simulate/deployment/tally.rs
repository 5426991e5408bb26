//! What reached which object, second by second.

use super::{
    DEPLOYMENT, REGION_LOST, REVOKE_ALL, ROTATION, Size, day_chart::DayLine, traffic::DAY,
};
use crate::plot::thousands;

/// What one object is counted on for, in requests a second. The platform names a soft limit of 1,000.
pub const COUNTED_ON: f64 = 500.0;
/// Peaks are of so many seconds: a second of a sample has few events.
const STEP: u64 = 60;
/// How long an event is felt.
const FELT: u64 = 1_800;

/// Parts of the day: a name, and the seconds.
pub const WINDOWS: [(&str, u64); 5] = [
    ("without an event", 0),
    ("everybody's sessions revoked", REVOKE_ALL),
    ("keys rotated", ROTATION),
    ("a region lost", REGION_LOST),
    ("a deployment", DEPLOYMENT),
];

/// Requests a step, each as often as it was counted.
#[derive(Clone)]
struct Series(Vec<f64>);

impl Series {
    fn new() -> Self {
        Self(vec![0.0; (DAY / STEP) as usize])
    }

    fn add(&mut self, second: Option<u64>, amount: f64) {
        if let Some(second) = second {
            self.0[(second / STEP) as usize] += amount;
        }
    }

    /// The most a second, averaged over a step, in the time of an event, or at all others.
    fn peak(&self, event: u64) -> f64 {
        let is_felt = |from: u64, second: u64| (from..from + FELT).contains(&second);
        let counts = |second: u64| match event {
            0 => WINDOWS
                .iter()
                .all(|(_, from)| *from == 0 || !is_felt(*from, second)),
            from => is_felt(from, second),
        };
        let steps = (0_u64..)
            .zip(&self.0)
            .filter(|(step, _)| counts(step * STEP));
        steps
            .map(|(_, amount)| amount / STEP as f64)
            .fold(0.0, f64::max)
    }

    /// The sum over the day without its events, as if there had been none.
    fn ordinary(&self) -> f64 {
        let is_event = |second: u64| {
            WINDOWS
                .iter()
                .any(|(_, from)| *from > 0 && (*from..*from + FELT).contains(&second))
        };
        let steps = (0_u64..)
            .zip(&self.0)
            .filter(|(step, _)| !is_event(step * STEP));
        let (count, sum) = steps.fold((0_u64, 0.0), |(count, sum), (_, amount)| {
            (count + 1, sum + amount)
        });
        sum * (DAY / STEP) as f64 / count as f64
    }

    fn line(&self, name: &'static str) -> DayLine {
        // A point for each minute.
        let points = self.0.iter().map(|amount| amount / STEP as f64);
        DayLine {
            name,
            points: points.collect(),
        }
    }
}

pub struct Tally {
    /// Of the day; `None` while it warms up.
    pub second: Option<u64>,
    /// How many isolates one stands for.
    scale: f64,
    relays: f64,
    requests: Series,
    ring: Series,
    polls: Vec<Series>,
    fetches: Vec<Series>,
    reports: Vec<Series>,
    objects: Series,
    back: Series,
    relay: Series,
}

impl Tally {
    pub fn new(size: &Size) -> Self {
        let each = || vec![Series::new(); size.shards as usize];
        Self {
            second: None,
            scale: size.isolates as f64 / size.sampled as f64,
            relays: f64::from(size.relays),
            requests: Series::new(),
            ring: Series::new(),
            polls: each(),
            fetches: each(),
            reports: each(),
            objects: Series::new(),
            back: Series::new(),
            relay: Series::new(),
        }
    }

    /// What a question stands for that an object gets of which there is one: of isolates, or of relays.
    fn each(&self) -> f64 {
        if self.relays > 0.0 {
            self.relays
        } else {
            self.scale
        }
    }

    /// Each relay gets its share.
    pub fn ask_relay(&mut self) {
        self.relay.add(self.second, self.scale / self.relays);
    }

    pub fn request(&mut self) {
        self.requests.add(self.second, self.scale);
    }

    pub fn ask_ring(&mut self) {
        let each = self.each();
        self.ring.add(self.second, each);
    }

    pub fn ask_object(&mut self) {
        self.objects.add(self.second, self.scale);
    }

    pub fn poll(&mut self, shard: usize) {
        let each = self.each();
        self.polls[shard].add(self.second, each);
    }

    pub fn fetch(&mut self, shard: usize) {
        let each = self.each();
        self.fetches[shard].add(self.second, each);
    }

    /// Users' reports are not sampled.
    pub fn report(&mut self, shard: usize) {
        self.reports[shard].add(self.second, 1.0);
    }

    pub fn come_back(&mut self, users: f64) {
        self.back.add(self.second, users);
    }

    /// Everything that the shard gets that gets most.
    fn busiest(&self) -> Series {
        let shards = self.polls.iter().zip(&self.fetches).zip(&self.reports);
        let sums = shards.map(|((polls, fetches), reports)| {
            let all = polls.0.iter().zip(&fetches.0).zip(&reports.0);
            Series(
                all.map(|((polls, fetches), reports)| polls + fetches + reports)
                    .collect(),
            )
        });
        sums.max_by(|a, b| a.0.iter().sum::<f64>().total_cmp(&b.0.iter().sum()))
            .unwrap()
    }

    pub fn print(&self) {
        let of_relays = |column: &str| match self.relays {
            0.0 => String::new(),
            _ => format!("{column} | "),
        };
        println!(
            "| most a second, over a minute | {}`KeyRing` | `Revocations`, each shard | of it polls | segments | reports | users' objects asked for a copy that is missing, old or unsure | users who sign in again |",
            of_relays("each relay"),
        );
        println!(
            "| --- | {}---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            of_relays("---:"),
        );
        let busiest = self.busiest();
        for (name, event) in WINDOWS {
            let of = |series: &Series| {
                let peak = series.peak(event);
                let text = thousands(peak.round() as u64);
                if peak > COUNTED_ON {
                    format!("**{text}**")
                } else {
                    text
                }
            };
            let plain = |series: &Series| thousands(series.peak(event).round() as u64);
            println!(
                "| {name} | {}{} | {} | {} | {} | {} | {} | {} |",
                of_relays(&of(&self.relay)),
                of(&self.ring),
                of(&busiest),
                plain(&self.polls[0]),
                plain(&self.fetches[0]),
                plain(&self.reports[0]),
                plain(&self.objects),
                plain(&self.back),
            );
        }
    }

    /// On a day without events: requests to the key ring and to all shards of the authority, and how often a user's object
    /// was asked because of a copy.
    pub fn ordinary(&self) -> Ordinary {
        let all = |series: &[Series]| series.iter().map(Series::ordinary).sum::<f64>();
        Ordinary {
            requests: self.requests.ordinary(),
            ring: self.ring.ordinary(),
            polls: all(&self.polls),
            fetches: all(&self.fetches),
            relayed: self.relays * self.relay.ordinary(),
            objects: self.objects.ordinary(),
        }
    }

    pub fn lines(&self) -> Vec<DayLine> {
        let mut lines = vec![
            self.ring.line("KeyRing"),
            self.polls[0].line("Revocations: polls"),
            self.fetches[0].line("Revocations: segments"),
            self.reports[0].line("Revocations: reports"),
        ];
        if self.relays > 0.0 {
            lines[2] = self.relay.line("each relay");
        }
        lines
    }
}

/// Of a day without events.
pub struct Ordinary {
    pub requests: f64,
    pub ring: f64,
    pub polls: f64,
    pub fetches: f64,
    /// To all relays.
    pub relayed: f64,
    pub objects: f64,
}
