//! Templates and what rows make of them.

use insta::assert_snapshot;
use paceline_audience::{ColumnNames, RenderError, Template, Variables, VariantKey};
use paceline_domain::{AddressHash, CampaignId};

fn key() -> VariantKey {
    VariantKey::new(CampaignId::from_bytes([1; 16]), AddressHash::from_bytes([2; 16]))
}

fn template(source: &str) -> Template {
    Template::parse(source).unwrap_or_else(|error| panic!("{source:?}: {error}"))
}

fn render(source: &str, variables: &[(&str, &str)]) -> Result<String, RenderError> {
    template(source).render(&variables.iter().copied().collect::<Variables>(), key())
}

fn refusal(source: &str) -> String {
    Template::parse(source).expect_err(source).to_string()
}

fn required(source: &str) -> Vec<String> {
    template(source).required_variables().into_iter().collect()
}

#[test]
fn variables_defaults_filters_and_conditions_work() {
    let row = [("name", "ana"), ("order", "7"), ("preço", "12.5")];
    assert_eq!(render("Hi {{ name }}!", &row).as_deref(), Ok("Hi ana!"));
    assert_eq!(
        render("Hi {{ title | default('there') }}, {{ name|capitalize }}", &row).as_deref(),
        Ok("Hi there, Ana")
    );
    assert_eq!(render("{% if title is defined %}{{ title }}{% else %}-{% endif %}", &row).as_deref(), Ok("-"));
    assert_eq!(render("{{ (order | int) * 2 }} à {{ preço | float | round }}", &row).as_deref(), Ok("14 à 13.0"));
    assert_eq!(render("{% for c in 'ab' %}{{ loop.index }}{{ c }}{% endfor %}", &row).as_deref(), Ok("1a2b"));
    assert_eq!(render("{% set who = name ~ '!' %}{{ who }}", &row).as_deref(), Ok("ana!"));
    assert_eq!(render("{% raw %}{{ name }} {a|b}{% endraw %}", &row).as_deref(), Ok("{{ name }} {a|b}"));
    assert_eq!(render("a\n{# note {x|y} #}b\n", &row).as_deref(), Ok("a\nb"));
}

#[test]
fn values_are_put_in_as_they_are() {
    let row = [("name", "<b>\"{{ order }}\" & {a|b} {% raw %}</b>")];
    assert_eq!(render("{{ name }}", &row).as_deref(), Ok(row[0].1));
}

#[test]
fn a_missing_variable_is_named() {
    let missing = |source: &str, row: &[(&str, &str)]| match render(source, row) {
        Err(RenderError::MissingVariable(name)) => name,
        other => panic!("{source:?}: {other:?}"),
    };
    assert_eq!(missing("{{ name }}", &[]), "name");
    assert_eq!(missing("{{ a | default('x') }}{{ b }}", &[]), "b");
    assert_eq!(missing("{{ b ~ (a | default('x')) }}", &[]), "b");
    assert_eq!(missing("{{ name | upper }}", &[("nam", "x")]), "name");
    assert_eq!(missing("{% if vip %}x{% endif %}{{ b }}", &[]), "b");
    assert_eq!(missing("{{ name or 'there' }} {{ vip | upper }}", &[]), "vip");
    assert_eq!(missing("{{ name ~ (vip or 'x') }}", &[]), "name");
    assert_eq!(missing("{% for x in items %}x{% endfor %}", &[]), "items");
    assert_eq!(missing("{% if a is defined %}{{ b }}{% endif %}", &[("a", "1")]), "b");
}

#[test]
fn variables_that_a_default_or_a_condition_covers_are_not_required() {
    assert_eq!(required("{{ a }} {{ b | default('x') }} {{ c | d }}"), ["a"]);
    assert_eq!(template("{{ a }} {{ b | default(c) }}").variables().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(required("{{ b | default(c) }}"), ["c"]);
    assert_eq!(required("{{ b | default('x') }} {{ b }}"), ["b"], "one use without a default is enough");
    assert_eq!(required("{{ b | upper | default('x') }}"), ["b"], "the filter before the default needs it");
    assert_eq!(required("{% if a is defined %}{{ a }}{% else %}{{ b }}{% endif %}"), ["b"]);
    assert_eq!(required("{% if a is not defined %}x{% else %}{{ a }}{% endif %}"), [""; 0]);
    assert_eq!(required("{% if a is undefined or a == '' %}x{% endif %}"), [""; 0]);
    assert_eq!(required("{{ a if a is defined and b else c }}"), ["b", "c"]);
    assert_eq!(required("{% for x in list %}{{ x }}{{ loop.index }}{{ y }}{% endfor %}"), ["list", "y"]);
    assert_eq!(required("{% set a = b %}{{ a }}"), ["b"]);
    assert_eq!(required("{% if b %}{% set a = 1 %}{% endif %}{{ a }}"), ["a", "b"]);
    assert_eq!(required("{% for i in range(3) %}{{ i }}{% endfor %}"), [""; 0]);
    assert_eq!(required("{Hi|Hello {{ x }}|{a|{{ y }}}}"), ["x", "y"]);
    let missing = template("{{ a }}{{ b }}{{ c | d }}").missing_columns(&ColumnNames::new(&["b"]));
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn errors_tell_line_and_column_of_the_source() {
    assert_snapshot!(refusal("Hi {{ name"), @"line 1, column 7: unexpected end of input, expected end of variable block");
    assert_snapshot!(refusal("Hi\né {{ name | }}"), @"line 2, column 13: unexpected end of variable block, expected identifier");
    assert_snapshot!(refusal("a\nb {% if x %}c"), @"line 2, column 13: unexpected end of input, expected end of block");
    assert_snapshot!(refusal("{{ 'x }}"), @"line 1, column 9: unexpected end of string");
    assert_snapshot!(refusal("{% endif %}"), @"line 1, column 4: unknown statement endif");
    assert_snapshot!(refusal("{% include 'x' %}"), @"line 1, column 4: unknown statement include");
    assert_snapshot!(refusal("{% macro x() %}{% endmacro %}"), @"line 1, column 4: unknown statement macro");
    assert_snapshot!(refusal("Hi {{ name | uper }}"), @r#"line 1, column 14: unknown filter "uper"; known are abs, bool, capitalize, count, d, default, first, float, int, join, last, length, lines, list, lower, max, min, replace, reverse, round, sort, split, string, sum, title, trim, unique, upper"#);
    assert_snapshot!(refusal("{{ name is fine }}"), @r#"line 1, column 12: unknown test "fine"; known are defined, divisibleby, endingwith, eq, equalto, even, false, float, ge, gt, in, integer, le, lt, ne, none, number, odd, startingwith, string, true, undefined"#);
    assert_snapshot!(refusal("a\n  {{ now() }}"), @r#"line 2, column 6: unknown function "now"; known are range"#);
    assert_snapshot!(refusal("{{ name.upper() }}"), @"line 1, column 8: values have no methods; use a filter, as in `name | upper`");
    assert_snapshot!(refusal("{{ __v0 }}"), @"line 1, column 4: names that begin with two underscores are reserved");
    assert_snapshot!(refusal("{% filter upper %}x{% endfilter %}"), @"line 1, column 4: {% filter %} is not supported; a message has if, for and set");
    assert_snapshot!(refusal("{{ 'x' * 1000000000 }}"), @"line 1, column 4: only numbers can be multiplied; write `price | float` for a column");
    assert_snapshot!(refusal("{{ name * 3 }}"), @"line 1, column 4: only numbers can be multiplied; write `price | float` for a column");
    assert_snapshot!(refusal(" \n "), @"line 1, column 1: the template is empty");
    assert_snapshot!(refusal(&"x".repeat(40_000)), @"line 1, column 1: the template is longer than 32768 bytes");
}

#[test]
fn texts_that_cannot_be_sent_are_refused() {
    let exact = "é".repeat(4096);
    assert_eq!(render("{{ text }}", &[("text", &exact)]).map(|text| text.chars().count()), Ok(4096));
    assert_eq!(render("{{ text }}!", &[("text", &exact)]), Err(RenderError::TooLong { chars: 4097 }));
    assert_eq!(render(" {{ text | default('') }}\n", &[]), Err(RenderError::Empty));
}

#[test]
fn a_template_that_works_without_end_is_stopped() {
    let loops = "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}";
    assert!(matches!(render(loops, &[]), Err(RenderError::TooLong { .. } | RenderError::TooExpensive)));
    let silent =
        "{% for a in range(1000) %}{% for b in range(1000) %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}x";
    assert_snapshot!(render(silent, &[]).expect_err("stopped"), @"the template does too much work with this row's values");
    assert!(render("{{ range(100000) | length }}", &[]).is_err());
    let growing = format!("{{{{ 'xxxxxxxxxxxxxxxx'{} | length }}}}", " | replace('x', 'xxxxxxxxxxxxxxxx')".repeat(20));
    assert_snapshot!(render(&growing, &[]).expect_err("stopped"), @"invalid operation: replace makes the text too long");
    assert_snapshot!(refusal("{% for i in range(40) %}{% set a = (a | d('x')) ~ (a | d('x')) %}{% endfor %}"), @r#"line 1, column 28: "a" is itself set in this template; set names from columns only"#);
    assert_snapshot!(refusal("{% set a = 'x' %}{% set b = a ~ a %}{{ b }}"), @r#"line 1, column 21: "a" is itself set in this template; set names from columns only"#);
    let deep = format!("{}x{}", "(".repeat(5000), ")".repeat(5000));
    assert!(Template::parse(&format!("{{{{ {deep} }}}}")).is_err());
}

#[test]
fn a_template_is_shared_between_threads() {
    let template = template("{Hi|Hello} {{ name }}");
    let row: Variables = [("name", "Ana")].into_iter().collect();
    let here = template.render(&row, key());
    let there =
        std::thread::scope(|scope| scope.spawn(|| template.clone().render(&row, key())).join().expect("no panic"));
    assert_eq!(here, there);
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    for (head, link, tail) in [
        ("{{ a", " ~ a", " }}"),
        ("{{ a", "|d", " }}"),
        ("{{ a", ".b", " }}"),
        ("{{ ", "not ", "a }}"),
        ("{{ ", "-", "1 }}"),
        ("{{ a", " if a else a", " }}"),
        ("{{ a", " and a", " }}"),
        ("{{ a", " is defined", " }}"),
        ("{{ a", "[0]", " }}"),
        ("{% if a %}", "{% elif a %}", "{% endif %}"),
        ("{a", "|b", "}"),
        ("{a", "|{b", "}}}}}}}}"),
        ("", "{% if a %}", ""),
        ("", "{", "}"),
        ("{{ ", "[", "}}"),
    ] {
        let links = (32_000 - head.len() - tail.len()) / link.len();
        let source = format!("{head}{}{tail}", link.repeat(links));
        // Accepted or refused, but not a crash.
        if let Ok(template) = Template::parse(&source) {
            let _ = template.render(&Variables::default(), key());
        }
    }
}

#[test]
fn the_work_inside_of_a_filter_is_counted() {
    let words: String = (0..10_000).map(|number: u32| (number * 7_919 % 10_007).to_string() + " ").collect();
    for hostile in [
        "{% for i in range(100) %}{% if (t | split | sort | unique | length) == i %}{% endif %}{% endfor %}x",
        "{% for i in range(100) %}{% set a = t | upper | lower | title %}{% endfor %}x",
        "{% set l = t | split %}{% for i in range(500) %}{% if i in (l | reverse | list) %}{% endif %}{% endfor %}x",
        "{% for i in range(500) %}{% if t is startingwith 'x' %}{% endif %}{% endfor %}x",
        "{% for i in range(500) %}{% if t == i %}{% endif %}{% endfor %}x",
        "{% for i in range(500) %}{{ t[0:1] }}{% endfor %}",
    ] {
        assert_eq!(render(hostile, &[("t", &words)]), Err(RenderError::TooExpensive), "{hostile}");
        assert!(render(hostile, &[("t", "a b")]).is_ok(), "{hostile}: with few values it is cheap");
    }
    let once = render("{{ t | split | sort | unique | first }}", &[("t", &words)]);
    assert_eq!(once.as_deref(), Ok("0"), "once is not too often");
}

#[test]
fn a_rendering_that_takes_too_long_is_broken_off() {
    let variables: Variables = [("name", "Ada")].into_iter().collect();
    let late = std::sync::Arc::new(|| true);
    let rendered = template("Hi {{ name }}").render_until(&variables, key(), Some(late));
    assert_eq!(rendered, Err(RenderError::TooExpensive));
    let in_time = std::sync::Arc::new(|| false);
    let rendered = template("Hi {{ name }}").render_until(&variables, key(), Some(in_time));
    assert_eq!(rendered.as_deref(), Ok("Hi Ada"));
}

#[test]
fn one_expression_joins_few_values() {
    let joined = |count: usize| vec!["a"; count].join(" ~ ");
    assert!(Template::parse(&format!("{{{{ {} }}}}", joined(16))).is_ok());
    assert_snapshot!(refusal(&format!("{{{{ {} }}}}", joined(17))), @"line 1, column 4: more than 16 values are joined in one expression; write them one after the other instead");
    assert!(Template::parse(&format!("{{{{ ({}) | upper ~ b }}}}", joined(16))).is_err());
}

#[test]
fn what_only_puts_values_in_is_plain() {
    for (source, plain) in [
        ("Hi {{ name }}", true),
        ("{Hi|Hello} {{ name | default('you') | title }}{% if x is defined %}!{% endif %}", true),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", false),
        ("{{ t | split | first }}", false),
        ("{{ a ~ b }}", false),
    ] {
        assert_eq!(template(source).is_plain(), plain, "{source}");
    }
}

#[test]
fn an_empty_cell_is_false_and_no_error() {
    for (source, empty, full) in [
        ("{{ name or 'there' }}", "there", "Ana"),
        ("Hi{% if name %} {{ name }}{% endif %}", "Hi", "Hi Ana"),
        ("{{ name if name else 'you' }}", "you", "Ana"),
        ("{% if not name %}you{% else %}{{ name }}{% endif %}", "you", "Ana"),
        ("{% if name == 'Ana' %}a{% else %}b{% endif %}", "b", "a"),
        ("{% if name != 'Ana' %}a{% else %}b{% endif %}", "a", "b"),
        ("{% if name and name == 'Ana' %}a{% else %}b{% endif %}", "b", "a"),
        ("{{ row['name'] or 'there' }}", "there", "Ana"),
        ("{{ row.name if row.name else 'you' }}", "you", "Ana"),
    ] {
        assert_eq!(render(source, &[]).as_deref(), Ok(empty), "{source}");
        assert_eq!(render(source, &[("name", "Ana")]).as_deref(), Ok(full), "{source}");
        // A column without the name is a slip of the pen.
        assert_eq!(required(source), ["name"], "{source}");
    }
    assert_eq!(render("{{ name }}", &[]), Err(RenderError::MissingVariable("name".to_owned())));
}

#[test]
fn any_column_can_be_named() {
    let row = [("First Name", "Ana"), ("E-Mail", "a@b"), ("2nd", "x"), ("Größe", "M"), ("cafe\u{301}", "latte")];
    assert_eq!(render("{{ row[\"First Name\"] }} {{ first_name }}", &row).as_deref(), Ok("Ana Ana"));
    assert_eq!(render("{{ e_mail }} {{ _2nd }} {{ größe }} {{ row['2nd'] }}", &row).as_deref(), Ok("a@b x M x"));
    assert_eq!(render("{{ row[\"Other\"] | default('-') }}", &row).as_deref(), Ok("-"));
    assert_eq!(
        render("{{ cafe\u{301} }}", &[("café", "latte")]).as_deref(),
        Ok("latte"),
        "the same name in another form"
    );
    assert_eq!(required("{{ row[\"First Name\"] }}{{ row.city | d('') }}"), ["First Name"]);
    assert_eq!(required("{% if row['a b'] is defined %}{{ row['a b'] }}{% endif %}"), [""; 0]);
    assert_eq!(render("{{ row[\"First Name\"] }}", &[]), Err(RenderError::MissingVariable("First Name".to_owned())));
    let columns = ColumnNames::new(&["First Name", "2nd"]);
    assert!(template("{{ first_name }}{{ _2nd }}{{ row['2nd'] }}").missing_columns(&columns).is_empty());
    let missing = template("{{ firstname }}{{ row['First name'] }}").missing_columns(&columns);
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["First name", "firstname"]);
    assert_eq!(render("{{ row }}", &[("row", "7")]).as_deref(), Ok("7"), "a column may be called row");
    assert_snapshot!(refusal("{{ row }}{{ row['x'] }}"), @r#"line 1, column 4: row is all columns here; write row["row"] for the column of that name"#);
    assert_snapshot!(refusal("{{ row[name] }}"), @r#"line 1, column 4: row[…] needs the name of a column in quotes, as in row["First Name"]"#);
}

#[test]
fn a_brace_that_looks_like_a_mistake_is_one() {
    assert_snapshot!(refusal("Hi {{ name }"), @"line 1, column 4: this expression is not closed; end it with }}, or write \\{\\{ for braces");
    assert_snapshot!(refusal("Hi {{ name } and {{ city }}"), @"line 1, column 4: this expression is not closed; end it with }}, or write \\{\\{ for braces");
    assert_snapshot!(refusal("Hi {{name|there}"), @"line 1, column 4: this expression is not closed; end it with }}, or write \\{\\{ for braces");
    assert_snapshot!(refusal("Hi|Hello} there"), @"line 1, column 9: this } closes no group of variants; begin the group with {, or write \\} for a brace");
    assert_snapshot!(refusal("Hi {name}!"), @"line 1, column 4: {name} is sent as it stands; write {{ name }} for a column, or \\{name} for the text");
    assert_snapshot!(refusal("a\nHi { First Name }!"), @"line 2, column 4: {First Name} is sent as it stands; write {{ First Name }} for a column, or \\{First Name} for the text");
    assert_snapshot!(refusal("{Hi|Hello} {1}"), @"line 1, column 12: {1} is sent as it stands; write {{ 1 }} for a column, or \\{1} for the text");
    assert_snapshot!(refusal("Hi {{1}}"), @"line 1, column 6: this prints the number 1; name a column, as in {{ name }}");
    for (meant, text) in [
        ("\\{name}", "{name}"),
        ("\\{\\{ name }", "{{ name }"),
        ("{}", "{}"),
        (":-{ ;-}", ":-{ ;-}"),
        ("{\"a\": 1}", "{\"a\": 1}"),
        ("a | b", "a | b"),
    ] {
        assert_eq!(render(meant, &[]).as_deref(), Ok(text), "{meant}");
    }
}

#[test]
fn placeholders_of_other_programs_are_told_where_a_column_has_the_name() {
    let columns = ColumnNames::new(&["name", "First Name", "Größe des Hemds"]);
    let told = |source: &str| {
        let mistakes = template(source).mistaken_placeholders(&columns);
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(told("Hi [name], %Name% <<first name>> «größe des hemds» [sic] 10% off, 20% more"), @r#"
    line 1, column 4: [name] is sent as it stands; write {{ name }} for the column, or {{ "[name]" }} for the text
    line 1, column 12: %Name% is sent as it stands; write {{ name }} for the column, or {{ "%Name%" }} for the text
    line 1, column 19: <<first name>> is sent as it stands; write {{ first_name }} for the column, or {{ "<<first name>>" }} for the text
    line 1, column 34: «größe des hemds» is sent as it stands; write {{ größe_des_hemds }} for the column, or {{ "«größe des hemds»" }} for the text
    "#);
    assert_snapshot!(told("Hi\n{name|there} {First Name|you}"), @r#"
    line 2, column 2: "name" is a variant here and is sent as it stands, but also a column; write {{ name or 'text' }} for the column, or {{ "name" }} for the word
    line 2, column 15: "First Name" is a variant here and is sent as it stands, but also a column; write {{ first_name or 'text' }} for the column, or {{ "First Name" }} for the word
    "#);
    assert_eq!(told("Hi {{ name }}, {Hi|Hello} [city] {% raw %}[name]{% endraw %}"), "");
}
