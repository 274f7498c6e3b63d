@problemname Gait
@timestamps False
@univariate false
@equallength true
@serieslength 2
@classlabel True slow Fast
@data
10,11:12,13:slow
