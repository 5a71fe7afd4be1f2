"""Many runs at once on one machine, and where the time of one goes."""

from daf_nb.scale.many import ManyRuns
from daf_nb.scale.profiling import Profile, profile
from daf_nb.scale.start import train_many

__all__ = ["ManyRuns", "Profile", "profile", "train_many"]
