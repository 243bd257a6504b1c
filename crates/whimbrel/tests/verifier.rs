//! The verifier on histories that are right, and on ones that are wrong in a known way: each must be found.

mod verifier {
    mod right;
    mod support;
    mod wrong;
}
