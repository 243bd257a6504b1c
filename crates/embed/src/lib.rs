//! `embed!`: a folder of migrations that is read when a program is compiled.
//!
//! What a folder means, and what is wrong with one, is told by [`whimbrel_core::history`], as it is for the program and
//! at run time. Here the answers become tokens: a history of literals, or errors where the macro stands. The macro is
//! used and documented as `whimbrel::embed!`.

mod expand;
mod read;

use std::path::{Path, PathBuf};

use proc_macro::TokenStream;
use quote::quote_spanned;
use syn::{LitStr, parse_macro_input};

/// Takes one text, the path of the folder, and gives a `&'static whimbrel::History`.
#[proc_macro]
pub fn embed(input: TokenStream) -> TokenStream {
    let literal = parse_macro_input!(input as LitStr);
    let base = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    match read::read(base.as_deref(), Path::new(&literal.value())) {
        Ok(embedded) => expand::expand(&embedded).into(),
        Err(messages) => {
            let span = literal.span();
            let errors = messages.iter().map(|message| quote_spanned!(span=> ::core::compile_error!(#message)));
            // The last one stands where a history would: an error there fits any type.
            quote_spanned!(span=> { #(#errors);* }).into()
        }
    }
}
