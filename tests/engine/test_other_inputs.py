"""Models with other inputs than this release has: one sentence, and new ones are trained."""

from dataclasses import replace
from datetime import date

from stockjax.engine import Policy, State
from stockjax.engine.state import BASE
from stockjax.features import inputs_id
from stockjax.registry import Model
from stockjax.settings import load_settings
from tests.support.synthetic import NEW_YORK, some_model

AS_OF = date(2013, 3, 1)
POLICY = Policy.of_nights(load_settings(training={"hidden": 4, "seeds": 2}))


def of_an_earlier_release(model: Model) -> Model:
    known = {name: value for name, value in model.hyperparameters.items() if name != "inputs"}
    return replace(model, hyperparameters=known)


def state(*, old_base: bool) -> State:
    base = some_model(None)
    tickers = {name: of_an_earlier_release(some_model(name)) for name in ("A", "B")}
    return State(
        base=of_an_earlier_release(base) if old_base else base,
        tickers={**tickers, "C": some_model("C")},
        challenger=of_an_earlier_release(base),
    )


def test_one_sentence_is_about_a_base_and_the_models_of_its_tickers() -> None:
    before = state(old_base=True)
    after, expired = POLICY.without_expired(before, AS_OF, dict.fromkeys("ABC", NEW_YORK))
    assert list(expired) == [BASE]
    assert before.base is not None
    assert expired[BASE] == (
        f"the base {before.base.model_id} has other inputs than this release and its settings "
        "(training.extra_features) and so have the models of 2 tickers: new ones are trained"
    )
    assert (after.base, list(after.tickers), after.challenger) == (None, ["C"], None)
    assert POLICY.base_is_due(after, AS_OF, trainable=False)


def test_a_ticker_alone_is_named_by_itself() -> None:
    after, expired = POLICY.without_expired(state(old_base=False), AS_OF, dict.fromkeys("ABC", NEW_YORK))
    assert set(expired) == {"A", "B"}
    assert after.base is not None
    assert list(after.tickers) == ["C"]


def test_additional_inputs_are_other_inputs() -> None:
    model = some_model("A")
    assert not POLICY.other_features(model)
    more = replace(model, hyperparameters={**model.hyperparameters, "inputs": inputs_id(("early_close",))})
    assert POLICY.other_features(more)
