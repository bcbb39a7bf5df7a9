"""The service over HTTP: routes, problems, and what is observed of each request."""
