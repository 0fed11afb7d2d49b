// tools/sim/main.cc -- kith-sim, the simulator.
#include <unistd.h>

#include <cstdlib>

#include "tools/sim/tool.h"

namespace {

// A thousand nodes' maps lie all over some gigabytes: in pages of 2 MiB they take an eighth less time.  The allocator asks
// for such pages when it is told to before the process begins, and no later.
void begin_again_with_big_pages(char** argv) {
  constexpr const char* kTunables = "GLIBC_TUNABLES";
  if (std::getenv(kTunables) != nullptr) return;
  if (::setenv(kTunables, "glibc.malloc.hugetlb=1", 0) == 0) ::execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  begin_again_with_big_pages(argv);
  return kith::sim::tool::run_tool({argv + 1, argv + argc});
}
