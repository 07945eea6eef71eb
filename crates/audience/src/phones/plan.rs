//! Numbering plans: libphonenumber's data, with each regular expression compiled once, when it is first needed.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use phonenumber::{
    Metadata,
    metadata::{DATABASE, Descriptor},
};
use regex::{Regex, RegexBuilder};

/// Calling codes have one to three digits (ITU-T E.164, 6.2.1).
const MAX_CODE_DIGITS: usize = 3;

/// All plans. A constant of the program: derived from data that is compiled in, the same in every run.
static PLANS: LazyLock<Plans> = LazyLock::new(Plans::load);

pub(super) fn plans() -> &'static Plans {
    &PLANS
}

pub(super) struct Plans {
    /// By calling code; unassigned codes are empty.
    codes: Vec<Option<CallingCode>>,
    /// Where each region stands: its calling code and its place among the code's regions.
    regions: HashMap<[u8; 2], (u16, usize)>,
}

impl Plans {
    fn load() -> Self {
        let codes: Vec<_> = (0..1000).map(CallingCode::load).collect();
        let mut regions = HashMap::new();
        for code in codes.iter().flatten() {
            for (place, plan) in code.regions.iter().enumerate() {
                if let Ok(letters) = <[u8; 2]>::try_from(plan.data.id().as_bytes()) {
                    regions.insert(letters, (code.value, place));
                }
            }
        }
        Self { codes, regions }
    }

    /// The plan of a region and the calling code that it shares with others.
    pub(super) fn find_region(&self, letters: [u8; 2]) -> Option<(&CallingCode, &NumberingPlan)> {
        let (code, place) = self.regions.get(&letters)?;
        let code = self.codes.get(usize::from(*code))?.as_ref()?;
        Some((code, code.regions.get(*place)?))
    }

    /// Splits off the calling code. No code is the beginning of another, so the first that fits is the one.
    pub(super) fn split<'d>(&self, digits: &'d str) -> Option<(&CallingCode, &'d str)> {
        if digits.starts_with('0') {
            return None;
        }
        (1..=MAX_CODE_DIGITS).find_map(|length| {
            let code: usize = digits.get(..length)?.parse().ok()?;
            Some((self.codes.get(code)?.as_ref()?, &digits[length..]))
        })
    }
}

/// A calling code and the regions that share it, the main one first.
pub(super) struct CallingCode {
    value: u16,
    text: String,
    regions: Vec<NumberingPlan>,
}

impl CallingCode {
    fn load(value: u16) -> Option<Self> {
        let regions: Vec<_> = DATABASE.by_code(&value)?.into_iter().map(NumberingPlan::load).collect();
        (!regions.is_empty()).then(|| Self { value, text: value.to_string(), regions })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn main(&self) -> &NumberingPlan {
        &self.regions[0]
    }

    /// The one region that the number belongs to, if it is valid there. A region with leading digits owns every number that begins with
    /// them, valid or not; the others own what is valid in them.
    pub(super) fn find_valid(&self, national: &str) -> Option<&NumberingPlan> {
        if let [only] = self.regions.as_slice() {
            return Some(only).filter(|only| only.is_valid(national));
        }
        self.regions
            .iter()
            .find_map(|region| match &region.leading_digits {
                Some(leading) => {
                    leading.matches(national).then(|| Some(region).filter(|region| region.is_valid(national)))
                }
                None => region.is_valid(national).then_some(Some(region)),
            })
            .flatten()
    }
}

/// What the length of a number says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Possible,
    /// Only as it is dialled within an area.
    Local,
    TooShort,
    TooLong,
    /// Between the shortest and the longest, but no number has it.
    Unused,
}

/// How numbers look in one region.
pub(super) struct NumberingPlan {
    data: &'static Metadata,
    general: Pattern,
    kinds: Vec<Kind>,
    /// The kind that comes first is mobile.
    has_mobile: bool,
    leading_digits: Option<Pattern>,
    national_prefix: Option<Pattern>,
    international_prefix: Option<Pattern>,
    lengths: Vec<usize>,
    local_lengths: Vec<usize>,
}

impl NumberingPlan {
    fn load(data: &'static Metadata) -> Self {
        let all = data.descriptors();
        // Mobile first: most numbers of an audience end the search there.
        let kinds = [
            all.mobile(),
            all.fixed_line(),
            all.voip(),
            all.personal_number(),
            all.toll_free(),
            all.premium_rate(),
            all.shared_cost(),
            all.pager(),
            all.uan(),
            all.voicemail(),
        ];
        let has_mobile = kinds[0].is_some();
        let kinds: Vec<_> = kinds.into_iter().flatten().map(Kind::load).collect();
        // A plan that does not say how to recognise its trunk prefix means the prefix itself.
        let national_prefix = match data.national_prefix_for_parsing() {
            Some(pattern) => Some(pattern.as_str()),
            None => data.national_prefix(),
        };
        let lengths = union(&kinds, |kind| &kind.lengths);
        let mut local_lengths = union(&kinds, |kind| &kind.local_lengths);
        local_lengths.retain(|length| !lengths.contains(length));
        Self {
            data,
            general: Pattern::whole(all.general().national_number().as_str()),
            kinds,
            has_mobile,
            leading_digits: data.leading_digits().map(|pattern| Pattern::beginning(pattern.as_str())),
            national_prefix: national_prefix.map(Pattern::beginning),
            international_prefix: data.international_prefix().map(|pattern| Pattern::beginning(pattern.as_str())),
            lengths,
            local_lengths,
        }
    }

    /// Whether the number has the general form of the region's numbers.
    pub(super) fn is_general(&self, national: &str) -> bool {
        self.general.matches(national)
    }

    fn is_valid(&self, national: &str) -> bool {
        self.lengths.contains(&national.len())
            && self.is_general(national)
            && self.kinds.iter().any(|kind| kind.matches(national))
    }

    /// Whether a valid number may be a mobile one. In plans that do not tell them apart, each may.
    pub(super) fn is_mobile(&self, national: &str) -> bool {
        self.has_mobile && self.kinds.first().is_some_and(|mobile| mobile.matches(national))
    }

    /// Whether a number is a mobile one but for a digit more or less.
    pub(super) fn is_nearly_mobile(&self, national: &str) -> bool {
        let near = |length: &usize| length.abs_diff(national.len()) == 1;
        self.has_mobile && self.kinds.first().is_some_and(|mobile| mobile.lengths.iter().any(near))
    }

    pub(super) fn length(&self, national: &str) -> Length {
        let length = national.len();
        match (self.lengths.first(), self.lengths.last()) {
            _ if self.local_lengths.contains(&length) => Length::Local,
            _ if self.lengths.contains(&length) => Length::Possible,
            (Some(shortest), _) if length < *shortest => Length::TooShort,
            (_, Some(longest)) if length > *longest => Length::TooLong,
            _ => Length::Unused,
        }
    }

    /// What remains after the prefix for calls abroad, when the number begins with it. A zero cannot follow it.
    pub(super) fn strip_international_prefix<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let end = self.international_prefix.as_ref()?.find_end(digits)?;
        digits.get(end..).filter(|rest| !rest.starts_with('0'))
    }

    /// The number without its trunk prefix and carrier code, rewritten where the plan says so. A number that is valid as
    /// it stands is not made invalid.
    pub(super) fn strip_national_prefix<'d>(&self, national: &'d str) -> Cow<'d, str> {
        let unchanged = Cow::Borrowed(national);
        let Some(prefix) = self.national_prefix.as_ref().and_then(Pattern::regex) else { return unchanged };
        let Some(found) = prefix.captures(national) else { return unchanged };
        let end = found.get(0).map_or(0, |whole| whole.end());
        let last_group = found.len().checked_sub(1).filter(|last| *last > 0).map(|last| found.get(last).is_some());
        let stripped = match self.data.national_prefix_transform_rule() {
            Some(rule) if last_group.unwrap_or(true) => Cow::Owned(fill_groups(rule, &found) + &national[end..]),
            _ => Cow::Borrowed(&national[end..]),
        };
        if self.is_general(national) && !self.is_general(&stripped) { unchanged } else { stripped }
    }
}

/// Puts captured groups into a rule such as `9$1`. Groups are single digits in libphonenumber's rules.
fn fill_groups(rule: &str, found: &regex::Captures<'_>) -> String {
    let mut filled = String::with_capacity(rule.len() + 16);
    let mut rest = rule.chars();
    while let Some(letter) = rest.next() {
        let group = if letter == '$' { rest.next().and_then(|digit| digit.to_digit(10)) } else { None };
        match group {
            Some(group) => filled.push_str(found.get(group as usize).map_or("", |text| text.as_str())),
            None => filled.push(letter),
        }
    }
    filled
}

fn union(kinds: &[Kind], lengths: fn(&Kind) -> &Vec<usize>) -> Vec<usize> {
    let mut all: Vec<_> = kinds.iter().flat_map(lengths).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One kind of number: mobile, fixed line, toll free and so on.
struct Kind {
    pattern: Pattern,
    lengths: Vec<usize>,
    local_lengths: Vec<usize>,
}

impl Kind {
    fn load(data: &'static Descriptor) -> Self {
        Self {
            pattern: Pattern::whole(data.national_number().as_str()),
            lengths: data.possible_length().iter().map(|length| usize::from(*length)).collect(),
            local_lengths: data.possible_local_length().iter().map(|length| usize::from(*length)).collect(),
        }
    }

    fn matches(&self, national: &str) -> bool {
        (self.lengths.is_empty() || self.lengths.contains(&national.len())) && self.pattern.matches(national)
    }
}

/// A regular expression that is compiled when it is first asked. There are about 2,700; a file needs a few dozen.
struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn whole(source: &str) -> Self {
        Self { source: format!("^(?:{source})$"), compiled: OnceLock::new() }
    }

    fn beginning(source: &str) -> Self {
        Self { source: format!("^(?:{source})"), compiled: OnceLock::new() }
    }

    /// `None` would mean that the data holds an expression that this crate cannot compile; a test compiles them all.
    fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| RegexBuilder::new(&self.source).ignore_whitespace(true).unicode(false).build().ok())
            .as_ref()
    }

    fn matches(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    fn find_end(&self, text: &str) -> Option<usize> {
        self.regex()?.find(text).map(|found| found.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_of_the_data_compiles() {
        let mut compiled = 0;
        for plan in plans().codes.iter().flatten().flat_map(|code| &code.regions) {
            let optional = [&plan.leading_digits, &plan.national_prefix, &plan.international_prefix];
            let kinds = plan.kinds.iter().map(|kind| &kind.pattern);
            for pattern in optional.into_iter().flatten().chain(kinds).chain([&plan.general]) {
                assert!(pattern.regex().is_some(), "{}: {}", plan.data.id(), pattern.source);
                compiled += 1;
            }
        }
        assert!(compiled > 1500, "the data is there: {compiled}");
    }
}
