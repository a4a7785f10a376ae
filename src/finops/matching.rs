//! Which charges are meant, whose they are, and how they are grouped.

use std::collections::BTreeMap;

use groundcrew_store::{Charge, ChargeSubject};

use super::CostAsked;

/// Keys of tags that name a service, in lower case.
const SERVICE_TAGS: [&str; 9] = [
    "service",
    "service.name",
    "service_name",
    "servicename",
    "app",
    "application",
    "app.kubernetes.io/name",
    "kubernetes_service",
    "component",
];
/// What providers write before the keys that a customer chose.
const TAG_PREFIXES: [&str; 3] = ["user:", "user_", "resource_tags_user_"];

/// What to group by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum By {
    Service,
    Category,
    Account,
    Region,
    Resource,
    Charge,
    Tag(String),
}

impl By {
    /// Reads `service` and the like; `service` when nothing is said.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "service" => Self::Service,
            "category" => Self::Category,
            "account" => Self::Account,
            "region" => Self::Region,
            "resource" => Self::Resource,
            "charge" => Self::Charge,
            text => Self::Tag(text.strip_prefix("tag:").filter(|key| !key.is_empty())?.to_owned()),
        })
    }

    /// The group of a charge.
    pub(super) fn group<'a>(&self, subject: &'a ChargeSubject) -> &'a str {
        let named = match self {
            Self::Service => &subject.service,
            Self::Category => &subject.service_category,
            Self::Account if subject.sub_account.is_empty() => &subject.account,
            Self::Account => &subject.sub_account,
            Self::Region => &subject.region,
            Self::Resource if subject.resource_name.is_empty() => &subject.resource_id,
            Self::Resource => &subject.resource_name,
            Self::Charge => &subject.category,
            Self::Tag(key) => tag(subject, key).unwrap_or_default(),
        };
        if named.is_empty() { "(not said)" } else { named }
    }
}

/// The value of a tag, whatever a provider writes before its key.
fn tag<'a>(subject: &'a ChargeSubject, key: &str) -> Option<&'a str> {
    let found = subject.tags.iter().find(|(known, _)| bare(known).eq_ignore_ascii_case(key));
    found.map(|(_, value)| value.as_str())
}

fn bare(key: &str) -> &str {
    TAG_PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key)
}

/// The values that may name the service a charge is for: of tags first, then the resource's name.
fn names(subject: &ChargeSubject) -> impl Iterator<Item = &str> {
    let tags = subject.tags.iter().filter(|(key, _)| {
        let key = bare(key).to_lowercase();
        SERVICE_TAGS.contains(&key.as_str())
    });
    let resource = Some(subject.resource_name.as_str()).filter(|name| !name.is_empty());
    tags.map(|(_, value)| value.as_str()).chain(resource)
}

/// Services that telemetry knows, by their names in lower case.
pub(super) struct KnownServices(BTreeMap<String, String>);

impl KnownServices {
    pub(super) fn new(services: &[String]) -> Self {
        let named = services.iter().filter(|name| !name.is_empty());
        Self(named.map(|name| (name.to_lowercase(), name.clone())).collect())
    }

    /// The one that a charge is for, if it says.
    pub(super) fn of(&self, subject: &ChargeSubject) -> Option<&str> {
        names(subject).find_map(|name| self.0.get(&name.to_lowercase())).map(String::as_str)
    }
}

/// The charges that are meant, and in words which those are.
pub(super) fn matching<'a>(asked: &CostAsked, charges: &'a [Charge]) -> (Vec<&'a Charge>, String) {
    let (service, resource) = (asked.service.trim(), asked.resource.trim().to_lowercase());
    let (key, value) = match asked.tag.trim().split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (asked.tag.trim(), None),
    };
    let is_meant = |charge: &&Charge| {
        let subject = &charge.subject;
        let has_tag = key.is_empty()
            || tag(subject, key)
                .is_some_and(|found| value.is_none_or(|value| found.eq_ignore_ascii_case(value)));
        let has_resource = resource.is_empty()
            || subject.resource_id.to_lowercase().contains(&resource)
            || subject.resource_name.to_lowercase().contains(&resource);
        has_tag && has_resource
    };
    let mut words = Vec::new();
    if !asked.tag.trim().is_empty() {
        words.push(format!("with the tag `{}`", asked.tag.trim()));
    }
    if !resource.is_empty() {
        words.push(format!("of resources named `{}`", asked.resource.trim()));
    }
    let mut meant: Vec<&Charge> = charges.iter().filter(is_meant).collect();
    if !service.is_empty() {
        let is_ours = |charge: &&&Charge| {
            names(&charge.subject).any(|name| name.eq_ignore_ascii_case(service))
        };
        if meant.iter().any(|charge| is_ours(&charge)) {
            meant.retain(|charge| is_ours(&charge));
            words.push(format!("tagged as service `{service}`"));
        } else {
            meant.retain(|charge| charge.subject.service.eq_ignore_ascii_case(service));
            words.push(format!("of the product `{service}`"));
        }
    }
    let what = if words.is_empty() { "all charges".to_owned() } else { words.join(", ") };
    (meant, what)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use groundcrew_telemetry::{TimeRange, Timestamp};
    use rust_decimal::Decimal;

    use super::*;

    fn charge(service: &str, tags: &[(&str, &str)]) -> Charge {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let subject = ChargeSubject {
            service: service.to_owned(),
            tags: tags.collect(),
            ..ChargeSubject::default()
        };
        let start = Timestamp::from_secs(0);
        Charge {
            account_key: 1,
            period: TimeRange::new(start, start.plus_secs(3_600)),
            billed: Decimal::ZERO,
            effective: Decimal::ONE,
            subject: Arc::new(subject),
        }
    }

    #[test]
    fn a_name_is_a_service_of_ours_before_it_is_a_product() {
        let charges = [
            charge("Compute", &[("user:App", "Checkout")]),
            charge("Checkout", &[]),
            charge("Compute", &[("team", "checkout")]),
        ];
        let asked =
            |service: &str| CostAsked { service: service.to_owned(), ..CostAsked::default() };
        let (meant, what) = matching(&asked("checkout"), &charges);
        assert_eq!(meant, [&charges[0]]);
        assert!(what.contains("tagged as service"), "{what}");
        let (meant, what) = matching(&asked("compute"), &charges);
        assert_eq!(meant, [&charges[0], &charges[2]]);
        assert!(what.contains("product"), "{what}");
        let tagged = CostAsked { tag: "team=Checkout".to_owned(), ..CostAsked::default() };
        assert_eq!(matching(&tagged, &charges).0, [&charges[2]]);
        let known = KnownServices::new(&["checkout".to_owned()]);
        assert_eq!(known.of(&charges[0].subject), Some("checkout"));
        assert_eq!(known.of(&charges[2].subject), None, "a team is no service");
    }
}
