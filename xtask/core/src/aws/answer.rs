//! What it means that the aws CLI failed: version 1 exits with 255 for nearly everything, so its words decide, here as when kubectl
//! passes them on.

/// Why Amazon did not answer, or not with what was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Nobody says who we are.
    NoCredentials,
    /// Credentials were good once.
    Expired,
    /// The sign-in of a company (IAM Identity Center) is over, or has never been.
    SignIn,
    /// Amazon does not know who we are: the credentials are wrong, or the clock is.
    NotKnown,
    /// The role does not take the token of a workflow, or there is none.
    WebIdentity,
    /// We are known, and may not. What is lacking, as Amazon names it: `eks:DescribeCluster`; empty where it does not.
    Denied(String),
    /// There is no cluster of this name.
    NoSuchCluster,
    /// The configuration of the CLI has no such profile.
    NoSuchProfile(String),
    /// The configuration of the CLI makes no sense.
    Misconfigured,
    /// Whoever answered is not Amazon.
    Certificate,
    /// Nobody answered.
    Unreachable,
    /// Amazon has trouble of its own, or was asked too often.
    Unavailable,
    /// The CLI took too long and was ended.
    TimedOut,
    /// The answer is not what was asked for: it is longer than it may be, or says something else.
    Nonsense,
    /// Something on this machine failed: the CLI is not there, or could not be started.
    Local,
    /// The run was asked to end.
    Interrupted,
    /// Words that are not known here.
    Other,
}

/// Codes of errors by what they mean (`An error occurred (CODE) when calling the OPERATION operation: …`). From the lists of common
/// errors of the APIs of STS, IAM and EKS.
const CODES: [(&[&str], Fault); 5] = [
    (&["ExpiredToken", "ExpiredTokenException", "RequestExpired"], Fault::Expired),
    (
        &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "AuthFailure",
            "RequestTimeTooSkewed",
        ],
        Fault::NotKnown,
    ),
    (&["InvalidIdentityToken", "IDPCommunicationError", "IDPRejectedClaim"], Fault::WebIdentity),
    (&["ResourceNotFoundException"], Fault::NoSuchCluster),
    (
        &[
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "InternalFailure",
            "InternalServerError",
            "ServerException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ],
        Fault::Unavailable,
    ),
];

/// Words by what they mean, for what the CLI says itself (`exceptions.py` in botocore).
const WORDS: [(&[&str], Fault); 6] = [
    (&["Unable to locate credentials"], Fault::NoCredentials),
    (
        &[
            "Error loading SSO Token",
            "SSO session associated with this profile has expired",
            "Error when retrieving token from sso",
            "run aws sso login",
            "Your session has expired. Please reauthenticate",
        ],
        Fault::SignIn,
    ),
    (&["certificate verify failed", "SSL validation failed"], Fault::Certificate),
    (
        &[
            "Could not connect to the endpoint URL",
            "Connect timeout on endpoint URL",
            "Read timeout on endpoint URL",
            "Connection was closed before we received a valid response",
            "Failed to connect to proxy URL",
        ],
        Fault::Unreachable,
    ),
    (
        &[
            "Unable to parse config file",
            "Partial credentials found in",
            "You must specify a region",
            "Provided region_name",
            "Invalid endpoint",
            "Infinite loop in credential configuration",
            "Unknown options",
            "nvalid choice",
            // A file with a token, or a program that gets credentials.
            "No such file or directory: '",
        ],
        Fault::Misconfigured,
    ),
    (&["refreshed credentials are still expired"], Fault::Expired),
];

impl Fault {
    /// What the words mean that the CLI wrote to its standard error. Version 2 writes them behind `aws: [ERROR]: `.
    pub fn of(said: &str) -> Self {
        if let Some(fault) = of_service(said) {
            return fault;
        }
        if let Some((_, rest)) = said.split_once("The config profile (")
            && let Some((profile, _)) = rest.split_once(") could not be found")
        {
            return Self::NoSuchProfile(profile.to_owned());
        }
        let known = WORDS.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)));
        known.map_or(Self::Other, |(_, fault)| fault.clone())
    }
}

/// What a person is told of the words that the CLI wrote: neither the frames of its own code nor a list of all its commands.
pub fn words(said: &str) -> &str {
    let said = said.trim();
    let last = said.lines().last().unwrap_or_default();
    let usage = said.lines().find(|line| line.starts_with("aws: error: "));
    usage.unwrap_or(if said.starts_with("Traceback ") { last } else { said })
}

/// What an answer of Amazon means.
fn of_service(said: &str) -> Option<Fault> {
    let (_, rest) = said.split_once("An error occurred (")?;
    let (code, rest) = rest.split_once(')')?;
    let operation = rest.split_once(" when calling the ")?.1.split(' ').next()?;
    if matches!(
        code,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "ForbiddenException"
    ) {
        return Some(if operation == "AssumeRoleWithWebIdentity" {
            Fault::WebIdentity
        } else {
            let action = rest.split_once("not authorized to perform: ").map_or("", |(_, action)| action);
            let end = action.find(|c: char| c != ':' && !c.is_ascii_alphanumeric());
            Fault::Denied(action[..end.unwrap_or(action.len())].to_owned())
        });
    }
    // A clock that is wrong makes signatures that are over, or are to come.
    let known = CODES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, fault)| fault.clone());
    match known {
        Some(Fault::Expired) if operation == "AssumeRoleWithWebIdentity" => Some(Fault::WebIdentity),
        known => known,
    }
}

/// Who asks, as far as it decides what is to be done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asker {
    /// Whether it is a job of GitHub Actions: nobody signs in there.
    pub is_workflow: bool,
    /// The profile of the CLI, where one is chosen (`AWS_PROFILE`).
    pub profile: Option<String>,
}

/// The words for a failure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// One sentence, lowercase, without a full stop.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl Fault {
    /// What to do so that credentials are there again; `None` where that is not what is lacking.
    pub fn remedy(&self, asker: &Asker) -> Option<String> {
        const WORKFLOW: &str = "the job needs `permissions: id-token: write`, and the step `aws-actions/configure-aws-credentials` \
                                before this one";
        let profile = asker.profile.as_ref().map_or(String::new(), |profile| format!(" --profile {profile}"));
        let hint = match self {
            Self::NoCredentials | Self::SignIn if asker.is_workflow => WORKFLOW.to_owned(),
            Self::Expired if asker.is_workflow => {
                format!("{WORKFLOW}, with `role-duration-seconds` for as long as a release takes")
            }
            Self::WebIdentity if asker.is_workflow => format!(
                "{WORKFLOW}; the trust policy of the role has to name this repository and environment"
            ),
            Self::NoCredentials => {
                format!("`aws sso login{profile}` signs in, or `AWS_PROFILE` names who asks")
            }
            Self::Expired | Self::SignIn => format!("`aws sso login{profile}` signs in again"),
            Self::WebIdentity => {
                "`AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` say which role takes which token".to_owned()
            }
            Self::NotKnown => {
                "`aws sts get-caller-identity` says who asks; is the clock of this machine right?".to_owned()
            }
            Self::NoSuchProfile(_) => "`aws configure list-profiles` lists them".to_owned(),
            _ => return None,
        };
        Some(hint)
    }

    /// The words for it, where `cluster` of `region` was asked for.
    pub fn explain(&self, cluster: &str, region: &str, asker: &Asker) -> Explanation {
        let (message, hint) = match self {
            Self::NoCredentials => ("there are no credentials for AWS".to_owned(), String::new()),
            Self::Expired => ("the credentials for AWS have expired".to_owned(), String::new()),
            Self::SignIn => ("nobody is signed in to AWS".to_owned(), String::new()),
            Self::NotKnown => ("AWS does not know who asks".to_owned(), String::new()),
            Self::WebIdentity => {
                ("the role does not take the token that stands for this run".to_owned(), String::new())
            }
            Self::NoSuchProfile(profile) => {
                (format!("the configuration of the aws CLI has no profile `{profile}`"), String::new())
            }
            Self::Denied(action) if action.is_empty() => (
                format!("AWS does not let us look at the cluster `{cluster}`"),
                "its own words say what is lacking".to_owned(),
            ),
            Self::Denied(action) => (
                format!("AWS does not let us look at the cluster `{cluster}`"),
                format!(
                    "ask whoever runs the account for a policy with `{action}`: its own words name the resource"
                ),
            ),
            Self::NoSuchCluster => (
                format!("there is no cluster `{cluster}` in `{region}`"),
                format!("`aws eks list-clusters --region {region}` lists them"),
            ),
            Self::Misconfigured => (
                "the configuration of the aws CLI makes no sense".to_owned(),
                "`aws configure list` shows what it takes from where".to_owned(),
            ),
            Self::Certificate => (
                "whoever answered for AWS has a certificate that nobody vouches for".to_owned(),
                "behind a proxy of a company `AWS_CA_BUNDLE` names the file with its authority".to_owned(),
            ),
            Self::Unreachable => (
                "AWS does not answer".to_owned(),
                "is a VPN or a proxy missing, or the region another one?".to_owned(),
            ),
            Self::Unavailable => (
                "AWS has trouble of its own, or was asked too often".to_owned(),
                "try again in a minute".to_owned(),
            ),
            Self::TimedOut => (
                "AWS did not answer in time".to_owned(),
                "`aws sts get-caller-identity` should answer within a second".to_owned(),
            ),
            Self::Nonsense => (
                "the aws CLI answered with something else than it was asked for".to_owned(),
                format!(
                    "`aws eks describe-cluster --name {cluster} --region {region}` shows what it answers"
                ),
            ),
            Self::Interrupted => ("interrupted".to_owned(), "run the same command again".to_owned()),
            Self::Local | Self::Other => (
                "the aws CLI failed".to_owned(),
                format!("`aws eks describe-cluster --name {cluster} --region {region}` may say more"),
            ),
        };
        Explanation { message, hint: self.remedy(asker).unwrap_or(hint) }
    }
}
