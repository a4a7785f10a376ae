//! How the description of the API is put together: operations and the schemas that they name.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Makes the document.
pub(super) struct Document {
    paths: Map<String, Value>,
    /// Schemas of what is sent to the server.
    requests: SchemaGenerator,
    /// Schemas of what it answers.
    answers: SchemaGenerator,
}

/// One operation.
pub(super) struct Operation {
    path: &'static str,
    method: &'static str,
    pub(super) said: Value,
}

impl Document {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = "/components/schemas".into())
        };
        Self {
            paths: Map::new(),
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
        }
    }

    pub(super) fn request<T: JsonSchema>(&mut self) -> Schema {
        self.requests.subschema_for::<T>()
    }

    pub(super) fn answer<T: JsonSchema>(&mut self) -> Schema {
        self.answers.subschema_for::<T>()
    }

    pub(super) fn add(&mut self, operation: Operation) {
        let path = self.paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.said;
    }

    pub(super) fn finished(mut self) -> Value {
        let mut schemas = self.answers.take_definitions(true);
        for (name, schema) in self.requests.take_definitions(true) {
            let is_new = schemas.insert(name.clone(), schema).is_none();
            assert!(is_new, "{name} is both asked and answered; give one another name");
        }
        schemas.insert("Refusal".to_owned(), refusal());
        schemas.insert("OpenAiRefusal".to_owned(), openai_refusal());
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Groundcrew",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Says what most likely caused an outage, every sentence tied to evidence. Fields are added, never renamed or removed.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "http://127.0.0.1:7717"}],
            // Without a token set, none is demanded.
            "security": [{"token": []}, {}],
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        })
    }
}

impl Operation {
    pub(super) fn new(method: &'static str, path: &'static str, summary: &str) -> Self {
        let words = path.split(['/', '{', '}', '.', '-', '_']).filter(|word| !word.is_empty());
        let id: Vec<&str> = std::iter::once(method).chain(words).collect();
        let mut said = json!({"summary": summary, "operationId": id.join("_"), "responses": {}});
        let parameters: Vec<Value> = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| json!({"name": name, "in": "path", "required": true, "schema": place(name)}))
            .collect();
        if !parameters.is_empty() {
            said["parameters"] = json!(parameters);
        }
        Self { path, method, said }.refused(&[400, 401, 403])
    }

    pub(super) fn get(path: &'static str, summary: &str) -> Self {
        Self::new("get", path, summary)
    }

    pub(super) fn post(path: &'static str, summary: &str) -> Self {
        Self::new("post", path, summary)
    }

    pub(super) fn body(mut self, schema: impl Into<Value>, required: bool) -> Self {
        self.said["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema.into()}}});
        self.refused(&[413, 415, 422])
    }

    pub(super) fn parameter(
        mut self,
        place: &str,
        name: &str,
        description: &str,
        schema: Value,
    ) -> Self {
        let parameter =
            json!({"name": name, "in": place, "description": description, "schema": schema});
        match self.said["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => self.said["parameters"] = json!([parameter]),
        }
        self
    }

    pub(super) fn with(
        mut self,
        status: u16,
        description: &str,
        kind: &str,
        schema: impl Into<Value>,
    ) -> Self {
        let response = &mut self.said["responses"][status.to_string()];
        response["description"] = json!(description);
        response["content"][kind] = json!({"schema": schema.into()});
        self
    }

    pub(super) fn answers(self, description: &str, schema: impl Into<Value>) -> Self {
        self.with(200, description, "application/json", schema)
    }

    pub(super) fn bare(mut self, status: u16, description: &str) -> Self {
        self.said["responses"][status.to_string()] = json!({"description": description});
        self
    }

    pub(super) fn refused(self, statuses: &[u16]) -> Self {
        let refusal = json!({"$ref": "#/components/schemas/Refusal"});
        statuses.iter().fold(self, |operation, status| {
            operation.with(*status, what(*status), "application/json", refusal.clone())
        })
    }

    pub(super) fn refused_as_openai(self, statuses: &[u16]) -> Self {
        let refusal = json!({"$ref": "#/components/schemas/OpenAiRefusal"});
        statuses.iter().fold(self, |operation, status| {
            operation.with(*status, what(*status), "application/json", refusal.clone())
        })
    }
}

/// What may stand in that place of a path.
fn place(name: &str) -> Value {
    let pattern = match name {
        "trace" => "^[0-9a-fA-F]{32}$",
        "span" => "^[0-9a-fA-F]{16}$",
        "sid" => "^[A-Za-z0-9_-]{1,64}$",
        "source" => "^[A-Za-z0-9._-]{1,40}$",
        _ => return json!({"type": "string", "minLength": 1}),
    };
    json!({"type": "string", "pattern": pattern})
}

/// What a refusal of that status means.
fn what(status: u16) -> &'static str {
    match status {
        400 => "Something in the request cannot be understood; the message says what",
        401 => "The bearer token is missing or wrong",
        403 => "The page that calls, or the host it calls by, is not this server's",
        404 => "There is no such thing, or no longer",
        409 => "It clashes with what is there",
        413 => "The body is too large",
        415 => "The body is not said to be application/json",
        422 => "The body is JSON of another form",
        426 => "Only a WebSocket is spoken here",
        429 => "Too much at a time; Retry-After says when to come again",
        500 => "A bug; the server's log says more",
        503 => "A part is not there just now; Retry-After says when to come again",
        other => panic!("say what {other} means"),
    }
}

fn refusal() -> Value {
    json!({
        "description": "Why something was not done.",
        "type": "object", "required": ["error"],
        "properties": {"error": {
            "type": "object", "required": ["code", "message", "hint"],
            "properties": {
                "code": {"type": "string", "description": "For programs."},
                "message": {"type": "string", "description": "What is wrong, in words."},
                "hint": {"type": "string", "description": "What to do."},
            },
        }},
    })
}

fn openai_refusal() -> Value {
    json!({
        "description": "Why a completion was not made, in the shape of the OpenAI API.",
        "type": "object", "required": ["error"],
        "properties": {"error": {
            "type": "object", "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"}, "type": {"type": "string"},
                "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]},
            },
        }},
    })
}
