"""Loaded by schemathesis: what its configuration cannot say."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # A deadline that is too short ends a call, which is no error: each valid one is made the longest. The server
    # compares what is left of it, so that a millisecond more may pass.
    deadline = str(case.headers.get("connect-timeout-ms", ""))
    if deadline.isdecimal() and int(deadline) <= 60_100:
        case.headers["connect-timeout-ms"] = "60000"
    # Exception 5: null counts as left out, which the document says as a text. Another invalid value is sent.
    if isinstance(case.body, (dict, list)):
        case.body = without_null(case.body)


def without_null(json):
    if isinstance(json, dict):
        return {name: without_null(value) for name, value in json.items()}
    if isinstance(json, list):
        return [without_null(value) for value in json]
    return [[]] if json is None else json
