//! Reads a template's syntax tree: which variables it needs, and whether it asks for anything that does not exist.
//!
//! The engine would say so only when a row is rendered, and then for every row again.

use std::{collections::BTreeSet, sync::Arc};

use minijinja::machinery::{
    Span,
    ast::{BinOpKind, Call, CallArg, CompareOpKind, Expr, ForLoop, IfCond, IfExpr, Set, Stmt, UnaryOpKind},
};

use super::{
    TemplateError,
    engine::{FILTERS, FUNCTIONS, TESTS},
    error::Sources,
};
use crate::letters::clean_name;

/// The variables of a template.
pub(super) struct Names {
    /// All, sorted.
    pub(super) used: Arc<[String]>,
    /// Those that a column must provide.
    pub(super) required: BTreeSet<String>,
    /// Those that a row must have a value of, at least in one place; in the others an empty cell is as good as `false`.
    pub(super) indispensable: BTreeSet<String>,
    /// Those that are written in another form than columns are, with their places.
    unclean: Vec<(String, usize)>,
    /// Whether columns are looked up in `row`, whatever their names are.
    pub(super) row: bool,
    /// Where expressions end that may be empty without being an error.
    pub(super) falsy: BTreeSet<usize>,
    /// Whether rendering only puts values in.
    pub(super) plain: bool,
}

impl Names {
    /// The places of a name among those used, however it is written there: see [`clean_name`].
    pub(super) fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        let exact = self.used.binary_search_by(|known| known.as_str().cmp(name)).ok();
        let others = self.unclean.iter().filter(move |(clean, _)| clean == name).map(|(_, place)| *place);
        exact.into_iter().chain(others)
    }
}

/// The name under which a template finds all columns.
pub(super) const ROW: &str = "row";

/// The most texts that one expression may join: what it makes must stay a small multiple of what the row has.
const MAX_JOINED: usize = 16;

/// Filters whose result is about as long as what they are given, and found by going through it once.
const PLAIN_FILTERS: &[&str] = &["capitalize", "d", "default", "lower", "string", "title", "trim", "upper"];

/// Walks the tree.
pub(super) fn analyse<'t>(tree: &'t Stmt<'t>, sources: &'t Sources<'t>) -> Result<Names, TemplateError> {
    let mut walk = Walk {
        sources,
        used: BTreeSet::new(),
        required: BTreeSet::new(),
        indispensable: BTreeSet::new(),
        falsy: BTreeSet::new(),
        row: None,
        row_itself: None,
        bound: Vec::new(),
        assigned: BTreeSet::new(),
        defined: Vec::new(),
        plain: true,
    };
    collect_assigned(std::slice::from_ref(tree), &mut walk.assigned);
    walk.statement(tree)?;
    if let (Some(_), Some(span)) = (walk.row, walk.row_itself) {
        walk.refuse(span, "row is all columns here; write row[\"row\"] for the column of that name")?;
    }
    let (falsy, plain, row) = (walk.falsy, walk.plain, walk.row.is_some());
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    let clean = walk.used.iter().enumerate().map(|(place, name)| (clean_name(name), *name, place));
    let unclean =
        clean.filter(|(clean, name, _)| clean != name).map(|(clean, _, place)| (clean.into_owned(), place)).collect();
    let used = walk.used.iter().map(|name| (*name).to_owned()).collect();
    Ok(Names {
        used,
        required: owned(walk.required),
        indispensable: owned(walk.indispensable),
        unclean,
        row,
        falsy,
        plain,
    })
}

struct Walk<'t> {
    sources: &'t Sources<'t>,
    used: BTreeSet<&'t str>,
    required: BTreeSet<&'t str>,
    indispensable: BTreeSet<&'t str>,
    falsy: BTreeSet<usize>,
    /// Where a column is looked up in `row`, and where `row` is a variable like others.
    row: Option<Span>,
    row_itself: Option<Span>,
    /// Names that the template itself gives a value, innermost last.
    bound: Vec<&'t str>,
    /// All names that are set anywhere.
    assigned: BTreeSet<&'t str>,
    /// Names that a condition around this place has found to be defined.
    defined: Vec<&'t str>,
    plain: bool,
}

type Walked = Result<(), TemplateError>;

impl<'t> Walk<'t> {
    fn refuse(&self, span: Span, message: impl Into<String>) -> Walked {
        Err(self.sources.error(span.start_offset as usize, message))
    }

    fn statements(&mut self, statements: &'t [Stmt<'t>]) -> Walked {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'t Stmt<'t>) -> Walked {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => match &emit.expr {
                Expr::Const(constant) if constant.value.is_number() => {
                    let number = &constant.value;
                    let message = format!("this prints the number {number}; name a column, as in {{{{ name }}}}");
                    self.refuse(constant.span(), message)
                }
                printed => self.expression(printed),
            },
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::ForLoop(each) => self.for_loop(each, each.span()),
            Stmt::IfCond(condition) => self.if_block(condition),
            Stmt::Set(set) => self.set(set, set.span()),
            Stmt::WithBlock(block) => self.unsupported(block.span(), "with"),
            Stmt::SetBlock(block) => self.unsupported(block.span(), "set … endset"),
            Stmt::AutoEscape(block) => self.unsupported(block.span(), "autoescape"),
            Stmt::FilterBlock(block) => self.unsupported(block.span(), "filter"),
            Stmt::Do(block) => self.unsupported(block.span(), "do"),
        }
    }

    fn unsupported(&self, span: Span, what: &str) -> Walked {
        self.refuse(span, format!("{{% {what} %}} is not supported; a message has if, for and set"))
    }

    fn for_loop(&mut self, each: &'t ForLoop<'t>, span: Span) -> Walked {
        if each.recursive {
            return self.refuse(span, "recursive loops are not supported");
        }
        self.plain = false;
        self.expression(&each.iter)?;
        let outside = self.bound.len();
        self.bind(&each.target)?;
        self.bound.push("loop");
        each.filter_expr.iter().try_for_each(|filter| self.expression(filter))?;
        self.statements(&each.body)?;
        self.bound.truncate(outside);
        self.statements(&each.else_body)?;
        self.bound.truncate(outside);
        Ok(())
    }

    fn if_block(&mut self, condition: &'t IfCond<'t>) -> Walked {
        self.condition(&condition.expr)?;
        let (outside, known) = (self.bound.len(), self.defined.len());
        implied(&condition.expr, Outcome::True, &mut self.defined);
        self.statements(&condition.true_body)?;
        let set_if_true = self.bound.split_off(outside);
        self.defined.truncate(known);
        implied(&condition.expr, Outcome::False, &mut self.defined);
        self.statements(&condition.false_body)?;
        let set_if_false = self.bound.split_off(outside);
        self.defined.truncate(known);
        // Only what both branches set has a value afterwards.
        self.bound.extend(set_if_true.into_iter().filter(|name| set_if_false.contains(name)));
        Ok(())
    }

    /// A name may be set from row variables and constants only. Names that are set from each other, or from themselves
    /// in a loop, could double a text forty times over.
    fn set(&mut self, set: &'t Set<'t>, span: Span) -> Walked {
        let mut sources = BTreeSet::new();
        collect_variables(&set.expr, &mut sources);
        if let Some(name) = sources.intersection(&self.assigned).next() {
            let message = format!("{name:?} is itself set in this template; set names from columns only");
            return self.refuse(span, message);
        }
        self.expression(&set.expr)?;
        self.bind(&set.target)
    }

    fn bind(&mut self, target: &'t Expr<'t>) -> Walked {
        match target {
            Expr::Var(variable) => {
                self.check_name(variable.id, variable.span())?;
                self.bound.push(variable.id);
                Ok(())
            }
            Expr::List(list) => list.items.iter().try_for_each(|item| self.bind(item)),
            other => self.refuse(other.span(), "only plain names can be set"),
        }
    }

    fn check_name(&self, name: &str, span: Span) -> Walked {
        if name.starts_with("__") {
            return self.refuse(span, "names that begin with two underscores are reserved");
        }
        Ok(())
    }

    fn variable(&mut self, name: &'t str, span: Span, need: Need) -> Walked {
        self.check_name(name, span)?;
        if self.bound.contains(&name) {
            return Ok(());
        }
        if name == ROW {
            self.row_itself = self.row_itself.or(Some(span));
        }
        self.column(name, span, need);
        Ok(())
    }

    fn column(&mut self, name: &'t str, span: Span, need: Need) {
        self.used.insert(name);
        if need == Need::Truth {
            self.falsy.insert(span.end_offset as usize);
        }
        if need == Need::Optional || self.defined.contains(&name) {
            return;
        }
        self.required.insert(name);
        if need == Need::Required {
            self.indispensable.insert(name);
        }
    }

    /// A column that is looked up in `row`, if the expression is that.
    fn lookup(&mut self, expression: &'t Expr<'t>, need: Need) -> Option<Walked> {
        let (base, name, span) = match expression {
            Expr::GetAttr(attribute) => (&attribute.expr, Some(attribute.name), attribute.span()),
            Expr::GetItem(item) => (&item.expr, constant_text(&item.subscript_expr), item.span()),
            _ => return None,
        };
        let Expr::Var(variable) = base else { return None };
        if variable.id != ROW || self.bound.contains(&ROW) {
            return None;
        }
        let Some(name) = name else {
            return Some(self.refuse(span, "row[…] needs the name of a column in quotes, as in row[\"First Name\"]"));
        };
        self.row = self.row.or(Some(span));
        self.column(name, span, need);
        Some(Ok(()))
    }

    /// An expression of which only the truth counts: an empty cell is false there.
    fn condition(&mut self, expression: &'t Expr<'t>) -> Walked {
        match expression {
            Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => self.condition(&operation.expr),
            other => self.operand(other, Need::Truth),
        }
    }

    fn expression(&mut self, expression: &'t Expr<'t>) -> Walked {
        if let Some(walked) = self.lookup(expression, Need::Required) {
            return walked;
        }
        match expression {
            Expr::Var(variable) => self.variable(variable.id, variable.span(), Need::Required),
            Expr::Const(_) => Ok(()),
            Expr::Slice(slice) => {
                self.expression(&slice.expr)?;
                let bounds = [&slice.start, &slice.stop, &slice.step];
                bounds.into_iter().flatten().try_for_each(|bound| self.expression(bound))
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => {
                self.plain = false;
                if joined(expression) > MAX_JOINED {
                    let message = format!(
                        "more than {MAX_JOINED} values are joined in one expression; write them one after the other instead"
                    );
                    return self.refuse(operation.span(), message);
                }
                // An empty cell is equal to nothing.
                if matches!(operation.op, BinOpKind::Eq | BinOpKind::Ne) {
                    self.operand(&operation.left, Need::Truth)?;
                    return self.operand(&operation.right, Need::Truth);
                }
                if matches!(operation.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
                    self.condition(&operation.left)?;
                } else {
                    self.expression(&operation.left)?;
                }
                if matches!(operation.op, BinOpKind::Mul | BinOpKind::Pow)
                    && !(is_numeric(&operation.left) && is_numeric(&operation.right))
                {
                    let message = "only numbers can be multiplied; write `price | float` for a column";
                    return self.refuse(operation.span(), message);
                }
                let outcome = match operation.op {
                    BinOpKind::ScAnd => Some(Outcome::True),
                    BinOpKind::ScOr => Some(Outcome::False),
                    _ => None,
                };
                let known = self.defined.len();
                if let Some(outcome) = outcome {
                    implied(&operation.left, outcome, &mut self.defined);
                }
                self.expression(&operation.right)?;
                self.defined.truncate(known);
                Ok(())
            }
            Expr::Compare(comparison) => {
                let equality =
                    comparison.ops.iter().all(|each| matches!(each.op, CompareOpKind::Eq | CompareOpKind::Ne));
                let need = if equality { Need::Truth } else { Need::Required };
                self.operand(&comparison.expr, need)?;
                comparison.ops.iter().try_for_each(|each| self.operand(&each.expr, need))
            }
            Expr::IfExpr(choice) => self.choice(choice),
            Expr::Filter(filter) => {
                self.check_known("filter", filter.name, FILTERS, filter.span())?;
                self.plain &= PLAIN_FILTERS.contains(&filter.name);
                let need = if ["default", "d"].contains(&filter.name) { Need::Optional } else { Need::Required };
                filter.expr.iter().try_for_each(|inner| self.operand(inner, need))?;
                self.arguments(&filter.args)
            }
            Expr::Test(test) => {
                self.check_known("test", test.name, TESTS, test.span())?;
                let need = if ["defined", "undefined"].contains(&test.name) { Need::Optional } else { Need::Required };
                self.operand(&test.expr, need)?;
                self.arguments(&test.args)
            }
            Expr::GetAttr(attribute) => self.expression(&attribute.expr),
            Expr::GetItem(item) => {
                self.expression(&item.expr)?;
                self.expression(&item.subscript_expr)
            }
            Expr::Call(call) => {
                self.plain = false;
                self.call(call, call.span())
            }
            Expr::List(list) => list.items.iter().try_for_each(|item| self.expression(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).try_for_each(|item| self.expression(item)),
        }
    }

    /// What a filter or test is applied to. A `default` or an `is defined` reaches only the variable right before it.
    fn operand(&mut self, operand: &'t Expr<'t>, need: Need) -> Walked {
        if let Some(walked) = self.lookup(operand, need) {
            return walked;
        }
        match operand {
            Expr::Var(variable) => self.variable(variable.id, variable.span(), need),
            other => self.expression(other),
        }
    }

    fn choice(&mut self, choice: &'t IfExpr<'t>) -> Walked {
        self.condition(&choice.test_expr)?;
        let known = self.defined.len();
        implied(&choice.test_expr, Outcome::True, &mut self.defined);
        self.expression(&choice.true_expr)?;
        self.defined.truncate(known);
        implied(&choice.test_expr, Outcome::False, &mut self.defined);
        choice.false_expr.iter().try_for_each(|otherwise| self.expression(otherwise))?;
        self.defined.truncate(known);
        Ok(())
    }

    fn call(&mut self, call: &'t Call<'t>, span: Span) -> Walked {
        match &call.expr {
            Expr::Var(function) => self.check_known("function", function.id, FUNCTIONS, function.span())?,
            Expr::GetAttr(_) => return self.refuse(span, "values have no methods; use a filter, as in `name | upper`"),
            other => return self.refuse(other.span(), "this cannot be called"),
        }
        self.arguments(&call.args)
    }

    fn arguments(&mut self, arguments: &'t [CallArg<'t>]) -> Walked {
        arguments.iter().try_for_each(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                self.expression(value)
            }
        })
    }

    fn check_known(&self, what: &str, name: &str, known: &[&str], span: Span) -> Walked {
        if known.contains(&name) {
            return Ok(());
        }
        self.refuse(span, format!("unknown {what} {name:?}; known are {}", known.join(", ")))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A value.
    Required,
    /// A column; an empty cell of it is false.
    Truth,
    /// Nothing.
    Optional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    True,
    False,
}

impl Outcome {
    fn opposite(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
        }
    }
}

/// The variables that are known to be defined once a condition has had an outcome.
fn implied<'t>(condition: &'t Expr<'t>, outcome: Outcome, defined: &mut Vec<&'t str>) {
    match condition {
        Expr::Test(test) => {
            let says = match test.name {
                "defined" => Some(Outcome::True),
                "undefined" => Some(Outcome::False),
                _ => None,
            };
            if let Some(name) = column_name(&test.expr)
                && says == Some(outcome)
            {
                defined.push(name);
            }
        }
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            implied(&operation.expr, outcome.opposite(), defined);
        }
        Expr::BinOp(operation) => {
            let both = matches!(
                (&operation.op, outcome),
                (BinOpKind::ScAnd, Outcome::True) | (BinOpKind::ScOr, Outcome::False)
            );
            if both {
                implied(&operation.left, outcome, defined);
                implied(&operation.right, outcome, defined);
            }
        }
        _ => {}
    }
}

/// The column that an expression is, by its name or looked up in `row`.
fn column_name<'t>(expression: &'t Expr<'t>) -> Option<&'t str> {
    let is_row = |base: &Expr<'_>| matches!(base, Expr::Var(variable) if variable.id == ROW);
    match expression {
        Expr::Var(variable) => Some(variable.id),
        Expr::GetAttr(attribute) if is_row(&attribute.expr) => Some(attribute.name),
        Expr::GetItem(item) if is_row(&item.expr) => constant_text(&item.subscript_expr),
        _ => None,
    }
}

fn constant_text<'t>(expression: &'t Expr<'t>) -> Option<&'t str> {
    match expression {
        Expr::Const(constant) => constant.value.as_str(),
        _ => None,
    }
}

/// Whether an expression is a number whatever the row says, so that multiplying it cannot repeat a text.
fn is_numeric(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.is_number(),
        Expr::Filter(filter) => ["abs", "count", "float", "int", "length", "round"].contains(&filter.name),
        Expr::UnaryOp(operation) => matches!(operation.op, UnaryOpKind::Neg) && is_numeric(&operation.expr),
        Expr::BinOp(operation) => {
            use BinOpKind::{Add, Div, FloorDiv, Mul, Pow, Rem, Sub};
            matches!(operation.op, Add | Sub | Mul | Div | FloorDiv | Rem | Pow)
                && is_numeric(&operation.left)
                && is_numeric(&operation.right)
        }
        _ => false,
    }
}

/// How many values an expression joins, by `~` or `+`, in all of its parts.
fn joined(expression: &Expr<'_>) -> usize {
    match expression {
        Expr::BinOp(operation) if matches!(operation.op, BinOpKind::Concat | BinOpKind::Add) => {
            joined(&operation.left) + joined(&operation.right)
        }
        Expr::BinOp(operation) => joined(&operation.left).max(joined(&operation.right)),
        Expr::IfExpr(choice) => joined(&choice.true_expr).max(choice.false_expr.as_ref().map_or(1, joined)),
        Expr::Filter(filter) => filter.expr.as_ref().map_or(1, joined),
        _ => 1,
    }
}

/// Every name that the template sets, wherever.
fn collect_assigned<'t>(statements: &'t [Stmt<'t>], assigned: &mut BTreeSet<&'t str>) {
    for statement in statements {
        match statement {
            Stmt::Template(template) => collect_assigned(&template.children, assigned),
            Stmt::ForLoop(each) => {
                collect_assigned(&each.body, assigned);
                collect_assigned(&each.else_body, assigned);
            }
            Stmt::IfCond(condition) => {
                collect_assigned(&condition.true_body, assigned);
                collect_assigned(&condition.false_body, assigned);
            }
            Stmt::Set(set) => collect_variables(&set.target, assigned),
            _ => {}
        }
    }
}

/// Every variable that an expression mentions.
fn collect_variables<'t>(expression: &'t Expr<'t>, found: &mut BTreeSet<&'t str>) {
    let mut inner: Vec<&'t Expr<'t>> = Vec::new();
    let arguments = |list: &'t [CallArg<'t>]| {
        list.iter().map(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                value
            }
        })
    };
    match expression {
        Expr::Var(variable) => {
            found.insert(variable.id);
        }
        Expr::Const(_) => {}
        Expr::Slice(slice) => {
            inner.push(&slice.expr);
            inner.extend([&slice.start, &slice.stop, &slice.step].into_iter().flatten());
        }
        Expr::UnaryOp(operation) => inner.push(&operation.expr),
        Expr::BinOp(operation) => inner.extend([&operation.left, &operation.right]),
        Expr::Compare(comparison) => {
            inner.push(&comparison.expr);
            inner.extend(comparison.ops.iter().map(|operand| &operand.expr));
        }
        Expr::IfExpr(choice) => {
            inner.extend([&choice.test_expr, &choice.true_expr]);
            inner.extend(&choice.false_expr);
        }
        Expr::Filter(filter) => {
            inner.extend(&filter.expr);
            inner.extend(arguments(&filter.args));
        }
        Expr::Test(test) => {
            inner.push(&test.expr);
            inner.extend(arguments(&test.args));
        }
        Expr::GetAttr(attribute) => inner.push(&attribute.expr),
        Expr::GetItem(item) => inner.extend([&item.expr, &item.subscript_expr]),
        Expr::Call(call) => inner.extend(arguments(&call.args)),
        Expr::List(list) => inner.extend(&list.items),
        Expr::Map(map) => inner.extend(map.keys.iter().chain(&map.values)),
    }
    for expression in inner {
        collect_variables(expression, found);
    }
}
