//! What a person decides about a campaign, checked alike when it is made and when it is changed.

use chrono::{DateTime, Utc};
use paceline_audience::{Region, Template, TemplateError};
use paceline_store::campaigns::CampaignDefinition;

use crate::{problem::Problem, senders::MAX_POOL_NAME, validate::Checks};

const MAX_NAME: usize = 200;
const MAX_COLUMN_NAME: usize = 200;
/// Templates are longer than the texts that they render to, but not without end.
const MAX_TEMPLATE: usize = 32_000;

/// Refuses what makes no sense, with every field that is wrong.
pub(super) fn check(definition: &CampaignDefinition, now: DateTime<Utc>) -> Result<(), Problem> {
    let mut checks = Checks::default();
    checks.label("/name", &definition.name, MAX_NAME);
    checks.label("/pool", &definition.pool, MAX_POOL_NAME);
    if definition.template.trim().is_empty() {
        checks.refuse("/template", "must not be blank");
    } else if definition.template.chars().count() > MAX_TEMPLATE {
        checks.refuse("/template", format!("must have at most {MAX_TEMPLATE} characters"));
    }
    checks.text("/template", &definition.template);
    if let Some(region) = &definition.default_region {
        checks.accept("/default_region", Region::parse(region));
    }
    if let Some(column) = &definition.phone_column {
        checks.label("/phone_column", column, MAX_COLUMN_NAME);
    }
    if let Some(expires_at) = definition.expires_at {
        if expires_at <= now {
            checks.refuse("/expires_at", "must lie in the future");
        } else if definition.start_at.is_some_and(|start_at| expires_at <= start_at) {
            checks.refuse("/expires_at", "must lie after start_at");
        }
    }
    checks.finish()?;
    parse_template(&definition.template).map(|_| ())
}

/// The template, or where its syntax is wrong.
pub(super) fn parse_template(template: &str) -> Result<Template, Problem> {
    Template::parse(template).map_err(refused_template)
}

/// What is wrong with a template, as a problem.
pub(super) fn refused_template(error: TemplateError) -> Problem {
    let TemplateError { line, column, message } = error;
    Problem::TemplateSyntax { detail: message, line, column }
}
