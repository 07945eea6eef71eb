//! Refusals in the OpenAPI document: the schema of a problem, and the statuses that operations name.

use std::collections::BTreeMap;

use paceline_domain::RequestId;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use super::PROBLEM_JSON;

/// A refusal (RFC 9457). Some types carry more members: `state`, `columns`, `variables`, `line`, `column`, `limit`, …
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes the body in the document; bodies are written from `Problem`")]
pub(crate) struct ProblemBody {
    /// `urn:paceline:problem:` and a slug that never changes.
    #[schema(format = "uri", example = "urn:paceline:problem:campaign-not-draft")]
    r#type: String,
    /// What the type means, in words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong this time. Never present with a 5xx status.
    detail: Option<String>,
    /// The request's id, as in the header `x-request-id` and in the log.
    #[schema(value_type = crate::schemas::RequestId)]
    instance: RequestId,
    /// What is wrong, one by one, when fields, parameters or headers are.
    errors: Option<Vec<ProblemError>>,
}

/// One wrong field, parameter or header.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in the document; bodies are written from `FieldError`")]
pub(crate) struct ProblemError {
    /// A JSON pointer to the field of the body.
    #[schema(example = "/phone")]
    pointer: Option<String>,
    /// The query parameter.
    parameter: Option<String>,
    /// The header.
    header: Option<String>,
    /// What is wrong with it.
    detail: String,
}

/// A response whose body is a problem.
pub(crate) fn problem_response(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
}

macro_rules! refusals {
    ($($name:ident $status:literal $description:literal;)+) => {$(
        #[doc = concat!("The refusal ", $status, " in an operation's list of responses.")]
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([($status.to_owned(), RefOr::T(problem_response($description)))])
            }
        }
    )+};
}

refusals! {
    NotFound "404" "There is no such resource in the workspace.";
    Gone "410" "The log of events does not reach that far; the problem says where it ends.";
    Conflict "409" "The state of things does not allow it; the problem says which state.";
    PayloadTooLarge "413" "The body is too large; nothing was kept.";
    UnsupportedMediaType "415" "The content type is not understood.";
    TooManyRequests "429" "As much of this as the key may have is under way; try again later.";
    Unprocessable "422" "The request is invalid; the problem names the place.";
}
