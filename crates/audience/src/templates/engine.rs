//! The template engine with what a message needs and nothing that can be made to work without end.

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, filters, tests, value::Rest};

use super::work;

/// How many steps one rendering may take. A long message takes a few hundred.
const FUEL: u64 = 5_000;

/// How long a list or a string may become inside of a template.
const MAX_ITEMS: i64 = 1_000;
const MAX_BYTES: usize = 64 * 1024;

/// The filters that templates may use.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
];

/// The tests that templates may use after `is`.
pub(super) const TESTS: &[&str] = &[
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "le",
    "lt",
    "ne",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// The functions that templates may call.
pub(super) const FUNCTIONS: &[&str] = &["range"];

/// The filter behind whatever may be empty without being an error. No template can write it.
pub(super) const FALSY: &str = "__falsy";

/// An engine without templates.
pub(super) fn environment() -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(50);
    add_filters(&mut engine);
    add_tests(&mut engine);
    count_work(&mut engine);
    engine.add_function("range", range);
    engine.add_filter(FALSY, |value: &Value| if value.is_undefined() { Value::from("") } else { value.clone() });
    engine
}

/// The name of a filter or test without the counting around it. No template can write it.
fn plain(name: &str) -> String {
    format!("{name}!")
}

/// Counts the work of every filter and every test that a template can name.
fn count_work(engine: &mut Environment<'static>) {
    for &name in FILTERS {
        let inner = plain(name);
        engine.add_filter(name, move |state: &State<'_, '_>, arguments: Rest<Value>| {
            let run = || state.apply_filter(&inner, &arguments);
            match work::of(state) {
                None => run(),
                Some(work) => work.count(work.around(name, &arguments, run)?),
            }
        });
    }
    for &name in TESTS {
        let inner = plain(name);
        engine.add_test(name, move |state: &State<'_, '_>, arguments: Rest<Value>| {
            let run = || state.perform_test(&inner, &arguments);
            match work::of(state) {
                None => run(),
                Some(work) => work.around(name, &arguments, run),
            }
        });
    }
}

fn add_filters(engine: &mut Environment<'static>) {
    engine.add_filter(plain("abs"), filters::abs);
    engine.add_filter(plain("bool"), filters::bool);
    engine.add_filter(plain("capitalize"), filters::capitalize);
    engine.add_filter(plain("count"), filters::length);
    engine.add_filter(plain("d"), filters::default);
    engine.add_filter(plain("default"), filters::default);
    engine.add_filter(plain("first"), filters::first);
    engine.add_filter(plain("float"), filters::float);
    engine.add_filter(plain("int"), filters::int);
    engine.add_filter(plain("join"), join);
    engine.add_filter(plain("last"), filters::last);
    engine.add_filter(plain("length"), filters::length);
    engine.add_filter(plain("lines"), filters::lines);
    engine.add_filter(plain("list"), filters::list);
    engine.add_filter(plain("lower"), filters::lower);
    engine.add_filter(plain("max"), filters::max);
    engine.add_filter(plain("min"), filters::min);
    engine.add_filter(plain("replace"), replace);
    engine.add_filter(plain("reverse"), filters::reverse);
    engine.add_filter(plain("round"), filters::round);
    engine.add_filter(plain("sort"), filters::sort);
    engine.add_filter(plain("split"), filters::split);
    engine.add_filter(plain("string"), filters::string);
    engine.add_filter(plain("sum"), filters::sum);
    engine.add_filter(plain("title"), filters::title);
    engine.add_filter(plain("trim"), filters::trim);
    engine.add_filter(plain("unique"), filters::unique);
    engine.add_filter(plain("upper"), filters::upper);
}

fn add_tests(engine: &mut Environment<'static>) {
    engine.add_test(plain("defined"), tests::is_defined);
    engine.add_test(plain("divisibleby"), tests::is_divisibleby);
    engine.add_test(plain("endingwith"), tests::is_endingwith);
    engine.add_test(plain("eq"), tests::is_eq);
    engine.add_test(plain("equalto"), tests::is_eq);
    engine.add_test(plain("even"), tests::is_even);
    engine.add_test(plain("false"), tests::is_false);
    engine.add_test(plain("float"), tests::is_float);
    engine.add_test(plain("ge"), tests::is_ge);
    engine.add_test(plain("gt"), tests::is_gt);
    engine.add_test(plain("in"), tests::is_in);
    engine.add_test(plain("integer"), tests::is_integer);
    engine.add_test(plain("le"), tests::is_le);
    engine.add_test(plain("lt"), tests::is_lt);
    engine.add_test(plain("ne"), tests::is_ne);
    engine.add_test(plain("none"), tests::is_none);
    engine.add_test(plain("number"), tests::is_number);
    engine.add_test(plain("odd"), tests::is_odd);
    engine.add_test(plain("startingwith"), tests::is_startingwith);
    engine.add_test(plain("string"), tests::is_string);
    engine.add_test(plain("true"), tests::is_true);
    engine.add_test(plain("undefined"), tests::is_undefined);
}

fn too_large(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// The engine's own `range` makes lists of a hundred thousand items in one step.
fn range(lower: i64, upper: Option<i64>) -> Result<Vec<i64>, Error> {
    let numbers = upper.map_or(0..lower, |upper| lower..upper);
    let length = numbers.end.saturating_sub(numbers.start);
    if length > MAX_ITEMS { Err(too_large("range has too many items")) } else { Ok(numbers.collect()) }
}

/// The engine's own `replace` can double a text, and be applied to its own result.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let replaced = text.matches(from).count();
    let length = text.len().saturating_add(replaced.saturating_mul(to.len()));
    if length > MAX_BYTES { Err(too_large("replace makes the text too long")) } else { Ok(text.replace(from, to)) }
}

/// The engine's own `join` makes a text of any length in one step.
fn join(items: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut joined = String::new();
    for (place, item) in items.try_iter()?.enumerate() {
        if place > 0 {
            joined.push_str(separator.unwrap_or(""));
        }
        match item.as_str() {
            Some(text) => joined.push_str(text),
            None => joined.push_str(&item.to_string()),
        }
        if joined.len() > MAX_BYTES {
            return Err(too_large("join makes the text too long"));
        }
    }
    Ok(joined)
}
