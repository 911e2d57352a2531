"""What a profile may be trusted for, in sentences."""

from rdslab.measure.predict import BORROWED, COMPUTING, MOVING
from rdslab.measure.profile import Interval, Profile
from rdslab.measure.terms import FUSED

FEW = 6  # networks below which an interval rests on little


def trust(profile: Profile) -> list[str]:
    """Sentences: new networks, new sizes, kinds of kernels, and what the times are of."""
    return [_networks(profile), _sizes(profile), _kinds(profile), _scope(profile)]


def _networks(profile: Profile) -> str:
    error, number = profile.errors.leave_one_network_out, len(profile.fitted_on.networks)
    if error is None:
        return f"new networks: unknown, all times are of one network; taken as {_span(profile.interval)}"
    few = f"; only {number} networks, which is why the interval is wide" if number < FEW else ""
    return (
        f"new networks: mean error {100 * error:.1f} % where a network was left out, "
        f"90 % interval {_span(profile.interval)}{few}"
    )


def _sizes(profile: Profile) -> str:
    sizes = profile.fitted_on.sizes
    span = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    error = profile.errors.leave_one_resolution_out
    if error is None:
        return f"other sizes than {span}: resolution error unknown, interval {_span(profile.interval_outside)} or wider"
    return (
        f"sizes outside {span}: mean error {100 * error:.1f} % where a size was left out, "
        f"90 % interval {_span(profile.interval_outside)} or wider"
    )


def _kinds(profile: Profile) -> str:
    gone = FUSED if profile.form == "deployed" else ()
    unseen = [kind for kind in (*COMPUTING, *MOVING) if kind not in (*profile.kinds, *gone)]
    if not unseen:
        return "kernels: every kind was timed"
    named = ", ".join(unseen)
    return f"kernels never timed: {named}; nets with them are marked, their part within a factor {BORROWED:g}"


def _scope(profile: Profile) -> str:
    return f"not for other than {profile.framework}, {profile.precision}, {profile.form} form, on {profile.board}"


def _span(interval: Interval) -> str:
    return f"{interval.low:.2f} to {interval.high:.2f} times the prediction"
