//! `#[task]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, Lit, LitStr, Pat, PatType, Path, Result, Token, Type};

/// The types of Hipflask and its extensions that are never in a message.
const FROM_APPLICATION: &[&str] = &["Config", "Db", "Frozen", "State", "TaskRequest", "TaskSender"];

/// What is written in the parentheses.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    root: Option<Path>,
    /// The methods of `Definition` to call, with their arguments.
    calls: Vec<TokenStream>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Options> {
        let mut options = Options::default();
        for option in Punctuated::<OneOption, Token![,]>::parse_terminated(input)? {
            options.add(option)?;
        }
        Ok(options)
    }
}

/// `name = "x"`, or a word alone.
struct OneOption {
    name: Ident,
    value: Option<Value>,
}

enum Value {
    Lit(Lit),
    Path(Path),
}

impl Parse for OneOption {
    fn parse(input: ParseStream<'_>) -> Result<OneOption> {
        let name = input.call(syn::ext::IdentExt::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_none() {
            None
        } else if input.peek(Lit) {
            Some(Value::Lit(input.parse()?))
        } else {
            Some(Value::Path(input.call(Path::parse_mod_style)?))
        };
        Ok(OneOption { name, value })
    }
}

impl Options {
    fn add(&mut self, OneOption { name, value }: OneOption) -> Result<()> {
        let text = name.to_string();
        match (text.as_str(), value) {
            ("name", Some(Value::Lit(Lit::Str(value)))) if !value.value().is_empty() => self.name = Some(value),
            ("crate", Some(Value::Path(path))) => self.root = Some(path),
            ("queue", Some(Value::Lit(Lit::Str(value)))) => self.calls.push(quote!(.queue(#value))),
            ("max_retries" | "priority", Some(Value::Lit(Lit::Int(value)))) => self.calls.push(quote!(.#name(#value))),
            (
                "retry_delay" | "time_limit" | "soft_time_limit" | "expires",
                Some(Value::Lit(value @ (Lit::Int(_) | Lit::Float(_)))),
            ) => self.calls.push(quote!(.#name(::core::time::Duration::from_secs_f64(#value as f64)))),
            ("ignore_result", None) => self.calls.push(quote!(.ignore_result())),
            ("name" | "queue", _) => return Err(Error::new(name.span(), format!("write `{text} = \"…\"`"))),
            ("max_retries" | "priority" | "retry_delay" | "time_limit" | "soft_time_limit" | "expires", _) => {
                return Err(Error::new(name.span(), format!("write `{text} = ` and a number")));
            }
            ("ignore_result", _) => return Err(Error::new(name.span(), "write `ignore_result` alone")),
            ("crate", _) => return Err(Error::new(name.span(), "write `crate = my::hipflask_tasks`")),
            _ => {
                return Err(Error::new(
                    name.span(),
                    format!(
                        "`{text}` is not an option of a task; these are `name`, `queue`, `max_retries`, `retry_delay`, \
                         `time_limit`, `soft_time_limit`, `expires`, `priority` and `ignore_result`"
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// An argument of the function.
struct Argument {
    name: Ident,
    of: Type,
    from: From,
}

enum From {
    Message,
    Application,
    /// `&mut Context`, which is lent.
    Context,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: Options = syn::parse2(arguments)?;
    let mut function: ItemFn =
        syn::parse2(item).map_err(|error| Error::new(error.span(), "`#[task]` belongs above a function"))?;
    if let Some(generic) = function.sig.generics.params.first() {
        return Err(Error::new(generic.span(), "a task has no type parameters: the worker would not know them"));
    }
    let arguments = function.sig.inputs.iter_mut().map(argument).collect::<Result<Vec<_>>>()?;
    Ok(write(&options, &function, &arguments))
}

fn argument(input: &mut FnArg) -> Result<Argument> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else {
        return Err(Error::new(input.span(), "a task is not a method; make it a function"));
    };
    let marks = attrs.len();
    attrs.retain(|attribute| !attribute.path().is_ident("ctx"));
    let is_marked = attrs.len() < marks;
    let Pat::Ident(name) = &**pat else {
        return Err(Error::new(pat.span(), "an argument of a task has a name, which messages use"));
    };
    let from = match &**ty {
        Type::Reference(reference) if reference.mutability.is_some() && last_name(&reference.elem) == "Context" => {
            From::Context
        }
        Type::Reference(_) => {
            return Err(Error::new(
                ty.span(),
                "a message cannot lend anything; take an owned value, `String` for `&str`",
            ));
        }
        of if is_marked || FROM_APPLICATION.contains(&last_name(of).as_str()) => From::Application,
        _ => From::Message,
    };
    Ok(Argument { name: name.ident.clone(), of: (**ty).clone(), from })
}

fn last_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

fn write(options: &Options, function: &ItemFn, arguments: &[Argument]) -> TokenStream {
    let root = options.root.as_ref().map_or_else(|| quote!(::hipflask_tasks), |path| quote!(#path));
    let (name, vis) = (&function.sig.ident, &function.vis);
    let documentation = function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let task_name = options.name.as_ref().map_or_else(
        || quote!(#root::macro_support::name(::core::module_path!(), ::core::stringify!(#name))),
        |name| quote!(::std::borrow::Cow::Borrowed(#name)),
    );
    let calls = &options.calls;
    let sent: Vec<&Argument> = arguments.iter().filter(|argument| matches!(argument.from, From::Message)).collect();
    let (sent_names, sent_types): (Vec<_>, Vec<_>) = sent.iter().map(|sent| (&sent.name, &sent.of)).unzip();
    let sent_texts = sent_names.iter().map(|name| name.to_string().trim_start_matches("r#").to_owned());
    let given: Vec<&Argument> =
        arguments.iter().filter(|argument| matches!(argument.from, From::Application)).collect();
    let given_types: Vec<&Type> = given.iter().map(|given| &given.of).collect();
    let given_names: Vec<&Ident> = given.iter().map(|given| &given.name).collect();
    let has_context = arguments.iter().any(|argument| matches!(argument.from, From::Context));
    let passed = arguments.iter().map(|argument| match argument.from {
        From::Context => quote!(__ctx),
        _ => {
            let name = &argument.name;
            quote!(#name)
        }
    });
    let (asyncness, wait) =
        if function.sig.asyncness.is_some() { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };
    let context = has_context.then(|| quote!(__ctx: &mut ::hipflask::Context,));
    let output = match &function.sig.output {
        syn::ReturnType::Default => quote!(()),
        syn::ReturnType::Type(_, of) => quote!(#of),
    };
    let checked = given_types.iter().map(|of| quote!(<#of as ::hipflask::FromContext>::check(__freezing)?;));
    let arguments_type = format_ident!("__Arguments", span = Span::mixed_site());
    quote! {
        #function

        #(#documentation)*
        #[allow(non_camel_case_types)]
        #[derive(Debug)]
        #vis struct #name {}

        const _: () = {
            struct #arguments_type { #(#sent_names: #sent_types,)* #(#given_names: #given_types,)* }

            impl ::hipflask::FromContext for #arguments_type {
                async fn from_context(__ctx: &mut ::hipflask::Context) -> ::hipflask::Result<Self> {
                    #[allow(unused_mut)]
                    let mut __message = #root::macro_support::Arguments::of(__ctx)?;
                    #(let #sent_names = __message.take::<#sent_types>(::core::stringify!(#sent_names))?;)*
                    __message.end()?;
                    #(let #given_names = <#given_types as ::hipflask::FromContext>::from_context(__ctx).await?;)*
                    ::core::result::Result::Ok(#arguments_type { #(#sent_names,)* #(#given_names,)* })
                }

                fn check(__freezing: &::hipflask::extension::Freezing<'_>) -> ::core::result::Result<(), ::std::string::String> {
                    #(#checked)*
                    let _ = __freezing;
                    ::core::result::Result::Ok(())
                }
            }

            #asyncness fn __run(#context __arguments: #arguments_type) -> ::hipflask::Result<#root::macro_support::Returned> {
                let #arguments_type { #(#sent_names,)* #(#given_names,)* } = __arguments;
                #root::macro_support::Returned::of(#name(#(#passed),*)#wait)
            }

            impl #root::Task for #name {
                type Output = <#output as #root::TaskOutput>::Output;

                fn name() -> ::std::borrow::Cow<'static, str> {
                    #task_name
                }

                fn definition() -> #root::Definition {
                    #root::Definition::new(<Self as #root::Task>::name(), __run)#(#calls)*
                }
            }

            impl #name {
                /// A call of the task with the arguments of its message.
                #[allow(clippy::too_many_arguments)]
                #vis fn with(#(#sent_names: #sent_types),*) -> #root::Call<<Self as #root::Task>::Output> {
                    #root::Call::new(<Self as #root::Task>::definition())#(.argument(#sent_texts, &#sent_names))*
                }
            }
        };
    }
}
