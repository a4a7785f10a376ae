//! Attribute values and the resource that a signal comes from.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One attribute value, as OTLP's `AnyValue`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    Str(String),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list of values.
    List(Vec<Value>),
    /// Nested attributes, in the order they came.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The text of a string value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer or double, or of a string that is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            Self::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as a person would read it; borrowed when it is text already.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// Calls `visit` with every text inside, together with the nearest key.
    pub fn for_each_text_mut(&mut self, key: &str, visit: &mut dyn FnMut(&str, &mut String)) {
        match self {
            Self::Str(text) => visit(key, text),
            Self::List(values) => {
                values.iter_mut().for_each(|value| value.for_each_text_mut(key, visit))
            }
            Self::Map(entries) => {
                for (inner_key, value) in entries {
                    value.for_each_text_mut(inner_key, visit);
                }
            }
            Self::Int(_) | Self::Double(_) | Self::Bool(_) | Self::Bytes(_) => {}
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(values) => {
                f.write_char('[')?;
                for (position, value) in values.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{value}")?;
                }
                f.write_char(']')
            }
            Self::Map(entries) => {
                f.write_char('{')?;
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{key}={value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

/// Key-value pairs in the order they came. Short lists: looked up by scanning.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Attributes(pub Vec<(String, Value)>);

impl Attributes {
    /// The value of the first pair named `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of the first pair named `key`, when it is text.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Sets `key`, replacing an earlier value.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Calls `visit` with every key and text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        for (key, value) in &mut self.0 {
            value.for_each_text_mut(key, visit);
        }
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// The entity that produced telemetry: a service, its pod, its node.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Resource {
    /// Resource attributes by OTel's semantic conventions.
    pub attributes: Attributes,
}

impl Resource {
    /// A resource that is only a service name.
    #[must_use]
    pub fn service_named(service: &str) -> Self {
        Self { attributes: [("service.name", service)].into_iter().collect() }
    }

    /// `service.name`, else the nearest thing that names a workload, else `""`.
    #[must_use]
    pub fn service(&self) -> &str {
        const KEYS: [&str; 7] = [
            "service.name",
            "k8s.deployment.name",
            "k8s.statefulset.name",
            "k8s.daemonset.name",
            "k8s.container.name",
            "k8s.pod.name",
            "host.name",
        ];
        KEYS.iter()
            .find_map(|key| self.attributes.str(key).filter(|name| !name.is_empty()))
            .unwrap_or("")
    }

    /// `k8s.pod.name`, else `service.instance.id`.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        self.attributes.str("k8s.pod.name").or_else(|| self.attributes.str("service.instance.id"))
    }

    /// `k8s.node.name`, else `host.name`.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.attributes.str("k8s.node.name").or_else(|| self.attributes.str("host.name"))
    }

    /// `k8s.namespace.name`, else `service.namespace`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.attributes
            .str("k8s.namespace.name")
            .or_else(|| self.attributes.str("service.namespace"))
    }

    /// `service.version`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.attributes.str("service.version")
    }
}
