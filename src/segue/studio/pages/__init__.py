"""The pages of the studio: they draw what a `Project` has, and do nothing themselves.

    guard           who may talk to the studio
    serving         the server
    addresses       steps, pictures and sounds of sequences, for charts and players
    frame           the bar at the top, light and dark, and when to look again
    elements        what pages are made of
    sequence        a sequence: as curves, as a picture, its sound, its tracks
    data_page       open data, roles of columns, sequences
    designer_page   a network and its preparation, drawn
    training_page   options, the start, the curves of a run
    outlook         what a training will take
    results_page    scores, confusion, mistakes, explanations, calibration, a map
    experiments_page    all runs and studies, some side by side, and studies to start
    use_page        a model is tried, and taken away
    try_card        what it answers on what is typed, drawn, or in a file
    downloads       the addresses of files that are taken away

`static` has what the browser gets: the designer, the charts, and uPlot, which draws them.
"""
