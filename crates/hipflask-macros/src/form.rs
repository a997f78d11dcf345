//! `#[derive(Form)]`

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseBuffer};
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DataStruct, DeriveInput, Error, Expr, ExprRange, Field, Fields, GenericArgument, Ident, LitStr,
    Meta, Path, PathArguments, RangeLimits, Result, Token, Type, parenthesized,
};

use crate::Expanded;
use crate::arguments::{in_one_place, last_segment};

const KNOWN: &str = "`name`, `label`, `widget`, `description`, `trim`, `length(1..=80)`, `range(18..)`, \
                     `file_size(..=2_000_000)`, `email`, `one_of(\"a\", \"b\")`, \
                     `choices(\"a\" = \"First\")`, `equal_to = \"field\"`, `check = function`, `rule = value`";

/// What `#[field(..)]` says.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    label: Option<LitStr>,
    widget: Option<LitStr>,
    description: Option<LitStr>,
    choices: Vec<(LitStr, LitStr)>,
    attributes: Vec<(String, TokenStream)>,
    /// Rules, and the options that ask for them.
    rules: Vec<(Span, TokenStream)>,
    /// White space around what was typed does not count.
    trims: bool,
    /// The field that it repeats.
    repeats: Option<LitStr>,
    /// A rule reads it, and perhaps nothing else: a password typed twice, a box that must be ticked.
    is_read: bool,
}

impl Options {
    fn read(field: &Field) -> Result<Options> {
        let mut options = Options::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            check_shape(attribute)?;
            attribute.parse_nested_meta(|meta| options.read_one(&meta, value_type(&field.ty)))?;
        }
        Ok(options)
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let Some(key) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(meta.error("an option of a field is one word"));
        };
        match key.as_str() {
            "name" => self.name = Some(text(meta, &key)?),
            "label" => self.label = Some(text(meta, &key)?),
            "widget" => self.widget = Some(text(meta, &key)?),
            "description" => self.description = Some(text(meta, &key)?),
            "length" => self.length(meta)?,
            "range" => self.range(meta)?,
            "file_size" => self.file_size(meta)?,
            "trim" => self.trims = alone(meta, "trim")?,
            "email" => self.email(meta)?,
            "one_of" => self.one_of(meta)?,
            "choices" => self.pairs(meta)?,
            "equal_to" => self.equal_to(meta)?,
            "check" => self.check(meta, ty)?,
            "rule" => self.own_rule(meta)?,
            _ => self.attribute(meta, &key)?,
        }
        Ok(())
    }

    fn email(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        alone(meta, "email")?;
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Email));
        self.widget.get_or_insert_with(|| LitStr::new("email", meta.path.span()));
        Ok(())
    }

    fn one_of(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let wanted = "`one_of` lists strings: `one_of(\"draft\", \"published\")`";
        let word = |input: &ParseBuffer<'_>| input.parse().map(|word: LitStr| (word.clone(), word));
        let words = list(meta, wanted, word)?;
        self.choices(meta, words);
        Ok(())
    }

    fn pairs(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let wanted = "`choices` lists values and labels: `choices(\"a\" = \"First\", \"b\" = \"Second\")`";
        let pair = |input: &ParseBuffer<'_>| {
            let value = input.parse()?;
            input.parse::<Token![=]>()?;
            Ok((value, input.parse()?))
        };
        let pairs = list(meta, wanted, pair)?;
        self.choices(meta, pairs);
        Ok(())
    }

    fn equal_to(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let other = text(meta, "equal_to")?;
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::EqualTo(#other)));
        self.repeats = Some(other);
        self.is_read = true;
        Ok(())
    }

    fn check(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let function: Path = value(meta, "`check` names a function: `check = not_a_weekend`")?;
        // By the closure a `String` can be checked by a function of `&str`.
        let check = quote_spanned!(function.span()=> ::hipflask::form::Check(|value: &#ty| #function(value)));
        self.rule(meta, check);
        self.is_read = true;
        Ok(())
    }

    fn own_rule(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let rule: Expr = value(meta, "`rule` is a value that implements `FieldRule`: `rule = NotReserved`")?;
        self.rule(meta, quote!(#rule));
        self.is_read = true;
        Ok(())
    }

    /// Every other `key = "value"` is for the HTML.
    fn attribute(&mut self, meta: &ParseNestedMeta<'_>, key: &str) -> Result<()> {
        if let Some(meant) = misspelt(key) {
            return Err(meta.error(format!("a field has no option `{key}`; it has `{meant}`")));
        }
        if matches!(key, "required" | "optional") {
            return Err(meta.error("a field is required unless its type is an `Option`: there is nothing to add"));
        }
        if !meta.input.peek(Token![=]) {
            return Err(meta.error(format!(
                "a field has no option `{key}`; it has {KNOWN}, and `{key} = \"…\"` would be an attribute of its HTML"
            )));
        }
        let value: Expr = meta.value()?.parse()?;
        self.attributes.push((key.replace('_', "-"), quote!(::std::string::ToString::to_string(&#value))));
        Ok(())
    }

    /// A rule, placed at the option that asks for it.
    fn rule(&mut self, meta: &ParseNestedMeta<'_>, rule: TokenStream) {
        self.rules.push((meta.path.span(), rule));
    }

    fn choices(&mut self, meta: &ParseNestedMeta<'_>, choices: Vec<(LitStr, LitStr)>) {
        let values = choices.iter().map(|(value, _)| value);
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::OneOf(&[#(#values),*])));
        self.choices = choices;
        self.widget.get_or_insert_with(|| LitStr::new("select", Span::call_site()));
    }

    fn length(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "length", "1..=80")?;
        let (low, high) = (
            min.clone().unwrap_or_else(|| quote!(0)),
            max.clone().unwrap_or_else(|| quote!(::core::primitive::usize::MAX)),
        );
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Length { min: #low, max: #high }));
        self.bound_attributes("minlength", min, "maxlength", max);
        Ok(())
    }

    fn range(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "range", "18..=130")?;
        let option = |bound: &Option<TokenStream>| match bound {
            Some(bound) => quote!(::core::option::Option::Some(#bound)),
            None => quote!(::core::option::Option::None),
        };
        let (low, high) = (option(&min), option(&max));
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Range { min: #low, max: #high }));
        self.bound_attributes("min", min, "max", max);
        Ok(())
    }

    fn file_size(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (None, Some(max)) = bounds(meta, "file_size", "..=2_000_000")? else {
            return Err(meta.error("`file_size` has the most bytes of a file: `file_size(..=2_000_000)`"));
        };
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::FileSize { max: #max }));
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
fn bounds(
    meta: &ParseNestedMeta<'_>,
    option: &str,
    example: &str,
) -> Result<(Option<TokenStream>, Option<TokenStream>)> {
    if !meta.input.peek(syn::token::Paren) {
        return Err(meta.error(format!("`{option}` has its bounds in parentheses: `{option}({example})`")));
    }
    let content;
    parenthesized!(content in meta.input);
    match content.parse::<Expr>()? {
        Expr::Range(ExprRange { start, limits: RangeLimits::Closed(_), end: Some(end), .. }) => {
            Ok((start.map(|start| quote!(#start)), Some(quote!(#end))))
        }
        Expr::Range(ExprRange { start: Some(start), limits: RangeLimits::HalfOpen(_), end: None, .. }) => {
            Ok((Some(quote!(#start)), None))
        }
        other => Err(Error::new_spanned(
            other,
            format!("`{option}` takes a range that includes its ends: `{option}({example})`"),
        )),
    }
}

/// What is wrong with the attribute as a whole: `#[field]`, `#[field = "x"]`, `#[field("x")]`.
fn check_shape(attribute: &Attribute) -> Result<()> {
    const WANTED: &str = "the options of a field have names: `#[field(label = \"Title\", length(1..=80))]`";
    match &attribute.meta {
        Meta::List(list) => match list.tokens.clone().into_iter().next() {
            Some(TokenTree::Literal(literal)) => Err(Error::new(literal.span(), WANTED)),
            _ => Ok(()),
        },
        other => Err(Error::new_spanned(other, WANTED)),
    }
}

/// Nothing follows the option. Returns true: it is set.
fn alone(meta: &ParseNestedMeta<'_>, option: &str) -> Result<bool> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        Ok(true)
    } else {
        Err(meta.error(format!("`{option}` takes no value: `#[field({option})]`")))
    }
}

/// The value after the `=`, or an error that says what it should be.
fn value<T: Parse>(meta: &ParseNestedMeta<'_>, wanted: &str) -> Result<T> {
    match meta.value() {
        Ok(value) => value.parse().map_err(|error: Error| Error::new(error.span(), wanted)),
        Err(_) => Err(meta.error(wanted)),
    }
}

fn text(meta: &ParseNestedMeta<'_>, key: &str) -> Result<LitStr> {
    value(meta, &format!("`{key}` is a string: `{key} = \"…\"`"))
}

/// What is in the parentheses, or an error that says what should be.
fn list<T>(
    meta: &ParseNestedMeta<'_>,
    wanted: &str,
    one: for<'a> fn(&'a ParseBuffer<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    if !meta.input.peek(syn::token::Paren) {
        return Err(meta.error(wanted));
    }
    let content;
    parenthesized!(content in meta.input);
    let items = content.parse_terminated(one, Token![,]).map_err(|error| Error::new(error.span(), wanted))?;
    Ok(items.into_iter().collect())
}

/// The option that was meant, if the word is one with two letters swapped, or with one missing, added or wrong.
/// As an attribute of the HTML it would do nothing, which would go unnoticed. `rule` is not among them: `role` is an
/// attribute of HTML.
fn misspelt(word: &str) -> Option<&'static str> {
    const OPTIONS: [&str; 13] = [
        "name",
        "label",
        "widget",
        "description",
        "length",
        "trim",
        "range",
        "file_size",
        "email",
        "one_of",
        "choices",
        "equal_to",
        "check",
    ];
    let near = |option: &&str| {
        let (word, option) = (word.as_bytes(), option.as_bytes());
        let same = word.iter().zip(option).take_while(|(a, b)| a == b).count();
        let (word, option) = (&word[same..], &option[same..]);
        match (word, option) {
            ([a, b, word @ ..], [c, d, option @ ..]) if (a, b) == (d, c) && word == option => true,
            ([_, word @ ..], [_, option @ ..]) if word == option => true,
            ([_, word @ ..], _) if word == option => true,
            (_, [_, option @ ..]) => word == option,
            _ => false,
        }
    };
    OPTIONS.into_iter().find(|option| *option != word && near(option))
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let input: DeriveInput = syn::parse2(input)?;
    let fields = named_fields(&input)?;
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a form cannot be generic; name the types of its fields"));
    }
    let name = &input.ident;
    let read = fields.map(|field| Ok((field, Options::read(field)?))).collect::<Result<Vec<_>>>()?;
    check_repeats(&read)?;
    let (mut described, mut bound, mut idents, mut used) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (field, options) in &read {
        let Some(ident) = &field.ident else { continue };
        described.push(describe(field, options));
        bound.push(bind(field, options));
        idents.push(ident);
        used.extend(options.is_read.then_some(ident));
    }
    let names = name_constants(&input, &read);
    let trimmed = read.iter().filter(|(_, options)| options.trims).map(|(field, options)| field_name(field, options));
    let trimmed: Vec<String> = trimmed.collect();
    let trim = (!trimmed.is_empty()).then(|| quote!(binder.trim(&[#(#trimmed),*]);));
    Ok(quote! {
        #names

        impl ::hipflask::form::FormModel for #name {
            fn fields() -> ::std::vec::Vec<::hipflask::form::Field> {
                ::std::vec![#(#described),*]
            }

            fn bind(binder: &mut ::hipflask::form::Binder<'_>) -> ::core::option::Option<Self> {
                #trim
                #(let #idents = #bound;)*
                let form = #name { #(#idents: #idents?),* };
                #(let _ = &form.#used;)*
                ::core::option::Option::Some(form)
            }
        }
    })
}

fn named_fields(input: &DeriveInput) -> Result<impl Iterator<Item = &Field>> {
    let refuse = |message: &str| Err(Error::new(input.ident.span(), message));
    match &input.data {
        Data::Struct(DataStruct { fields: Fields::Named(fields), .. }) => Ok(fields.named.iter()),
        Data::Struct(_) => refuse("a form is a struct with named fields: each is a field of the form"),
        _ => refuse("`#[derive(Form)]` is for a struct: each of its fields is a field of the form"),
    }
}

/// `Signup::FIRST_NAME` for the field `first_name`.
fn name_constants(input: &DeriveInput, fields: &[(&Field, Options)]) -> TokenStream {
    let (form, visibility) = (&input.ident, &input.vis);
    let constants = fields.iter().filter_map(|(field, options)| {
        let ident = field.ident.as_ref()?;
        let constant = Ident::new(&ident.unraw().to_string().to_uppercase(), ident.span());
        let name = field_name(field, options);
        let about = format!("The name of the field `{name}`.");
        Some(quote! {
            #[doc = #about]
            #visibility const #constant: ::hipflask::form::FieldName<#form> = ::hipflask::form::FieldName::new(#name);
        })
    });
    quote! {
        #[allow(dead_code, reason = "few programs name every field")]
        impl #form {
            #(#constants)*
        }
    }
}

/// What replaces the derive where it failed, so that neither `Form<T>` nor a field's name is reported as well.
pub(crate) fn standing_in(input: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) if input.generics.params.is_empty() => input,
        _ => return TokenStream::new(),
    };
    let (ident, fields) = (&input.ident, named_fields(&input).into_iter().flatten());
    let fields: Vec<(&Field, Options)> = fields.map(|field| (field, Options::default())).collect();
    let names = name_constants(&input, &fields);
    quote! {
        #names

        impl ::hipflask::form::FormModel for #ident {
            fn fields() -> ::std::vec::Vec<::hipflask::form::Field> {
                ::std::vec::Vec::new()
            }

            fn bind(_: &mut ::hipflask::form::Binder<'_>) -> ::core::option::Option<Self> {
                ::core::option::Option::None
            }
        }
    }
}

/// `equal_to` names another field of the form.
fn check_repeats(fields: &[(&Field, Options)]) -> Result<()> {
    let names: Vec<String> = fields.iter().map(|(field, options)| field_name(field, options)).collect();
    let unknown = |repeats: &&LitStr| !names.contains(&repeats.value());
    match fields.iter().filter_map(|(_, options)| options.repeats.as_ref()).find(unknown) {
        None => Ok(()),
        Some(repeats) => Err(Error::new(
            repeats.span(),
            format!("the form has no field `{}`; it has `{}`", repeats.value(), names.join("`, `")),
        )),
    }
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
    let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string());
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
    let (ty, placed) = (&field.ty, in_one_place(&field.ty));
    let name = field_name(field, options);
    let label = label(&name, options);
    let widget = match &options.widget {
        Some(widget) => quote!(#widget),
        None => quote_spanned!(ty.span()=> <#placed as ::hipflask::form::FromField>::WIDGET),
    };
    let description = options.description.as_ref().map(LitStr::value).unwrap_or_default();
    let choices = options.choices.iter().map(|(value, label)| quote!((#value, #label)));
    let attributes = options.attributes.iter().map(|(name, value)| quote!((#name, #value)));
    let required = quote_spanned!(ty.span()=> <#placed as ::hipflask::form::FromField>::REQUIRED);
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
    let rules = options.rules.iter().map(|(span, rule)| {
        if optional {
            quote_spanned!(*span=> &::hipflask::form::IfGiven(#rule))
        } else {
            quote_spanned!(*span=> &#rule)
        }
    });
    let placed = in_one_place(ty);
    quote_spanned!(ty.span()=> <#placed as ::hipflask::form::FromField>::bind(binder, #name, &[#(#rules),*]))
}
