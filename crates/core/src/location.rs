//! Where in the world a Durable Object is made: the regions that the platform takes as a hint, and which of them is near a
//! request.
//!
//! An object stays where it was made, so a user's object should be made near the user and not near the backend that
//! happens to create the session.

/// A region in which an object can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// Western North America.
    Wnam,
    /// Eastern North America.
    Enam,
    /// South America.
    Sam,
    /// Western Europe.
    Weur,
    /// Eastern Europe.
    Eeur,
    /// Asia-Pacific.
    Apac,
    /// Oceania.
    Oc,
    /// Africa.
    Afr,
    /// The Middle East.
    Me,
}

/// East of this lie the eastern parts of North America.
const AMERICAN_MIDDLE: i32 = -100;
/// East of this lies what counts as Eastern Europe.
const EUROPEAN_MIDDLE: i32 = 16;
/// West of this lie the parts of Asia that count as the Middle East.
const ARABIAN_EAST: i32 = 60;

impl Location {
    const ALL: [Self; 9] = [
        Self::Wnam,
        Self::Enam,
        Self::Sam,
        Self::Weur,
        Self::Eeur,
        Self::Apac,
        Self::Oc,
        Self::Afr,
        Self::Me,
    ];

    /// The platform's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wnam => "wnam",
            Self::Enam => "enam",
            Self::Sam => "sam",
            Self::Weur => "weur",
            Self::Eeur => "eeur",
            Self::Apac => "apac",
            Self::Oc => "oc",
            Self::Afr => "afr",
            Self::Me => "me",
        }
    }

    /// The region of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|location| location.name().eq_ignore_ascii_case(name))
    }

    /// The region of a continent (two letters) and a longitude in degrees, as the platform states them for a request.
    /// `None` where there is none, and for what is no continent.
    pub fn near(continent: &str, longitude: Option<&str>) -> Option<Self> {
        // Whole degrees are enough.
        let degrees = longitude.and_then(|text| text.split('.').next()?.parse::<i32>().ok());
        let lies_east = |of: i32| degrees.is_none_or(|degrees| degrees >= of);
        Some(match continent {
            "AF" => Self::Afr,
            "AS" if lies_east(ARABIAN_EAST) => Self::Apac,
            "AS" => Self::Me,
            "EU" if degrees.is_some() && lies_east(EUROPEAN_MIDDLE) => Self::Eeur,
            "EU" => Self::Weur,
            "NA" if lies_east(AMERICAN_MIDDLE) => Self::Enam,
            "NA" => Self::Wnam,
            "OC" => Self::Oc,
            "SA" => Self::Sam,
            _ => return None,
        })
    }
}

/// A part of the world that an object never leaves: it runs and stores there only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jurisdiction {
    /// The European Union.
    Eu,
    /// The United States.
    Us,
    /// Data centres of FedRAMP Moderate.
    Fedramp,
}

impl Jurisdiction {
    /// The platform's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Us => "us",
            Self::Fedramp => "fedramp",
        }
    }
}

/// Where an object is made, and where it is looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// What the object never leaves; the same name is another object in each, and one more outside of all.
    pub jurisdiction: Option<Jurisdiction>,
    /// A hint, for an object that does not exist yet.
    pub location: Option<Location>,
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn a_continent_and_a_longitude_name_a_region() {
        for (continent, longitude, expected) in [
            ("NA", Some("-122.41940"), Some("wnam")),
            ("NA", Some("-73.93410"), Some("enam")),
            ("NA", None, Some("enam")),
            ("EU", Some("-0.12570"), Some("weur")),
            ("EU", Some("21.01220"), Some("eeur")),
            ("EU", Some("nonsense"), Some("weur")),
            ("AS", Some("55.27080"), Some("me")),
            ("AS", Some("139.69171"), Some("apac")),
            ("AF", Some("18.4"), Some("afr")),
            ("OC", Some("151.2"), Some("oc")),
            ("SA", Some("-46.6"), Some("sam")),
            ("AN", Some("0"), None),
            ("T1", None, None),
            ("", None, None),
        ] {
            let found = Location::near(continent, longitude).map(Location::name);
            assert_eq!(found, expected, "{continent} {longitude:?}");
        }
    }

    #[test]
    fn every_region_is_known_by_its_name() {
        for location in Location::ALL {
            assert_eq!(Location::from_name(location.name()), Some(location));
        }
        assert_eq!(Location::from_name("WEUR"), Some(Location::Weur));
        assert_eq!(Location::from_name("moon"), None);
    }
}
