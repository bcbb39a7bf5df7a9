//! What the repository says about interfaces between its components: `[contracts.NAME]`.

use std::path::PathBuf;

/// An interface of one component that another one uses: `[contracts.NAME]`.
#[derive(Clone, Debug)]
pub struct Contract {
    /// `NAME` in the section's name.
    pub name: String,
    /// `document`: the OpenAPI document that both sides are held against, relative to the repository; it is committed. Required.
    pub document: PathBuf,
    /// `provider`: the component that serves it. Required.
    pub provider: String,
    /// `command`: the words of a command, run in the folder of the provider, that writes the document that it really serves to
    /// its standard output. Required.
    pub command: Vec<String>,
    /// `consumer`: the Node component that uses it. Required.
    pub consumer: String,
    /// `client`: files and folders of the consumer that ask for something and say what they take the answer for. Required.
    pub client: Vec<PathBuf>,
    /// `origin`: the variable there with which the addresses of the provider begin. Required.
    pub origin: String,
}
