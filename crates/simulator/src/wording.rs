//! What the services write into their logs.

use crate::random::Random;

const NAMES: &[&str] =
    &["anna.berg", "li.wei", "j.okafor", "maria.silva", "tom.hale", "s.haddad", "kenji.m"];
const WORDS: &[&str] = &[
    "rain jacket",
    "tent",
    "wool socks",
    "head lamp",
    "trail shoes",
    "stove",
    "thermos",
    "rope 40m",
];
const ZONES: &[&str] = &["eu-north", "eu-south", "uk", "us-east", "us-west", "apac"];

/// Writes one line.
pub(crate) type Line = fn(&mut Random) -> String;

/// A product's number.
pub(crate) fn sku(random: &mut Random) -> String {
    format!("SKU-{:05}", 10_000 + random.below(4_000))
}

/// An order's number.
pub(crate) fn order_id(random: &mut Random) -> String {
    format!("ord_{:010x}", random.bits() & 0xFF_FFFF_FFFF)
}

fn session(random: &mut Random) -> String {
    format!("sess_{:08x}", random.bits() & 0xFFFF_FFFF)
}

fn one_of(random: &mut Random, words: &'static [&'static str]) -> &'static str {
    random.pick(words).copied().unwrap_or("")
}

pub(crate) fn stock_read(random: &mut Random) -> String {
    format!("stock of {} is {}", sku(random), random.below(400))
}

pub(crate) fn stock_reserved(random: &mut Random) -> String {
    format!("reserved {} of {} for {}", 1 + random.below(3), sku(random), session(random))
}

pub(crate) fn searched(random: &mut Random) -> String {
    let words = one_of(random, WORDS);
    format!("search q=\"{words}\" hits={} ranked={}", random.below(180), 20 + random.below(20))
}

pub(crate) fn product_read(random: &mut Random) -> String {
    format!("product {} served from cache age={}s", sku(random), random.below(300))
}

pub(crate) fn item_added(random: &mut Random) -> String {
    format!("added {} to cart {} items={}", sku(random), session(random), 1 + random.below(6))
}

pub(crate) fn cart_read(random: &mut Random) -> String {
    format!("cart {} loaded items={}", session(random), random.below(6))
}

pub(crate) fn quoted(random: &mut Random) -> String {
    let zone = one_of(random, ZONES);
    format!(
        "quote zone={zone} weight_g={} cost_cents={}",
        200 + random.below(9_000),
        390 + random.below(2_400)
    )
}

pub(crate) fn charged(random: &mut Random) -> String {
    format!(
        "charge ch_{:012x} approved amount_cents={}",
        random.bits() & 0xFFFF_FFFF_FFFF,
        900 + random.below(40_000)
    )
}

pub(crate) fn mailed(random: &mut Random) -> String {
    let name = one_of(random, NAMES);
    format!("queued order confirmation to {name}@example.com template=order-placed-v3")
}

pub(crate) fn order_placed(random: &mut Random) -> String {
    format!(
        "order {} placed items={} total_cents={}",
        order_id(random),
        1 + random.below(6),
        900 + random.below(40_000)
    )
}

pub(crate) fn page_served(random: &mut Random) -> String {
    format!("rendered page for {} in {} components", session(random), 8 + random.below(20))
}

/// The path that a customer asked for.
pub(crate) fn path(route: &str, random: &mut Random) -> String {
    route
        .replace("{id}", &sku(random))
        .replace("{sku}", &sku(random))
        .replace("{session}", &session(random))
}

/// A service, and a line it writes now and then.
pub(crate) type Saying = (&'static str, fn(&mut Random) -> String);

/// Lines that come now and then and mean nothing: service, severity is INFO.
pub(crate) const BACKGROUND: &[Saying] = &[
    ("gateway", |random| format!("reloaded certificates: {} unchanged", 2 + random.below(3))),
    ("storefront", |random| {
        format!(
            "asset cache refreshed: {} files, {} ms",
            140 + random.below(30),
            40 + random.below(60)
        )
    }),
    ("cart", |random| format!("expired {} idle carts", random.below(40))),
    ("checkout", |random| {
        format!(
            "HikariPool-1 - Pool stats (total=20, active={}, idle={}, waiting=0)",
            1 + random.below(4),
            15 + random.below(4)
        )
    }),
    ("payments", |random| format!("settlement file written: {} charges", random.below(400))),
    ("catalog", |random| {
        format!(
            "index segment merged docs={} in {} ms",
            3_000 + random.below(2_000),
            80 + random.below(200)
        )
    }),
    ("inventory", |random| format!("stock snapshot exported rows={}", 3_900 + random.below(200))),
    ("shipping", |random| format!("rate table {} loaded from cache", one_of(random, ZONES))),
    ("notifications", |random| {
        format!("delivered {} messages, {} deferred", random.below(60), random.below(3))
    }),
    ("orders-db", |random| {
        format!(
            "LOG:  checkpoint complete: wrote {} buffers ({}.{}%); 0 WAL file(s) added, 0 removed, {} recycled",
            800 + random.below(900),
            4 + random.below(5),
            random.below(10),
            random.below(4)
        )
    }),
    ("session-cache", |random| {
        format!(
            "10000 changes in 60 seconds. Saving... Background saving started by pid {}",
            200 + random.below(900)
        )
    }),
];

/// Warnings that come in a healthy shop too.
pub(crate) const BENIGN_WARNINGS: &[Saying] = &[
    ("gateway", |random| {
        format!(
            "client closed connection before the response was complete after {} ms",
            40 + random.below(900)
        )
    }),
    ("storefront", |random| format!("image {} missing, placeholder served", sku(random))),
    ("catalog", |random| {
        format!(
            "slow query plan for q=\"{}\": {} ms",
            one_of(random, WORDS),
            120 + random.below(90)
        )
    }),
    ("inventory", |random| format!("stock of {} is below its threshold", sku(random))),
    ("notifications", |random| {
        format!("mail relay deferred message {}: greylisted, will retry", order_id(random))
    }),
    ("session-cache", |random| {
        format!("Asynchronous AOF fsync is taking too long ({} ms)", 40 + random.below(60))
    }),
];
