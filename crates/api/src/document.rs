//! The OpenAPI 3.1 document: collected from the handlers, completed with what holds for every `/v1` operation, so that no
//! handler can forget it.

use std::collections::BTreeMap;

use utoipa::{
    OpenApi,
    openapi::{
        Components, Ref, RefOr, Schema,
        header::HeaderBuilder,
        link::Link,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ArrayItems, ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    health,
    problem::{ProblemBody, problem_response},
    routes, sign_in,
};

const SCHEME: &str = "api_key";
const COOKIE_SCHEME: &str = "session";

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
        (name = "sign-in", description = "Sessions of browsers, each under an API key."),
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
    let mut open = sign_in::open_routes().into_openapi();
    for operation in open.paths.paths.values_mut().flat_map(operations) {
        expect_bad_input(operation);
        expect_failures(operation);
    }
    document.merge(open);
    document.merge(guarded);
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(tell_of_the_listener);
    }
    link_what_is_made(&mut document);
    let components = document.components.get_or_insert_default();
    refer_to_items(components);
    components.add_security_scheme(SCHEME, SecurityScheme::Http(scheme()));
    components.add_security_scheme(COOKIE_SCHEME, SecurityScheme::ApiKey(ApiKey::Cookie(cookie())));
    document
}

/// Whoever made something can go on with it: each operation under its path takes the id that the answer has.
fn link_what_is_made(document: &mut utoipa::openapi::OpenApi) {
    let paths = &mut document.paths.paths;
    let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, item) in paths.iter_mut() {
        let Some((collection, rest)) = path.split_once("/{id}") else { continue };
        if !rest.contains('{') {
            let ids = operations(item).filter_map(|operation| operation.operation_id.clone());
            below.entry(collection.to_owned()).or_default().extend(ids);
        }
    }
    for (path, item) in paths.iter_mut() {
        let made = item.post.as_mut().and_then(|post| post.responses.responses.get_mut("201"));
        let (Some(RefOr::T(response)), Some(ids)) = (made, below.get(path)) else { continue };
        for id in ids {
            let link = Link::builder().operation_id(id).parameter("id", "$response.body#/id").build();
            response.links.insert(id.clone(), link.into());
        }
    }
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

fn cookie() -> ApiKeyValue {
    ApiKeyValue::with_description(
        "paceline_session",
        "A browser's session, made by `POST /v1/session`; with a port in the address, the name ends in `_` and that port.",
    )
}

/// Adds what holds for every operation that needs a key.
fn complete(item: &mut PathItem) {
    let post = item.post.as_mut();
    post.into_iter().for_each(complete_post);
    complete_patch(item);
    for operation in operations(item) {
        let schemes = [SCHEME, COOKIE_SCHEME].map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()));
        operation.security = Some(schemes.into());
        refuse(operation, "401", "The request carries no valid API key, and no cookie of a session that is not over.");
        expect_bad_input(operation);
        expect_failures(operation);
    }
    let changes = [&mut item.post, &mut item.patch, &mut item.delete];
    for operation in changes.into_iter().flatten() {
        refuse(operation, "403", "The request carries a cookie, but not the page's token (`X-CSRF-Token`).");
    }
}

/// What every operation may say of its body and its parameters.
fn expect_bad_input(operation: &mut Operation) {
    if operation.request_body.is_some() {
        refuse(operation, "400", "The request is malformed, or its body breaks off or is not JSON.");
        refuse(operation, "413", "The body is too large.");
        refuse(operation, "415", "The content type, its charset, or the content encoding is not understood.");
        refuse(operation, "422", "The request is invalid; the problem names the place.");
    }
    if operation.parameters.as_ref().is_some_and(|parameters| parameters.iter().any(is_of_the_query)) {
        refuse(operation, "422", "A parameter is invalid; the problem names it.");
    }
}

fn expect_failures(operation: &mut Operation) {
    refuse(operation, "500", "An internal error; the log line with this request's id says more.");
    refuse(operation, "503", "The database is unavailable for a moment; try again after `Retry-After` seconds.");
    tell_retry_after(operation);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn is_of_the_query(parameter: &RefOr<utoipa::openapi::path::Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)
}

/// Adds what the listener refuses before any operation sees it.
fn tell_of_the_listener(operation: &mut Operation) {
    refuse(
        operation,
        "400",
        "The request is malformed: not HTTP/1.1, without one Host header, or of an ambiguous length.",
    );
    refuse(operation, "408", "The request did not come in time.");
    refuse(operation, "414", "Path and query are longer than 8,192 bytes.");
    refuse(operation, "431", "The head is longer than 32,768 bytes, or has more than 100 fields.");
    refuse(operation, "503", "The process answers as many callers as it can; try again after `Retry-After` seconds.");
}

/// What can be changed has a version: it is shown with it, and changed on condition of it.
fn complete_patch(item: &mut PathItem) {
    let Some(patch) = &mut item.patch else { return };
    let parameter = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "The `ETag` of the resource as it was seen: the change is refused (412) when it is another by now.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    patch.parameters.get_or_insert_default().push(RefOr::T(parameter));
    refuse(patch, "412", "The resource is not as `If-Match` says.");
    let version = HeaderBuilder::new()
        .description(Some("The resource's version: its settings and state, not its counters."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    for operation in [&mut item.get, &mut item.patch].into_iter().flatten() {
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            response.headers.insert("ETag".to_owned(), version.clone().into());
        }
    }
}

fn complete_post(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Names this request: repeated with the same key, method, path, content type and body, it gives the first answer again, with \
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
