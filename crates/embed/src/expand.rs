//! A history as tokens: literals only, so that nothing is left to be computed when the program starts.

use std::borrow::Cow;

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use whimbrel_core::Dialect;
use whimbrel_core::history::{Checksum, History, Migration, Snapshot};

use crate::read::Embedded;

/// An expression of type `&'static whimbrel::History`.
pub fn expand(embedded: &Embedded) -> TokenStream {
    let files = &embedded.files;
    let History { migrations, head, snapshot } = &embedded.history;
    let head = checksum(head);
    let snapshot = match snapshot {
        None => quote!(None),
        Some(Snapshot { application_id, statements }) => {
            let id = match application_id {
                None => quote!(None),
                Some(id) => quote!(Some(#id)),
            };
            quote!(Some(::whimbrel::history::Snapshot {
                application_id: #id,
                statements: Borrowed(&[#(Borrowed(#statements)),*]),
            }))
        }
    };
    let count = migrations.len();
    let migrations = migrations.iter().map(migration);
    quote! {{
        use ::core::option::Option::{None, Some};
        use ::std::borrow::Cow::Borrowed;
        use ::whimbrel::Dialect;
        use ::whimbrel::history::{Checksum, History, Migration};

        // The program is compiled again when one of these changes.
        #(const _: &[u8] = ::core::include_bytes!(#files);)*
        static MIGRATIONS: [Migration; #count] = [#(#migrations),*];
        static HISTORY: History = History { migrations: Borrowed(&MIGRATIONS), head: #head, snapshot: #snapshot };
        &HISTORY
    }}
}

fn migration(migration: &Migration) -> TokenStream {
    // Every field is named, so that a new one is not forgotten.
    let Migration { idx, version, name, path, dialect, up, down, checksum: sum, hash, transaction, seeds, replaces } =
        migration;
    let dialect = match dialect {
        Dialect::Sqlite => quote!(Dialect::Sqlite),
        Dialect::Postgres => quote!(Dialect::Postgres),
    };
    let down = option(down.as_ref());
    let (sum, hash) = (checksum(sum), checksum(hash));
    let replaces = replaces.iter().map(self::migration);
    quote! {
        Migration {
            idx: #idx,
            version: Borrowed(#version),
            name: Borrowed(#name),
            path: Borrowed(#path),
            dialect: #dialect,
            up: Borrowed(#up),
            down: #down,
            checksum: #sum,
            hash: #hash,
            transaction: #transaction,
            seeds: #seeds,
            replaces: Borrowed(&[#(#replaces),*]),
        }
    }
}

fn option(text: Option<&Cow<'static, str>>) -> TokenStream {
    match text {
        Some(text) => quote!(Some(Borrowed(#text))),
        None => quote!(None),
    }
}

fn checksum(checksum: &Checksum) -> TokenStream {
    let bytes = Literal::byte_string(&checksum.0);
    quote!(Checksum(*#bytes))
}
