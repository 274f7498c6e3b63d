// The internals of one path; compiled once for each, as src/path.cpp.
#include "internals.h"

#include "../src/steps.h"
#include "../src/transposed.h"

SEGUE_BEGIN

extern const Internals internals;
const Internals internals = {add_transposed, add_column_sums};

SEGUE_END
