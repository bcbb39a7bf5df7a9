"""Lines of the log."""

import json
import logging

from src.logs import JsonFormatter, request_id


def _line(message: str, *arguments: object, **attributes: object) -> str:
    record = logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": message})
    record.args = arguments
    vars(record).update(attributes)
    return JsonFormatter().format(record)


def test_line_is_one_json_object() -> None:
    line = _line("two\nlines of %s", "café", created=0.5, size=3, odd={1})
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "test",
        "message": "two\nlines of café",
        "size": 3,
        "odd": "{1}",
    }


def test_line_names_the_request_it_belongs_to() -> None:
    token = request_id.set("r-1")
    try:
        assert json.loads(_line("x"))["request_id"] == "r-1"
    finally:
        request_id.reset(token)
    assert "request_id" not in json.loads(_line("x"))


def test_line_has_the_traceback() -> None:
    error = LookupError("why")
    entry = json.loads(_line("x", exc_info=(type(error), error, None)))
    assert entry["exception"] == "LookupError: why"
