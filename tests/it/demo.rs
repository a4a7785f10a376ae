//! The demo: each fault is played into the real receivers, and the answer names what was broken.

use crate::support::{Program, text};

/// Runs one demo; returns its answer and what the simulator says was broken.
fn demo(fault: &str) -> (String, String) {
    let program = Program::new()
        .with("GROUNDCREW__SERVER__LISTEN", "127.0.0.1:0")
        .with("GROUNDCREW__SERVER__OTLP_GRPC", "127.0.0.1:0")
        .with("GROUNDCREW__SERVER__OTLP_HTTP", "127.0.0.1:0");
    let output = program.run(&["demo", "--fault", fault, "--once"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn assert_names(fault: &str, cause: &str) {
    let (answer, log) = demo(fault);
    let headline = answer.lines().next().unwrap_or("");
    assert!(headline.contains(cause), "{fault}: the headline names {cause}\n{answer}\n{log}");
    assert!(headline.contains("[E"), "{fault}: and cites evidence\n{answer}");
}

#[test]
fn a_shrunken_connection_pool_is_found() {
    assert_names("pool-exhaustion", "checkout");
}

#[test]
fn a_slow_provider_is_found() {
    assert_names("payment-provider-timeout", "payments");
}

#[test]
fn a_memory_leak_is_found() {
    assert_names("cart-memory-leak", "cart");
}

#[test]
fn a_cpu_bound_regression_is_found() {
    assert_names("catalog-cpu", "catalog");
}

#[test]
fn a_slow_network_is_found() {
    assert_names("network-delay", "inventory");
}

#[test]
fn a_bad_flag_is_found() {
    assert_names("shipping-flag", "shipping");
}

#[test]
fn a_healthy_shop_is_not_blamed() {
    let (answer, log) = demo("none");
    assert!(answer.starts_with("○"), "{answer}\n{log}");
}

#[test]
fn an_unknown_fault_is_refused_with_the_list() {
    let program = Program::new();
    let output = program.run(&["demo", "--fault", "gremlins"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--fault list"));
    assert!(program.ok(&["demo", "--fault", "list"]).lines().count() >= 7);
}
