//! What each fault does to one step of one request. Everything that spreads from there spreads by itself, along the calls.

use groundcrew_telemetry::Timestamp;

use crate::fault::Fault;
use crate::random::Random;
use crate::shop::{Query, Service};
use crate::world::World;

/// A request that went wrong, as the one who waits for it sees it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Failure {
    /// HTTP status of the answer; below 500 it is the customer's affair and no error.
    pub(crate) status: u16,
    /// The exception's type.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// The stack trace, for exceptions of our own code.
    pub(crate) stack: String,
    /// Whether it happened here rather than further down.
    pub(crate) is_origin: bool,
}

impl Failure {
    pub(crate) fn new(status: u16, kind: &'static str, message: String) -> Self {
        Self { status, kind, message, stack: String::new(), is_origin: true }
    }

    /// Whether it counts against the service.
    pub(crate) const fn is_error(&self) -> bool {
        self.status >= 500
    }

    /// The same failure as `service` passes it on to its own caller.
    pub(crate) fn passed_on_by(&self, service: Service, callee: &str) -> Self {
        let status = match (service, self.status) {
            (Service::Gateway, status) | (_, status @ (402 | 503)) => status,
            _ => 502,
        };
        let message = format!("{callee} answered {}: {}", self.status, self.message);
        Self { status, kind: "UpstreamError", message, stack: String::new(), is_origin: false }
    }
}

/// What happens when a statement is sent to a store.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct StoreEffect {
    /// Waiting for a connection, before the statement is sent.
    pub(crate) pool_wait_ms: f64,
    /// No connection was to be had.
    pub(crate) pool_failure: Option<Failure>,
    /// Added to the statement's own time.
    pub(crate) extra_ms: f64,
    /// The statement failed.
    pub(crate) failure: Option<Failure>,
}

/// Milliseconds that a service works longer than usual on one request whose own work usually takes `self_ms`.
pub(crate) fn extra_work_ms(
    world: &World,
    service: Service,
    pod: usize,
    (at, self_ms): (Timestamp, f64),
    random: &mut Random,
) -> f64 {
    let severity = |fault| world.severity(fault, at);
    match (world.fault, service) {
        (Some(Fault::CatalogCpu), Service::Catalog) => {
            self_ms * severity(Fault::CatalogCpu) * random.between(60.0, 170.0)
        }
        (Some(Fault::TrafficSpike), Service::Storefront) => {
            self_ms * severity(Fault::TrafficSpike) * random.between(8.0, 60.0)
        }
        (Some(Fault::TrafficSpike), _) => {
            self_ms * severity(Fault::TrafficSpike) * random.between(0.5, 4.0)
        }
        (Some(Fault::StorefrontProbe), Service::Storefront) => {
            self_ms * severity(Fault::StorefrontProbe) * random.between(4.0, 30.0)
        }
        (Some(Fault::CartMemoryLeak), Service::Cart) => {
            let used = world.pods.get(pod).map_or(0.0, |pod| pod.memory_mib);
            let pressure = (used / service.traits().memory_limit_mib - 0.7).max(0.0) / 0.3;
            if random.chance(0.6 * pressure) {
                pressure * random.between(180.0, 900.0)
            } else {
                0.0
            }
        }
        _ => 0.0,
    }
}

/// Milliseconds that the wire from `caller` to `callee` adds, one way.
pub(crate) fn extra_wire_ms(
    world: &World,
    caller: Service,
    callee: Service,
    at: Timestamp,
    random: &mut Random,
) -> f64 {
    let severity = world.severity(Fault::NetworkDelay, at);
    let is_late = (caller, callee) == (Service::Checkout, Service::Inventory)
        && random.chance(0.92 * severity);
    if is_late { random.between(320.0, 740.0) } else { 0.0 }
}

/// Why a call does not even reach `callee`.
pub(crate) fn refused(
    world: &World,
    callee: Service,
    pod: usize,
    at: Timestamp,
    random: &mut Random,
) -> Option<Failure> {
    let address = world.pods.get(pod).map_or("", |pod| pod.address.as_str());
    let port = callee.traits().port;
    if world.pods.get(pod).is_some_and(|pod| pod.killed_at.is_some()) {
        let message = format!("connect ECONNREFUSED {address}:{port}");
        return Some(Failure::new(503, "ConnectError", message));
    }
    let overflow = callee == Service::Storefront
        && random.chance(0.46 * world.severity(Fault::StorefrontProbe, at));
    overflow.then(|| {
        let message =
            "no healthy upstream: 1 of 2 endpoints ready, pending request limit reached".to_owned();
        Failure::new(503, "UpstreamOverflow", message)
    })
}

/// Why `service` gives up on a request by itself.
pub(crate) fn thrown(
    world: &World,
    service: Service,
    at: Timestamp,
    random: &mut Random,
) -> Option<Failure> {
    if service == Service::Shipping && random.chance(0.74 * world.severity(Fault::ShippingFlag, at))
    {
        let mut failure = Failure::new(
            500,
            "java.lang.NullPointerException",
            "Cannot invoke \"ZoneTable.surcharge()\" because the return value of \"ZoneRepository.find(String)\" is null".to_owned(),
        );
        failure.stack = "\tat shop.shipping.zones.ZonePricing.surcharge(ZonePricing.java:88)\n\tat shop.shipping.zones.ZonePricing.price(ZonePricing.java:41)\n\tat shop.shipping.QuoteService.quote(QuoteService.java:67)\n\tat shop.shipping.QuoteController.create(QuoteController.java:33)".to_owned();
        return Some(failure);
    }
    if service == Service::Storefront
        && random.chance(0.09 * world.severity(Fault::TrafficSpike, at))
    {
        let in_flight = 200 + random.below(40);
        let message = format!("request shed: {in_flight} in flight, limit 200");
        return Some(Failure::new(503, "Overloaded", message));
    }
    // Now and then something breaks in the best of shops.
    (service != Service::Gateway && random.chance(0.000_15)).then(|| {
        Failure::new(
            500,
            "ConnectionReset",
            "connection reset by peer while reading the request body".to_owned(),
        )
    })
}

/// What a statement from `service` meets.
pub(crate) fn at_store(
    world: &World,
    service: Service,
    query: &Query,
    at: Timestamp,
    random: &mut Random,
) -> StoreEffect {
    let mut effect = StoreEffect::default();
    if query.store != Service::OrdersDb {
        return effect;
    }
    let pool = world.severity(Fault::PoolExhaustion, at);
    if service == Service::Checkout && random.chance(0.85 * pool) {
        effect.pool_wait_ms = random.between(700.0, 3_900.0);
    }
    if effect.pool_wait_ms > 3_000.0 || (effect.pool_wait_ms > 0.0 && random.chance(0.35)) {
        effect.pool_wait_ms = 3_000.0 + random.between(0.5, 9.0);
        let waiting = 6 + random.below(12);
        let message = format!(
            "HikariPool-1 - Connection is not available, request timed out after 3000ms (total=2, active=2, idle=0, waiting={waiting})"
        );
        effect.pool_failure =
            Some(Failure::new(500, "java.sql.SQLTransientConnectionException", message));
    }
    let full = ((world.disk_used - 0.9) / 0.1).clamp(0.0, 1.0);
    if query.writes && full > 0.0 {
        effect.extra_ms = full * random.between(40.0, 260.0);
        if world.disk_used >= 0.999 && random.chance(0.93) {
            let block = 24_000 + random.below(900);
            let message = format!(
                "ERROR: could not extend file \"base/16384/{block}\": No space left on device"
            );
            effect.failure = Some(Failure::new(500, "org.postgresql.util.PSQLException", message));
        }
    }
    effect
}

/// Milliseconds that the card provider takes, and why it fails.
pub(crate) fn at_card_provider(
    world: &World,
    at: Timestamp,
    random: &mut Random,
) -> (f64, Option<Failure>) {
    let severity = world.severity(Fault::PaymentProviderTimeout, at);
    if random.chance(0.55 * severity) {
        let message =
            "POST https://card-provider/v1/charges: read timed out after 5000 ms".to_owned();
        return (
            5_000.0 + random.between(0.2, 6.0),
            Some(Failure::new(504, "ReadTimeout", message)),
        );
    }
    if random.chance(0.85 * severity) {
        return (random.between(1_300.0, 4_800.0), None);
    }
    let usual = 84.0 * random.spread(0.3);
    let declined = random.chance(0.012);
    (
        usual,
        declined.then(|| {
            Failure::new(
                402,
                "CardDeclined",
                "card declined by its issuer: insufficient_funds".to_owned(),
            )
        }),
    )
}
