//! The rules of a view against its arguments.

use hipflask_rule::{RuleSyntax, Variable};
use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Error, ItemFn, LitStr, Result, ReturnType, Type};

use crate::arguments::{self, Argument, Plain};

/// An argument that comes from the path.
pub(crate) struct PathArgument {
    pub(crate) name: Ident,
    /// The variable's name: without the underscore of an argument that is not used, nor the `r#` of a keyword.
    pub(crate) variable: String,
    pub(crate) ty: Box<Type>,
}

impl PathArgument {
    /// The field of the view's struct, which `url_for!` fills in.
    pub(crate) fn field(&self) -> Ident {
        let raw = format!("r#{}", self.variable);
        // `self` has no raw form; then the field has the name of the argument, `_self`.
        let field = syn::parse_str(&self.variable).or_else(|_| syn::parse_str(&raw));
        let mut field: Ident = field.unwrap_or_else(|_| self.name.clone());
        field.set_span(self.name.span());
        field
    }
}

/// A view, its arguments sorted out.
pub(crate) struct View {
    pub(crate) function: ItemFn,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) path: Vec<PathArgument>,
}

/// A rule as an attribute gives it.
pub(crate) struct ViewRule {
    pub(crate) text: LitStr,
    pub(crate) syntax: RuleSyntax,
    /// The names of its defaults.
    pub(crate) defaults: Vec<Ident>,
}

impl ViewRule {
    /// The rule, and the subdomain or the host that it is for, whose variables are its own too.
    pub(crate) fn new<'a>(
        text: LitStr,
        domain: impl Iterator<Item = &'a LitStr>,
        defaults: Vec<Ident>,
    ) -> Result<ViewRule> {
        let rule = text.value();
        let mut syntax = parse(&text)?;
        for domain in domain {
            syntax.pieces.splice(0..0, parse(domain)?.pieces);
        }
        if !rule.is_empty() && !rule.starts_with('/') {
            return Err(Error::new(text.span(), format!("the rule `{rule}` must start with a slash: `/{rule}`")));
        }
        Ok(ViewRule { text, syntax, defaults })
    }

    fn gives(&self, variable: &str) -> bool {
        self.syntax.variables().any(|v| v.name == variable) || self.defaults.iter().any(|default| default == variable)
    }
}

fn parse(text: &LitStr) -> Result<RuleSyntax> {
    RuleSyntax::parse(&text.value()).map_err(|error| Error::new(text.span(), error.to_string()))
}

impl View {
    /// Sorts the arguments out, and checks them against every rule; `what` it is, for messages.
    pub(crate) fn new(function: ItemFn, rules: &[&ViewRule], what: &str) -> Result<View> {
        check_output(&function)?;
        let arguments = arguments::read(&function.sig, "a view")?;
        let mut path = Vec::new();
        for argument in &arguments {
            match argument {
                Argument::Typed { name: Some(name), ty } => {
                    if let Some(variable) = variable_for(name, rules) {
                        check_rules(name, &variable, ty, rules)?;
                        path.push(PathArgument { name: name.clone(), variable, ty: ty.clone() });
                    } else if arguments::plain(ty).is_some() {
                        return Err(not_in_the_rule(name, ty, rules));
                    }
                }
                Argument::Reference { ty, .. } => return Err(owned(ty)),
                Argument::Typed { name: None, .. } | Argument::Context => {}
            }
        }
        for rule in rules {
            check_every_variable_is_taken(rule, &path, what)?;
        }
        Ok(View { function, arguments, path })
    }
}

fn check_output(function: &ItemFn) -> Result<()> {
    let returns_nothing = match &function.sig.output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    };
    if !returns_nothing {
        return Ok(());
    }
    Err(Error::new(
        function.sig.ident.span(),
        "a view must answer: give it a return type, `-> Html`, `-> &'static str`, `-> Template`, `-> Result<Response>` …",
    ))
}

/// The variable of an argument: it has the same name, except for an underscore in front.
fn variable_for(name: &Ident, rules: &[&ViewRule]) -> Option<String> {
    let name = name.unraw().to_string();
    let bare = name.trim_start_matches('_');
    [name.as_str(), bare].into_iter().find(|name| rules.iter().any(|rule| rule.gives(name))).map(str::to_owned)
}

fn check_rules(name: &Ident, variable: &str, ty: &Type, rules: &[&ViewRule]) -> Result<()> {
    for rule in rules {
        if !rule.gives(variable) {
            return Err(Error::new(
                name.span(),
                format!(
                    "the rule `{}` has no variable `{variable}`, but another rule of the view has; add `{}` to it, or `defaults({variable} = …)`",
                    rule.text.value(),
                    rule_for(variable, ty)
                ),
            ));
        }
        if let Some(found) = rule.syntax.variables().find(|v| v.name == variable) {
            check_converter(found, ty, &rule.text)?;
        }
    }
    Ok(())
}

/// The converter says what a value looks like; a type of the standard library says what it must look like.
fn check_converter(variable: &Variable, ty: &Type, rule: &LitStr) -> Result<()> {
    let Some(plain) = arguments::plain(ty) else { return Ok(()) };
    let (name, converter) = (&variable.name, variable.converter.as_str());
    let written = written(variable);
    if RUST_TYPES.contains(&converter) {
        return Err(Error::new(
            rule.span(),
            format!(
                "`{converter}` in `{written}` is a type and no converter; write `{}`, the type is the argument's",
                rule_for(name, ty)
            ),
        ));
    }
    let gives = match (converter, plain) {
        ("int", Plain::Integer)
        | ("float", Plain::Float)
        | ("default" | "string" | "path" | "any" | "uuid", Plain::Text | Plain::Other) => return Ok(()),
        ("int", _) => "an integer",
        ("float", _) => "a number with a point",
        ("default" | "string" | "path" | "any" | "uuid", _) => "text",
        // A converter of the application's own gives what it gives.
        _ => return Ok(()),
    };
    Err(Error::new_spanned(
        ty,
        format!(
            "`{written}` gives {gives}, but the argument `{name}` is {}; make it `{name}: {}`, or write `{}` in the rule",
            arguments::with_article(ty),
            type_for(variable),
            rule_for(name, ty)
        ),
    ))
}

/// Names that are not converters in Flask, but that people who know Rust try.
const RUST_TYPES: [&str; 16] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "str",
    "String",
];

/// The variable as the rule has it.
fn written(variable: &Variable) -> String {
    match (variable.name.as_str(), variable.converter.as_str()) {
        (name, "default") => format!("<{name}>"),
        (name, converter) => format!("<{converter}:{name}>"),
    }
}

/// The variable that gives a `ty`.
fn rule_for(name: &str, ty: &Type) -> String {
    match arguments::plain(ty) {
        Some(Plain::Integer) => format!("<int:{name}>"),
        Some(Plain::Float) => format!("<float:{name}>"),
        _ => format!("<{name}>"),
    }
}

/// The type for what a variable gives.
fn type_for(variable: &Variable) -> &'static str {
    match variable.converter.as_str() {
        "int" => "i64",
        "float" => "f64",
        _ => "String",
    }
}

fn not_in_the_rule(name: &Ident, ty: &Type, rules: &[&ViewRule]) -> Error {
    let name_span = name.span();
    let name = name.unraw().to_string();
    let rule = rules.first().map(|rule| rule.text.value()).unwrap_or_default();
    let wanted = rule_for(&name, ty);
    let variables = || rules.iter().flat_map(|rule| rule.syntax.variables());
    let message = if let Some(turned) = variables().find(|v| v.converter == name && name != "default") {
        format!(
            "the rule `{rule}` has no variable `{name}`; in `{}` the converter comes first: write `<{}:{name}>`",
            written(turned),
            turned.name
        )
    } else if let Some(foreign) = [format!("{{{name}}}"), format!(":{name}")].iter().find(|text| rule.contains(*text)) {
        format!("the rule `{rule}` has no variable `{name}`; a variable is written `{wanted}`, not `{foreign}`")
    } else {
        let rename = variables().next().map(|near| format!(", or name the argument `{}`", near.name));
        format!(
            "the rule `{rule}` has no variable `{name}`, and nothing else gives {}; add `{wanted}` to the rule{}",
            arguments::with_article(ty),
            rename.unwrap_or_default()
        )
    };
    Error::new(name_span, message)
}

fn owned(ty: &Type) -> Error {
    let name = arguments::last_segment(ty).unwrap_or_default();
    let owned = if name == "str" { "String" } else { &name };
    Error::new_spanned(ty, format!("the arguments of a view are owned: take `{owned}`, not a reference"))
}

fn check_every_variable_is_taken(rule: &ViewRule, path: &[PathArgument], what: &str) -> Result<()> {
    for variable in rule.syntax.variables() {
        if path.iter().any(|argument| argument.variable == variable.name) {
            continue;
        }
        let (name, ty, written) = (&variable.name, type_for(variable), written(variable));
        return Err(Error::new(
            rule.text.span(),
            format!(
                "{what} has no argument for `{written}`; add `{name}: {ty}` to it (`_{name}: {ty}` if it has no use for it)"
            ),
        ));
    }
    Ok(())
}
