//! Variants: what is a group, and which alternative a person sees.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use paceline_audience::{Template, Variables, VariantKey};
use paceline_domain::{AddressHash, CampaignId};

fn key(campaign: u8, person: u32) -> VariantKey {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&person.to_be_bytes());
    VariantKey::new(CampaignId::from_bytes([campaign; 16]), AddressHash::from_bytes(address))
}

/// Every text that a template makes of a row for a few hundred people.
fn texts(source: &str, variables: &[(&str, &str)]) -> BTreeSet<String> {
    let template = Template::parse(source).unwrap_or_else(|error| panic!("{source:?}: {error}"));
    let row: Variables = variables.iter().copied().collect();
    (0..400).map(|person| template.render(&row, key(7, person)).expect("a text")).collect()
}

fn is(source: &str, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(texts(source, &[("name", "Ana"), ("evil", "{a|b}")]), expected, "{source:?}");
}

#[test]
fn one_alternative_of_each_group_is_drawn() {
    is("{Hi|Hello|Hey} there", &["Hi there", "Hello there", "Hey there"]);
    is("{a|b}{c|d}", &["ac", "ad", "bc", "bd"]);
    is("x{|,} y", &["x y", "x, y"]);
    is("{|}x", &["x"]);
    is("{Hey|{Hi|Hello} there}", &["Hey", "Hi there", "Hello there"]);
    is("{{Hi|Hello} there|Hey}", &["Hi there", "Hello there", "Hey"]);
    is("{{{a|b}c|d}|e}", &["ac", "bc", "d", "e"]);
    is("{a\nb|c}", &["a\nb", "c"]);
}

#[test]
fn alternatives_hold_expressions_whose_bars_are_filters() {
    is("{Hi {{ name | upper }}|Hello {{ nick | default('you') }}}", &["Hi ANA", "Hello you"]);
    is("{{{ name }}|x}", &["Ana", "x"]);
}

#[test]
fn alternatives_hold_blocks_and_blocks_hold_groups() {
    is("{a{% if name == 'Ana' %}!{% endif %}|b}", &["a!", "b"]);
    is("{% if name is defined %}{a|b}{% endif %}.", &["a.", "b."]);
    is("{% for i in range(2) %}{a|b}{% endfor %}", &["aa", "bb"]);
}

#[test]
fn braces_without_a_bar_and_escaped_ones_are_text() {
    is("{} :{ } | {x", &["{} :{ } | {x"]);
    is(r"\{ok} {0: 1, +}", &["{ok} {0: 1, +}"]);
    is(r"\{a\|b\}", &["{a|b}"]);
    is(r"{a\|b|c\}}", &["a|b", "c}"]);
    is(r"\{{a|b}\}", &["{a}", "{b}"]);
    is(r"C:\dir \\{a|b\}", &[r"C:\dir \{a|b}"]);
    is(r"{a \{b\} c|d}", &["a {b} c", "d"]);
    is("{# {a|b #}x", &["x"]);
    is("open { brace\nand a | bar", &["open { brace\nand a | bar"]);
}

#[test]
fn a_value_that_looks_like_a_group_stays_as_it_is() {
    is("{{ evil }}", &["{a|b}"]);
    is("{x {{ evil }}|x {{ evil }}}", &["x {a|b}"]);
}

#[test]
fn the_same_person_sees_the_same_text_in_a_campaign() {
    let template = Template::parse("{a|b|c|d}{e|f|g|h}").expect("a template");
    let row = Variables::default();
    let see = |campaign, person| template.render(&row, key(campaign, person)).expect("a text");
    assert!((0..100).all(|person| see(1, person) == see(1, person)));
    let differing = (0..100).filter(|person| see(1, *person) != see(2, *person)).count();
    assert!(differing > 80, "another campaign draws anew: {differing}");
    // What a person sees is part of what a preview promises: it must not change with a release.
    let seen: Vec<_> = (0..6).map(|person| see(1, person)).collect();
    assert_snapshot!(seen.join(" "), @"bh ch bg cg dh cg");
}

#[test]
fn draws_are_even_and_independent_of_each_other() {
    let template = Template::parse("{a|b|c}{x|y}").expect("a template");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for person in 0..6000 {
        *counts.entry(template.render(&Variables::default(), key(3, person)).expect("a text")).or_default() += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn a_group_that_is_not_closed_is_refused_at_its_brace() {
    let refusal = |source: &str| Template::parse(source).expect_err(source).to_string();
    assert_snapshot!(refusal("Dear\n  {Hi|Hello {{ name }}"), @r#"line 2, column 3: this group of variants is not closed; end it with }, or write \{ for a brace"#);
    assert_snapshot!(refusal("{Hi|{Hello|Hey}"), @r#"line 1, column 1: this group of variants is not closed; end it with }, or write \{ for a brace"#);
    assert_snapshot!(refusal("é {% if name %}{a|{% endif %}b}"), @"line 1, column 19: this block reaches beyond a variant; a variant must hold the whole block or none of it");
    assert_snapshot!(refusal("{% if name %}{a|{% else %}b}{% endif %}"), @"line 1, column 17: this block reaches beyond a variant; a variant must hold the whole block or none of it");
    assert_snapshot!(refusal("{a|{% for x in name %}b}{% endfor %}"), @"line 1, column 4: this block reaches beyond a variant; a variant must hold the whole block or none of it");
    assert_snapshot!(refusal(&format!("{}x|y{}", "{a|".repeat(9), "}".repeat(9))), @"line 1, column 25: variants are nested more than 8 deep");
    assert_snapshot!(refusal(&"{a|b}".repeat(257)), @"line 1, column 1281: a template has at most 256 groups of variants");
}
