# Two channels, unequal lengths, a missing value written both ways.
@problemName Gait
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true slow Fast
@data
0.5,?,-1e-3:1,2,3:Fast

% a remark between the cases
4:NaN:slow
