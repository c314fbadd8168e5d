"""How property tests run everywhere: no test is timed, because a busy machine must not fail an honest change."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
