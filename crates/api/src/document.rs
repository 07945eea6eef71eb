//! The OpenAPI 3.1 document: collected from the handlers, completed with what holds for every `/v1` operation, so that no
//! handler can forget it.

use utoipa::{
    OpenApi,
    openapi::{
        Components, Ref, RefOr, Schema,
        header::HeaderBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ArrayItems, ObjectBuilder, Type},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    health,
    problem::{ProblemBody, problem_response},
    routes,
};

const SCHEME: &str = "api_key";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Paceline",
        description = "Queue-driven bulk WhatsApp messaging. A campaign's every recipient receives its message once, from one \
                       of the fleet's phone numbers, at a pace that keeps those numbers healthy.\n\n\
                       Every refusal is a problem (RFC 9457). Every list is paged by an opaque cursor. Every POST takes an \
                       `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "campaigns", description = "Template, audience, pool and schedule; sent once to every recipient."),
        (name = "messages", description = "Single messages, and the story of any message."),
        (name = "senders", description = "The phone numbers that messages are sent from, and their pools."),
        (name = "suppressions", description = "Who must not be contacted."),
        (name = "webhooks", description = "Where events are posted."),
        (name = "fleet", description = "The worker processes, and the senders they work for."),
        (name = "dead letters", description = "What nobody could work on, to be looked at and replayed."),
        (name = "workspace", description = "What the workspace chose."),
        (name = "events", description = "What happened, as a log and as a live stream."),
        (name = "health", description = "What an operator's tools read.")
    )
)]
struct Base;

/// The OpenAPI document of every route.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    let mut guarded = routes::guarded().into_openapi();
    for item in guarded.paths.paths.values_mut() {
        complete(item);
    }
    document.merge(health::routes().into_openapi());
    document.merge(guarded);
    let components = document.components.get_or_insert_default();
    refer_to_items(components);
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme()));
    document
}

/// A page's items are collected as copies of their schema; a reference says the same in one line.
fn refer_to_items(components: &mut Components) {
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        let Some(item) = name.strip_prefix("Listing_").filter(|item| names.iter().any(|name| name == item)) else {
            continue;
        };
        if let RefOr::T(Schema::Object(listing)) = schema
            && let Some(RefOr::T(Schema::Array(items))) = listing.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
        }
    }
}

fn scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("An API key, `pl_…`, made at the first start and shown once.".to_owned());
    scheme
}

/// Adds what holds for every operation that needs a key.
fn complete(item: &mut PathItem) {
    let post = item.post.as_mut();
    post.into_iter().for_each(complete_post);
    let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
    for operation in operations.into_iter().flatten() {
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, Vec::<String>::new())]);
        refuse(operation, "401", "The request carries no valid API key.");
        refuse(operation, "500", "An internal error; the log line with this request's id says more.");
        refuse(operation, "503", "The database is unavailable for a moment; try again after `Retry-After` seconds.");
        tell_retry_after(operation);
    }
}

fn complete_post(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Names this request: repeated with the same key, method, path and body, it gives the first answer again, with \
             the header `Idempotency-Replayed: true`.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    refuse(operation, "409", "A request with the same `Idempotency-Key` is still being answered.");
    refuse(operation, "422", "The request is invalid, or its `Idempotency-Key` was used with another request.");
    let replayed = HeaderBuilder::new()
        .description(Some("`true` when this is the first answer given again."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            response.headers.insert("Idempotency-Replayed".to_owned(), replayed.clone().into());
        }
    }
}

/// Adds a refusal unless the operation describes that status itself.
fn refuse(operation: &mut Operation, status: &str, description: &str) {
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem_response(description)));
}

fn tell_retry_after(operation: &mut Operation) {
    let header = HeaderBuilder::new()
        .description(Some("How many seconds to wait before trying again."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
        .build();
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("503") {
        response.headers.insert("Retry-After".to_owned(), header.into());
    }
}
