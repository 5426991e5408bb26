//! Line charts with logarithmic axes, as SVG. The same numbers always give the same file.

pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

pub struct Chart {
    pub title: &'static str,
    pub x_name: &'static str,
    pub y_name: &'static str,
    /// From and to, powers of ten.
    pub x: (i32, i32),
    pub y: (i32, i32),
    /// The names of the powers of ten on the y axis.
    pub y_labels: &'static [&'static str],
    pub lines: Vec<Line>,
    /// A limit to draw across, and its name.
    pub limit: Option<(f64, &'static str)>,
}

const COLOURS: [&str; 4] = ["#1f6fb4", "#c0561b", "#3a8a3f", "#7a4fa3"];
const LEFT: f64 = 80.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 300.0;

impl Chart {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let share = |value: f64, (from, to): (i32, i32)| {
            ((value.log10() - f64::from(from)) / f64::from(to - from)).clamp(0.0, 1.0)
        };
        (
            LEFT + WIDTH * share(x, self.x),
            TOP + HEIGHT * (1.0 - share(y, self.y)),
        )
    }

    pub fn svg(&self) -> String {
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 410\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"680\" height=\"410\" fill=\"#ffffff\"/>\n",
        );
        let text = |x: f64, y: f64, anchor: &str, text: &str| {
            format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{text}</text>\n"
            )
        };
        let line = |(x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str| {
            format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>\n")
        };
        svg += &text(LEFT + WIDTH / 2.0, 22.0, "middle", self.title);
        let grid = "stroke=\"#dddddd\"";
        let power = |exponent: i32| 10_f64.powi(exponent);
        for exponent in self.x.0..=self.x.1 {
            let (x, _) = self.at(power(exponent), 1.0);
            svg += &line((x, TOP), (x, TOP + HEIGHT), grid);
            let name = thousands(10_u64.pow(exponent as u32));
            svg += &text(x, TOP + HEIGHT + 18.0, "middle", &name);
        }
        for (exponent, name) in (self.y.0..=self.y.1).zip(self.y_labels) {
            let (_, y) = self.at(1.0, power(exponent));
            svg += &line((LEFT, y), (LEFT + WIDTH, y), grid);
            svg += &text(LEFT - 6.0, y + 4.0, "end", name);
        }
        if let Some((limit, name)) = self.limit {
            let (_, y) = self.at(1.0, limit);
            let style = "stroke=\"#aa0000\" stroke-dasharray=\"5 4\"";
            svg += &line((LEFT, y), (LEFT + WIDTH, y), style);
            svg += &text(LEFT + 6.0, y - 5.0, "start", name);
        }
        for ((number, line), colour) in self.lines.iter().enumerate().zip(COLOURS) {
            let points: Vec<String> = line
                .points
                .iter()
                .map(|(x, y)| self.at(*x, *y))
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            svg += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
                points.join(" ")
            );
            let y = TOP + HEIGHT - 12.0 - 16.0 * number as f64;
            svg += &format!(
                "<line x1=\"450\" y1=\"{:.1}\" x2=\"470\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
                y - 4.0,
                y - 4.0
            );
            svg += &text(476.0, y, "start", line.name);
        }
        svg += &text(
            LEFT + WIDTH / 2.0,
            TOP + HEIGHT + 42.0,
            "middle",
            self.x_name,
        );
        svg += &format!(
            "<text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\" fill=\"#222222\">{}</text>\n",
            TOP + HEIGHT / 2.0,
            self.y_name
        );
        svg + "</svg>\n"
    }
}

/// A number with a comma before each three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
