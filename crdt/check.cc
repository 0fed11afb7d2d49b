#include "crdt/check.h"

#include <cstdio>
#include <cstdlib>

namespace kith {

void check_failed(const char* file, int line, const char* expression, const std::string& details) {
  std::fprintf(stderr, "kith: bug: %s:%d: %s does not hold: %s\n", file, line, expression, details.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace kith
