//! Service catalogs: Backstage's `catalog-info.yaml`, one or more YAML documents that each describe an entity.
//!
//! Locations of further files are not followed.

use groundcrew_store::{CatalogEntity, bare_name};
use groundcrew_telemetry::{Attributes, Value};

use super::formats::{Lines, Parsed, parse_markdown, value_of};

/// Entities of one file.
const ENTITIES_MAX: usize = 5_000;
/// Kinds that show up as services in telemetry and alerts.
const RUNNING: &[&str] = &["component", "resource", "api"];

/// What a file describes.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// Ids inside the file, documents and entities.
    pub(super) entries: Vec<(String, Parsed<'static>, CatalogEntity)>,
    /// What could not be read: line and reason.
    pub(super) problems: Vec<(u32, String)>,
}

/// Reads a catalog.
pub(super) fn read(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for (first, last, yaml) in documents(text).into_iter().take(ENTITIES_MAX) {
        let parsed: Attributes = match serde_yaml_ng::from_str(yaml).map(value_of) {
            Ok(Some(Value::Map(entries))) => Attributes(entries),
            Ok(None) => continue,
            Ok(Some(_)) => {
                catalog.problems.push((first, "is not a list of `key: value`".to_owned()));
                continue;
            }
            Err(error) => {
                let line = error.location().map_or(0, |location| location.line().saturating_sub(1));
                let line = first.saturating_add(u32::try_from(line).unwrap_or_default());
                let reason = error.to_string().replace('\n', " ");
                catalog.problems.push((line, format!("is not valid YAML: {reason}")));
                continue;
            }
        };
        let Some(entity) = entity(&parsed) else {
            let reason = "describes no entity: `kind` or `metadata.name` is missing".to_owned();
            catalog.problems.push((first, reason));
            continue;
        };
        let id = format!("{}:{}", entity.kind.to_lowercase(), entity.name);
        if catalog.entries.iter().any(|(known, ..)| *known == id) {
            catalog.problems.push((first, format!("`{id}` comes twice; the first is kept")));
            continue;
        }
        let mut document = document(&parsed, &entity);
        document.lines = Lines::Within(first, last);
        catalog.entries.push((id, document, entity));
    }
    catalog
}

/// The YAML documents of a file with their first and last lines. A mistake in one does not cost the others.
fn documents(text: &str) -> Vec<(u32, u32, &str)> {
    let mut documents = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut first = 1;
    let mut line = 0;
    for whole in text.split_inclusive('\n') {
        line += 1;
        let is_end = whole.trim_end() == "---" || whole.starts_with("--- ");
        if is_end {
            documents.push((first, line - 1, text.get(start..at).unwrap_or_default()));
            start = at + whole.len();
            first = line + 1;
        }
        at += whole.len();
    }
    documents.push((first, line, text.get(start..).unwrap_or_default()));
    documents.retain(|(.., yaml)| !yaml.trim().is_empty());
    documents
}

fn entity(parsed: &Attributes) -> Option<CatalogEntity> {
    let metadata = map(parsed, "metadata");
    let spec = map(parsed, "spec");
    let kind = parsed.str("kind").filter(|kind| !kind.is_empty())?;
    let name = text(&metadata, "name").filter(|name| !name.is_empty())?;
    Some(CatalogEntity {
        document: String::new(),
        kind: kind.to_owned(),
        name,
        title: text(&metadata, "title").unwrap_or_default(),
        description: text(&metadata, "description").unwrap_or_default(),
        of_type: text(&spec, "type").unwrap_or_default(),
        owner: text(&spec, "owner").map(|owner| bare_name(&owner).to_owned()).unwrap_or_default(),
        system: text(&spec, "system").map(|of| bare_name(&of).to_owned()).unwrap_or_default(),
        depends_on: texts(&spec, "dependsOn"),
        links: links(&metadata),
    })
}

/// The entity as a page.
fn document(parsed: &Attributes, entity: &CatalogEntity) -> Parsed<'static> {
    let spec = map(parsed, "spec");
    let mut facts = vec![
        ("Type", entity.of_type.clone()),
        ("Owner", entity.owner.clone()),
        ("System", entity.system.clone()),
        ("Lifecycle", text(&spec, "lifecycle").unwrap_or_default()),
        ("Depends on", entity.depends_on.join(", ")),
    ];
    for (word, key) in [
        ("Provides", "providesApis"),
        ("Consumes", "consumesApis"),
        ("Members", "members"),
        ("Children", "children"),
    ] {
        facts.push((word, texts(&spec, key).join(", ")));
    }
    facts.extend(entity.links.iter().map(|(title, url)| ("Link", format!("{title} {url}"))));
    let name = if entity.title.is_empty() { &entity.name } else { &entity.title };
    let title = format!("{name} ({})", entity.kind.to_lowercase());
    let mut body = format!("# {title}\n\n");
    if !entity.description.is_empty() {
        body.push_str(&format!("{}\n\n", entity.description.trim()));
    }
    for (word, fact) in facts.iter().filter(|(_, fact)| !fact.trim().is_empty()) {
        body.push_str(&format!("- {word}: {}\n", fact.trim()));
    }
    let mut page = parse_markdown(body);
    let attributes = &mut page.attributes;
    attributes.set("title", Value::from(title.as_str()));
    attributes.set("kind", Value::from("doc"));
    if RUNNING.contains(&entity.kind.to_lowercase().as_str()) {
        attributes.set("services", Value::from(entity.name.as_str()));
    }
    for (key, value) in [("owner", &entity.owner), ("system", &entity.system)] {
        if !value.is_empty() {
            attributes.set(key, Value::from(value.as_str()));
        }
    }
    let needs: Vec<Value> = entity.dependencies().map(Value::from).collect();
    if !needs.is_empty() {
        attributes.set("depends_on", Value::List(needs));
    }
    page
}

fn map(attributes: &Attributes, key: &str) -> Attributes {
    match attributes.get(key) {
        Some(Value::Map(entries)) => Attributes(entries.clone()),
        _ => Attributes::default(),
    }
}

fn text(attributes: &Attributes, key: &str) -> Option<String> {
    match attributes.get(key)? {
        Value::Map(_) | Value::List(_) => None,
        value => Some(value.text().trim().to_owned()),
    }
}

fn texts(attributes: &Attributes, key: &str) -> Vec<String> {
    match attributes.get(key) {
        Some(Value::List(values)) => values.iter().map(|value| value.text().into_owned()).collect(),
        Some(Value::Str(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn links(metadata: &Attributes) -> Vec<(String, String)> {
    let Some(Value::List(links)) = metadata.get("links") else { return Vec::new() };
    let link = |link: &Value| match link {
        Value::Map(entries) => {
            let entries = Attributes(entries.clone());
            Some((text(&entries, "title").unwrap_or_default(), text(&entries, "url")?))
        }
        _ => None,
    };
    links.iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = "\
# ours
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  description: |
    Takes orders.
  links:
    - url: https://wiki.shop.test/checkout
      title: Runbook
spec:
  type: service
  lifecycle: production
  owner: group:default/team-pay
  system: shop
  dependsOn:
    - resource:default/orders-db
    - component:payments
---
kind: Resource
metadata: {name: orders-db}
spec: {type: database, owner: team-data}
---
kind: [broken
---
kind: Group
metadata: {name: team-pay}
spec: {members: [ann]}
---
kind: Resource
metadata: {name: orders-db}
---
metadata: {name: nothing}
";

    #[test]
    fn entities_say_who_owns_what_and_what_needs_what() {
        let catalog = read(CATALOG);
        let ids: Vec<&str> = catalog.entries.iter().map(|(id, ..)| id.as_str()).collect();
        assert_eq!(ids, ["component:checkout", "resource:orders-db", "group:team-pay"]);
        let (_, page, checkout) = &catalog.entries[0];
        assert_eq!((checkout.owner.as_str(), checkout.system.as_str()), ("team-pay", "shop"));
        assert_eq!(checkout.dependencies().collect::<Vec<_>>(), ["orders-db", "payments"]);
        assert_eq!(checkout.links[0].0, "Runbook");
        assert_eq!(page.lines, Lines::Within(1, 18));
        assert_eq!(page.attributes.str("services"), Some("checkout"));
        assert_eq!(page.attributes.str("owner"), Some("team-pay"));
        for line in [
            "# checkout (component)",
            "Takes orders.",
            "- Owner: team-pay",
            "- Lifecycle: production",
        ] {
            assert!(page.body.lines().any(|other| other == line), "{line} in {}", page.body);
        }
        assert_eq!(catalog.entries[2].1.attributes.get("services"), None);
    }

    #[test]
    fn a_mistake_costs_one_entity() {
        let lines: Vec<u32> = read(CATALOG).problems.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines.len(), 3);
        assert!((24..=25).contains(&lines[0]), "{lines:?}");
        assert_eq!(lines[1..], [30, 33]);
        assert!(read("").entries.is_empty());
        assert_eq!(read("- a\n- b\n").problems.len(), 1);
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let mut yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            yaml.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert_eq!(read(&yaml).problems.len(), 1);
    }
}
