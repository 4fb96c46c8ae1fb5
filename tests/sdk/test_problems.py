import json
import pickle

from vapora.sdk.problems import ApiError, problem

BODY = {
    "type": "urn:vapora:problem:conflict",
    "title": "It cannot be done",
    "detail": "Finished work stays finished.",
    "remedy": "Archive it.",
    "status": 409,
}


def test_a_problem_keeps_its_stable_type_and_its_remedy() -> None:
    error = problem(409, json.dumps(BODY).encode())

    assert (error.status, error.type, error.title) == (409, "urn:vapora:problem:conflict", "It cannot be done")
    assert str(error) == "Finished work stays finished. Archive it."


def test_what_a_proxy_says_in_html_is_an_error_all_the_same() -> None:
    error = problem(502, b"<h1>Bad gateway</h1>")

    assert (error.status, error.type) == (502, "about:blank")
    assert "Bad gateway" in error.detail


def test_a_detail_that_is_no_text_is_shown_as_it_is() -> None:
    assert problem(422, b'{"detail": [{"loc": ["body"]}]}').detail == '[{"loc": ["body"]}]'


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ApiError(404, "t", "title", "detail", "remedy")))

    assert (error.status, error.type, error.detail, error.remedy) == (404, "t", "detail", "remedy")
