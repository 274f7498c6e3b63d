"""The pages of the studio: they draw what a `Project` has, and do nothing themselves.

    guard           who may talk to the studio
    serving         the server, and the steps of sequences for the charts
    frame           the bar at the top, light and dark, and when to look again
    elements        what pages are made of
    data_page       open data, roles of columns, sequences
    designer_page   a network and its preparation, drawn
    training_page   options, the start, the curves of a run
    results_page    scores, confusion, mistakes
    use_page        what is taken away of a run
    downloads       the addresses of files that are taken away

`static` has what the browser gets: the designer, the charts, and uPlot, which draws them.
"""
