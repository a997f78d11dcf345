//! The rules of a view against its arguments, and the handler that calls it.

use hipflask_rule::{RuleSyntax, Variable};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, LitStr, Result, ReturnType, Type};

use crate::arguments::{self, Argument, Plain};

/// An argument that comes from the path.
pub(crate) struct PathArgument {
    pub(crate) name: Ident,
    /// The variable's name: without the underscore of an argument that is not used.
    pub(crate) variable: String,
    pub(crate) ty: Box<Type>,
}

/// A view, its arguments sorted out.
pub(crate) struct View {
    pub(crate) function: ItemFn,
    arguments: Vec<Argument>,
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
    pub(crate) fn new(text: LitStr, defaults: Vec<Ident>) -> Result<ViewRule> {
        let rule = text.value();
        let syntax = RuleSyntax::parse(&rule).map_err(|error| Error::new(text.span(), error.to_string()))?;
        if !rule.is_empty() && !rule.starts_with('/') {
            return Err(Error::new(text.span(), format!("the rule `{rule}` must start with a slash: `/{rule}`")));
        }
        Ok(ViewRule { text, syntax, defaults })
    }

    fn gives(&self, variable: &str) -> bool {
        self.syntax.variables().any(|v| v.name == variable) || self.defaults.iter().any(|default| default == variable)
    }
}

impl View {
    /// Sorts the arguments out, and checks them against every rule.
    pub(crate) fn new(function: ItemFn, rules: &[ViewRule]) -> Result<View> {
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
                Argument::Reference { ty } => return Err(owned(ty)),
                Argument::Typed { name: None, .. } | Argument::Context => {}
            }
        }
        for rule in rules {
            check_every_variable_is_taken(rule, &path)?;
        }
        Ok(View { function, arguments, path })
    }

    /// `impl Handler for View`, which calls the function by what it asks for.
    pub(crate) fn handler(&self) -> TokenStream {
        let name = &self.function.sig.ident;
        let mut fetches = TokenStream::new();
        let mut passed = Vec::new();
        let mut ready = quote!(true);
        let mut checks = TokenStream::new();
        let mut takes_context = false;
        for (index, argument) in self.arguments.iter().enumerate() {
            let value = quote::format_ident!("argument_{index}");
            match argument {
                Argument::Context => takes_context = true,
                Argument::Typed { name, ty } => {
                    let variable = name.as_ref().and_then(|name| self.path.iter().find(|path| path.name == *name));
                    fetches.extend(match variable {
                        Some(PathArgument { variable, ty, .. }) => {
                            quote_spanned!(ty.span()=> let #value = ctx.view_args().get::<#ty>(#variable)?;)
                        }
                        None => {
                            ready.extend(quote_spanned!(ty.span()=> && <#ty as ::hipflask::FromContext>::READY));
                            checks.extend(quote_spanned!(ty.span()=> <#ty as ::hipflask::FromContext>::check(freezing)?;));
                            quote_spanned!(ty.span()=> let #value = <#ty as ::hipflask::FromContext>::from_context(ctx).await?;)
                        }
                    });
                    passed.push(value);
                }
                Argument::Reference { .. } => {}
            }
        }
        let output = self.output_span();
        let outcome = |call: TokenStream| quote_spanned!(output=> ::hipflask::Outcome::into_outcome(#call));
        let answer = match (self.function.sig.asyncness.is_some(), takes_context) {
            (true, true) => outcome(quote!(#name(ctx, #(#passed),*).await)),
            (true, false) => outcome(quote!(#name(#(#passed),*).await)),
            (false, true) => outcome(quote!(self.pace.run_with(ctx, move |ctx| #name(ctx, #(#passed),*)).await)),
            (false, false) => outcome(quote!(self.pace.run(move || #name(#(#passed),*)).await)),
        };
        let answer = quote!(async move { #fetches #answer });
        let answer = match self.function.sig.asyncness {
            Some(_) => quote!(::hipflask::Answer::Later(::std::boxed::Box::pin(#answer))),
            None => quote!(self.pace.answer(#ready, #answer)),
        };
        quote! {
            #[derive(Default)]
            struct View {
                pace: ::hipflask::Pace,
            }

            impl ::hipflask::Handler for View {
                fn call<'a>(&'a self, ctx: &'a mut ::hipflask::Context) -> ::hipflask::Answer<'a> {
                    let _ = &self.pace;
                    #answer
                }

                fn check(&self, freezing: &::hipflask::Freezing<'_>) -> ::core::result::Result<(), ::std::string::String> {
                    let _ = freezing;
                    #checks
                    ::core::result::Result::Ok(())
                }
            }
        }
    }

    fn output_span(&self) -> proc_macro2::Span {
        match &self.function.sig.output {
            ReturnType::Type(_, ty) => ty.span(),
            ReturnType::Default => self.function.sig.ident.span(),
        }
    }
}

fn check_output(function: &ItemFn) -> Result<()> {
    let returns_nothing = match &function.sig.output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    };
    match returns_nothing {
        true => Err(Error::new(
            function.sig.ident.span(),
            "a view must answer: give it a return type, `-> Html`, `-> &'static str`, `-> Template`, `-> Result<Response>` …",
        )),
        false => Ok(()),
    }
}

/// The variable that an argument stands for: of the same name, but for an underscore in front.
fn variable_for(name: &Ident, rules: &[ViewRule]) -> Option<String> {
    let name = name.to_string();
    let bare = name.trim_start_matches('_');
    [name.as_str(), bare].into_iter().find(|name| rules.iter().any(|rule| rule.gives(name))).map(str::to_owned)
}

fn check_rules(name: &Ident, variable: &str, ty: &Type, rules: &[ViewRule]) -> Result<()> {
    for rule in rules {
        if !rule.gives(variable) {
            return Err(Error::new(
                name.span(),
                format!(
                    "the rule `{}` has no variable `{variable}`; add `<{variable}>` to it, or `defaults({variable} = …)`",
                    rule.text.value()
                ),
            ));
        }
        if let Some(found) = rule.syntax.variables().find(|v| v.name == variable) {
            check_converter(found, ty)?;
        }
    }
    Ok(())
}

/// The converter says what a value looks like; a type of the standard library says what it must look like.
fn check_converter(variable: &Variable, ty: &Type) -> Result<()> {
    let Some(plain) = arguments::plain(ty) else { return Ok(()) };
    let (name, converter) = (&variable.name, variable.converter.as_str());
    let ty_name = arguments::last_segment(ty).unwrap_or_default();
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
    let written = if converter == "default" { format!("<{name}>") } else { format!("<{converter}:{name}>") };
    let type_for = match converter {
        "int" => "i64",
        "float" => "f64",
        _ => "String",
    };
    let rule_for = match plain {
        Plain::Integer => format!("<int:{name}>"),
        Plain::Float => format!("<float:{name}>"),
        Plain::Text | Plain::Other => format!("<{name}>"),
    };
    Err(Error::new(
        ty.span(),
        format!(
            "`{written}` gives {gives}, but the argument `{name}` is a `{ty_name}`; make it `{name}: {type_for}`, or write `{rule_for}` in the rule"
        ),
    ))
}

fn not_in_the_rule(name: &Ident, ty: &Type, rules: &[ViewRule]) -> Error {
    let ty_name = arguments::last_segment(ty).unwrap_or_default();
    let variable = match arguments::plain(ty) {
        Some(Plain::Integer) => format!("<int:{name}>"),
        Some(Plain::Float) => format!("<float:{name}>"),
        _ => format!("<{name}>"),
    };
    let rule = rules.first().map(|rule| rule.text.value()).unwrap_or_default();
    let near = rules.iter().flat_map(|rule| rule.syntax.variables()).next();
    let hint = near.map(|near| format!(", or name the argument `{}`", near.name)).unwrap_or_default();
    Error::new(
        name.span(),
        format!(
            "the rule `{rule}` has no variable `{name}`, and a `{ty_name}` cannot come from anywhere else; add `{variable}` to the rule{hint}"
        ),
    )
}

fn owned(ty: &Type) -> Error {
    let name = arguments::last_segment(ty).unwrap_or_default();
    let owned = if name == "str" { "String" } else { &name };
    Error::new(ty.span(), format!("the arguments of a view are owned: take `{owned}`, not a reference"))
}

fn check_every_variable_is_taken(rule: &ViewRule, path: &[PathArgument]) -> Result<()> {
    for variable in rule.syntax.variables() {
        if path.iter().any(|argument| argument.variable == variable.name) {
            continue;
        }
        let ty = match variable.converter.as_str() {
            "int" => "i64",
            "float" => "f64",
            _ => "String",
        };
        let name = &variable.name;
        return Err(Error::new(
            rule.text.span(),
            format!(
                "the view has no argument for `<{name}>`; add `{name}: {ty}` to it (`_{name}: {ty}` if it has no use for it)"
            ),
        ));
    }
    Ok(())
}
