"""Data sets: sequences of unequal length with their targets.

dataset               `Dataset`: sequences, targets, names, groups, parts
sequences             `Sequences`: values and offsets; slicing, padding, lists, arrays, files
encoding, labels      targets as users give them; labels, which are missing; alignment by id
values                arrays of other libraries as NumPy's; types of values, texts as numbers
precision             where float32 is too coarse
splits                stratified, by group, in time
storage               rows of unequal length in an Arrow file
summary               counts, lengths, balance
checks                what should be looked at first; `channel_checks` has those of the values
"""
