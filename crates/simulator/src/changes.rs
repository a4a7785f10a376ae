//! Who changed what: the change that breaks the shop, where one does, and harmless ones in every run.

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Timestamp};

use crate::fault::Fault;
use crate::random::Random;
use crate::shop::Service;
use crate::world::World;

/// Seconds from the change that breaks the shop to the break: pods have to start first.
const SECONDS_BEFORE_BREAK: i64 = 40;

/// A change that will take effect.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Planned {
    pub(crate) at: Timestamp,
    pub(crate) id: String,
    /// The service whose pods are replaced; `None` for flags.
    pub(crate) rolls_out: Option<Service>,
    /// The new pods never get ready.
    pub(crate) never_ready: bool,
    wording: Wording,
}

/// How people would describe it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Wording {
    kind: ChangeKind,
    service: &'static str,
    title: &'static str,
    actor: &'static str,
    files: &'static [&'static str],
    diff: &'static str,
}

/// A change of a service that does no harm.
const HARMLESS: &[(Service, Wording)] = &[
    (
        Service::Notifications,
        Wording {
            kind: ChangeKind::Deploy,
            service: "notifications",
            title: "new footer in order mails",
            actor: "r.novak",
            files: &["templates/order-placed.html"],
            diff: "-  <p>Your shop</p>\n+  <p>Your outdoor shop, since 1998</p>\n",
        },
    ),
    (
        Service::Payments,
        Wording {
            kind: ChangeKind::Deploy,
            service: "payments",
            title: "rename metric labels of charges",
            actor: "d.ito",
            files: &["internal/metrics/labels.go"],
            diff: "-const labelResult = \"res\"\n+const labelResult = \"result\"\n",
        },
    ),
    (
        Service::Inventory,
        Wording {
            kind: ChangeKind::Deploy,
            service: "inventory",
            title: "nightly export skips empty warehouses",
            actor: "f.marsh",
            files: &["src/main/java/shop/inventory/ExportJob.java"],
            diff: "+        if (warehouse.isEmpty()) continue;\n",
        },
    ),
    (
        Service::Catalog,
        Wording {
            kind: ChangeKind::Deploy,
            service: "catalog",
            title: "fix typo in category names",
            actor: "r.novak",
            files: &["data/categories.json"],
            diff: "-\"Sleping bags\"\n+\"Sleeping bags\"\n",
        },
    ),
    (
        Service::Shipping,
        Wording {
            kind: ChangeKind::Deploy,
            service: "shipping",
            title: "add rate table of the new carrier, not used yet",
            actor: "f.marsh",
            files: &["src/main/resources/rates/north-mail.csv"],
            diff: "+zone,grams,cents\n+eu-north,1000,490\n",
        },
    ),
];

/// Changes of a run that breaks at `broken_at`, oldest first.
pub(crate) fn plan(
    seed: u64,
    start: Timestamp,
    broken_at: Timestamp,
    fault: Option<Fault>,
) -> Vec<Planned> {
    let mut random = Random::new(seed, 2);
    let normal_seconds = broken_at.secs_since(start);
    let mut number = 1_400 + random.below(400);
    let mut planned = Vec::new();
    let culprit = fault.and_then(culprit);
    let mut harmless: Vec<&(Service, Wording)> = HARMLESS
        .iter()
        .filter(|(service, _)| culprit.is_none_or(|(other, _)| other != *service))
        .collect();
    let mut moments: Vec<i64> = [0.3, 0.7]
        .iter()
        .map(|share| (normal_seconds * share * random.between(0.8, 1.1)) as i64)
        .collect();
    // One right before the break and one after it, for those who blame the latest deploy.
    moments.push((normal_seconds as i64 - 150 - random.below(120) as i64).max(10));
    moments.push(normal_seconds as i64 + 70 + random.below(60) as i64);
    for moment in moments {
        let index = random.below(harmless.len() as u64) as usize;
        if index >= harmless.len() {
            break;
        }
        let (service, wording) = harmless.remove(index);
        planned.push(Planned {
            at: start.plus_secs(moment),
            id: String::new(),
            rolls_out: Some(*service),
            never_ready: false,
            wording: *wording,
        });
    }
    planned.push(harmless_flag(start.plus_secs((normal_seconds * 0.5) as i64)));
    planned.extend(culprit.map(|(service, wording)| Planned {
        at: if wording.kind == ChangeKind::Flag {
            broken_at
        } else {
            broken_at.plus_secs(-SECONDS_BEFORE_BREAK)
        },
        id: CULPRIT_ID.to_owned(),
        rolls_out: (wording.kind == ChangeKind::Deploy).then_some(service),
        never_ready: fault == Some(Fault::StorefrontProbe),
        wording,
    }));
    planned.sort_by_key(|change| change.at);
    for change in &mut planned {
        number += 1 + random.below(4);
        let prefix = if change.wording.kind == ChangeKind::Flag { "flag" } else { "deploy" };
        let is_culprit = change.id == CULPRIT_ID;
        change.id = format!("{prefix}-{number}{}", if is_culprit { CULPRIT_ID } else { "" });
    }
    planned
}

/// Marks the change that does it until ids are given.
const CULPRIT_ID: &str = "!";

/// Takes the mark off and gives the id of the change that breaks the shop.
pub(crate) fn take_culprit(planned: &mut [Planned]) -> Option<String> {
    let change = planned.iter_mut().find(|change| change.id.ends_with(CULPRIT_ID))?;
    change.id = change.id.trim_end_matches(CULPRIT_ID).to_owned();
    Some(change.id.clone())
}

impl Planned {
    /// The event as it is told once the change took effect in `world`; `from` is the version before.
    pub(crate) fn event(&self, world: &World, from: Option<String>) -> ChangeEvent {
        let is_flag = self.wording.kind == ChangeKind::Flag;
        let to = self.rolls_out.map(|service| world.version(service));
        let title = match &to {
            Some(version) => {
                format!("deploy {} {version}: {}", self.wording.service, self.wording.title)
            }
            None => self.wording.title.to_owned(),
        };
        ChangeEvent {
            kind: self.wording.kind,
            time: self.at,
            id: self.id.clone(),
            service: Some(self.wording.service.to_owned()),
            title,
            actor: Some(self.wording.actor.to_owned()),
            from: if is_flag { Some("off".to_owned()) } else { from },
            to: if is_flag { Some("on".to_owned()) } else { to },
            commits: Vec::new(),
            files: self.wording.files.iter().map(|file| (*file).to_owned()).collect(),
            diff: self.wording.diff.to_owned(),
            link: None,
        }
    }
}

fn harmless_flag(at: Timestamp) -> Planned {
    let wording = Wording {
        kind: ChangeKind::Flag,
        service: "storefront",
        title: "flag winter-banner switched on",
        actor: "marketing",
        files: &[],
        diff: "",
    };
    Planned { at, id: String::new(), rolls_out: None, never_ready: false, wording }
}

/// The change that brings a fault about.
fn culprit(fault: Fault) -> Option<(Service, Wording)> {
    let deploy = |service: Service, title, files, diff| {
        let actor = "k.adeyemi";
        (
            service,
            Wording {
                kind: ChangeKind::Deploy,
                service: service.name(),
                title,
                actor,
                files,
                diff,
            },
        )
    };
    let (service, wording) = match fault {
        Fault::PoolExhaustion => deploy(
            Service::Checkout,
            "read pool settings from one place",
            &[
                "src/main/resources/application.yaml",
                "src/main/java/shop/checkout/DataSources.java",
            ],
            " spring:\n   datasource:\n     hikari:\n-      maximum-pool-size: 20\n+      maximum-pool-size: 2\n",
        ),
        Fault::CartMemoryLeak => deploy(
            Service::Cart,
            "keep recent sessions at hand for faster carts",
            &["src/sessions.js"],
            "+const recent = new Map();\n   async load(id) {\n+    if (recent.has(id)) return recent.get(id);\n     const cart = await redis.hgetall(`cart:${id}`);\n+    recent.set(id, cart);\n",
        ),
        Fault::CatalogCpu => deploy(
            Service::Catalog,
            "better ranking of search results",
            &["catalog/ranking.py"],
            "-    return sorted(hits, key=score)[:40]\n+    ranked = pairwise_rank(hits, candidates=all_products())\n+    return ranked[:40]\n",
        ),
        Fault::StorefrontProbe => deploy(
            Service::Storefront,
            "move health checks to the management port",
            &["deploy/storefront.yaml"],
            "           readinessProbe:\n             httpGet:\n-              path: /healthz\n-              port: 8080\n+              path: /ready\n+              port: 8080\n",
        ),
        Fault::ShippingFlag => (
            Service::Shipping,
            Wording {
                kind: ChangeKind::Flag,
                service: "shipping",
                title: "flag zone-pricing switched on",
                actor: "s.lindqvist",
                files: &[],
                diff: "",
            },
        ),
        Fault::PaymentProviderTimeout
        | Fault::NetworkDelay
        | Fault::OrdersDbDiskFull
        | Fault::TrafficSpike => {
            return None;
        }
    };
    Some((service, wording))
}
