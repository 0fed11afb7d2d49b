// tests/node/resident.h -- how much memory a process has, and the most that it ever had.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <fstream>
#include <string>

#include "tests/crdt/universe.h"

namespace kith {

// Nothing under a sanitizer, which keeps what was given back.
inline std::size_t kib_of(pid_t pid, const std::string& what) {
  if (test::kSanitized) return 0;
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(what + ":")) return std::stoul(line.substr(what.size() + 1));
  }
  return 0;
}
inline std::size_t resident_kib(pid_t pid) { return kib_of(pid, "VmRSS"); }
inline std::size_t most_resident_kib(pid_t pid) { return kib_of(pid, "VmHWM"); }

}  // namespace kith
