//! What is made from the table of settings: the type `Settings`, its reader, and its reference.

/// One row of the reference of settings (`docs/settings.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// The heading in the reference.
    pub section: &'static str,
    /// The name of the variable.
    pub name: &'static str,
    /// The default: a value, or what is so while the setting is not set.
    pub default: &'static str,
    /// True when `default` is a value that could be set as well.
    pub default_is_a_value: bool,
    /// Which values are accepted.
    pub accepted: String,
    /// What the setting is for, in Markdown.
    pub description: &'static str,
    /// A value to show in `wrangler.toml`, in TOML; `None` for settings that few deployments need.
    pub example: Option<&'static str>,
}

macro_rules! settings {
    ($(
        section $section:literal;
        $(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty = $name:ident, $form:expr, default $default:literal $(=> $value:expr)? $(, example $example:literal)?;
        )+
    )+) => {
        /// All settings of one deployment, checked.
        #[allow(clippy::struct_excessive_bools)] // each is a setting that is `true` or `false` by contract
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($(
                #[doc = concat!("`", stringify!($name), "`:")]
                $(#[doc = $doc])+
                pub $field: $type,
            )+)+
        }

        impl Settings {
            /// Reads every setting, in the order of the table. One that is absent or faulty has its default; `None` only if
            /// the table has a default that is not of the setting's form.
            pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
                $($(
                    let form: Form<$type> = $form;
                    let $field = match form.read(reader, stringify!($name)) {
                        Some(value) => value,
                        None => default!(form, $name, $default $(=> $value)?),
                    };
                )+)+
                Some(Self { $($($field,)+)+ })
            }
        }

        /// Every setting's name and default, in the order of the reference.
        pub const fn names_and_defaults() -> &'static [(&'static str, &'static str)] {
            &[$($((stringify!($name), $default),)+)+]
        }

        /// The reference of all settings, in the order of `docs/settings.md`.
        pub fn reference() -> Vec<SettingRow> {
            vec![$($(
                SettingRow {
                    section: $section,
                    name: stringify!($name),
                    default: $default,
                    default_is_a_value: concat!($(stringify!($value))?).is_empty(),
                    accepted: { let form: Form<$type> = $form; form.accepted().to_owned() },
                    description: concat!($($doc),+),
                    example: None$(.or(Some($example)))?,
                },
            )+)+]
        }
    };
}

macro_rules! default {
    ($form:ident, $name:ident, $default:literal) => {
        $form.parsed(stringify!($name), $default)?
    };
    ($form:ident, $name:ident, $default:literal => $value:expr) => {
        $value
    };
}
