//! Variants: `{Hi|Hello|Hey}` in the text of a template.
//!
//! A group is a brace, alternatives separated by bars, and a brace. Groups are found in the template's own text, outside of
//! `{{ }}`, `{% %}`, `{# #}` and raw blocks, and turned into conditions over a draw before anything is rendered, so a value
//! that looks like a group stays text. The README states the rules.

use minijinja::{
    machinery::{Token, WhitespaceConfig, tokenize},
    syntax::SyntaxConfig,
};

use super::{
    TemplateError, braces,
    error::{Origin, Sources},
};

/// The names under which a template's conditions ask for draws. Authors cannot use names that begin like this.
pub(super) const DRAW_PREFIX: &str = "__v";

const MAX_GROUPS: usize = 256;
const MAX_ALTERNATIVES: usize = 1_000;
const MAX_DEPTH: usize = 8;

/// The parser works by recursion: without these bounds, a long chain of operators or conditions would exhaust the stack of
/// the whole process.
const MAX_EXPRESSION_TOKENS: usize = 200;
const MAX_ELIFS: usize = 100;

/// A brace as text, wherever it stands: next to another brace it would otherwise begin an expression.
const LITERAL_BRACE: &str = "{{'{'}}";

/// A template whose variants have become conditions.
pub(super) struct Expansion {
    pub(super) text: String,
    /// How many alternatives each group has, in order of their opening braces.
    pub(super) groups: Vec<u32>,
    /// Where the pieces of the text come from, in order.
    pub(super) origins: Vec<Origin>,
}

/// Turns groups of variants into conditions.
pub(super) fn expand(source: &str, text: &Text, sources: &Sources<'_>) -> Result<Expansion, TemplateError> {
    let Text { marks, tags, .. } = text;
    let groups = match_braces(source, marks, sources)?;
    check_limits(marks, &groups, sources)?;
    for group in &groups {
        check_blocks(group, marks, tags, sources)?;
    }
    Ok(emit(source, marks, &assign_roles(marks, &groups)))
}

/// A character of the text that may mean something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) offset: usize,
    pub(super) sign: Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Open,
    Bar,
    Close,
    /// A backslash before one of the three, which is then text.
    Escape,
}

/// What a mark turned out to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Text,
    /// Opens the group with this number.
    Open(usize),
    /// Begins this alternative of that group.
    Bar(usize, u32),
    Close,
}

/// Where something stands in the source that matters to variants.
#[derive(Default)]
pub(super) struct Text {
    pub(super) marks: Vec<Mark>,
    tags: Vec<Tag>,
    /// Where the text itself stands.
    pub(super) ranges: Vec<std::ops::Range<usize>>,
}

/// A tag of a block, by its place.
#[derive(Debug, Clone, Copy)]
struct Tag {
    offset: usize,
    kind: TagKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Begin,
    /// `else` and `elif`.
    Middle,
    End,
}

/// Reads a shielded source with the engine's tokenizer.
pub(super) fn find_text(shielded: &str, sources: &Sources<'_>) -> Result<Text, TemplateError> {
    let mut text = Text::default();
    let (mut previous_end, mut opened_block, mut in_expression) = (0, None, 0);
    for token in tokenize(shielded, false, SyntaxConfig, WhitespaceConfig::default()) {
        let (token, span) = token.map_err(|error| sources.explain(&error))?;
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        let opens = matches!(token, Token::VariableStart | Token::BlockStart | Token::TemplateData(_));
        in_expression = if opens { 0 } else { in_expression + 1 };
        if in_expression > MAX_EXPRESSION_TOKENS {
            return Err(sources.error(start, "this expression is too long; take it apart"));
        }
        match (&token, opened_block.take()) {
            (Token::TemplateData(_), _) if !is_raw(&shielded[previous_end..start]) => {
                mark_text(shielded, start..end, &mut text.marks);
                text.ranges.push(start..end);
            }
            (Token::BlockStart, _) => opened_block = Some(start),
            (Token::Ident(name), Some(offset)) => {
                let kind = match *name {
                    "if" | "for" => Some(TagKind::Begin),
                    "else" | "elif" => Some(TagKind::Middle),
                    "endif" | "endfor" => Some(TagKind::End),
                    _ => None,
                };
                text.tags.extend(kind.map(|kind| Tag { offset, kind }));
            }
            _ => {}
        }
        previous_end = end;
    }
    let is_middle = |tag: &&Tag| tag.kind == TagKind::Middle;
    if let Some(tag) = text.tags.iter().filter(is_middle).nth(MAX_ELIFS) {
        return Err(sources.error(tag.offset, format!("a template has at most {MAX_ELIFS} elif and else")));
    }
    Ok(text)
}

/// Whether what stands between two tokens is the opening tag of a raw block: the tokenizer passes over comments, white
/// space and that.
fn is_raw(gap: &str) -> bool {
    let tag = gap.rfind("{%").map(|place| &gap[place + 2..]);
    tag.is_some_and(|tag| tag.trim_start_matches(['-', '+']).trim_start().starts_with("raw"))
}

fn mark_text(shielded: &str, range: std::ops::Range<usize>, marks: &mut Vec<Mark>) {
    const OPEN: u8 = braces::SHIELD as u8;
    let bytes = shielded.as_bytes();
    let mut offset = range.start;
    while offset < range.end {
        let sign = match bytes[offset] {
            b'{' | OPEN => Some(Sign::Open),
            b'|' => Some(Sign::Bar),
            b'}' => Some(Sign::Close),
            b'\\' if offset + 1 < range.end && matches!(bytes[offset + 1], b'{' | b'|' | b'}' | OPEN) => {
                Some(Sign::Escape)
            }
            _ => None,
        };
        if let Some(sign) = sign {
            marks.push(Mark { offset, sign });
        }
        offset += if sign == Some(Sign::Escape) { 2 } else { 1 };
    }
}

/// A brace that is not closed yet.
struct Open {
    mark: usize,
    bars: Vec<usize>,
}

/// A group by the places of its marks among all marks.
struct Group {
    open: usize,
    bars: Vec<usize>,
    close: usize,
}

/// Finds the groups, in order of their opening braces. A pair of braces without a bar between them is text, unless it looks like a
/// mistake.
fn match_braces(source: &str, marks: &[Mark], sources: &Sources<'_>) -> Result<Vec<Group>, TemplateError> {
    let mut groups = Vec::new();
    let mut stack: Vec<Open> = Vec::new();
    // The last bar outside of all braces.
    let mut loose_bar: Option<usize> = None;
    for (place, mark) in marks.iter().enumerate() {
        match mark.sign {
            Sign::Open => stack.push(Open { mark: place, bars: Vec::new() }),
            Sign::Bar => match stack.last_mut() {
                Some(innermost) => innermost.bars.push(place),
                None => loose_bar = Some(mark.offset),
            },
            Sign::Close => match stack.pop() {
                Some(Open { mark: open, bars }) if !bars.is_empty() => {
                    groups.push(Group { open, bars, close: place });
                }
                Some(Open { mark: open, .. }) => {
                    let after = stack.last().map(|around| marks[around.mark].offset);
                    refuse_placeholder(source, after, marks[open].offset..mark.offset, sources)?;
                }
                None => {
                    if let Some(bar) = loose_bar
                        && !source[bar..mark.offset].contains('\n')
                    {
                        let message =
                            "this } closes no group of variants; begin the group with {, or write \\} for a brace";
                        return Err(sources.error(mark.offset, message));
                    }
                }
            },
            Sign::Escape => {}
        }
    }
    for open in &stack {
        refuse_unclosed(source, marks, open, sources)?;
    }
    groups.sort_unstable_by_key(|group| group.open);
    Ok(groups)
}

/// Refuses a pair of braces without a bar that was meant for a column. `around` is where the brace before it stands.
fn refuse_placeholder(
    source: &str,
    around: Option<usize>,
    pair: std::ops::Range<usize>,
    sources: &Sources<'_>,
) -> Result<(), TemplateError> {
    const LONGEST: usize = 200;
    let name = source[pair.start + 1..pair.end].trim();
    let belongs = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ' ' | '-' | '.');
    let is_name = name.len() <= LONGEST && name.starts_with(|first: char| first.is_alphanumeric() || first == '_');
    if around.is_some_and(|around| around + 1 == pair.start) {
        return Err(sources.error(pair.start - 1, UNCLOSED_EXPRESSION));
    }
    if is_name && name.chars().all(belongs) {
        let message = format!(
            "{{{name}}} is sent as it stands; write {{{{ {name} }}}} for a column, or \\{{{name}}} for the text"
        );
        return Err(sources.error(pair.start, message));
    }
    Ok(())
}

/// Gives each mark its meaning.
fn assign_roles(marks: &[Mark], groups: &[Group]) -> Vec<Role> {
    let mut roles = vec![Role::Text; marks.len()];
    for (number, group) in groups.iter().enumerate() {
        roles[group.open] = Role::Open(number);
        roles[group.close] = Role::Close;
        for (alternative, bar) in (1..).zip(&group.bars) {
            roles[*bar] = Role::Bar(number, alternative);
        }
    }
    roles
}

const UNCLOSED_EXPRESSION: &str = "this expression is not closed; end it with }}, or write \\{\\{ for braces";

/// An open brace with a bar after it on the same line was meant to be a group; any other is text.
fn refuse_unclosed(source: &str, marks: &[Mark], open: &Open, sources: &Sources<'_>) -> Result<(), TemplateError> {
    let start = marks[open.mark].offset;
    if marks.get(open.mark + 1).is_some_and(|next| next.sign == Sign::Open && next.offset == start + 1) {
        return Err(sources.error(start, UNCLOSED_EXPRESSION));
    }
    let line_end = source[start..].find('\n').map_or(source.len(), |length| start + length);
    if open.bars.iter().any(|bar| marks[*bar].offset < line_end) {
        let message = "this group of variants is not closed; end it with }, or write \\{ for a brace";
        return Err(sources.error(start, message));
    }
    Ok(())
}

fn check_limits(marks: &[Mark], groups: &[Group], sources: &Sources<'_>) -> Result<(), TemplateError> {
    if let Some(group) = groups.get(MAX_GROUPS) {
        let message = format!("a template has at most {MAX_GROUPS} groups of variants");
        return Err(sources.error(marks[group.open].offset, message));
    }
    let alternatives = groups.iter().map(|group| group.bars.len() + 1).sum::<usize>();
    if let (Some(group), true) = (groups.last(), alternatives > MAX_ALTERNATIVES) {
        let message = format!("a template has at most {MAX_ALTERNATIVES} variants; this one has {alternatives}");
        return Err(sources.error(marks[group.open].offset, message));
    }
    let mut around: Vec<usize> = Vec::new();
    for group in groups {
        around.retain(|close| *close > group.open);
        around.push(group.close);
        if around.len() > MAX_DEPTH {
            let message = format!("variants are nested more than {MAX_DEPTH} deep");
            return Err(sources.error(marks[group.open].offset, message));
        }
    }
    Ok(())
}

/// Each alternative must hold whole blocks. The engine would not complain: the conditions that variants become would be
/// closed by the author's `endif`.
fn check_blocks(group: &Group, marks: &[Mark], tags: &[Tag], sources: &Sources<'_>) -> Result<(), TemplateError> {
    let ends: Vec<usize> = group.bars.iter().chain([&group.close]).map(|place| marks[*place].offset).collect();
    let mut start = marks[group.open].offset;
    for end in ends {
        let first = tags.partition_point(|tag| tag.offset < start);
        let inside = tags[first..].iter().take_while(|tag| tag.offset < end);
        let mut open = Vec::new();
        let mut stray = None;
        for tag in inside {
            match tag.kind {
                TagKind::Begin => open.push(*tag),
                TagKind::Middle if open.is_empty() => stray = stray.or(Some(*tag)),
                TagKind::Middle => {}
                TagKind::End => stray = if open.pop().is_none() { stray.or(Some(*tag)) } else { stray },
            }
        }
        if let Some(tag) = stray.or(open.first().copied()) {
            let message = "this block reaches beyond a variant; a variant must hold the whole block or none of it";
            return Err(sources.error(tag.offset, message));
        }
        start = end;
    }
    Ok(())
}

fn emit(source: &str, marks: &[Mark], roles: &[Role]) -> Expansion {
    let mut expansion =
        Expansion { text: String::with_capacity(source.len() * 2), groups: Vec::new(), origins: Vec::new() };
    let mut copied = 0;
    for (mark, role) in marks.iter().zip(roles) {
        expansion.copy(source, copied..mark.offset);
        copied = mark.offset + 1;
        match (role, mark.sign) {
            (Role::Open(number), _) => {
                expansion.groups.push(1);
                expansion.push(mark.offset, &format!("{{%if {DRAW_PREFIX}{number}==0%}}"));
            }
            (Role::Bar(number, alternative), _) => {
                expansion.groups[*number] += 1;
                expansion.push(mark.offset, &format!("{{%endif%}}{{%if {DRAW_PREFIX}{number}=={alternative}%}}"));
            }
            (Role::Close, _) => expansion.push(mark.offset, "{%endif%}"),
            (Role::Text, Sign::Open) => expansion.push(mark.offset, LITERAL_BRACE),
            (Role::Text, Sign::Bar) => expansion.push(mark.offset, "|"),
            (Role::Text, Sign::Close) => expansion.push(mark.offset, "}"),
            (Role::Text, Sign::Escape) => {
                let escaped = &source[mark.offset + 1..mark.offset + 2];
                expansion.push(mark.offset, if escaped == "{" { LITERAL_BRACE } else { escaped });
                copied += 1;
            }
        }
    }
    expansion.copy(source, copied..source.len());
    expansion
}

impl Expansion {
    fn copy(&mut self, source: &str, range: std::ops::Range<usize>) {
        self.push(range.start, &source[range]);
    }

    fn push(&mut self, source: usize, text: &str) {
        self.origins.push(Origin { expanded: self.text.len(), source });
        self.text.push_str(text);
    }
}
