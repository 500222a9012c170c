"""Evidence of a change in a stream, and the level from which on it is an alarm."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STAKES = (0.05, 0.15, 0.4, 0.9)
"""Shares staked on each bet: small ones detect small changes, large ones detect large changes quickly."""

LARGEST_EVIDENCE = 1e30
"""Evidence is kept below this, whatever is done with its alarms."""


def wagers(payoffs: Array) -> Array:
    """The factor by which one observation multiplies each test martingale.

    A stake of the share f on a bet that pays y for 1 is multiplied by 1 + f (y - 1). Where
    y >= 0 has a mean of at most 1 given the past, so has this: betting on a bounded mean as in
    Waudby-Smith and Ramdas, Estimating Means of Bounded Random Variables by Betting, JRSS B 86
    (2024), sec. 4; game-theoretic testing in Shafer and Vovk, Game-Theoretic Foundations for
    Probability and Finance (2019).

    Parameters
    ----------
    payoffs
        (n, K) what each of K bets pays on n observations.

    Returns
    -------
    (n, K * len(STAKES)), the stakes of the first bet first.

    Example
    -------
    >>> wagers(np.array([[2.0]])).tolist()
    [[1.05, 1.15, 1.4, 1.9]]

    """
    stakes = np.array(STAKES)
    grown: Array = 1 + stakes * (payoffs[:, :, None] - 1)
    return grown.reshape(len(payoffs), -1)


def grow(wealth: Array, payoffs: Array) -> Array:
    """Evidence of each stake after one more observation: W' = (W + 1) times the factor.

    A new martingale starts at 1 before every observation, since it is unknown when a change will
    come, and W is what all who began so far have together (Shiryaev-Roberts). While all is well the
    mean of W is at most the number of observations at any stopping time, which makes it an
    e-detector: Shin, Ramdas and Rinaldo, E-detectors: A Nonparametric Framework for Sequential
    Change Detection, New England Journal of Statistics in Data Science (2023), sec. 2.

    Parameters
    ----------
    wealth
        (n, K * len(STAKES)); 0 where a stream begins.
    payoffs
        (n, K).

    """
    grown: Array = np.minimum((wealth + 1) * wagers(payoffs), LARGEST_EVIDENCE)
    return grown


def evidence(wealth: Array) -> Array:
    """One number for each stream: the mean over stakes and bets, which is an e-detector too; (n,)."""
    mean: Array = wealth.mean(axis=1)
    return mean


def alarm_levels(
    found: Array, may_alarm: npt.NDArray[np.bool_], average_run_length: float
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """From which evidence on each of n streams that are watched together is in alarm.

    The k streams with most evidence are in alarm for the largest k with k of them at n * average_run_length
    / k or above: the e-BH procedure (Wang and Ramdas, False Discovery Rate Control with E-values,
    JRSS B 84, 2022) at the level 1 / average_run_length, on e-detectors as in Dandapanthula and Ramdas,
    Multiple Testing in Multi-Stream Sequential Change Detection (arXiv 2501.04130, 2025). At any
    stopping time, the expected share of false ones among the alarms is at most its expectation
    over average_run_length; with nothing wrong anywhere, so many observations pass on average, or more,
    before the first alarm. It holds whatever the dependence between the streams.

    Parameters
    ----------
    found
        (n,) evidence of each.
    may_alarm
        (n,) streams that have seen enough; the others count among the n only.
    average_run_length
        Observations that shall pass on average before the first false alarm.

    Returns
    -------
    (n,) level of each and (n,) whether it is in alarm. The level of a stream that is not is what it
    would have needed.

    Example
    -------
    >>> alarm_levels(np.array([300.0, 1.0]), np.array([True, True]), 100.0)[1].tolist()
    [True, False]

    """
    judged = np.where(may_alarm, found, 0.0)
    count = len(judged)
    ranks = np.arange(1, count + 1)
    passed = np.flatnonzero(np.sort(judged)[::-1] >= count * average_run_length / ranks)
    alarms = int(ranks[passed[-1]]) if len(passed) else 0
    in_alarm = (judged >= count * average_run_length / alarms) if alarms else np.zeros(count, dtype=np.bool_)
    levels = np.where(
        in_alarm, count * average_run_length / max(alarms, 1), count * average_run_length / (alarms + 1)
    )
    return levels, in_alarm
