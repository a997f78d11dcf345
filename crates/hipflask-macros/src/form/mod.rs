//! `#[derive(Form)]`

pub(crate) mod choices;
mod options;
mod syntax;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Data, DataStruct, DeriveInput, Error, Field, Fields, Ident, LitStr, Path, Result, Token};

use crate::Expanded;
use crate::arguments::in_one_place;
use crate::form::options::{Options, Shape, shape};
use crate::root::Root;

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let input: DeriveInput = syn::parse2(input)?;
    let fields = named_fields(&input)?;
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new(parameter.span(), "a form cannot be generic; name the types of its fields"));
    }
    let name = &input.ident;
    let prepare = prepare(&input)?;
    let read = fields.map(|field| Ok((field, Options::read(field)?))).collect::<Result<Vec<_>>>()?;
    check_repeats(&read)?;
    let (mut described, mut bound, mut idents, mut written) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (field, options) in &read {
        let Some(ident) = &field.ident else { continue };
        described.push(describe(field, options));
        bound.push(bind(field, options));
        written.push(write(ident, field, options));
        idents.push(ident);
    }
    let names = name_constants(&input, &read);
    let listed = |is_so: fn(&Options) -> bool, method: TokenStream| {
        let names =
            read.iter().filter(|(_, options)| is_so(options)).map(|(field, options)| field_name(field, options));
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| quote!(binder.#method(&[#(#names),*]);))
    };
    let trim = listed(|options| options.trims, quote!(trim));
    let read_only = listed(|options| options.is_read_only, quote!(read_only));
    let choices_later = listed(|options| options.choices_later, quote!(choices_later));
    Ok(quote! {
        #names

        impl ::hipflask::form::FormModel for #name {
            fn fields() -> ::std::vec::Vec<::hipflask::form::Field> {
                ::std::vec![#(#described),*]
            }

            fn bind(binder: &mut ::hipflask::form::Binder<'_>) -> ::core::option::Option<Self> {
                #trim
                #read_only
                #choices_later
                #(let #idents = #bound;)*
                ::core::option::Option::Some(#name { #(#idents: #idents?),* })
            }

            fn write(&self, values: &mut ::hipflask::form::FieldValues) {
                #(#written)*
            }

            #prepare
        }
    })
}

/// What `#[form(prepare = function)]` above the struct says.
fn prepare(input: &DeriveInput) -> Result<Option<TokenStream>> {
    const WANTED: &str = "above a form only `crate = path` and `prepare = function` are allowed; other options belong \
                          above its fields";
    let mut prepare = None;
    for attribute in input.attrs.iter().filter(|found| found.path().is_ident("form")) {
        let mut options = attribute.meta.require_list()?.tokens.clone();
        Root::take(&mut options)?;
        if options.is_empty() {
            continue;
        }
        let option = |input: syn::parse::ParseStream<'_>| {
            let (name, _): (Ident, Token![=]) = (input.parse()?, input.parse()?);
            let path: Path = input.parse()?;
            let _: Option<Token![,]> = input.parse()?;
            if name == "prepare" { Ok(path) } else { Err(input.error("unknown")) }
        };
        let function = option.parse2(options.clone()).map_err(|_| Error::new_spanned(&options, WANTED))?;
        prepare = Some(quote! {
            async fn prepare(
                form: ::hipflask::Form<Self>,
                ctx: &mut ::hipflask::Context,
            ) -> ::hipflask::Result<::hipflask::Form<Self>> {
                ::hipflask::form::PrepareForm::<Self, _>::prepare(#function, form, ctx).await
            }

            fn check(
                freezing: &::hipflask::extension::Freezing<'_>,
            ) -> ::core::result::Result<(), ::std::string::String> {
                ::hipflask::form::PrepareForm::<Self, _>::check_arguments(#function, freezing)
            }
        });
    }
    Ok(prepare)
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
    let as_field = quote_spanned!(ty.span()=> <#placed as ::hipflask::form::FromField>);
    let widget = match &options.widget {
        Some(widget) => quote!(#widget),
        None => quote_spanned!(ty.span()=> #as_field::WIDGET),
    };
    let description = options.description.as_ref().map(LitStr::value).unwrap_or_default();
    let choices = options.choices.iter().map(|(value, label)| quote!(::hipflask::form::Choice::new(#value, #label)));
    let attributes = options.attributes.iter().map(|(name, value)| quote!((#name, #value)));
    let required = if options.must_be_ticked { quote!(true) } else { quote_spanned!(ty.span()=> #as_field::REQUIRED) };
    let option = |value: &Option<TokenStream>| match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    };
    let empty = option(&options.empty.as_ref().map(|label| quote!(#label)));
    let (min, max) = &options.entries;
    let (min, max) = (min.clone().unwrap_or_else(|| quote!(0)), option(max));
    let complete = quote_spanned!(ty.span()=> #as_field::describe(&mut field));
    quote! {
        {
            let mut field = ::hipflask::form::Field {
                name: #name,
                label: #label,
                widget: #widget,
                description: #description,
                required: #required,
                choices: ::std::vec![#(#choices),*],
                empty: #empty,
                attributes: ::std::vec![#(#attributes),*],
                min_entries: #min,
                max_entries: #max,
                ..::core::default::Default::default()
            };
            #complete;
            field
        }
    }
}

fn bind(field: &Field, options: &Options) -> TokenStream {
    let name = field_name(field, options);
    let shape = shape(&field.ty);
    let rules = options.rules.iter().map(|rule| {
        let (span, code) = (rule.span, &rule.code);
        match shape {
            Shape::Optional(_) if !rule.sees_all => quote_spanned!(span=> &::hipflask::form::IfGiven(#code)),
            Shape::List(_) if rule.is_for_each => quote_spanned!(span=> &::hipflask::form::Each(#code)),
            _ => quote_spanned!(span=> &#code),
        }
    });
    let placed = in_one_place(&field.ty);
    quote_spanned!(field.ty.span()=> <#placed as ::hipflask::form::FromField>::bind(binder, #name, &[#(#rules),*]))
}

fn write(ident: &Ident, field: &Field, options: &Options) -> TokenStream {
    let (name, placed) = (field_name(field, options), in_one_place(&field.ty));
    quote_spanned!(field.ty.span()=>
        <#placed as ::hipflask::form::FromField>::to_field(&self.#ident, values.at(#name));
    )
}
