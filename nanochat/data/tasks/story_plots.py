"""All plots of the made-up stories together. Standard library only."""

from __future__ import annotations

from nanochat.data.tasks.story_plot import Plot
from nanochat.data.tasks.story_plots_animals import ANIMAL_PLOTS
from nanochat.data.tasks.story_plots_friends import FRIEND_PLOTS
from nanochat.data.tasks.story_plots_heart import HEART_PLOTS
from nanochat.data.tasks.story_plots_home import HOME_PLOTS
from nanochat.data.tasks.story_plots_outside import OUTSIDE_PLOTS
from nanochat.data.tasks.story_plots_short import SHORT_PLOTS
from nanochat.data.tasks.story_plots_tales import TALE_PLOTS


def all_plots() -> tuple[Plot, ...]:
    """Every plot there is.

    >>> len(all_plots()) > 40
    True
    """
    return HOME_PLOTS + OUTSIDE_PLOTS + FRIEND_PLOTS + HEART_PLOTS + ANIMAL_PLOTS + TALE_PLOTS + SHORT_PLOTS
