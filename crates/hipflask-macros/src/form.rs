//! `#[derive(Form)]`

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Expr, ExprRange, Field, Fields, GenericArgument, LitStr, Path, PathArguments,
    RangeLimits, Result, Token, Type, parenthesized,
};

use crate::Expanded;
use crate::arguments::last_segment;

/// What `#[field(..)]` says.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    label: Option<LitStr>,
    widget: Option<LitStr>,
    description: Option<LitStr>,
    choices: Vec<(LitStr, LitStr)>,
    attributes: Vec<(String, TokenStream)>,
    rules: Vec<TokenStream>,
    /// A rule reads it, and perhaps nobody else: a password typed twice, a box that must be ticked.
    is_read: bool,
}

impl Options {
    fn read(field: &Field) -> Result<Options> {
        let mut options = Options::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| options.read_one(&meta, value_type(&field.ty)))?;
        }
        Ok(options)
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let Some(key) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(meta.error("an option of a field is one word"));
        };
        match key.as_str() {
            "name" => self.name = Some(meta.value()?.parse()?),
            "label" => self.label = Some(meta.value()?.parse()?),
            "widget" => self.widget = Some(meta.value()?.parse()?),
            "description" => self.description = Some(meta.value()?.parse()?),
            "length" => self.length(meta)?,
            "range" => self.range(meta)?,
            "email" => {
                self.rules.push(quote!(::hipflask::form::Email));
                self.widget.get_or_insert_with(|| LitStr::new("email", meta.path.span()));
            }
            "one_of" => {
                let content;
                parenthesized!(content in meta.input);
                let words = content.parse_terminated(<LitStr as syn::parse::Parse>::parse, Token![,])?;
                let words: Vec<LitStr> = words.into_iter().collect();
                self.choices(words.into_iter().map(|word| (word.clone(), word)).collect());
            }
            "choices" => {
                let content;
                parenthesized!(content in meta.input);
                let pair = |input: syn::parse::ParseStream<'_>| {
                    let value = input.parse()?;
                    input.parse::<Token![=]>()?;
                    Ok((value, input.parse()?))
                };
                let pairs = content.parse_terminated(pair, Token![,])?;
                self.choices(pairs.into_iter().collect());
            }
            "equal_to" => {
                let other: LitStr = meta.value()?.parse()?;
                self.rules.push(quote!(::hipflask::form::EqualTo(#other)));
                self.is_read = true;
            }
            "check" => {
                let function: Path = meta.value()?.parse()?;
                // By the closure a `String` can be checked by a function of `&str`.
                self.rules.push(quote!(::hipflask::form::Check(|value: &#ty| #function(value))));
                self.is_read = true;
            }
            _ if meta.input.peek(Token![=]) => {
                let value: Expr = meta.value()?.parse()?;
                self.attributes.push((key.replace('_', "-"), quote!(::std::string::ToString::to_string(&#value))));
            }
            _ => {
                return Err(meta.error(format!(
                    "`{key}` is no option of a field; write `{key} = \"…\"` for an attribute of its HTML"
                )));
            }
        }
        Ok(())
    }

    fn choices(&mut self, choices: Vec<(LitStr, LitStr)>) {
        let values = choices.iter().map(|(value, _)| value);
        self.rules.push(quote!(::hipflask::form::OneOf(&[#(#values),*])));
        self.choices = choices;
        self.widget.get_or_insert_with(|| LitStr::new("select", proc_macro2::Span::call_site()));
    }

    fn length(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "length(1..=80)")?;
        let (low, high) = (
            min.clone().unwrap_or_else(|| quote!(0)),
            max.clone().unwrap_or_else(|| quote!(::core::primitive::usize::MAX)),
        );
        self.rules.push(quote!(::hipflask::form::Length { min: #low, max: #high }));
        self.bound_attributes("minlength", min, "maxlength", max);
        Ok(())
    }

    fn range(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "range(18..=130)")?;
        let option = |bound: &Option<TokenStream>| match bound {
            Some(bound) => quote!(::core::option::Option::Some(#bound)),
            None => quote!(::core::option::Option::None),
        };
        let (low, high) = (option(&min), option(&max));
        self.rules.push(quote!(::hipflask::form::Range { min: #low, max: #high }));
        self.bound_attributes("min", min, "max", max);
        Ok(())
    }

    fn bound_attributes(&mut self, low: &str, min: Option<TokenStream>, high: &str, max: Option<TokenStream>) {
        for (name, bound) in [(low, min), (high, max)] {
            self.attributes
                .extend(bound.map(|bound| (name.to_owned(), quote!(::std::string::ToString::to_string(&#bound)))));
        }
    }
}

/// The ends of `1..=80`, `1..` or `..=80`.
fn bounds(meta: &ParseNestedMeta<'_>, example: &str) -> Result<(Option<TokenStream>, Option<TokenStream>)> {
    let content;
    parenthesized!(content in meta.input);
    let wrong = |span| Error::new(span, format!("both ends of the range are included: write `{example}`"));
    match content.parse::<Expr>()? {
        Expr::Range(ExprRange { start, limits: RangeLimits::Closed(_), end: Some(end), .. }) => {
            Ok((start.map(|start| quote!(#start)), Some(quote!(#end))))
        }
        Expr::Range(ExprRange { start: Some(start), limits: RangeLimits::HalfOpen(_), end: None, .. }) => {
            Ok((Some(quote!(#start)), None))
        }
        other => Err(wrong(other.span())),
    }
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let input: DeriveInput = syn::parse2(input)?;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => {
                return Err(Error::new(
                    input.ident.span(),
                    "a form is a struct with named fields: each is a field of the form",
                ));
            }
        },
        _ => {
            return Err(Error::new(
                input.ident.span(),
                "`#[derive(Form)]` is for a struct: each of its fields is a field of the form",
            ));
        }
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a form cannot be generic; name the types of its fields"));
    }
    let name = &input.ident;
    let (mut described, mut bound, mut idents, mut read) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let options = Options::read(field)?;
        let Some(ident) = &field.ident else { continue };
        described.push(describe(field, &options));
        bound.push(bind(field, &options));
        idents.push(ident);
        read.extend(options.is_read.then_some(ident));
    }
    Ok(quote! {
        impl ::hipflask::form::FormModel for #name {
            fn fields() -> ::std::vec::Vec<::hipflask::form::Field> {
                ::std::vec![#(#described),*]
            }

            fn bind(binder: &mut ::hipflask::form::Binder<'_>) -> ::core::option::Option<Self> {
                #(let #idents = #bound;)*
                let form = #name { #(#idents: #idents?),* };
                #(let _ = &form.#read;)*
                ::core::option::Option::Some(form)
            }
        }
    })
}

/// The type of a field that is filled in: what an `Option` is of.
fn value_type(ty: &Type) -> &Type {
    let Type::Path(path) = ty else { return ty };
    match path.path.segments.last().map(|segment| (&segment.ident, &segment.arguments)) {
        Some((name, PathArguments::AngleBracketed(inner))) if name == "Option" => match inner.args.first() {
            Some(GenericArgument::Type(inner)) => inner,
            _ => ty,
        },
        _ => ty,
    }
}

fn field_name(field: &Field, options: &Options) -> String {
    let ident = field.ident.as_ref().map(|ident| ident.to_string().trim_start_matches("r#").to_owned());
    options.name.as_ref().map(LitStr::value).or(ident).unwrap_or_default()
}

/// `first_name` is labelled `First name` unless it has a label.
fn label(name: &str, options: &Options) -> String {
    options.label.as_ref().map_or_else(
        || {
            let spaced = name.replace('_', " ");
            let mut chars = spaced.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        },
        LitStr::value,
    )
}

fn describe(field: &Field, options: &Options) -> TokenStream {
    let ty = &field.ty;
    let name = field_name(field, options);
    let label = label(&name, options);
    let widget = match &options.widget {
        Some(widget) => quote!(#widget),
        None => quote_spanned!(ty.span()=> <#ty as ::hipflask::form::FromField>::WIDGET),
    };
    let description = options.description.as_ref().map(LitStr::value).unwrap_or_default();
    let choices = options.choices.iter().map(|(value, label)| quote!((#value, #label)));
    let attributes = options.attributes.iter().map(|(name, value)| quote!((#name, #value)));
    let required = quote_spanned!(ty.span()=> <#ty as ::hipflask::form::FromField>::REQUIRED);
    quote! {
        ::hipflask::form::Field {
            name: #name,
            label: #label,
            widget: #widget,
            description: #description,
            required: #required,
            choices: ::std::vec![#(#choices),*],
            attributes: ::std::vec![#(#attributes),*],
        }
    }
}

fn bind(field: &Field, options: &Options) -> TokenStream {
    let ty: &Type = &field.ty;
    let name = field_name(field, options);
    let optional = last_segment(ty).is_some_and(|name| name == "Option");
    let rules = options.rules.iter().map(|rule| match optional {
        true => quote_spanned!(ty.span()=> &::hipflask::form::IfGiven(#rule)),
        false => quote_spanned!(ty.span()=> &#rule),
    });
    quote_spanned!(ty.span()=> binder.field::<#ty>(#name, &[#(#rules),*]))
}
