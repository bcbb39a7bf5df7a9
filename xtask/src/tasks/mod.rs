//! The verbs that users call. Each is a function of a [`Cx`](crate::Cx) and its options, callable alone; a pipeline only adds
//! an order.
