//! A real API server, where `XTASK_TEST_KUBECONFIG` names the configuration that leads to one.
