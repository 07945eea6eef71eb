"""How schemathesis writes a body of lines, which it cannot by itself."""

import json

import schemathesis


def line(value):
    return value if isinstance(value, str) else json.dumps(value)


@schemathesis.serializer("application/x-ndjson")
def write_lines(_context, value):
    if isinstance(value, bytes):
        return value
    values = value if isinstance(value, list) else [value]
    return "\n".join(line(one) for one in values).encode("utf-8", "replace")
