#include "tests/fuzz/targets.h"

namespace kith::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {
      {"client", run_client}, {"config", run_config}, {"engine", run_engine},
      {"peer", run_peer},     {"redis", run_redis},   {"rows", run_rows},
  };
  return kTargets;
}

const Target* find_target(std::string_view name) {
  for (const Target& target : targets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace kith::fuzz
