//! A selector as it is carried out: tests of one element, and chains of them.
//!
//! A complex selector such as `ul > li b` becomes a *chain*; each of its steps has a
//! bit. Chains are listed from the inside out, those in `:is()` and the like before
//! the one they are in, so whoever evaluates an element takes them in order and
//! never has to recurse into the tree.

use crate::select::error::SelectorError;
use crate::select::grammar::{Css, State};
use selectors::attr::{
    AttrSelectorOperator, NamespaceConstraint, ParsedAttrSelectorOperation, ParsedCaseSensitivity,
};
use selectors::parser::{
    Combinator, Component, NthSelectorData, RelativeSelector, Selector, SelectorIter,
};

/// One bit for each step of each chain.
pub type Bits = u128;

/// How many steps the chains of one selector may have in all.
pub const STEPS_MAX: u32 = Bits::BITS;

/// A selector list, compiled.
#[derive(Clone, Default)]
pub struct Program {
    /// What a match has to be, one of them.
    pub rules: Vec<Rule>,
    pub chains: Vec<Chain>,
    /// Tags and attributes that are asked for, to be looked up once per tree.
    pub names: Vec<Box<str>>,
    /// Says whether any chain looks at siblings.
    pub has_sibling_steps: bool,
    steps: u32,
    nths: usize,
    /// How many selectors there are in `:has()`.
    pub relatives: usize,
}

/// A complex selector.
#[derive(Clone)]
pub enum Rule {
    /// No combinators: the element alone decides.
    Alone(Compound),
    /// The bit of a chain's last step decides; the number is the chain's.
    Chain { bit: Bits, number: usize },
}

/// Compounds joined by combinators, leftmost first.
#[derive(Clone)]
pub struct Chain {
    pub steps: Vec<Step>,
}

#[derive(Clone)]
pub struct Step {
    /// How an element has to lie to one that did the step before; the first has none.
    pub combinator: Option<Combinator>,
    pub compound: Compound,
    pub bit: Bits,
}

/// Tests that all have to hold, cheap ones first.
#[derive(Clone, Default)]
pub struct Compound {
    pub tests: Vec<Test>,
}

/// The number of a name in `Program::names`.
pub type Name = usize;

#[derive(Clone)]
pub enum Test {
    /// HTML elements are asked for `html`, in lower case, SVG and MathML for `other`.
    Tag {
        html: Name,
        other: Name,
    },
    Id(Box<str>),
    Class(Box<str>),
    Attribute(Box<Attribute>),
    Root,
    Scope,
    Empty,
    /// `:first-child`.
    First,
    /// `:last-child`.
    Last,
    State(State),
    /// `:is()` and `:where()`, or `:not()`.
    Any {
        rules: Vec<Rule>,
        negated: bool,
    },
    Nth(Box<Nth>),
    Has(Vec<Relative>),
    /// What nothing is: a selector that `:is()` forgives, an element of no namespace.
    Never,
}

#[derive(Clone)]
pub struct Attribute {
    pub html: Name,
    pub other: Name,
    /// A uuid is asked of the tree: most elements have it, but not as an attribute.
    pub is_uuid: bool,
    /// The name as it is without a prefix, for `[*|name]`: that may have one.
    pub any_prefix: Option<Box<str>>,
    /// `None` asks only whether it is there.
    pub value: Option<(AttrSelectorOperator, ParsedCaseSensitivity, Box<str>)>,
}

#[derive(Clone)]
pub struct Nth {
    /// Tells this test's counts from those of others.
    pub number: usize,
    pub data: NthSelectorData,
    /// What counts, if not everything does.
    pub of: Option<Vec<Rule>>,
    /// The chains that `of` is made of are among the first so many.
    pub chains: usize,
}

/// One selector of `:has()`.
#[derive(Clone)]
pub struct Relative {
    pub number: usize,
    /// From the element that is asked outwards; each step's combinator is the one
    /// before it, and its bit just its place here.
    pub steps: Vec<Step>,
    /// The chains that its compounds may ask for are among the first so many.
    pub chains: usize,
}

impl Relative {
    /// Says whether what is looked for begins beside the element, not in it.
    pub fn is_beside(&self) -> bool {
        self.steps[0].combinator.is_some_and(|it| it.is_sibling())
    }
}

impl Program {
    pub fn compile(list: &[Selector<Css>]) -> Result<Program, SelectorError> {
        let mut program = Program::default();
        program.rules = program.list(list)?;
        Ok(program)
    }

    fn list(&mut self, list: &[Selector<Css>]) -> Result<Vec<Rule>, SelectorError> {
        list.iter().map(|selector| self.rule(selector)).collect()
    }

    fn rule(&mut self, selector: &Selector<Css>) -> Result<Rule, SelectorError> {
        let mut steps = self.steps(selector.iter())?;
        if steps.len() == 1 {
            let alone = steps.pop().map(|step| step.compound);
            return Ok(Rule::Alone(alone.unwrap_or_default()));
        }
        self.has_sibling_steps |= steps
            .iter()
            .any(|step| step.combinator.is_some_and(|it| it.is_sibling()));
        for step in &mut steps {
            if self.steps == STEPS_MAX {
                return Err(SelectorError::too_many_steps());
            }
            step.bit = 1 << self.steps;
            self.steps += 1;
        }
        let bit = 1 << (self.steps - 1);
        self.chains.push(Chain { steps });
        let number = self.chains.len() - 1;
        Ok(Rule::Chain { bit, number })
    }

    /// Compiles the compounds of a complex selector, leftmost first.
    fn steps(&mut self, mut iter: SelectorIter<'_, Css>) -> Result<Vec<Step>, SelectorError> {
        let mut steps = Vec::new();
        loop {
            let compound = self.compound(&mut iter)?;
            let combinator = iter.next_sequence();
            let is_first = combinator.is_none();
            steps.push(Step {
                combinator,
                compound,
                bit: 0,
            });
            if is_first {
                steps.reverse();
                return Ok(steps);
            }
        }
    }

    fn compound(&mut self, iter: &mut SelectorIter<'_, Css>) -> Result<Compound, SelectorError> {
        let mut tests = Vec::new();
        for component in iter {
            tests.extend(self.test(component)?);
        }
        tests.sort_by_key(cost);
        Ok(Compound { tests })
    }

    fn test(&mut self, component: &Component<Css>) -> Result<Option<Test>, SelectorError> {
        Ok(Some(match component {
            Component::LocalName(name) => Test::Tag {
                html: self.name(&name.lower_name.0),
                other: self.name(&name.name.0),
            },
            Component::ID(id) => Test::Id(id.0.clone()),
            // Classes are separated by white space, so none has any.
            Component::Class(class) if class.0.contains(|it: char| it.is_ascii_whitespace()) => {
                Test::Never
            }
            Component::Class(class) => Test::Class(class.0.clone()),
            Component::AttributeInNoNamespaceExists {
                local_name,
                local_name_lower,
            } => self.attribute(&local_name_lower.0, &local_name.0, false, None),
            Component::AttributeInNoNamespace {
                local_name,
                operator,
                value,
                case_sensitivity,
            } => {
                let value = (*operator, *case_sensitivity, value.0.clone());
                self.attribute(&local_name.0, &local_name.0, false, Some(value))
            }
            Component::AttributeOther(it) => {
                let any = matches!(it.namespace, Some(NamespaceConstraint::Any));
                let value = match &it.operation {
                    ParsedAttrSelectorOperation::Exists => None,
                    ParsedAttrSelectorOperation::WithValue {
                        operator,
                        case_sensitivity,
                        value,
                    } => Some((*operator, *case_sensitivity, value.0.clone())),
                };
                self.attribute(&it.local_name_lower.0, &it.local_name.0, any, value)
            }
            Component::Root => Test::Root,
            Component::Scope => Test::Scope,
            Component::Empty => Test::Empty,
            Component::NonTSPseudoClass(state) => Test::State(state.clone()),
            Component::Is(list) | Component::Where(list) => Test::Any {
                rules: self.list(list.slice())?,
                negated: false,
            },
            Component::Negation(list) => Test::Any {
                rules: self.list(list.slice())?,
                negated: true,
            },
            Component::Nth(data) => self.nth(data, None)?,
            Component::NthOf(nth) => self.nth(nth.nth_data(), Some(nth.selectors()))?,
            Component::Has(list) => {
                let relatives = list.iter().map(|relative| self.relative(relative));
                Test::Has(relatives.collect::<Result<_, _>>()?)
            }
            Component::ExplicitUniversalType
            | Component::ExplicitAnyNamespace
            | Component::RelativeSelectorAnchor => return Ok(None),
            // `|a`, what `:is()` forgave, `:host()`: no element here is any of these,
            // and nothing else comes out of our grammar.
            _ => Test::Never,
        }))
    }

    fn attribute(
        &mut self,
        html: &str,
        other: &str,
        any: bool,
        value: Option<(AttrSelectorOperator, ParsedCaseSensitivity, Box<str>)>,
    ) -> Test {
        Test::Attribute(Box::new(Attribute {
            html: self.name(html),
            other: self.name(other),
            is_uuid: html == "uuid",
            any_prefix: any.then(|| other.into()),
            value,
        }))
    }

    fn nth(
        &mut self,
        data: &NthSelectorData,
        of: Option<&[Selector<Css>]>,
    ) -> Result<Test, SelectorError> {
        if of.is_none() && data.is_simple_edge() {
            return Ok(if data.ty.is_from_end() {
                Test::Last
            } else {
                Test::First
            });
        }
        let before = self.chains.len();
        let of = of.map(|list| self.list(list)).transpose()?;
        self.nths += 1;
        Ok(Test::Nth(Box::new(Nth {
            number: self.nths,
            data: *data,
            of,
            chains: self.chains_since(before),
        })))
    }

    /// Returns how many chains are known to what asks for those after the first *before*.
    fn chains_since(&self, before: usize) -> usize {
        let all = self.chains.len();
        if all > before { all } else { 0 }
    }

    fn relative(&mut self, relative: &RelativeSelector<Css>) -> Result<Relative, SelectorError> {
        let before = self.chains.len();
        let mut steps = self.steps(relative.selector.iter())?;
        // The first stands for the element that is asked, and asks nothing of it.
        steps.remove(0);
        for (place, step) in steps.iter_mut().enumerate() {
            let bit = Bits::checked_shl(1, place as u32);
            step.bit = bit.ok_or_else(SelectorError::too_many_steps)?;
        }
        let number = self.relatives;
        self.relatives += 1;
        Ok(Relative {
            number,
            steps,
            chains: self.chains_since(before),
        })
    }

    fn name(&mut self, name: &str) -> Name {
        let known = self.names.iter().position(|it| &**it == name);
        known.unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        })
    }
}

/// Orders tests by what they cost.
fn cost(test: &Test) -> u8 {
    match test {
        Test::Never => 0,
        Test::Tag { .. } => 1,
        Test::Id(_) | Test::Root | Test::Scope => 2,
        Test::Class(_) => 3,
        Test::Attribute(_) => 4,
        Test::First | Test::Last | Test::Empty => 5,
        Test::State(_) => 6,
        Test::Any { .. } => 7,
        Test::Nth(_) => 8,
        Test::Has(_) => 9,
    }
}
