//! TLS to a server, by rustls: which certificates are believed for each `sslmode`.
//!
//! | `sslmode` | encrypted | certificate |
//! |---|---|---|
//! | `disable` | no | |
//! | `allow`, `prefer` | where the server can | not looked at |
//! | `require` | yes | not looked at; with `sslrootcert` as for `verify-ca` |
//! | `verify-ca` | yes | signed by a trusted authority |
//! | `verify-full` | yes | and made for this host |
//!
//! Trusted are the certificates in the file `sslrootcert`, or those of the operating system where none is given or
//! `sslrootcert=system`, which also means `verify-full`.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use whimbrel_core::{Code, Error, Result};

/// What makes encrypted connections.
pub(super) type Connector = tokio_postgres_rustls::MakeRustlsConnect;

/// What an address says about TLS.
pub(super) struct Wanted<'a> {
    /// `sslmode`, if it is given.
    pub mode: Option<&'a str>,
    /// `sslrootcert`: a file, or `system`.
    pub root: Option<&'a str>,
    /// `sslcert`: the file with the client's certificate.
    pub certificate: Option<&'a str>,
    /// `sslkey`: the file with its key.
    pub key: Option<&'a str>,
    /// Whether there can be TLS at all; no file is read otherwise.
    pub used: bool,
}

/// The way to an encrypted connection.
///
/// # Errors
/// [`Code::CannotOpen`] for a file that cannot be read, and for a mode that asks for less than `sslrootcert=system` needs.
pub(super) fn connector(wanted: &Wanted<'_>) -> Result<Connector> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| cannot(format!("TLS cannot be set up: {error}")))?;
    let system = wanted.root == Some("system");
    let mode = wanted.mode.unwrap_or(if system { "verify-full" } else { "prefer" });
    if system && wanted.used && mode != "verify-full" {
        return Err(cannot("sslrootcert=system needs sslmode=verify-full".to_owned()));
    }
    let verified = wanted.used
        && match mode {
            "verify-ca" | "verify-full" => true,
            "require" => wanted.root.is_some(),
            _ => false,
        };
    let verifier: Arc<dyn ServerCertVerifier> = match verified {
        true => {
            let roots = match wanted.root.filter(|_| !system) {
                Some(file) => certificates(file, "sslrootcert")?,
                None => rustls_native_certs::load_native_certs().certs,
            };
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots.iter().cloned());
            let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
                .build()
                .map_err(|error| cannot(format!("there is no root certificate to trust: {error}")))?;
            Arc::new(Verified { authorities, roots, by_name: mode == "verify-full" })
        }
        false => Arc::new(Unverified(provider)),
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let config = match wanted.certificate.zip(wanted.key).filter(|_| wanted.used) {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| cannot(format!("the key {key} (sslkey) cannot be read: {error}")))?;
            builder
                .with_client_auth_cert(certificates(certificate, "sslcert")?, key)
                .map_err(|error| cannot(format!("the client's certificate cannot be used: {error}")))?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Connector::new(config))
}

fn cannot(message: String) -> Error {
    Error::new(Code::CannotOpen, message)
}

fn certificates(file: &str, parameter: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(cannot(format!("there is no certificate in {file} ({parameter})"))),
        Ok(found) => Ok(found),
        Err(error) => Err(cannot(format!("the certificates in {file} ({parameter}) cannot be read: {error}"))),
    }
}

/// `verify-ca` and `verify-full`.
#[derive(Debug)]
struct Verified {
    authorities: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    by_name: bool,
}

impl ServerCertVerifier for Verified {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        // The name is compared last, when the signatures and the time have been found to be right.
        match self.authorities.verify_server_cert(certificate, others, name, ocsp, now) {
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.by_name => Ok(ServerCertVerified::assertion()),
            // A server's own self-signed certificate, named as the root: PostgreSQL's manual makes one that may sign
            // others too, which webpki takes for no server's, once it has looked at the time. It is the very certificate
            // that was said to be trusted.
            Err(TlsError::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if self.roots.contains(certificate) =>
            {
                if self.by_name {
                    rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// `prefer` and `require`: encrypted, and nobody knows with whom.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
