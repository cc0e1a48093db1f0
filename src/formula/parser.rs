//! The grammar: tokens become the outcome and the sum of terms.
//!
//! From loose to tight: `|` within parentheses; `+ -`; `* /`; `:` between terms; the sign; `^`, from right to left.

use crate::data::text::closest;

use super::design::MOST_VARYING;
use super::error::{Characters, Located};
use super::fault::FormulaFault;
use super::syntax::{Expression, Form, Function, Mention, Operator};
use super::tokens::{Token, tokens};

/// The deepest nesting of parentheses, calls, signs and powers together.
const DEEPEST: usize = 64;

/// Operators of one precedence.
#[derive(Clone, Copy)]
enum Precedence {
    Sum,
    Product,
    Interaction,
}

/// A formula as it is written.
pub(super) struct WrittenFormula {
    pub outcome: Expression,
    /// Of each row, in `y | trials(n)`.
    pub trials: Option<Expression>,
    pub terms: Expression,
}

/// The parts of a formula.
pub(super) fn parse(text: &str) -> Located<WrittenFormula> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, arithmetic: true, depth: 0 };
    if *parser.peek() == Token::End {
        return parser.span().fault(FormulaFault::Empty);
    }
    let outcome = parser.chain(Precedence::Sum)?;
    let trials = match parser.mark("|") {
        Some(bar) => Some(parser.trials(bar)?),
        None => None,
    };
    parser.expect_mark("~", "`~` after the outcome")?;
    parser.arithmetic = false;
    let terms = parser.chain(Precedence::Sum)?;
    match parser.peek() {
        Token::End => Ok(WrittenFormula { outcome, trials, terms }),
        Token::Mark(")") => parser.span().fault(FormulaFault::ClosesNothing),
        Token::Mark("|" | "||") => terms.span.to(parser.span()).fault(FormulaFault::BareGroup),
        _ => parser.unexpected("`+` or another operator"),
    }
}

struct Parser {
    tokens: Vec<(Token, Characters)>,
    /// The token that is read next; the last token is the end and stays.
    next: usize,
    /// Whether operators compute, as within calls and in the outcome; otherwise they combine terms.
    arithmetic: bool,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn span(&self) -> Characters {
        self.tokens[self.next].1
    }

    fn advance(&mut self) -> (Token, Characters) {
        let token = self.tokens[self.next].clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    /// Reads this mark, if it is next.
    fn mark(&mut self, mark: &str) -> Option<Characters> {
        matches!(self.peek(), Token::Mark(next) if *next == mark).then(|| self.advance().1)
    }

    fn expect_mark(&mut self, mark: &str, expected: &str) -> Located<Characters> {
        self.mark(mark).map_or_else(|| self.unexpected(expected), Ok)
    }

    fn unexpected<T>(&self, expected: &str) -> Located<T> {
        let found = self.peek().to_string();
        self.span().fault(FormulaFault::Expected { expected: expected.to_owned(), found })
    }

    /// Operands joined by operators of one level.
    fn chain(&mut self, level: Precedence) -> Located<Expression> {
        let first = self.operand(level)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(level) {
            rest.push((operator, self.operand(level)?));
        }
        let Some((_, last)) = rest.last() else {
            return Ok(first);
        };
        let span = first.span.to(last.span);
        Ok(Expression { form: Form::Chain(Box::new(first), rest), span })
    }

    fn operand(&mut self, level: Precedence) -> Located<Expression> {
        match level {
            Precedence::Sum => self.chain(Precedence::Product),
            Precedence::Product if self.arithmetic => self.signed(),
            Precedence::Product => self.chain(Precedence::Interaction),
            Precedence::Interaction => self.signed(),
        }
    }

    fn operator(&mut self, level: Precedence) -> Option<Operator> {
        let operator = match (level, self.peek()) {
            (Precedence::Sum, Token::Mark("+")) => Operator::Plus,
            (Precedence::Sum, Token::Mark("-")) => Operator::Minus,
            (Precedence::Product, Token::Mark("*")) => Operator::Times,
            (Precedence::Product, Token::Mark("/")) => Operator::Over,
            (Precedence::Interaction, Token::Mark(":")) => Operator::Colon,
            _ => return None,
        };
        self.advance();
        Some(operator)
    }

    /// All recursion passes here, and so the depth is counted here.
    fn signed(&mut self) -> Located<Expression> {
        if self.depth == DEEPEST {
            return self.span().fault(FormulaFault::TooDeep);
        }
        self.depth += 1;
        let expression = if let Some(sign) = self.mark("-") {
            let inner = self.signed()?;
            Expression { span: sign.to(inner.span), form: Form::Negative(Box::new(inner)) }
        } else if self.mark("+").is_some() {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn power(&mut self) -> Located<Expression> {
        let base = self.primary()?;
        if self.mark("^").is_none() {
            return Ok(base);
        }
        let exponent = self.signed()?;
        Ok(Expression { span: base.span.to(exponent.span), form: Form::Power(Box::new(base), Box::new(exponent)) })
    }

    fn primary(&mut self) -> Located<Expression> {
        let (token, span) = match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Number(_) | Token::Mark("(") => self.advance(),
            _ => return self.unexpected(&self.wanted_here()),
        };
        let form = match token {
            Token::Name(name) if *self.peek() == Token::Mark("(") => return self.call(&name, span),
            Token::Name(name) if name == "." => return span.fault(FormulaFault::Dot),
            Token::Name(name) | Token::Quoted(name) => Form::Column(name),
            Token::Number(number) => Form::Number(number),
            Token::Mark(_) | Token::End => return self.parentheses(span),
        };
        Ok(Expression { form, span })
    }

    /// What can stand where an operand is missing.
    fn wanted_here(&self) -> String {
        let Some((previous, _)) = self.next.checked_sub(1).and_then(|previous| self.tokens.get(previous)) else {
            return "the outcome".to_owned();
        };
        let wanted = match previous {
            Token::Mark("|" | "||") => "a grouping column",
            _ if self.arithmetic => "a column or a number",
            _ => "a term",
        };
        format!("{wanted} after {previous}")
    }

    /// What stands within parentheses, after the opening one.
    fn parentheses(&mut self, open: Characters) -> Located<Expression> {
        let inner = self.chain(Precedence::Sum)?;
        let correlated = match self.peek() {
            Token::Mark("|") => true,
            Token::Mark("||") => false,
            _ => {
                let span = open.to(self.close(open, "`)` or an operator")?);
                return Ok(Expression { form: Form::Parentheses(Box::new(inner)), span });
            }
        };
        if self.arithmetic {
            return self.unexpected("`)` or an operator");
        }
        let (_, bar) = self.advance();
        let by = self.chain(Precedence::Sum)?;
        if let Some(second) = self.mark("|") {
            return bar.to(second).fault(FormulaFault::TwoBars);
        }
        let span = open.to(self.close(open, "`)` after the grouping columns")?);
        Ok(Expression { form: Form::Group { varying: Box::new(inner), by: Box::new(by), correlated }, span })
    }

    /// The number of trials, after the bar.
    fn trials(&mut self, bar: Characters) -> Located<Expression> {
        let name = self.span();
        if !matches!(self.peek(), Token::Name(function) if function == "trials") {
            return self.addition(bar);
        }
        self.advance();
        if *self.peek() != Token::Mark("(") {
            return self.unexpected("`(` after `trials`");
        }
        let (arguments, span) = self.arguments(name)?;
        match <[Expression; 1]>::try_from(arguments) {
            Ok([trials]) => Ok(trials),
            Err(arguments) => {
                let (function, takes, has) = ("trials", "1 argument", arguments.len());
                span.fault(FormulaFault::Arguments { function, takes, has, example: "k | trials(n)" })
            }
        }
    }

    /// Refuses what brms has between the outcome and `~`, from the bar on, and says what is written instead.
    fn addition<T>(&mut self, bar: Characters) -> Located<T> {
        let named = |token: &Token| match token {
            Token::Name(name) => Some(name.clone()),
            _ => None,
        };
        let function = named(self.peek()).unwrap_or_default();
        let column = match self.tokens.get(self.next + 1..) {
            Some([(Token::Mark("("), _), (column, _), ..]) => named(column),
            _ => None,
        };
        let ends = |(token, _): &&(Token, Characters)| matches!(token, Token::Mark("~" | ")") | Token::End);
        let last = self.tokens[self.next..].iter().find(ends).filter(|(token, _)| *token == Token::Mark(")"));
        let span = bar.to(last.map_or(bar, |(_, close)| *close));
        span.fault(FormulaFault::Addition { function, column: column.unwrap_or_else(|| "column".to_owned()) })
    }

    fn close(&mut self, open: Characters, expected: &str) -> Located<Characters> {
        match self.peek() {
            Token::End => open.fault(FormulaFault::Unclosed),
            _ => self.expect_mark(")", expected),
        }
    }

    /// A call, after the name of the function.
    fn call(&mut self, name: &str, at: Characters) -> Located<Expression> {
        let function = Function::ALL.into_iter().find(|function| function.name() == name);
        let (takes, example) = match (function, name) {
            (Some(function), _) => ("1 argument", function.example()),
            (None, "factor") => ("1 argument", "factor(dose)"),
            (None, "poly") => ("2 arguments", "poly(x, 2)"),
            (None, _) => return at.fault(unknown_function(name)),
        };
        if self.arithmetic && function.is_none() {
            return at.fault(FormulaFault::NotArithmetic { function: if name == "poly" { "poly" } else { "factor" } });
        }
        let (arguments, span) = self.arguments(at)?;
        let has = arguments.len();
        let form = match (function, &arguments[..]) {
            (Some(function), [argument]) => Form::Call(function, Box::new(argument.clone())),
            (None, [argument]) if name == "factor" => match &argument.form {
                Form::Column(name) => Form::Factor(Mention { name: name.clone(), span: argument.span, as_label: true }),
                _ => return argument.span.fault(FormulaFault::FactorOfExpression),
            },
            (None, [argument, degree]) if name == "poly" => Form::Poly(Box::new(argument.clone()), whole(degree)?),
            _ => {
                let function = example.split('(').next().unwrap_or(example);
                return span.fault(FormulaFault::Arguments { function, takes, has, example });
            }
        };
        Ok(Expression { form, span })
    }

    /// The arguments in parentheses, and the span of the call.
    fn arguments(&mut self, name: Characters) -> Located<(Vec<Expression>, Characters)> {
        let (_, open) = self.advance();
        let outside = std::mem::replace(&mut self.arithmetic, true);
        let mut arguments = Vec::new();
        if *self.peek() != Token::Mark(")") {
            arguments.push(self.chain(Precedence::Sum)?);
            while self.mark(",").is_some() {
                arguments.push(self.chain(Precedence::Sum)?);
            }
        }
        let close = self.close(open, "`)` or an operator")?;
        self.arithmetic = outside;
        Ok((arguments, name.to(close)))
    }
}

/// The degree of a polynomial.
fn whole(degree: &Expression) -> Located<usize> {
    match degree.form {
        Form::Number(number) if number.fract() == 0.0 && (1.0..=MOST_VARYING as f64).contains(&number) => {
            Ok(number as usize)
        }
        _ => degree.span.fault(FormulaFault::Degree),
    }
}

fn unknown_function(name: &str) -> FormulaFault {
    let names: Vec<String> =
        Function::ALL.into_iter().map(Function::name).chain(["factor", "poly"]).map(str::to_owned).collect();
    let cure = match (name, closest(&names, name)) {
        ("ln", _) => "write `log`".to_owned(),
        ("as.factor" | "C", _) => "write `factor`".to_owned(),
        ("offset" | "weights" | "se", _) => format!("write `--{name}` and a column, outside the formula"),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => format!("write one of: {}", names.join(", ")),
    };
    FormulaFault::UnknownFunction { function: name.to_owned(), cure }
}
