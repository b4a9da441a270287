"""Bad inputs over everything that the gateway answers: refused or cut off, and nothing else happens."""
