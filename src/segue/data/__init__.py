"""Data sets: sequences of unequal length with their targets.

dataset               `Dataset`: sequences, targets, names, groups, parts
sequences             `Sequences`: values and offsets; slicing, padding, lists, arrays, files
encoding, labels      targets as users give them; labels, which are missing; alignment by id
arrays                other libraries' arrays as NumPy's; types of values; where float32 is coarse
splits                stratified, by group, in time
storage               rows of unequal length in an Arrow file
summary               counts, lengths, balance
checks                what should be looked at first; `channel_checks` has those of the values
"""
