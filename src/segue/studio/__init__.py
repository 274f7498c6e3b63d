"""The studio: data, networks, trainings and results of a folder, in the browser.

All state and every action are in a `Project`, which knows nothing of any page:

    files       what lies in the folder, and nothing outside of it
    opened      a data set that is open: its columns and their roles, its sequences
    uploads     files that are dropped into it
    thinning    long sequences for a screen of so many columns
    planning    a network as text: its layers with their shapes, mistakes where they stand
    tree        a network and its preparation as trees of calls, and each change of them
    drawing     both on the screen, and the network in other words
    settings    the options of a training, with their defaults and descriptions
    outlook     what a training will take, before it is started
    processes   commands of segue as processes of their own
    trainings   trainings, which write runs
    live        a run as it goes on: how far it is, its curves, networks that are chosen among
    experiments all runs and studies in a table, and studies that are started
    study_plan  a study as a line of Python and of the command line
    results     the answers of a model: which are wrong, and for one sequence when and why
    tracks      what is drawn over the steps of a sequence
    pictures    sequences as spectrograms, colours and images
    sounds      sequences as sounds
    lines       each action as a line of Python and of the command line
    takeaway    files of a run for elsewhere
    tryout      what a model answers on what is typed, drawn, or in a file
    project     all of it together
    notebook    the designer, while a program waits for it; a run, as it goes on
"""

from __future__ import annotations

from segue.studio.notebook import Designed, design, show
from segue.studio.project import Project

__all__ = ["Designed", "Project", "design", "show"]
