//! Templates: minijinja expressions and variants `{Hi|Hello|Hey}`, compiled once for a campaign and rendered for each row.

use std::{collections::BTreeSet, fmt, sync::Arc};

use minijinja::{
    Environment, Value,
    machinery::{self, WhitespaceConfig},
    syntax::SyntaxConfig,
};
use paceline_domain::{AddressHash, CampaignId, Content, Exclusion};
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};

use crate::{ColumnNames, Variables, letters::clean_name};

mod analysis;
mod braces;
mod context;
mod engine;
mod error;
mod placeholders;
mod variants;
mod work;
mod writer;

use analysis::Names;
use context::RowContext;
use error::Sources;
pub use error::{RenderError, TemplateError};
use placeholders::Placeholder;
use variants::Expansion;
pub use work::Late;
use work::Work;
use writer::BoundedText;

/// The most bytes that a template's source may have. A message has at most 4,096 characters; the rest is room for variants.
const MAX_SOURCE_BYTES: usize = 32 * 1024;

const NAME: &str = "template";

/// A compiled template. Cheap to clone, and rendered from many threads at once.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    source: String,
    engine: Environment<'static>,
    names: Names,
    /// How many alternatives each group of variants has.
    groups: Vec<u32>,
    /// What may be meant for a column.
    placeholders: Vec<Placeholder>,
}

/// Decides which variants a person sees: a campaign and an address, so that a preview and the send agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantKey([u8; 32]);

impl VariantKey {
    /// The key of one person in one campaign.
    pub fn new(campaign: CampaignId, address: AddressHash) -> Self {
        let (campaign, address) = (campaign.to_bytes(), address.to_bytes());
        Self(std::array::from_fn(|place| if place < 16 { campaign[place] } else { address[place - 16] }))
    }

    /// The draw for each group. A group's draw is a function of the key and its place, whatever the other groups are.
    fn draw(&self, groups: &[u32]) -> Vec<u32> {
        let draw = |(place, alternatives): (usize, &u32)| {
            let mut stream = ChaCha12Rng::from_seed(self.0);
            stream.set_stream(place as u64);
            let scaled = (u64::from(stream.next_u32()) * u64::from(*alternatives)) >> 32;
            u32::try_from(scaled).unwrap_or(0)
        };
        groups.iter().enumerate().map(draw).collect()
    }
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// Where the source is not a template, with line and column: its syntax, an unknown filter, test or function, a group
    /// of variants that is not closed.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.len() > MAX_SOURCE_BYTES {
            let message = format!("the template is longer than {MAX_SOURCE_BYTES} bytes");
            return Err(TemplateError { line: 1, column: 1, message });
        }
        if source.trim().is_empty() {
            return Err(TemplateError { line: 1, column: 1, message: "the template is empty".to_owned() });
        }
        if source.contains(braces::SHIELD) {
            let message = "the template holds a control character".to_owned();
            return Err(TemplateError { line: 1, column: 1, message });
        }
        let sources = Sources::new(source);
        let shielded = braces::shield(source);
        let (syntax, whitespace) = (SyntaxConfig, WhitespaceConfig::default());
        let marked = variants::find_text(&shielded, &sources)?;
        let tree = machinery::parse(&shielded, NAME, syntax, whitespace).map_err(|error| sources.explain(&error))?;
        let names = analysis::analyse(&tree, &sources)?;
        let placeholders = placeholders::find(source, &marked);
        let mut expansion = variants::expand(source, &marked, &sources)?;
        if !names.falsy.is_empty() {
            let lenient = allow_empty(source, &names.falsy);
            let marked = variants::find_text(&braces::shield(&lenient), &sources)?;
            expansion = variants::expand(&lenient, &marked, &sources)?;
        }
        let Expansion { text, groups, origins } = expansion;
        let mut engine = engine::environment();
        engine.add_template_owned(NAME, text).map_err(|error| sources.explain_expanded(&error, &origins))?;
        Ok(Self(Arc::new(Compiled { source: source.to_owned(), engine, names, groups, placeholders })))
    }

    /// The text that was compiled.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The variables that the template mentions.
    pub fn variables(&self) -> BTreeSet<String> {
        self.0.names.used.iter().cloned().collect()
    }

    /// The variables that it mentions at least once without a `default` and outside of an `is defined`: without a column for each, it
    /// cannot be rendered.
    pub fn required_variables(&self) -> BTreeSet<String> {
        self.0.names.required.clone()
    }

    /// The required variables that none of the columns provides, by its name or its alias.
    pub fn missing_columns(&self, columns: &ColumnNames) -> BTreeSet<String> {
        let required = self.0.names.required.iter();
        required.filter(|name| !columns.provide(&clean_name(name))).cloned().collect()
    }

    /// What is likely meant for a column and would be sent as it stands: `[name]`, `%name%`, or `{name|there}`, where there is a column
    /// `name`. Each tells its place and its cure.
    pub fn mistaken_placeholders(&self, columns: &ColumnNames) -> Vec<TemplateError> {
        let sources = Sources::new(&self.0.source);
        let told = self.0.placeholders.iter().filter_map(|placeholder| {
            columns.names(&placeholder.name).map(|column| placeholder.tell(&column, &sources))
        });
        told.collect()
    }

    /// Whether rendering it is a matter of putting values in, however long they are: no loops, no sums, no lists.
    pub fn is_plain(&self) -> bool {
        self.0.names.plain
    }

    /// Renders the text for one row. Values are put in as they are: they are never read as HTML, as expressions or as
    /// variants.
    ///
    /// # Errors
    /// When a variable is missing, or the text cannot be sent.
    pub fn render(&self, variables: &Variables, key: VariantKey) -> Result<String, RenderError> {
        self.render_until(variables, key, None)
    }

    /// The same, broken off as too expensive once `late` says so. How much work a rendering may do is bounded anyway, and by a
    /// measure that is the same each time; this is for a machine on which even that takes too long.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_until(
        &self,
        variables: &Variables,
        key: VariantKey,
        late: Option<Late>,
    ) -> Result<String, RenderError> {
        let Compiled { engine, names, groups, .. } = &*self.0;
        let work = Arc::new(Work::new(late));
        let context = Arc::new(RowContext::new(names, variables, key.draw(groups), Arc::clone(&work)));
        let failed = |error: &minijinja::Error| context.explain(error, names);
        let template = engine.get_template(NAME).map_err(|error| failed(&error))?;
        let mut text = BoundedText::new(Arc::clone(&work));
        let rendered = template.render_captured_to(Value::from_dyn_object(Arc::clone(&context)), &mut text);
        let chars = text.chars();
        match rendered {
            // What was asked for then looked as if it were missing.
            Ok(_) if work.was_too_much() => Err(RenderError::TooExpensive),
            _ if chars > Content::MAX_TEXT => Err(RenderError::TooLong { chars }),
            Err(error) => Err(failed(&error)),
            Ok(_) => Some(text.into_string()).filter(|text| !text.trim().is_empty()).ok_or(RenderError::Empty),
        }
    }
}

/// The source with a filter behind each expression that may be empty.
fn allow_empty(source: &str, ends: &BTreeSet<usize>) -> String {
    let mut lenient = String::with_capacity(source.len() + ends.len() * 16);
    let mut copied = 0;
    for end in ends {
        lenient.push_str(&source[copied..*end]);
        lenient.push('|');
        lenient.push_str(engine::FALSY);
        copied = *end;
    }
    lenient + &source[copied..]
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} bytes, {} groups of variants)", self.0.source.len(), self.0.groups.len())
    }
}

impl From<RenderError> for Exclusion {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::MissingVariable(variable) => Self::MissingVariable { variable },
            RenderError::TooLong { chars } => Self::UnsendableText { chars: chars as u64 },
            RenderError::Empty => Self::UnsendableText { chars: 0 },
            RenderError::TooExpensive => Self::RenderTooExpensive { detail: error.to_string() },
            RenderError::Failed { detail } => Self::RenderFailed { detail },
        }
    }
}
