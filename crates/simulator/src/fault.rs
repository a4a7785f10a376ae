//! The ways in which the shop can break, and what each one truly is.

use groundcrew_telemetry::Timestamp;

/// One way to break the shop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// A deploy of checkout leaves it two database connections a pod.
    PoolExhaustion,
    /// The external card provider answers late or not at all.
    PaymentProviderTimeout,
    /// A deploy of cart never frees its sessions, until the pod is killed for its memory.
    CartMemoryLeak,
    /// A deploy of catalog ranks products with far too much computation.
    CatalogCpu,
    /// Packets between checkout and inventory are late; both services are well.
    NetworkDelay,
    /// A feature flag makes shipping throw.
    ShippingFlag,
    /// The disk of the orders database fills up; writes fail.
    OrdersDbDiskFull,
    /// A deploy of storefront has a readiness probe that cannot pass.
    StorefrontProbe,
    /// Four times the usual visitors.
    TrafficSpike,
}

impl Fault {
    /// Every fault, in a fixed order.
    pub const ALL: [Self; 9] = [
        Self::PoolExhaustion,
        Self::PaymentProviderTimeout,
        Self::CartMemoryLeak,
        Self::CatalogCpu,
        Self::NetworkDelay,
        Self::ShippingFlag,
        Self::OrdersDbDiskFull,
        Self::StorefrontProbe,
        Self::TrafficSpike,
    ];

    /// The name used on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PoolExhaustion => "pool-exhaustion",
            Self::PaymentProviderTimeout => "payment-provider-timeout",
            Self::CartMemoryLeak => "cart-memory-leak",
            Self::CatalogCpu => "catalog-cpu",
            Self::NetworkDelay => "network-delay",
            Self::ShippingFlag => "shipping-flag",
            Self::OrdersDbDiskFull => "orders-db-disk-full",
            Self::StorefrontProbe => "storefront-probe",
            Self::TrafficSpike => "traffic-spike",
        }
    }

    /// The fault of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Names that count as the right answer, the most exact first.
    pub(crate) const fn culprits(self) -> &'static [&'static str] {
        match self {
            Self::PoolExhaustion => &["checkout"],
            Self::PaymentProviderTimeout => &["card-provider", "payments"],
            Self::CartMemoryLeak => &["cart"],
            Self::CatalogCpu => &["catalog"],
            Self::NetworkDelay => &["inventory", "checkout"],
            Self::ShippingFlag => &["shipping"],
            Self::OrdersDbDiskFull => &["orders-db"],
            Self::StorefrontProbe | Self::TrafficSpike => &["storefront"],
        }
    }

    /// What somebody on call would ask.
    pub(crate) const fn question(self) -> &'static str {
        match self {
            Self::PoolExhaustion | Self::ShippingFlag | Self::OrdersDbDiskFull => {
                "Why can customers not place orders?"
            }
            Self::PaymentProviderTimeout | Self::NetworkDelay => "Why is placing an order so slow?",
            Self::CartMemoryLeak => "Why do customers lose their carts now and then?",
            Self::CatalogCpu => "Why are the product pages slow?",
            Self::StorefrontProbe => "Why do customers get 503 errors?",
            Self::TrafficSpike => "Why is the whole shop slow?",
        }
    }

    /// The page that goes out: name of the rule and what customers notice, never why.
    pub(crate) const fn symptom(self) -> (&'static str, &'static str) {
        match self {
            Self::PoolExhaustion | Self::ShippingFlag | Self::OrdersDbDiskFull => (
                "OrdersFailing",
                "More than 5 % of the customers who tried to place an order in the last 3 minutes got an error.",
            ),
            Self::PaymentProviderTimeout | Self::NetworkDelay => (
                "OrdersSlow",
                "Placing an order has taken longer than 1 second for more than 10 % of customers in the last 3 minutes.",
            ),
            Self::CartMemoryLeak => (
                "ShopErrors",
                "More than 1 % of page views in the last 3 minutes ended in an error for customers with items to buy.",
            ),
            Self::CatalogCpu => (
                "PagesSlow",
                "Product pages have taken longer than 1 second for more than 10 % of customers in the last 3 minutes.",
            ),
            Self::StorefrontProbe => (
                "ShopUnavailable",
                "More than 5 % of page views in the last 3 minutes were answered with 503.",
            ),
            Self::TrafficSpike => (
                "PagesSlow",
                "Pages of all kinds have become slow for customers in the last 3 minutes, and some get an error.",
            ),
        }
    }

    /// How long after the break the page goes out.
    pub(crate) const fn seconds_to_alert(self) -> i64 {
        match self {
            // The first pod has to fill its memory before anybody notices.
            Self::CartMemoryLeak => 360,
            Self::OrdersDbDiskFull => 240,
            _ => 180,
        }
    }
}

/// What truly happened in a run, for tests to compare an answer with.
#[derive(Clone, PartialEq, Debug)]
pub struct Truth {
    /// The service or dependency at fault.
    pub service: String,
    /// Every name that counts as the right answer, `service` first. A late network lies between two services.
    pub accepted: Vec<String>,
    /// The pod at fault, when it is one alone.
    pub pod: Option<String>,
    /// What broke.
    pub fault: Fault,
    /// When it broke.
    pub since: Timestamp,
    /// The id of the change that did it, when a change did it.
    pub change: Option<String>,
    /// What somebody on call would ask.
    pub question: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for fault in Fault::ALL {
            assert_eq!(Fault::from_name(fault.name()), Some(fault));
        }
        assert_eq!(Fault::from_name("earthquake"), None);
    }

    #[test]
    fn the_page_never_names_the_cause() {
        for fault in Fault::ALL {
            let (name, text) = fault.symptom();
            for culprit in fault.culprits() {
                assert!(!text.to_lowercase().contains(culprit), "{text}");
                assert!(!name.to_lowercase().contains(culprit), "{name}");
            }
        }
    }
}
