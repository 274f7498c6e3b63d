@problemName Speed
@univariate true
@equalLength true
@targetLabel true
@data
1,2,3:0.25
4,5,6:-1.5e2
