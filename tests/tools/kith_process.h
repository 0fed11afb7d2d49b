// tests/tools/kith_process.h -- the real `kith`, run to its end.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kith {

struct KithRun {
  int code = -1;  // -1: ended by a signal.
  std::string out;
  std::string err;
};

struct KithInput {
  std::string standard_input{};
  std::vector<std::pair<std::string, std::string>> environment{};  // Besides ours, which loses its KITH_*.
};

// Another of our programs.
KithRun run_program(const std::string& path, const std::vector<std::string>& arguments, const KithInput& input = {});
KithRun run_kith(const std::vector<std::string>& arguments, const KithInput& input = {});

}  // namespace kith
