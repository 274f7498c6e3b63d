#include <cstring>

#include "../include/segue.h"
#include "internals.h"

namespace segue {

namespace portable {
extern const Internals internals;
}
#if defined(SEGUE_X86)
namespace avx2 {
extern const Internals internals;
}
namespace avx512 {
extern const Internals internals;
}
#endif

const Internals* internals(const char* path) {
  if (segue_path(path) == nullptr) return nullptr;
#if defined(SEGUE_X86)
  if (!std::strcmp(path, "avx2")) return &avx2::internals;
  if (!std::strcmp(path, "avx512")) return &avx512::internals;
#endif
  return &portable::internals;
}

}  // namespace segue
