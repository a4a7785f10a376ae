//! The shop as drawn on the whiteboard: services, what they run on, and who calls whom for which request.

use crate::wording::{self, Line};

/// Kubernetes namespace of everything.
pub(crate) const NAMESPACE: &str = "shop";
/// The external card provider's host.
pub(crate) const CARD_PROVIDER: &str = "card-provider";

/// Something that runs in pods and sends telemetry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Service {
    /// The ingress: what customers reach first.
    Gateway,
    /// Pages.
    Storefront,
    /// Items chosen so far.
    Cart,
    /// Turns a cart into an order.
    Checkout,
    /// Charges cards.
    Payments,
    /// Products and search.
    Catalog,
    /// Stock.
    Inventory,
    /// Shipping costs.
    Shipping,
    /// Mails.
    Notifications,
    /// Postgres.
    OrdersDb,
    /// Redis.
    SessionCache,
}

/// Facts about a service that never change.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Traits {
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    /// Version at the start: major, minor, patch.
    pub(crate) version: (u32, u32, u32),
    pub(crate) replicas: usize,
    pub(crate) memory_mib: f64,
    pub(crate) memory_limit_mib: f64,
    /// Cores used at the usual load, over its pods.
    pub(crate) cpu: f64,
    pub(crate) cpu_limit: f64,
    pub(crate) port: u16,
}

impl Service {
    pub(crate) const ALL: [Self; 11] = [
        Self::Gateway,
        Self::Storefront,
        Self::Cart,
        Self::Checkout,
        Self::Payments,
        Self::Catalog,
        Self::Inventory,
        Self::Shipping,
        Self::Notifications,
        Self::OrdersDb,
        Self::SessionCache,
    ];

    pub(crate) const fn traits(self) -> Traits {
        let (name, language, version, replicas) = match self {
            Self::Gateway => ("gateway", "cpp", (1, 31, 4), 2),
            Self::Storefront => ("storefront", "nodejs", (5, 8, 2), 2),
            Self::Cart => ("cart", "nodejs", (3, 3, 0), 2),
            Self::Checkout => ("checkout", "java", (2, 14, 1), 2),
            Self::Payments => ("payments", "go", (1, 9, 7), 2),
            Self::Catalog => ("catalog", "python", (4, 1, 3), 2),
            Self::Inventory => ("inventory", "java", (2, 2, 5), 2),
            Self::Shipping => ("shipping", "java", (1, 4, 0), 2),
            Self::Notifications => ("notifications", "python", (0, 12, 6), 2),
            Self::OrdersDb => ("orders-db", "", (16, 4, 0), 1),
            Self::SessionCache => ("session-cache", "", (7, 2, 5), 1),
        };
        let (memory_mib, memory_limit_mib, cpu, cpu_limit, port) = match self {
            Self::Gateway => (92.0, 256.0, 0.12, 1.0, 8443),
            Self::Storefront => (210.0, 512.0, 0.34, 1.0, 8080),
            Self::Cart => (168.0, 512.0, 0.15, 0.5, 7070),
            Self::Checkout => (540.0, 1024.0, 0.28, 1.0, 5050),
            Self::Payments => (64.0, 256.0, 0.09, 0.5, 50051),
            Self::Catalog => (260.0, 768.0, 0.31, 1.0, 3550),
            Self::Inventory => (480.0, 1024.0, 0.22, 1.0, 8082),
            Self::Shipping => (395.0, 768.0, 0.11, 0.5, 8083),
            Self::Notifications => (110.0, 256.0, 0.06, 0.5, 8084),
            Self::OrdersDb => (1310.0, 4096.0, 0.62, 4.0, 5432),
            Self::SessionCache => (340.0, 1024.0, 0.14, 1.0, 6379),
        };
        Traits {
            name,
            language,
            version,
            replicas,
            memory_mib,
            memory_limit_mib,
            cpu,
            cpu_limit,
            port,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        self.traits().name
    }
}

/// What a service does to answer one kind of request.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) service: Service,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    /// Its own work, without waiting for anybody.
    pub(crate) self_ms: f64,
    pub(crate) actions: &'static [Action],
    /// What it logs when all went well, and how often.
    pub(crate) line: Line,
    pub(crate) line_chance: f64,
}

/// One thing that a handler waits for.
#[derive(Debug)]
pub(crate) enum Action {
    /// Asks another service.
    Call(&'static Handler),
    /// Asks another service in that share of requests.
    Sometimes(f64, &'static Handler),
    /// Asks a database.
    Query(&'static Query),
    /// Charges the card at the provider.
    Charge,
}

/// One statement.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) store: Service,
    /// `SELECT`, `HSET` ...
    pub(crate) operation: &'static str,
    pub(crate) table: &'static str,
    pub(crate) text: &'static str,
    pub(crate) ms: f64,
    pub(crate) writes: bool,
}

static SELECT_STOCK: Query = Query {
    store: Service::OrdersDb,
    operation: "SELECT",
    table: "stock",
    text: "SELECT sku, on_hand FROM stock WHERE sku = $1",
    ms: 2.4,
    writes: false,
};
static RESERVE_STOCK: Query = Query {
    store: Service::OrdersDb,
    operation: "UPDATE",
    table: "stock",
    text: "UPDATE stock SET reserved = reserved + $2 WHERE sku = $1",
    ms: 4.1,
    writes: true,
};
static INSERT_ORDER: Query = Query {
    store: Service::OrdersDb,
    operation: "INSERT",
    table: "orders",
    text: "INSERT INTO orders (id, customer_id, total_cents, state) VALUES ($1, $2, $3, 'placed')",
    ms: 5.2,
    writes: true,
};
static READ_CART: Query = Query {
    store: Service::SessionCache,
    operation: "HGETALL",
    table: "cart",
    text: "HGETALL cart:?",
    ms: 0.7,
    writes: false,
};
static WRITE_CART: Query = Query {
    store: Service::SessionCache,
    operation: "HSET",
    table: "cart",
    text: "HSET cart:? ? ?",
    ms: 0.8,
    writes: true,
};

static GET_STOCK: Handler = Handler {
    service: Service::Inventory,
    method: "GET",
    route: "/stock/{sku}",
    self_ms: 2.2,
    actions: &[Action::Query(&SELECT_STOCK)],
    line: wording::stock_read,
    line_chance: 0.25,
};
static RESERVE: Handler = Handler {
    service: Service::Inventory,
    method: "POST",
    route: "/reservations",
    self_ms: 3.0,
    actions: &[Action::Query(&SELECT_STOCK), Action::Query(&RESERVE_STOCK)],
    line: wording::stock_reserved,
    line_chance: 1.0,
};
static LIST_CATALOG: Handler = Handler {
    service: Service::Catalog,
    method: "GET",
    route: "/catalog/search",
    self_ms: 14.0,
    actions: &[Action::Sometimes(0.5, &GET_STOCK)],
    line: wording::searched,
    line_chance: 0.6,
};
static GET_CATALOG: Handler = Handler {
    service: Service::Catalog,
    method: "GET",
    route: "/catalog/products/{id}",
    self_ms: 6.0,
    actions: &[Action::Call(&GET_STOCK)],
    line: wording::product_read,
    line_chance: 0.3,
};
static ADD_ITEM: Handler = Handler {
    service: Service::Cart,
    method: "POST",
    route: "/cart/{session}/items",
    self_ms: 3.1,
    actions: &[Action::Call(&GET_CATALOG), Action::Query(&WRITE_CART)],
    line: wording::item_added,
    line_chance: 0.8,
};
static READ_ITEMS: Handler = Handler {
    service: Service::Cart,
    method: "GET",
    route: "/cart/{session}",
    self_ms: 2.0,
    actions: &[Action::Query(&READ_CART)],
    line: wording::cart_read,
    line_chance: 0.3,
};
static QUOTE: Handler = Handler {
    service: Service::Shipping,
    method: "POST",
    route: "/quotes",
    self_ms: 7.5,
    actions: &[],
    line: wording::quoted,
    line_chance: 1.0,
};
static CHARGE: Handler = Handler {
    service: Service::Payments,
    method: "POST",
    route: "/charges",
    self_ms: 4.0,
    actions: &[Action::Charge],
    line: wording::charged,
    line_chance: 1.0,
};
static NOTIFY: Handler = Handler {
    service: Service::Notifications,
    method: "POST",
    route: "/messages",
    self_ms: 5.0,
    actions: &[],
    line: wording::mailed,
    line_chance: 1.0,
};
static PLACE_ORDER: Handler = Handler {
    service: Service::Checkout,
    method: "POST",
    route: "/orders",
    self_ms: 9.0,
    actions: &[
        Action::Call(&READ_ITEMS),
        Action::Call(&RESERVE),
        Action::Call(&QUOTE),
        Action::Call(&CHARGE),
        Action::Query(&INSERT_ORDER),
        Action::Call(&NOTIFY),
    ],
    line: wording::order_placed,
    line_chance: 1.0,
};

/// What customers do, with its share of requests.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) share: f64,
    pub(crate) edge: &'static Handler,
}

/// A page is one handler of storefront, and one of gateway in front of it.
macro_rules! page {
    ($share:literal, $method:literal, $route:literal, $self_ms:literal, $behind:expr) => {{
        static FRONT: Handler = Handler {
            service: Service::Storefront,
            method: $method,
            route: $route,
            self_ms: $self_ms,
            actions: &[Action::Call(&$behind)],
            line: wording::page_served,
            line_chance: 0.3,
        };
        static EDGE: Handler = Handler {
            service: Service::Gateway,
            method: $method,
            route: $route,
            self_ms: 1.1,
            actions: &[Action::Call(&FRONT)],
            line: wording::page_served,
            line_chance: 0.0,
        };
        Page { share: $share, edge: &EDGE }
    }};
}

/// Everything that customers do; the shares add up to 1.
pub(crate) static PAGES: [Page; 5] = [
    page!(0.38, "GET", "/products", 11.0, LIST_CATALOG),
    page!(0.24, "GET", "/products/{id}", 9.0, GET_CATALOG),
    page!(0.15, "POST", "/cart/items", 6.0, ADD_ITEM),
    page!(0.11, "GET", "/cart", 7.0, READ_ITEMS),
    page!(0.12, "POST", "/checkout", 8.0, PLACE_ORDER),
];
