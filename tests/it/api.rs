//! The HTTP API as programs see it: its description, and the shape of every refusal.

use serde_json::Value;

use crate::support::{Program, client};

#[tokio::test]
async fn the_api_describes_itself() {
    let program = Program::new();
    let server = program.serve();
    let response = client().get(server.url("/v1/openapi.json")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let described: Value = response.json().await.unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    assert!(described["paths"]["/v1/ask"]["post"]["responses"]["429"].is_object());
    // Every schema that is named is there.
    let text = described.to_string();
    for name in
        text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next())
    {
        assert!(described["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn whatever_refuses_a_request_says_so_in_one_shape() {
    let program = Program::new();
    let server = program.serve();
    let http = client();
    let requests = [
        (http.delete(server.url("/v1/ask")), 405),
        (http.get(server.url("/v1/nothing")), 404),
        (http.get(server.url("/v1/traces/%ff")), 400),
        (http.get(server.url("/v1/logs?limit=many")), 400),
        (http.get(server.url("/v1/ws")), 400),
        (http.post(server.url("/v1/ask")).body("{}"), 415),
        (
            http.post(server.url("/v1/ask")).header("content-type", "application/json").body("{}"),
            422,
        ),
        (
            http.post(server.url("/v1/runs/r/cancel"))
                .header("content-type", "text/plain")
                .body("x"),
            415,
        ),
        (http.post(server.url("/hooks/%ff")).body("{}"), 400),
    ];
    for (request, status) in requests {
        let request = request.build().unwrap();
        let asked = format!("{} {}", request.method(), request.url().path());
        let response = http.execute(request).await.unwrap();
        assert_eq!(response.status(), status, "{asked}");
        let refusal: Value = response.json().await.unwrap();
        for field in ["code", "message", "hint"] {
            assert!(refusal["error"][field].is_string(), "{asked}: {refusal}");
        }
    }
    // Pages are for people.
    let page = http.get(server.url("/nothing")).send().await.unwrap();
    assert_eq!(page.text().await.unwrap(), "no such page\n");
}
