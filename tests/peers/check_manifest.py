"""Validates a Slack app manifest on stdin against Slack's JSON schema, a file named by the argument; says what is wrong."""

import json
import sys

import jsonschema

with open(sys.argv[1]) as schema:
    validator = jsonschema.Draft7Validator(json.load(schema))
wrong = [error.message for error in validator.iter_errors(json.load(sys.stdin))]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
