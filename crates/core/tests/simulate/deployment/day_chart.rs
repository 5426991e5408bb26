//! A day as a line chart: hours across, a second's amount up by powers of ten.

const COLOURS: [&str; 4] = ["#1f6fb4", "#c0561b", "#3a8a3f", "#7a4fa3"];
const LEFT: f64 = 80.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;
/// From 1 to 10,000.
const POWERS: i32 = 4;

pub struct DayLine {
    pub name: &'static str,
    /// Evenly over the day.
    pub points: Vec<f64>,
}

pub struct DayChart {
    pub title: &'static str,
    pub lines: Vec<DayLine>,
    pub limit: f64,
}

fn height(amount: f64) -> f64 {
    TOP + HEIGHT * (1.0 - (amount.max(1.0).log10() / f64::from(POWERS)).min(1.0))
}

impl DayChart {
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 410\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"680\" height=\"410\" fill=\"#ffffff\"/>\n\
             <text x=\"{:.1}\" y=\"22\" text-anchor=\"middle\" fill=\"#222222\">{}</text>\n",
            LEFT + WIDTH / 2.0,
            self.title
        );
        let mut line = |x1: f64, y1: f64, x2: f64, y2: f64, style: &str| {
            svg += &format!(
                "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>\n"
            );
        };
        let grid = "stroke=\"#dddddd\"";
        for hour in 0..=8 {
            let x = LEFT + WIDTH * f64::from(hour) / 8.0;
            line(x, TOP, x, TOP + HEIGHT, grid);
        }
        for power in 0..=POWERS {
            let y = height(10_f64.powi(power));
            line(LEFT, y, LEFT + WIDTH, y, grid);
        }
        let y = height(self.limit);
        line(
            LEFT,
            y,
            LEFT + WIDTH,
            y,
            "stroke=\"#aa0000\" stroke-dasharray=\"5 4\"",
        );
        let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
            svg += &format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{text}</text>\n"
            );
        };
        text(
            LEFT + 6.0,
            y - 5.0,
            "start",
            "what one object is counted on for",
        );
        for hour in 0..=8 {
            let x = LEFT + WIDTH * f64::from(hour) / 8.0;
            text(x, TOP + HEIGHT + 18.0, "middle", &format!("{} h", hour * 3));
        }
        for (power, name) in ["1", "10", "100", "1,000", "10,000"]
            .into_iter()
            .enumerate()
        {
            text(
                LEFT - 6.0,
                height(10_f64.powi(power as i32)) + 4.0,
                "end",
                name,
            );
        }
        text(
            LEFT + WIDTH / 2.0,
            TOP + HEIGHT + 42.0,
            "middle",
            "time of day (UTC)",
        );
        for (at, (line, colour)) in self.lines.iter().zip(COLOURS).enumerate() {
            let count = line.points.len() as f64;
            let points: Vec<String> = (0_u32..)
                .zip(&line.points)
                .map(|(n, amount)| {
                    format!(
                        "{:.1},{:.1}",
                        LEFT + WIDTH * f64::from(n) / count,
                        height(*amount)
                    )
                })
                .collect();
            svg += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1\"/>\n",
                points.join(" ")
            );
            let y = TOP + HEIGHT - 12.0 - 16.0 * at as f64;
            svg += &format!(
                "<rect x=\"442\" y=\"{:.1}\" width=\"180\" height=\"15\" fill=\"#ffffff\"/>\n<line x1=\"450\" y1=\"{:.1}\" x2=\"470\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n<text x=\"476\" y=\"{y:.1}\" fill=\"#222222\">{}</text>\n",
                y - 11.0,
                y - 4.0,
                y - 4.0,
                line.name
            );
        }
        svg + "</svg>\n"
    }
}
