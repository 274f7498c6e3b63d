// Memory that a call leaves for the next one. A training makes thousands of calls, and memory that
// the system gives anew page by page can take a third of their time.
#pragma once

#include <cstddef>

#include "../include/segue.h"

namespace segue {

// Not cleared; null where there is none. A block that was given back is taken again, if it is large
// enough; without a store, memory comes from the system and goes back to it.
void* take_memory(segue_store* store, std::size_t bytes);
void give_memory(segue_store* store, void* taken);

}  // namespace segue
